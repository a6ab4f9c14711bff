"""Where things are kept, what is refused, and how loading and computing overlap."""

from __future__ import annotations

from itertools import pairwise
from math import ceil

import numpy as np
import pytest
from accelerators.digital import cases as digital
from accelerators.imc import cases
from click.testing import CliRunner
from traces.direct.networks import Sketch

from hwsim import api
from hwsim.accelerators.digital import Machine
from hwsim.accelerators.digital.plan import plan_network
from hwsim.accelerators.digital.storage import _items, store
from hwsim.cli import main
from hwsim.engine import compiled_engine, simpy_engine
from hwsim.errors import ArchitectureError
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.io import write_trace

SMALL = {"array__rows": 4, "array__columns": 3}


def fully_connected(n_in=64, hidden=60):
    """Spikes of one layer meet the 64 x 60 weights of the next."""
    sketch = Sketch((1, 1, n_in), bits=2)
    sketch.linear(n_in)
    sketch.linear(hidden)
    sketch.linear(3, neuron=None)
    return cases.random_trace(sketch.network(), timesteps=2, samples=1)


def timeline(spec, trace, engine=simpy_engine):
    (batch,) = Machine(spec).lower(trace).batches
    schedule = batch.schedules["static"][0]
    return schedule, engine.run(schedule)


@pytest.mark.parametrize("order", ["layer_outer", "timestep_outer"])
@pytest.mark.parametrize("kib", [0.02, 0.1, 0.5, 4])
@pytest.mark.parametrize("network", digital.NETWORKS)
def test_what_is_in_the_buffer_fits_it_at_every_step(network, kib, order):
    spec = digital.variant(global_buffer__capacity_kib=kib, global_buffer__banks=1, loop_order=order, **SMALL)
    plan = plan_network(spec, network(), timesteps=3)
    kept = store(plan)
    items = list(_items(plan))
    fullest = 0
    for step in range(len(plan.tasks)):
        there = [item for item in items if item.first <= step <= item.last]
        inside = sum(item.bits for item in there if kept.homes[item.kind, item.layer] == "global_buffer")
        fullest = max(fullest, inside)
    assert fullest == kept.buffer_bits <= spec.global_buffer.total_bits
    outside = sum(i.bits for i in items if kept.homes[i.kind, i.layer] == "dram" and i.kind != "weights")
    weights = sum(task.layer.shape[2] * task.weight_bits_per_channel for task in plan.tasks)
    assert kept.dram_bits == weights + outside


def test_a_smaller_buffer_costs_dram_traffic_and_membranes_go_first():
    trace = cases.random_trace(cases.convolutions())
    accesses = []
    for kib in (4, 0.2, 0.05):
        spec = digital.variant(
            global_buffer__capacity_kib=kib, global_buffer__banks=1, loop_order="timestep_outer", **SMALL
        )
        counts = cases.posted(Machine(spec).lower(trace))
        accesses.append(sum(int(n.sum()) for key, n in counts.items() if key[1] == "dram"))
        homes = store(plan_network(spec, trace.network, 3)).homes
        if kib == 0.2:
            assert {kind for (kind, _), home in homes.items() if home == "dram"} == {"membranes"}
    assert accesses == sorted(accesses)
    assert accesses[0] < accesses[2]


def test_the_outer_loop_decides_how_often_weights_and_membranes_move():
    trace = fully_connected()
    layer_outer, timestep_outer = (
        cases.posted(Machine(digital.variant(loop_order=order)).lower(trace))
        for order in ("layer_outer", "timestep_outer")
    )
    weights = ("fc2", "dram", "read")
    per_tile = ceil(16 * 64 * 4 / 512)  # 16 channels of 64 weights of 4 bits in bursts of 64 bytes
    assert layer_outer[weights].tolist() == [[3 * per_tile + ceil(12 * 64 * 4 / 512), 0]]
    assert timestep_outer[weights].tolist() == [[30, 30]]
    membranes = 3 * ceil(16 * 24 / 64) + ceil(12 * 24 / 64)
    words = 60 * 64 * 4 // 64  # of the weights, into the scratchpads
    reads = [counts["fc2", "global_buffer", "read"][0, 1] for counts in (layer_outer, timestep_outer)]
    assert reads == [4, 4 + words + membranes]  # four tiles read the one word of spikes


def test_a_burst_takes_its_bytes_over_the_bandwidth():
    trace = fully_connected()
    for rate, per_burst in ((12.8, 2.0), (6.4, 4.0), (25.6, 1.0), (10.0, 2.56)):
        schedule, _ = timeline(digital.variant(dram__gigabytes_per_s=rate), trace)
        (stage,) = [stage for stage in schedule.stages if stage.name == "fc2.dram"]
        assert stage.service[stage.timestep == 0].tolist() == [ceil(8 * per_burst)] * 3 + [ceil(6 * per_burst)]
        assert set(stage.latency[stage.timestep == 0]) == {20}


def test_memory_bound_the_interface_never_rests_and_compute_is_hidden():
    """n tiles of load D and compute C < D: the loads follow each other without a gap."""
    spec = digital.variant(dram__gigabytes_per_s=0.1, loop_order="timestep_outer", dram__latency_ns=0)
    schedule, found = timeline(spec, fully_connected())
    (stage,) = [stage for stage in schedule.stages if stage.name == "fc1.dram"]
    loads = stage.service[:4]
    assert (loads > 500).all()
    assert found.start["fc1.dram"][:4].tolist() == (np.cumsum(loads) - loads).tolist()


def test_compute_bound_the_array_never_rests():
    """n tiles of load D and compute C > D: after the first load the array is busy for n C."""
    spec = digital.without_memory(
        global_buffer=digital.shipped().model_dump()["global_buffer"], skip="gate", array__latency_cycles=0
    )
    schedule, found = timeline(spec, fully_connected())
    (stage,) = [stage for stage in schedule.stages if stage.name == "fc2"]
    assert set(stage.service) == {64}
    start = found.start["fc2"]
    assert (np.diff(start) == 64).all()


@pytest.mark.parametrize("network", digital.NETWORKS)
@pytest.mark.parametrize("order", ["layer_outer", "timestep_outer"])
@pytest.mark.parametrize("kib", [0.05, 64])
def test_layers_run_one_after_another_and_loads_two_tiles_ahead(network, order, kib):
    spec = digital.variant(loop_order=order, global_buffer__capacity_kib=kib, global_buffer__banks=1, **SMALL)
    schedule, found = timeline(spec, cases.random_trace(network()))
    names = [stage.name for stage in schedule.stages]
    arrays = [name for name in names if "." not in name]
    spans = sorted(span for name in arrays for span in zip(found.start[name], found.free[name], strict=True))
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    for name in arrays:
        load, work = found.start[f"{name}.buffer"], found.free[name]
        n = len(work) if order == "layer_outer" else len(work) // 3
        for job in range(len(work)):
            assert found.start[name][job] >= found.done[f"{name}.buffer"][job]
            if job % n >= 2:
                assert load[job] >= work[job - 2]
    compiled = compiled_engine.run(schedule)
    for stage in names:
        np.testing.assert_array_equal(found.start[stage], compiled.start[stage])


@pytest.mark.parametrize("order", ["layer_outer", "timestep_outer"])
@pytest.mark.parametrize("kib", [0.01, 0.05, 64])
@pytest.mark.parametrize("network", digital.NETWORKS)
def test_nothing_is_read_before_it_is_complete(network, kib, order):
    """Reading and writing of a map are seen at the memory where it is."""
    trace = cases.random_trace(network())
    spec = digital.variant(loop_order=order, global_buffer__capacity_kib=kib, global_buffer__banks=1, **SMALL)
    plan = plan_network(spec, trace.network, 3)
    homes = store(plan).homes
    schedule, found = timeline(spec, trace)
    steps = {stage.name: stage.timestep for stage in schedule.stages}
    seen = 0
    for task in plan.tasks:
        for name in task.reads:
            if name != "input":
                read, written = ("buffer", "store") if homes["map", name] == "global_buffer" else ("dram", "spill")
                for t in range(3):
                    complete = found.done[f"{name}.{written}"][steps[f"{name}.{written}"] == t].max()
                    first = found.start[f"{task.name}.{read}"][steps[f"{task.name}.{read}"] == t].min()
                    assert first >= complete
                    seen += 1
    assert seen


@pytest.mark.parametrize("kib", [0.01, 64])
def test_a_membrane_is_back_before_it_is_read_again(kib):
    spec = digital.variant(
        loop_order="timestep_outer", global_buffer__capacity_kib=kib, global_buffer__banks=1, **SMALL
    )
    schedule, found = timeline(spec, fully_connected())
    read, written = ("buffer", "store") if kib == 64 else ("dram", "spill")
    for layer in ("fc1", "fc2"):
        n = len(found.start[f"{layer}.{read}"]) // 2
        assert (found.start[f"{layer}.{read}"][n:] >= found.done[f"{layer}.{written}"][:n]).all()
        (stage,) = [stage for stage in schedule.stages if stage.name == f"{layer}.{written}"]
        assert (stage.service > 0).all()  # membranes at least


def test_weight_bandwidth_bounds_skipping():
    """All inputs spike: four rows fetch 4 x 64 weights through one bank, or each its own through four."""
    sketch = Sketch((2, 2, 64), bits=2)
    sketch.conv(64, kernel=1, padding=0)
    sketch.conv(8, kernel=1, padding=0)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    trace = cases.random_trace(sketch.network(), timesteps=1, samples=1, rate=1.0)
    cycles = {}
    for banks in (1, 2, 4, 8):
        schedule, _ = timeline(digital.variant(array__rows=4, scratchpad__banks=banks, detector__bits=64), trace)
        (stage,) = [stage for stage in schedule.stages if stage.name == "conv2"]
        cycles[banks] = int(stage.service.sum())
    assert cycles == {1: 1 + 4 * 64, 2: 1 + 2 * 64, 4: 1 + 64, 8: 1 + 64}


def refusal(spec, trace):
    with pytest.raises(ArchitectureError) as caught:
        Machine(spec).lower(trace)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_what_does_not_fit_is_refused_with_the_number_that_is_too_small():
    trace = fully_connected()
    message = refusal(digital.variant(dram="none", global_buffer__capacity_kib=0.25), trace)
    weights = (64 * 64 + 64 * 60 + 60 * 3) * 4
    # All weights, and while fc3 runs the spikes of fc2 and the logits of 24 bits, at both timesteps.
    assert message == (
        "global_buffer.capacity_kib: 4 x 0.25 KiB hold 8192 bits, the network needs "
        f"{weights + 2 * 60 + 2 * 3 * 24} and there is no dram to spill to"
    )
    message = refusal(digital.variant(dram__capacity_mib=0.001), trace)
    assert message == f"dram.capacity_mib: 0.001 MiB hold 8388 bits, the network needs {weights}"
    assert (
        refusal(digital.variant(mac__input_bits=1), trace)
        == "mac.input_bits: fc1 needs 2, the machine has 1; mac.input_bits=2 is enough"
    )
    assert (
        refusal(digital.variant(mac__weight_bits=3), trace)
        == "mac.weight_bits: fc1 needs 4, the machine has 3; mac.weight_bits=4 is enough"
    )
    assert (
        refusal(digital.variant(neuron__membrane_bits=8), trace)
        == "neuron.membrane_bits: fc1 needs 16, the machine has 8; neuron.membrane_bits=16 is enough"
    )


def test_a_layer_larger_than_every_buffer_is_cut_into_tiles():
    spec = digital.variant(scratchpad__capacity_kib=0.01, global_buffer__capacity_kib=0.01)
    hardware = Machine(spec).lower(fully_connected()).hardware
    assert "fc2" in hardware.notes["weights that do not fit the scratchpads"]
    assert "weights of fc2" in hardware.notes["not in the global buffer"]
    assert hardware.storage["global_buffer"].used_bits <= spec.global_buffer.total_bits


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("array.rows=0", "array.rows: must be at least 1, got 0"),
        ("fan_out=mean", "skip must be gate, got skip"),
        ("dram.burst_bytes=-1", "burst_bytes: must be at least 1, got -1"),
        ("dram=maybe", "dram"),
        ("mac.input_bits=4", "mac.input_bits: fc1 needs 8, the machine has 4; mac.input_bits=8 is enough"),
    ],
)
def test_errors_are_one_line(tmp_path, setting, message):
    path = tmp_path / "mlp.npz"
    write_trace(path, synthesize("mlp:20-10-5", timesteps=1, samples=1, rate=0.1))
    result = CliRunner().invoke(main, ["simulate", "digital", str(path), "--set", setting])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert message in result.stderr


@pytest.mark.parametrize(
    "part", ["scratchpad", "global_buffer", "dram", "neuron", "pooling", "detector", "clock.network"]
)
def test_every_optional_part_can_be_left_out(part):
    report = api.simulate(api.load_architecture("digital", [f"{part}=none"]), cases.random_trace(cases.residuals()))
    name = part.partition(".")[0]
    energy = sum(row.energy_pj for row in report.runs[0].rows if row.component == name)
    assert energy == 0
    assert report.runs[0].energy_pj.value > 0
