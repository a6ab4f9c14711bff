"""What every machine must keep, on every shipped architecture; a new one is found by itself.

A new machine says in the four tables below how it decides and what spikes cost it.  Decisions are frozen where a law
speaks of counts, as leaving early may lower them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import imc_cases as cases
import numpy as np
import pytest

from hwsim import accelerators, api, arch
from hwsim.components.price import Priced
from hwsim.engine import run as run_engine
from hwsim.play import play
from hwsim.report import price
from hwsim.report_file import from_json, to_json
from hwsim.traces.slicing import first
from hwsim.traces.trace import PackedSpikes

ARCHITECTURES = arch.shipped()
NETWORKS = {"convolutions": cases.convolutions, "residuals": cases.residuals, "flattened": cases.flattened_input}
DECIDING = {"imc": ("early_exit.threshold=0.4",)}
"""Per machine, overrides that make it decide something on a trace of a few samples."""
FROZEN = {"imc": ("early_exit.threshold=never",)}
"""Per machine, overrides that switch all decisions off."""
PRICES_ONLY = {"imc": ("technology.vdd_v=0.8", "crossbar.r_on_ohm=15e3", "noc.wire.repeaters=1.0", "membrane.cell=lop")}
"""Per machine, overrides that change prices and nothing else."""
SPIKE_DRIVEN = {
    "imc": {
        *((part, action) for part in ("crossbar",) for action in ("read", "drive_row", "read_cell", "read_level")),
        ("adc", "convert"),
        ("column_mux", "select"),
        ("shift_add", "add"),
        ("accumulator", "add"),
        ("offset", "count_rows"),
        ("offset", "subtract"),
        ("operations", "AC"),
    }
}
"""Per machine, actions that only spikes cause, as its shipped architectures are set."""

pytestmark = pytest.mark.parametrize("name", ARCHITECTURES)


@cache
def trace(network, rate=0.2, samples=3, timesteps=3):
    return cases.random_trace(NETWORKS[network](), timesteps, samples, rate)


def architecture(name, overrides, more=()):
    machine = api.load_architecture(name).machine
    return api.load_architecture(name, (*overrides[machine], *more))


def lowered(design, driven_by):
    return accelerators.machine(design.machine)(design.spec).lower(driven_by)


def counted(design, driven_by, engine="compiled"):
    """Tally of the run in which everything happens, by action: int64 [sample, timestep]."""
    workload = lowered(design, driven_by)
    return play(workload, lambda schedule: run_engine(schedule, engine))[workload.runs[-1]]


def contents(value):
    """Anything as nested tuples, lists and numbers, arrays too, so that two can be compared."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.tolist()
    if hasattr(value, "__dataclass_fields__"):
        return [contents(getattr(value, field)) for field in value.__dataclass_fields__]
    if isinstance(value, dict):
        return [(key, contents(item)) for key, item in value.items()]
    return [contents(item) for item in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("network", NETWORKS)
def test_lowering_is_pure(name, network):
    design = architecture(name, DECIDING)
    before = {layer: packed.words.copy() for layer, packed in trace(network).spikes.items()}
    first_time, second_time = (lowered(design, trace(network)) for _ in range(2))
    for one, other in zip(first_time.batches, second_time.batches, strict=True):
        assert contents(one.ledger.postings) == contents(other.ledger.postings)
        assert contents(dict(one.schedules)) == contents(dict(other.schedules))
    assert contents(next(iter(first_time.batches)).ledger.postings) == contents(one.ledger.postings)  # asked for again
    for layer, words in before.items():
        np.testing.assert_array_equal(trace(network).spikes[layer].words, words)


@pytest.mark.parametrize("network", NETWORKS)
def test_counts_add_over_timesteps(name, network):
    design = architecture(name, FROZEN)
    whole = counted(design, trace(network)).counts
    for timesteps in (1, 2):
        part = counted(design, first(trace(network), timesteps=timesteps)).counts
        assert part.keys() == whole.keys()
        for key, counts in part.items():
            np.testing.assert_array_equal(counts, whole[key][:, :timesteps], err_msg=str(key))


@pytest.mark.parametrize("network", [cases.binary, cases.flattened_input])
@pytest.mark.parametrize("seed", [1, 2])
def test_more_spikes_never_lower_a_count(name, network, seed):
    """Where weights meet spikes: of pooled or added ones a fourth may lower the set bits, from 011 to 100."""
    design, few = architecture(name, FROZEN), cases.random_trace(network(), rate=0.2)
    added = cases.random_trace(few.network, few.timesteps, few.n_samples, rate=0.15, seed=seed).spikes
    more = {layer: PackedSpikes(p.words | added[layer].words, p.shape) for layer, p in few.spikes.items()}
    less, greater = counted(design, few).counts, counted(design, cases.with_spikes(few, more)).counts
    grown = 0
    for key, counts in less.items():
        assert (greater[key] >= counts).all(), key
        grown += (greater[key] > counts).any()
    assert grown


@pytest.mark.parametrize("network", NETWORKS)
def test_the_makespan_lies_between_the_busiest_stage_and_all_work_in_a_row(name, network):
    for batch in lowered(architecture(name, DECIDING), trace(network)).batches:
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


@pytest.mark.parametrize("network", NETWORKS)
def test_a_silent_trace_spends_nothing_on_spikes(name, network):
    design = architecture(name, FROZEN)
    silent = counted(design, trace(network, rate=cases.SILENT)).counts
    spiking = counted(design, trace(network)).counts
    driven = SPIKE_DRIVEN[design.machine]
    for key, counts in silent.items():
        if (key.component, key.action) in driven:
            assert not counts.any(), key
    found = {(key.component, key.action) for key, counts in spiking.items() if counts.any()}
    assert driven & found


def test_time_and_counts_do_not_depend_on_prices(name):
    machine = api.load_architecture(name).machine
    design, dearer = (architecture(name, DECIDING, more) for more in ((), PRICES_ONLY[machine]))
    one, other = (counted(each, trace("residuals")) for each in (design, dearer))
    assert contents(dict(one.counts)) == contents(dict(other.counts))
    for times in ("step_end_cycles", "latency_cycles", "makespan_cycles"):
        np.testing.assert_array_equal(getattr(one, times), getattr(other, times))
    energies = [api.simulate(each, trace("residuals")).runs[-1].energy_pj.value for each in (design, dearer)]
    assert energies[0] != energies[1]


def test_every_count_has_a_price_and_twice_the_prices_are_twice_the_dynamic_energy(name):
    design = architecture(name, DECIDING)
    machine = accelerators.machine(design.machine)(design.spec)
    workload = machine.lower(trace("convolutions"))
    parts = machine.components(workload)
    twice = {
        part: Priced({a: p.scaled(2) for a, p in priced.actions.items()}, priced.area_um2, priced.leakage_uw)
        for part, priced in parts.items()
    }
    tallies = play(workload, lambda schedule: run_engine(schedule, "compiled"))
    once, doubled = (price(tallies, workload, each, machine.clock_mhz) for each in (parts, twice))
    for run, more in zip(once, doubled, strict=True):
        np.testing.assert_array_equal(more.energies("value"), 2 * run.energies("value"))
        assert (run.energies("value") > 0).all()


@pytest.mark.parametrize("network", NETWORKS)
def test_fewer_samples_are_a_prefix_of_more(name, network):
    design = architecture(name, DECIDING)
    whole, part = api.simulate(design, trace(network)), api.simulate(design, trace(network), samples=2)
    for run, shorter in zip(whole.runs, part.runs, strict=True):
        for field in ("energy_pj", "latency_ns", "timesteps"):
            assert getattr(shorter.samples, field) == getattr(run.samples, field)[:2]


@pytest.mark.parametrize("network", NETWORKS)
def test_both_engines_give_the_same_report_and_it_reads_back_from_json(name, network):
    design = architecture(name, DECIDING)
    simpy, compiled = (api.simulate(design, trace(network), engine=engine) for engine in ("simpy", "compiled"))
    assert replace(simpy, options=compiled.options) == compiled
    assert from_json(to_json(compiled)) == compiled
