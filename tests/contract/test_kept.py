"""Every key of every machine: a design that shares what was kept is checked and simulated as if nothing were."""

from __future__ import annotations

import copy
import gc
import pickle
import re
import weakref
from collections import Counter
from functools import cache

import numpy as np
import pytest
from contract.families import family_of

from hwsim import accelerators, api, arch
from hwsim.arch.nodes import plain
from hwsim.errors import HwsimError
from hwsim.kept import kept_with

DESIGNS = ("digital", "imc", "lstm", "stdp", "ttfs")
_IN_WORDS = {"source", "description", "machine", "extends"}


@cache
def loaded(name):
    return api.load_architecture(name)


def leaves(tree, prefix=""):
    """Every key that holds a value, with it."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        elif key not in _IN_WORDS:
            yield f"{prefix}{key}", value


def others(name, key, value):
    """Other values that a key may take, or nearly: beside it, larger, and all that an error names."""
    if key.endswith(".capacity_kib"):
        return [0.01, 1, 64] if value == "auto" else ["auto", value * 0.5, value * 1.5]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, max(1, value // 2), 2 * value]
    if isinstance(value, float):
        return [value * 1.05, value * 0.5]
    try:
        api.load_architecture(name, [f"{key}=no-such-word"])
    except HwsimError as error:
        return [word for word in dict.fromkeys(re.findall(r"'([a-z0-9_]+)'", str(error))) if word != value]
    return []


def settings(name):
    for key, value in leaves(plain(loaded(name).tree)):
        for other in others(name, key, value):
            yield f"{key}={str(other).lower() if isinstance(other, bool) else other}"


def outcome(make):
    try:
        return make()
    except HwsimError as error:
        return str(error)


@pytest.mark.parametrize("name", arch.shipped())
def test_a_varied_design_has_the_verdict_of_a_full_load(name):
    seen = Counter()
    for setting in settings(name):
        full = outcome(lambda setting=setting: api.load_architecture(name, [setting]))
        part = outcome(lambda setting=setting: api.load_architecture(loaded(name), [setting]))
        seen[type(full)] += 1
        if isinstance(full, str):
            assert part == full
        else:
            assert (part.spec, part.places, part.overrides) == (full.spec, full.places, full.overrides), setting
            assert (part.sha256, part.overridden) == (full.sha256, full.overridden)
    assert seen[str] > 3
    assert seen[type(loaded(name))] > 10


@pytest.mark.parametrize("name", DESIGNS)
def test_what_is_kept_changes_no_figure_whatever_key_is_set(name):
    family = family_of(loaded(name))
    trace = pickle.loads(pickle.dumps(family.trace(next(iter(family.networks)), 0.2)))

    def report(design, on, keep):
        return api.simulate(design, on, engine="compiled", accuracy_samples=0, keep=keep).to_json()

    report(loaded(name), trace, True)
    seen = Counter()
    for setting in settings(name):
        design = outcome(lambda setting=setting: api.load_architecture(loaded(name), [setting]))
        if isinstance(design, str):
            continue
        before = played(name, trace)
        warm = outcome(lambda design=design: report(design, trace, True))
        cold = outcome(lambda design=design: report(design, pickle.loads(pickle.dumps(trace)), False))
        assert warm == cold, setting
        seen["refused" if not warm.startswith("{") else "played anew" if played(name, trace) > before else "kept"] += 1
    assert seen["kept"] > 10
    assert seen["played anew"] > 10


@pytest.mark.parametrize("name", DESIGNS)
def test_what_is_kept_goes_with_the_trace_its_network_and_the_design(name):
    family = family_of(loaded(name))
    trace = pickle.loads(pickle.dumps(family.trace(next(iter(family.networks)), 0.2)))
    design = api.load_architecture(name)
    api.simulate(design, trace, accuracy_samples=0, keep=True)
    gone = [weakref.ref(each) for each in (trace, trace.network, design.spec)]
    assert played(name, trace) == 1
    del trace, design
    gc.collect()
    assert [each() for each in gone] == [None, None, None]


def test_a_copy_has_nothing_that_was_kept_with_the_original():
    network = family_of(loaded("imc")).trace("convolutions").network
    kept_with(network).once("what", lambda: "original")
    for other in (copy.copy(network), pickle.loads(pickle.dumps(network))):
        assert kept_with(other).once("what", lambda: "copy") == "copy"
    assert kept_with(network).once("what", lambda: "again") == "original"


def test_a_new_object_in_the_place_of_one_that_is_gone_has_nothing_kept():
    for _ in range(100):
        array = np.zeros(3)
        assert kept_with(array).once("what", lambda: "new") == "new"
        assert kept_with(array).once("what", lambda: "again") == "new"
        kept_with(array).once("marked", lambda: True)
        del array
        assert kept_with(np.zeros(3)).once("marked", lambda: False) is False


def played(name, trace):
    """How many plays are kept with a trace."""
    machine = accelerators.machine(loaded(name).machine)
    return len(kept_with(trace).once(("by reads", ("played", machine)), list))
