"""`direct_input: digital`: the raw input multiplied beside the crossbars, counted, timed and exact."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
from accelerators.imc import cases
from accelerators.imc.chip_reference import all_counts
from accelerators.imc.functional_cases import live_trace
from accelerators.imc.reference import mac_words
from pydantic import ValidationError
from traces.direct.networks import Sketch

from hwsim import api
from hwsim.accelerators.imc import Machine
from hwsim.accelerators.imc.plan.placement import place
from hwsim.engine import compiled_engine, simpy_engine
from hwsim.errors import ArchitectureError
from hwsim.traces.network.layers import Conv2d, Linear

WIDE = {"first_layer_mac__input_bits": 16, "first_layer_mac__weight_bits": 16, "first_layer_mac__sum_bits": 40}
WIDE |= {"accumulator__bits": 40}
LANES = tuple(itertools.product((1, 3, 7, 64), (4, 10, 64)))  # and bits of the memory's port


def two_first(seed=0):
    """Two layers that read the picture, one of them through a pool, and whose currents are added."""
    sketch = Sketch((6, 8, 2), bits=5, seed=seed)
    pooled = sketch.pool("avg", kernel=2, stride=2)
    left = sketch.conv(6, kernel=3, stride=2, groups=2, neuron=None, source="input")
    right = sketch.conv(6, kernel=1, padding=0, neuron=None, bits=3, source=pooled)
    sketch.sum([left, right], [1, 2], neuron=True)
    sketch.conv(4, kernel=3)
    sketch.conv(3, kernel=1, padding=0)
    sketch.flatten()
    sketch.linear(4, neuron=None)
    return sketch.network()


NETWORKS = (*cases.WINDOWS, cases.flattened_input, cases.wide, cases.arranged, two_first)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("packing", ["none", "layers"])
def test_all_counts_equal_the_naive_model(network, packing):
    network = network()
    trace = cases.random_trace(network, timesteps=2, samples=1)
    for lanes, port in LANES[:: 1 if network.layers[1].shape[0] < 5 else 3]:
        spec = cases.small(
            direct_input="digital",
            packing=packing,
            chip__pes_per_tile=1,
            first_layer_mac__lanes=lanes,
            first_layer_weights__port_bits=port,
            **WIDE,
        )
        found = {key: counts for key, counts in cases.posted(Machine(spec).lower(trace)).items() if counts.any()}
        wanted = all_counts(spec, trace)
        assert sorted(found) == sorted(wanted)
        for key, counts in wanted.items():
            np.testing.assert_array_equal(found[key], counts, err_msg=str(key))


def schedule_of(spec, trace):
    (batch,) = Machine(spec).lower(trace).batches
    return batch.schedules["static"][0]


@pytest.mark.parametrize("lanes", [1, 4, 64])
def test_a_row_takes_a_cycle_a_word_of_weights_and_layers_take_turns(lanes):
    trace = cases.random_trace(two_first(), timesteps=2, samples=1)
    spec = cases.small(direct_input="digital", first_layer_mac__lanes=lanes, **WIDE)
    schedule = schedule_of(spec, trace)
    stages = [stage for stage in schedule.stages if stage.unit == "first_layer_mac"]
    assert len(stages) == 2
    for stage in stages:
        layer = trace.network[stage.name]
        each = mac_words(spec, layer, trace.network[layer.inputs[0]].shape[2])
        assert stage.service.tolist() == [each] * layer.shape[0] + [0] * layer.shape[0]
    timeline, again = simpy_engine.run(schedule), compiled_engine.run(schedule)
    for name, done in timeline.done.items():
        np.testing.assert_array_equal(again.done[name], done, err_msg=name)
    first = next(iter(place(spec, trace.network).layers))
    neurons = [stage for stage in schedule.stages if stage.unit and stage.unit.startswith("neurons of")]
    assert f"{first}.neuron" in {stage.name for stage in neurons}
    assert len(neurons) == 2
    for shared in (stages, neurons):
        rows = np.concatenate([np.stack([timeline.start[s.name], timeline.free[s.name]], axis=1) for s in shared])
        rows = rows[np.concatenate([s.service for s in shared]) > 0]
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        assert (rows[1:, 0] >= rows[:-1, 1]).all()


def test_the_first_layer_is_exact_where_crossbars_clip():
    """At 2 bits nearly every conversion clips; what the multipliers gave is as the network says, bit for bit."""
    trace = live_trace(cases.convolutions, samples=3, timesteps=2)
    first = next(layer.name for layer in trace.network.spiking())
    found = {}
    for direct in ("every_step", "digital"):
        run = Machine(cases.small(direct_input=direct, adc__bits=2, **WIDE)).functional(trace)
        found[direct] = run.trace.spikes[first].words
        assert run.clipped > 0
        assert (first in run.notes["conversions clipped by layer"]) == (direct == "every_step")
    exact = trace.spikes[first].words
    assert (found["digital"] == exact).all()
    assert not (found["every_step"] == exact).all()


def test_hardware_is_lanes_a_memory_of_weights_and_no_crossbars():
    trace = cases.random_trace(two_first(), samples=1)
    spec = cases.small(direct_input="digital", first_layer_mac__lanes=5, first_layer_weights__capacity_kib=0.01, **WIDE)
    hardware = Machine(spec).lower(trace).hardware
    weights = [layer for layer in trace.network if isinstance(layer, Conv2d | Linear)]
    digital = [layer for layer in weights if layer.name not in hardware.crossbars]
    assert [layer.shape for layer in digital] == [(3, 4, 6), (3, 4, 6)]
    bits = 9 * 1 * 6 * digital[0].weights.bits + 2 * 6 * 3
    assert hardware.storage["first_layer_weights"].used_bits == bits
    assert hardware.instances["first_layer_mac"] == 5
    assert hardware.instances["first_layer_weights"] == -(-bits // 81)
    with pytest.raises(ArchitectureError, match=r"first_layer_weights.capacity_kib: 1 x 0.01 KiB hold 81 bits"):
        tiles = place(spec, trace.network).tiles
        more = {"chip__tiles": tiles, "first_layer_weights__capacity_kib": 0.01, "direct_input": "digital"}
        Machine(cases.small(**more, **WIDE)).lower(trace)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("first_layer_mac__input_bits", "first_layer_mac.input_bits"),
        ("first_layer_mac__sum_bits", "first_layer_mac.sum_bits"),
        ("first_layer_mac__weight_bits", "first_layer_mac.weight_bits"),
        ("accumulator__bits", "accumulator.bits"),
    ],
)
def test_registers_that_are_too_narrow_are_refused(key, message):
    trace = cases.random_trace(cases.convolutions(), samples=1)
    with pytest.raises(ArchitectureError, match=message):
        Machine(cases.small(**({"direct_input": "digital"} | WIDE | {key: 2}))).lower(trace)


def test_what_cannot_be_is_refused_in_one_line():
    with pytest.raises(ValidationError, match="first_layer_weights, and one of them is none"):
        cases.small(direct_input="digital", first_layer_mac="none")
    with pytest.raises(ValidationError, match=r"digital goes with no assumptions.*membrane_layers 1"):
        cases.small(direct_input="digital", assumptions__membrane_layers=1)
    sketch = Sketch((2, 2, 1), bits=2)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    with pytest.raises(ArchitectureError, match="this network has no other layer with weights"):
        Machine(cases.small(direct_input="digital", **WIDE)).lower(cases.random_trace(sketch.network(), samples=1))


@pytest.mark.parametrize("design", ["imc", "imc_isaac", "imc_sram"])
def test_designs_take_it_with_streams_baselines_and_early_exit(design):
    trace = live_trace(cases.convolutions, samples=2, timesteps=2)
    settings = ["direct_input=digital", "first_layer_mac.weight_bits=5", "accumulator.bits=24"]
    found = api.simulate(api.load_architecture(design, settings), trace, stream=True, baselines=["qann"])
    (used,) = (row for row in found.area if row.component == "first_layer_mac")
    assert used.instances == api.load_architecture(design, settings).spec.first_layer_mac.lanes
    for run in found.runs:
        assert any(row.component == "first_layer_mac" and row.energy_pj > 0 for row in run.rows), run.name


def test_events_have_no_raw_picture_to_multiply_and_stay_on_crossbars():
    sketch = Sketch((4, 4, 1), bits=2, over_time=True)
    sketch.conv(3)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    hardware = Machine(cases.small(direct_input="digital")).lower(cases.random_trace(sketch.network())).hardware
    assert "first_layer_mac" not in hardware.instances
    assert set(hardware.crossbars) == {"conv1", "fc3"}


def test_what_is_kept_holds_for_designs_that_pack_and_multiply_beside_crossbars():
    """What lies where depends on times where layers share, and a design after another gives what it gives alone."""
    trace = live_trace(cases.convolutions, samples=2, timesteps=2)
    base = ["packing=layers", "direct_input=digital", "first_layer_mac.weight_bits=5", "crossbar.columns=128"]
    base += ["adc.bits=9", "accumulator.bits=24"]
    changes = ("packing=none", "adc.columns_per_adc=2", "crossbar.read_ns=90", "first_layer_mac.lanes=3")
    changes += ("first_layer_weights.port_bits=8", "chip.crossbars_per_pe=2", "direct_input=once", "convert=all")
    changes += ("chip.replicate={conv2: 3}", "rows_per_read=8", "direct_input=every_step", "packing=layers")
    loaded, seen = api.load_architecture("imc", base), set()
    for change in ("packing=layers", *changes):
        design = api.load_architecture(loaded, [change])
        warm = api.simulate(design, trace, engine="compiled", accuracy_samples=0, keep=True).to_json()
        alone = pickle.loads(pickle.dumps(trace))
        assert warm == api.simulate(design, alone, engine="compiled", accuracy_samples=0).to_json(), change
        seen.add(warm)
    assert len(seen) == len(changes)
