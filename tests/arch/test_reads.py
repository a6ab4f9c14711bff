"""What is kept with a network holds for a design exactly if all that was read of it is the same."""

from __future__ import annotations

import gc
import pickle

import pytest
from contract.families import family_of

from hwsim import accelerators, api, arch
from hwsim.arch.reads import Reads, derived, kept
from hwsim.errors import ArchitectureError
from hwsim.kept import Kept


def design(name, *settings):
    return api.load_architecture(name, settings).spec


def test_values_properties_methods_and_kinds_of_parts_are_noted():
    spec, reads = design("imc"), Reads()
    watched = reads.of(spec)
    assert watched.crossbar.rows == spec.crossbar.rows
    assert watched.rows_at_once == spec.rows_at_once
    assert watched.access_cycles(watched.membrane) == spec.access_cycles(spec.membrane)
    assert isinstance(watched.adc, type(spec.adc))
    assert {"crossbar.rows", "rows_at_once", "access_cycles", "adc.__class__", "membrane.__class__"} <= reads.keys
    assert reads.hold_for(spec)
    assert reads.hold_for(design("imc", "adc.columns_per_adc=16"))
    assert not reads.hold_for(design("imc", "crossbar.rows=32"))


def test_a_part_that_is_there_and_one_that_is_not_are_told_apart():
    spec, reads = design("digital"), Reads()
    assert reads.of(spec).scratchpad != "none"
    assert reads.hold_for(spec)
    assert not reads.hold_for(design("digital", "scratchpad=none"))
    without, seen = design("digital", "scratchpad=none"), Reads()
    assert seen.of(without).scratchpad == "none"
    assert not seen.hold_for(spec)


def test_an_argument_that_is_a_part_goes_by_its_place():
    spec, reads = design("imc"), Reads()
    watched = reads.of(spec)
    price = watched.adc.priced(watched.technology).actions["convert"]
    assert price == spec.adc.priced(spec.technology).actions["convert"]
    assert reads.hold_for(spec)
    assert not reads.hold_for(design("imc", "technology.vdd_v=0.8"))
    assert not reads.hold_for(design("imc", "adc.bits=6"))


def test_of_what_a_function_makes_only_the_result_is_noted():
    spec, reads = design("imc"), Reads()
    assert derived(reads.of(spec), actions_of, "adc") == ("convert",)
    assert reads.keys == {"actions_of"}
    assert reads.hold_for(design("imc", "technology.vdd_v=0.8", "adc.bits=6"))
    assert not reads.hold_for(design("imc", "adc.bits=12"))  # beyond its law


def actions_of(spec, part):
    return tuple(getattr(spec, part).priced(spec.technology).actions)


def test_one_who_watches_is_told_what_another_has_read():
    spec, outer, inner = design("imc"), Reads(), Reads()
    asked = outer.of(spec)
    watched = inner.of(asked)
    assert watched.crossbar.rows == spec.crossbar.rows
    assert watched.access_cycles(watched.membrane) == spec.access_cycles(spec.membrane)
    assert derived(watched, actions_of, "adc") == ("convert",)
    assert not outer.keys
    inner.tell(asked)
    assert inner.keys == outer.keys
    assert {"crossbar.rows", "access_cycles", "actions_of"} <= outer.keys
    for reads in (outer, inner):
        assert reads.hold_for(spec)
        assert not reads.hold_for(design("imc", "crossbar.rows=32"))


def test_comparing_a_whole_part_reads_all_of_it():
    spec, reads = design("imc"), Reads()
    assert reads.of(spec).adc == spec.adc
    assert reads.hold_for(spec)
    assert not reads.hold_for(design("imc", "adc.columns_per_adc=16"))


@pytest.mark.parametrize("name", arch.shipped())
def test_nothing_that_is_kept_holds_a_watched_design(name):
    loaded = api.load_architecture(name)
    family = family_of(loaded)
    trace = family.trace(next(iter(family.networks)), 0.2)
    machine = accelerators.machine(loaded.machine)(loaded.spec).sized_for(trace)
    workload = machine.lower(trace)
    machine.components(workload)
    for batch in workload.batches:
        pickle.dumps(batch)
    pickle.dumps(workload)
    api.simulate(loaded, family.trace(next(iter(family.networks)), 0.3), accuracy_samples=0, keep=True)
    for values in [each for each in gc.get_objects() if type(each) is Kept]:
        for what, value in list(values._found.items()):
            if isinstance(what, tuple) and what[0] == "by reads":
                pickle.dumps([each for _, each in value])


class Owner:
    """Of what is kept."""


@pytest.mark.parametrize("fails", [False, True])
def test_a_piece_within_a_piece_tells_what_it_read(fails):
    """Found, computed or failed: the outer piece holds only where the inner one would."""
    owner, computed = Owner(), []

    def inner(spec):
        computed.append(spec.crossbar.rows)
        if fails:
            raise ArchitectureError("too small")
        return spec.crossbar.rows

    def outer(spec):
        try:
            return kept(owner, "inner", spec, inner)
        except ArchitectureError:
            return 0

    first, other, rows = design("imc"), design("imc", "adc.bits=7"), design("imc", "crossbar.rows=32")
    assert kept(owner, "outer", first, outer) == kept(owner, "outer", other, outer)
    assert computed == [64]
    assert kept(owner, "again", first, outer) == (0 if fails else 64)  # the inner one is found
    n = len(computed)
    for what in ("outer", "again"):
        assert kept(owner, what, rows, outer) == (0 if fails else 32)
    assert len(computed) > n
