"""What every machine must keep, on every shipped architecture; a new one is found by itself.

A new machine says in the tables below how it decides and what spikes cost it, and in `contract_traces` what it plays.
Decisions are frozen where a law speaks of counts, as leaving early may lower them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from contract.families import FAMILY

from hwsim import accelerators, api, arch
from hwsim.components.pricing.price import Priced
from hwsim.contract.run import RunName
from hwsim.engine import run as run_engine
from hwsim.report.file import from_json, to_json
from hwsim.report.price import price
from hwsim.run.play import play
from hwsim.traces.slicing import first

ARCHITECTURES = arch.shipped()
SILENT = 0.0
DECIDING = {
    "imc": ("early_exit.threshold=0.4", "early_exit.overlap=true"),
    "digital": (),
    "ttfs": ("stream=true",),
    "lstm": ("gate_ports=shared", "weight_copies=shared"),  # whose engines wait for ports
    "stdp": ("stdp=pairwise",),  # which learns at every step, while the next one reads
}
"""Per machine, overrides that make it decide something on a trace of a few samples."""
FROZEN = {
    "imc": ("early_exit.threshold=never",),
    "digital": (),
    "ttfs": ("early_stop.element=run", "early_stop.hidden=never", "early_stop.output=never"),
    "lstm": (),
    "stdp": (),  # counts are those of inference, in which nothing is learned
}
"""Per machine, overrides that switch all decisions off."""
PRICES_ONLY = {
    "imc": ("technology.vdd_v=0.8", "crossbar.r_on_ohm=15e3", "noc.wire.repeaters=1.0", "membrane.cell=lop"),
    "digital": ("technology.vdd_v=0.8", "global_buffer.cell=lop", "dram.law=hbm"),
    "ttfs": ("technology.vdd_v=0.8", "weights.cell=lop", "clock.network.gated_fraction=0.5"),
    "lstm": ("technology.vdd_v=0.8", "weights.cell=lop", "clock.network.gated_fraction=0.5"),
    "stdp": ("technology.vdd_v=0.8", "weight_memory.cell=lop", "clock.network.gated_fraction=0.5"),
    "imc_isaac": ("adc.law=bound", "adc.sample_rate_mhz=1200", "membrane.cell=lop"),
    "imc_spikesim": ("adc.given.convert_pj=3", "membrane.given.write_pj=0.1"),
    "imc_sram": ("technology.vdd_v=0.8", "crossbar.swing_v=0.7", "noc.wire.repeaters=1.0", "membrane.cell=lop"),
    "digital_compute": ("mac.given.mac_pj=3.2", "ac.given.add_pj=0.1"),
}
"""Per machine, or per architecture where one of a machine differs, overrides that change prices and nothing else."""
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
    },
    "imc_spikesim": {("operations", "AC")},  # its energy does not depend on spikes
    "digital": {("ac", "add"), ("operations", "AC")},
    "ttfs": {
        ("queue", "read"),
        ("queue", "write"),
        ("sorter", "insert"),
        ("pe", "accumulate"),
        ("operations", "AC"),
    },
    "lstm": {("ac", "add"), ("weights", "read"), ("readout", "add"), ("readout_weights", "read")},
    "stdp": {
        ("adder", "add"),
        ("weight_memory", "read"),
        ("event_queue", "write"),
        ("event_queue", "read"),
        ("inhibition_memory", "read"),
        ("operations", "AC"),
    },
}
"""Per machine or architecture, actions that only spikes cause, as its shipped architectures are set."""
COMPUTED = {
    # A spike with a negative weight keeps neurons from firing, and fewer outputs that fire may be more that tie.
    "ttfs": {("pe", "fire"), ("spikes", "write"), ("decision", "add")},
}
"""Per machine that computes its neurons, actions that follow from what they do: spikes may lower their counts."""
WHOLE = {"stdp": "a presentation that is cut short learns something else"}
"""Per machine that does not play the first timesteps of a trace by themselves, why."""
MACHINE = {name: api.load_architecture(name).machine for name in ARCHITECTURES}

each_architecture = pytest.mark.parametrize("name", ARCHITECTURES)
each_network = pytest.mark.parametrize(
    ("name", "network"), [(name, network) for name in ARCHITECTURES for network in FAMILY[MACHINE[name]].networks]
)
each_weighted_network = pytest.mark.parametrize(
    ("name", "network"), [(name, network) for name in ARCHITECTURES for network in FAMILY[MACHINE[name]].weighted]
)


def trace(name, network, rate=0.2):
    return FAMILY[MACHINE[name]].trace(network, rate)


def architecture(name, overrides, more=()):
    return api.load_architecture(name, (*overrides[MACHINE[name]], *more))


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


@each_network
def test_lowering_is_pure(name, network):
    design = architecture(name, DECIDING)
    before = repr(contents(trace(name, network)))
    first_time, second_time = (lowered(design, trace(name, network)) for _ in range(2))
    asked_again = first_time.batches
    for one, other, again in zip(first_time.batches, second_time.batches, asked_again, strict=True):
        assert contents(one.ledger.postings) == contents(other.ledger.postings) == contents(again.ledger.postings)
        assert contents(dict(one.schedules)) == contents(dict(other.schedules)) == contents(dict(again.schedules))
    assert repr(contents(trace(name, network))) == before


@each_network
def test_counts_add_over_timesteps(name, network):
    if MACHINE[name] in WHOLE:
        pytest.skip(WHOLE[MACHINE[name]])
    design = architecture(name, FROZEN)
    whole = counted(design, trace(name, network)).counts
    for timesteps in range(1, 1 + trace(name, network).timesteps):
        part = counted(design, first(trace(name, network), timesteps=timesteps)).counts
        assert part.keys() == whole.keys()
        for key, counts in part.items():
            np.testing.assert_array_equal(counts, whole[key][:, :timesteps], err_msg=str(key))


@each_weighted_network
@pytest.mark.parametrize("seed", [1, 2])
def test_more_spikes_never_lower_a_count(name, network, seed):
    design, few = architecture(name, FROZEN), trace(name, network)
    more = FAMILY[MACHINE[name]].more(few, seed)
    less, greater = counted(design, few).counts, counted(design, more).counts
    grown = 0
    for key, counts in less.items():
        if (key.component, key.action) in COMPUTED.get(MACHINE[name], ()):
            continue
        assert (greater[key] >= counts).all(), key
        grown += (greater[key] > counts).any()
    assert grown


@each_network
def test_the_makespan_lies_between_the_busiest_stage_and_all_work_in_a_row(name, network):
    for batch in lowered(architecture(name, DECIDING), trace(name, network)).batches:
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


@each_network
def test_a_silent_trace_spends_nothing_on_spikes(name, network):
    design = architecture(name, FROZEN)
    silent = counted(design, trace(name, network, rate=SILENT)).counts
    spiking = counted(design, trace(name, network)).counts
    driven = SPIKE_DRIVEN.get(name, SPIKE_DRIVEN[design.machine])
    for key, counts in silent.items():
        if (key.component, key.action) in driven:
            assert not counts.any(), key
    found = {(key.component, key.action) for key, counts in spiking.items() if counts.any()}
    assert driven & found


@each_architecture
def test_time_and_counts_do_not_depend_on_prices(name):
    machine, network = MACHINE[name], list(FAMILY[MACHINE[name]].networks)[1]
    design, dearer = (architecture(name, DECIDING, more) for more in ((), PRICES_ONLY.get(name, PRICES_ONLY[machine])))
    one, other = (counted(each, trace(name, network)) for each in (design, dearer))
    assert contents(dict(one.counts)) == contents(dict(other.counts))
    for times in ("step_end_cycles", "latency_cycles", "makespan_cycles"):
        np.testing.assert_array_equal(getattr(one, times), getattr(other, times))
    energies = [api.simulate(each, trace(name, network)).runs[-1].energy_pj.value for each in (design, dearer)]
    assert energies[0] != energies[1]


@each_architecture
def test_every_count_has_a_price_and_twice_the_prices_are_twice_the_dynamic_energy(name):
    design = architecture(name, DECIDING)
    machine = accelerators.machine(design.machine)(design.spec)
    workload = machine.lower(trace(name, next(iter(FAMILY[design.machine].networks))))
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


@each_network
def test_fewer_samples_are_a_prefix_of_more(name, network):
    design = architecture(name, DECIDING)
    whole, part = (api.simulate(design, trace(name, network), samples=samples) for samples in (None, 2))
    for run, shorter in zip(whole.runs, part.runs, strict=True):
        # Where a sample shares the machine with those behind it, or is decided by what was learned from others.
        if run.name in (RunName.STREAMED, RunName.INFER):
            continue
        for field in ("energy_pj", "latency_ns", "timesteps"):
            assert getattr(shorter.samples, field) == getattr(run.samples, field)[:2]


@each_network
def test_both_engines_give_the_same_report_and_it_reads_back_from_json(name, network):
    design = architecture(name, DECIDING)
    simpy, compiled = (api.simulate(design, trace(name, network), engine=engine) for engine in ("simpy", "compiled"))
    assert replace(simpy, options=compiled.options) == compiled
    assert from_json(to_json(compiled)) == compiled
