"""Copies of layers: the same work in less time, the slowest copy exactly, and `auto` within its budget."""

from __future__ import annotations

import itertools
from math import ceil

import numpy as np
import pytest
from accelerators.imc import cases
from accelerators.imc.chip_reference import Chip, all_counts, shares
from accelerators.imc.reference import Crossbars, activations, read_interval, row_levels, row_work
from pydantic import ValidationError
from traces.direct.networks import Sketch

from hwsim import api
from hwsim.accelerators.imc import Machine
from hwsim.accelerators.imc.plan.placement import place
from hwsim.engine import simpy_engine
from hwsim.errors import ArchitectureError
from hwsim.traces.network.layers import Conv2d, Linear

MOVED = {"noc", "htree", "spike_buffer"}  # what carries rows to more tiles


def bottleneck(seed=0):
    """A wide raw input, whose digits make the first convolution by far the slowest."""
    sketch = Sketch((4, 9, 2), bits=6, seed=seed)
    sketch.conv(4, kernel=3)
    sketch.conv(3, kernel=3, stride=2)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    return sketch.network()


def lowered(spec, trace):
    workload = Machine(spec).lower(trace)
    (batch,) = workload.batches
    schedule = batch.schedules["static"][0]
    return workload, schedule, simpy_engine.run(schedule)


@pytest.mark.parametrize("skip", ["none", "silent_rows"])
@pytest.mark.parametrize("copies", [2, 4, 9])
def test_copies_of_the_bottleneck_leave_the_work_equal_and_shorten_the_makespan(skip, copies):
    trace = cases.random_trace(bottleneck(), timesteps=3, samples=2)
    base = {"skip": skip, "mesh": "ideal", "noc__cycles": 0, "chip__pes_per_tile": 64}
    once, more = cases.small(**base), cases.small(**base, chip__replicate={"conv1": copies})
    (alone, _, slow), (workload, schedule, fast) = lowered(once, trace), lowered(more, trace)
    found, wanted = cases.posted(workload), cases.posted(alone)
    assert found.keys() == wanted.keys()
    for key, counts in wanted.items():
        if key[1] not in MOVED or key[0] != "conv1":
            np.testing.assert_array_equal(found[key], counts, err_msg=str(key))
    for _, component, action in (("", "crossbar", "read"), ("", "adc", "convert"), ("", "neuron", "update")):
        assert found["conv1", component, action].any()
    assert fast.makespan_cycles < slow.makespan_cycles
    service = {stage.name: stage.service.sum() for stage in schedule.stages}
    if skip == "none":
        interval = read_interval(more, 1, 3, 6)
        assert service["conv1"] == 3 * 4 * ceil(9 / copies) * 6 * interval
    assert workload.hardware.notes["copies of layers"] == f"conv1 {copies}"
    per_copy = place(once, trace.network).layers["conv1"].crossbars
    assert workload.hardware.notes["crossbars in use"] == alone.hardware.notes["crossbars in use"] + per_copy * (
        copies - 1
    )
    weights = [each.hardware.storage["weights"].used_bits for each in (alone, workload)]
    assert weights[1] - weights[0] == (copies - 1) * 3 * 3 * 2 * 4 * 2 * 2  # 18 rows of 4 weights in 2 cells of 2 bits


@pytest.mark.parametrize("network", [bottleneck, *cases.WINDOWS, cases.wide])
@pytest.mark.parametrize("direct_input", ["every_step", "once"])
def test_all_counts_with_copies_equal_the_naive_model(network, direct_input):
    trace = cases.random_trace(network(), timesteps=2, samples=2)
    layers = [layer for layer in trace.network if isinstance(layer, Conv2d | Linear)]
    copies = {layer.name: 1 + number % layer.shape[1] for number, layer in enumerate(layers, start=1)}
    assert max(copies.values()) > 1
    spec = cases.small(chip__replicate=copies, direct_input=direct_input)
    found = {key: counts for key, counts in cases.posted(Machine(spec).lower(trace)).items() if counts.any()}
    wanted = all_counts(spec, trace, copies)
    assert sorted(found) == sorted(wanted)
    for key, counts in wanted.items():
        np.testing.assert_array_equal(found[key], counts, err_msg=str(key))


@pytest.mark.parametrize("network", [bottleneck, cases.convolutions])
@pytest.mark.parametrize("placement", ["im2col", "kernel_split"])
def test_a_row_takes_as_long_as_its_slowest_copy(network, placement):
    trace = cases.random_trace(network(), timesteps=2, samples=1, rate=0.1)
    convolutions = [layer for layer in trace.network if isinstance(layer, Conv2d)]
    copies = {layer.name: min(3, layer.shape[1]) for layer in convolutions}
    spec = cases.small(chip__replicate=copies, placement=placement, silence_detector__cycles=2)
    _, schedule, _ = lowered(spec, trace)
    stages = {stage.name: stage for stage in schedule.stages}
    for layer in convolutions:
        placed = Crossbars(spec, trace.network, layer)
        levels = row_levels(spec, layer, placed)
        interval = read_interval(spec, 1, 3, trace.network.max_value(layer.inputs[0]).bit_length())
        pictures, wanted = activations(trace, layer.inputs[0])[0], []
        for picture in pictures:
            for y in range(layer.shape[0]):
                works = [row_work(spec, placed, levels, picture, y, n) for n in range(layer.shape[1] + 1)]
                until = [work.serial * interval + work.silent * 2 for work in works]
                parts = [until[part[-1] + 1] - until[part[0]] for part in shares(layer.shape[1], copies[layer.name])]
                wanted.append(max(parts))
        assert stages[layer.name].service.tolist() == wanted


def test_more_copies_than_positions_and_unknown_layers_are_refused_in_one_line():
    trace = cases.random_trace(bottleneck(), samples=1)

    def refusal(**changes):
        with pytest.raises(ArchitectureError) as refused:
            Machine(cases.small(**changes)).lower(trace)
        return str(refused.value)

    assert refusal(chip__replicate={"conv1": 10}) == (
        "chip.replicate.conv1: copies share out the positions of a row, so at most 9, got 10"
    )
    unknown = refusal(chip__replicate={"conf1": 2})
    assert unknown == "chip.replicate: no layer 'conf1' with weights on the chip; did you mean 'conv1'?"
    assert refusal(chip__replicate="auto") == (
        "chip.replicate: auto needs a chip.crossbar_budget or a number of chip.tiles"
    )
    used = place(cases.small(), trace.network).crossbars
    assert refusal(chip__replicate="auto", chip__crossbar_budget=used - 1) == (
        f"chip.crossbar_budget: every layer once takes {used} crossbars, got {used - 1}"
    )
    with pytest.raises(ValidationError, match="replicate"):
        cases.small(chip__replicate={"conv1": 0})


def beats(spec, network, copies):
    """Dense cycles of each layer at one timestep, by the closed form of docs/machines/imc.md."""
    layers = place(spec, network).layers
    return {
        name: layer.out_shape[0]
        * ceil(layer.out_shape[1] / copies[name])
        * layer.digits
        * layer.phases
        * read_interval(spec, 1, 3, network.max_value(network[name].inputs[0]).bit_length())
        for name, layer in layers.items()
    }


@pytest.mark.parametrize("network", [bottleneck, cases.chain, cases.convolutions])
def test_auto_reaches_the_best_beat_that_the_budget_allows(network):
    network = network()
    single = place(cases.small(), network).layers
    used = sum(layer.crossbars for layer in single.values())
    for budget in (used, used + 7, 2 * used, 5 * used, 50 * used):
        spec = cases.small(chip__replicate="auto", chip__crossbar_budget=budget)
        copies = {name: layer.copies for name, layer in place(spec, network).layers.items()}
        assert sum(n * single[name].crossbars for name, n in copies.items()) <= budget
        best = min(
            max(beats(spec, network, dict(zip(single, tried, strict=True))).values())
            for tried in itertools.product(*(range(1, layer.out_shape[1] + 1) for layer in single.values()))
            if sum(n * layer.crossbars for n, layer in zip(tried, single.values(), strict=True)) <= budget
        )
        assert max(beats(spec, network, copies).values()) == best
    assert any(n > 1 for n in copies.values())


@pytest.mark.parametrize("network", [bottleneck, cases.chain, cases.convolutions, cases.residuals])
@pytest.mark.parametrize("skip", ["none", "silent_rows"])
def test_auto_is_never_slower_where_moving_costs_no_time(network, skip):
    trace = cases.random_trace(network(), timesteps=2, samples=1)
    times = []
    for budget in (0, 10, 100, 1000):
        used = place(cases.small(), trace.network).crossbars
        spec = cases.small(
            chip__replicate="auto", chip__crossbar_budget=used + budget, chip__pes_per_tile=999, skip=skip, mesh="ideal"
        )
        times.append(lowered(spec, trace)[2].makespan_cycles)
    assert times == sorted(times, reverse=True)
    assert times[-1] < times[0]


def test_auto_fills_a_chip_of_fixed_size_and_no_more():
    network = bottleneck()
    alone = place(cases.small(), network)
    spec = cases.small(chip__replicate="auto", chip__tiles=alone.tiles + 3)
    placed = place(spec, network)
    assert alone.pes < placed.pes <= (alone.tiles + 3) * 2
    assert placed.layers["conv1"].copies > 1
    assert place(cases.small(chip__replicate="auto", chip__tiles=alone.tiles), network).tiles == alone.tiles


def test_copies_lie_one_after_another_on_whole_pes():
    network = bottleneck()
    spec = cases.small(chip__replicate={"conv1": 3, "conv2": 2})
    placed, chip = place(spec, network), Chip(spec, network, {"conv1": 3, "conv2": 2})
    assert placed.pes == chip.pes
    alone = place(cases.small(), network).layers["conv1"].pes
    assert placed.layers["conv2"].pe_of[0, 0] == placed.layers["conv1"].pes == 3 * alone


def test_copies_can_be_set_from_outside_the_file():
    design = api.load_architecture("imc", ("chip.replicate={conv1: 2}",))
    assert design.spec.chip.replicate == {"conv1": 2}
