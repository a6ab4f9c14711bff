"""What every machine must keep, on every shipped design; a new one is found by itself.

    pytest tests/contract/test_contract.py --design NAME_OR_PATH    # on a design of any package

A machine says in its `facts` how it decides and what spikes cost it; its coding says what it is played on.
Decisions are frozen where a law speaks of counts, as leaving early may lower them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from contract.families import family_of

from hwsim import accelerators, api, arch
from hwsim.contract.run import RunName
from hwsim.engine import run as run_engine
from hwsim.report.file import from_json
from hwsim.report.price import price
from hwsim.run.play import play
from hwsim.traces.slicing import first

SILENT = 0.0


def pytest_generate_tests(metafunc):
    """A test for every design, and where it wants one for every network of what the design plays."""
    designs = metafunc.config.getoption("design") or arch.shipped()
    for argument, kind in (("network", "networks"), ("weighted", "weighted")):
        if argument in metafunc.fixturenames:
            pairs = [(name, network) for name in designs for network in getattr(family(name), kind)]
            metafunc.parametrize(("name", argument), pairs)
            return
    metafunc.parametrize("name", designs)


@cache
def loaded(name):
    return api.load_architecture(name)


def family(name):
    return family_of(loaded(name))


def facts_of(name):
    design = loaded(name)
    return accelerators.machine(design.machine).facts.for_design(design.path.stem)


def trace(name, network, rate=0.2):
    return family(name).trace(network, rate)


def deciding(name, more=()):
    return api.load_architecture(name, (*facts_of(name).deciding, *more))


def frozen(name):
    return api.load_architecture(name, facts_of(name).frozen)


def lowered(design, driven_by):
    return accelerators.machine(design.machine)(design.spec).sized_for(driven_by).lower(driven_by)


def counted(design, driven_by, engine="compiled"):
    """Tally of the run in which everything happens, by action: int64 [sample, timestep]."""
    workload = lowered(design, driven_by)
    return play(workload, engine)[workload.runs[-1]]


def contents(value):
    """Anything as nested tuples, lists and numbers, arrays too, so that two can be compared."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.tolist()
    if hasattr(value, "__dataclass_fields__"):
        return [contents(getattr(value, field)) for field in value.__dataclass_fields__]
    if isinstance(value, dict):
        return [(key, contents(item)) for key, item in value.items()]
    return [contents(item) for item in value] if isinstance(value, list | tuple) else value


def test_lowering_is_pure(name, network):
    design = deciding(name)
    before = repr(contents(trace(name, network)))
    first_time, second_time = (lowered(design, trace(name, network)) for _ in range(2))
    asked_again = first_time.batches
    for one, other, again in zip(first_time.batches, second_time.batches, asked_again, strict=True):
        assert contents(one.ledger.postings) == contents(other.ledger.postings) == contents(again.ledger.postings)
        assert contents(dict(one.schedules)) == contents(dict(other.schedules)) == contents(dict(again.schedules))
    assert repr(contents(trace(name, network))) == before


def test_counts_add_over_timesteps(name, network):
    if facts_of(name).whole:
        pytest.skip(facts_of(name).whole)
    design = frozen(name)
    whole = counted(design, trace(name, network)).counts
    for timesteps in range(1, 1 + trace(name, network).timesteps):
        part = counted(design, first(trace(name, network), timesteps=timesteps)).counts
        assert part.keys() == whole.keys()
        for key, counts in part.items():
            np.testing.assert_array_equal(counts, whole[key][:, :timesteps], err_msg=str(key))


@pytest.mark.parametrize("seed", [1, 2])
def test_more_spikes_never_lower_a_count(name, weighted, seed):
    design, few = frozen(name), trace(name, weighted)
    more = family(name).more(few, seed)
    less, greater = counted(design, few).counts, counted(design, more).counts
    grown = 0
    for key, counts in less.items():
        if (key.component, key.action) in facts_of(name).computed:
            continue
        assert (greater[key] >= counts).all(), key
        grown += (greater[key] > counts).any()
    assert grown


def test_the_makespan_lies_between_the_busiest_stage_and_all_work_in_a_row(name, network):
    for batch in lowered(deciding(name), trace(name, network)).batches:
        for schedules in batch.schedules.values():
            for schedule in schedules:
                timeline = run_engine(schedule, "simpy")
                ran = {stage.name: timeline.ran[stage.name] for stage in schedule.stages}
                busy = {stage.name: int(stage.service[ran[stage.name]].sum()) for stage in schedule.stages}
                late = sum(int(stage.latencies[ran[stage.name]].sum()) for stage in schedule.stages)
                assert max(busy.values()) <= timeline.makespan_cycles <= sum(busy.values()) + late
                for unit, capacity in schedule.units.items():
                    load = sum(busy[stage.name] for stage in schedule.stages if stage.unit == unit)
                    assert load / capacity <= timeline.makespan_cycles


def test_a_silent_trace_spends_nothing_on_spikes(name, network):
    design = frozen(name)
    silent = counted(design, trace(name, network, rate=SILENT)).counts
    spiking = counted(design, trace(name, network)).counts
    driven = facts_of(name).spike_driven
    for key, counts in silent.items():
        if (key.component, key.action) in driven:
            assert not counts.any(), key
    found = {(key.component, key.action) for key, counts in spiking.items() if counts.any()}
    assert driven & found


def test_time_and_counts_do_not_depend_on_prices(name):
    network = list(family(name).networks)[1]
    design, dearer = deciding(name), deciding(name, facts_of(name).prices_only)
    one, other = (counted(each, trace(name, network)) for each in (design, dearer))
    assert contents(dict(one.counts)) == contents(dict(other.counts))
    for times in ("step_end_cycles", "latency_cycles", "makespan_cycles"):
        np.testing.assert_array_equal(getattr(one, times), getattr(other, times))
    energies = [api.simulate(each, trace(name, network)).runs[-1].energy_pj.value for each in (design, dearer)]
    assert energies[0] != energies[1]


def test_every_count_has_a_price_and_twice_the_prices_are_twice_the_dynamic_energy(name):
    design = deciding(name)
    driven_by = trace(name, next(iter(family(name).networks)))
    machine = accelerators.machine(design.machine)(design.spec).sized_for(driven_by)
    workload = machine.lower(driven_by)
    parts = machine.components(workload)
    twice = {part: priced.doing({a: p.scaled(2) for a, p in priced.actions.items()}) for part, priced in parts.items()}
    tallies = play(workload, "compiled")
    once, doubled = (price(tallies, workload, each, machine.clock_mhz) for each in (parts, twice))
    for run, more in zip(once, doubled, strict=True):
        np.testing.assert_array_equal(more.energies("value"), 2 * run.energies("value"))
        assert (run.energies("value") > 0).all()


def test_fewer_samples_are_a_prefix_of_more(name, network):
    design = deciding(name)
    whole, part = (api.simulate(design, trace(name, network), samples=samples) for samples in (None, 2))
    for run, shorter in zip(whole.runs, part.runs, strict=True):
        # Where a sample shares the machine with those behind it, or is decided by what was learned from others.
        if run.name in (RunName.STREAMED, RunName.INFER):
            continue
        for field in ("energy_pj", "latency_ns", "timesteps"):
            assert getattr(shorter.samples, field) == getattr(run.samples, field)[:2]


def test_both_engines_give_the_same_report_and_it_reads_back_from_json(name, network):
    design = deciding(name)
    simpy, compiled = (api.simulate(design, trace(name, network), engine=engine) for engine in ("simpy", "compiled"))
    assert replace(simpy, options=compiled.options) == compiled
    assert from_json(compiled.to_json()) == compiled
