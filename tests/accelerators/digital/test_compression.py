"""Compressed maps and weights in DRAM: every record is written and read back, and its bits are counted."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product
from math import ceil

import numpy as np
import pytest
from accelerators.digital import cases as digital
from accelerators.digital.block_reference import Nest, Setting
from accelerators.digital.code_reference import Memory, tiles, written
from accelerators.imc import cases
from hypothesis import given, settings
from hypothesis import strategies as st
from traces.direct.networks import Sketch

from hwsim.accelerators.digital import Machine
from hwsim.accelerators.digital.coding import Code, expected_bits, record_bits
from hwsim.accelerators.digital.layout import Layout
from hwsim.engine import compiled_engine, simpy_engine
from hwsim.errors import ArchitectureError, HwsimError

CODEC = {"value_bits": 8, "run_bits": 3, "lanes": 4, "law": "logic", "source": "test"}
SMALL = {"array__rows": 4, "array__columns": 3, "mac__input_bits": 32, "neuron__membrane_bits": 32, "pooling__bits": 33}
PLAIN = {"scratchpad": "none", "global_buffer": "none", "dram__burst_bytes": 2}


def compressing(maps="run_length", weights="csc", run_bits=3, **changes):
    codec = "none" if (maps, weights) == ("none", "dense") else CODEC | {"run_bits": run_bits}
    return digital.variant(codec=codec, dram__compress=maps, weights__storage=weights, **SMALL | changes)


def network(bits=4):
    """Groups, strides, a pool that is read as small numbers, and what is flattened; many weights are 0."""
    sketch = Sketch((7, 6, 2), bits=3)
    sketch.conv(8, kernel=3)
    sketch.conv(6, kernel=(3, 2), stride=(1, 2), padding=(1, 1, 0, 1), groups=2, bits=bits)
    sketch.pool("avg", kernel=2, stride=2)
    sketch.conv(5, kernel=2, bits=bits)
    sketch.flatten()
    sketch.linear(7, bits=bits)
    sketch.linear(3, neuron=None, bits=bits)
    return sparse(sketch.network())


def sparse(net, share=0.7):
    """The same network with so many weights set to 0."""
    rng = np.random.default_rng(0)

    def thinned(layer):
        if not hasattr(layer, "weights"):
            return layer
        values = np.where(rng.random(layer.weights.values.shape) < share, 0, layer.weights.values)
        return replace(layer, weights=replace(layer.weights, values=values))

    return replace(net, layers=tuple(map(thinned, net.layers)))


CODES = st.builds(Code, st.sampled_from(["bitmask", "pairs"]), st.integers(1, 6), st.sampled_from([0, 1, 2, 8, 16]))


@settings(deadline=None)
@given(CODES, st.lists(st.integers(1, 40), min_size=1, max_size=5), st.floats(0, 1), st.integers(0, 99))
def test_records_take_the_bits_that_they_are_written_in(code, sizes, rate, seed):
    cuts = np.array([0, *np.cumsum(sizes)])
    nonzero = np.random.default_rng(seed).random((2, cuts[-1])) < rate
    found = record_bits(nonzero, cuts, code)
    for row, each in zip(nonzero.tolist(), found.tolist(), strict=True):
        parts = [row[a:b] for a, b in pairwise(cuts)]
        assert each == [
            len(written([int(v) for v in part], code.scheme, code.run_bits, code.value_bits)) for part in parts
        ]


@pytest.mark.parametrize(
    "code", [Code("bitmask", 5, 16), Code("pairs", 2, 16), Code("pairs", 1, 0), Code("pairs", 5, 4)]
)
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_expected_bits_are_the_mean_over_all_patterns(code, share):
    cuts = np.array([0, 9, 10])
    total = 0.0
    for pattern in product([False, True], repeat=9):
        chance = np.prod([share if v else 1 - share for v in pattern])
        total += chance * record_bits(np.array(pattern), np.array([0, 9]), code)[0]
    assert expected_bits(share, cuts, code)[0] == pytest.approx(total)


def counts_of(workload):
    return {key: n for key, n in cases.posted(workload).items() if key[1] in ("dram", "codec")}


@pytest.mark.parametrize("maps", ["run_length", "bitmask"])
@pytest.mark.parametrize(("storage", "run_bits"), [("csc", 3), ("csc", 1), ("bitmask", 3)])
@pytest.mark.parametrize("order", ["layer_outer", "timestep_outer"])
def test_every_tile_reads_and_writes_what_lies_there(maps, storage, run_bits, order):
    """No memory on chip: each tile takes all weights of its channels and all places under its windows."""
    trace = cases.random_trace(network(), timesteps=2, samples=2, rate=0.2)
    spec = compressing(maps, storage, run_bits, loop_order=order, **PLAIN)
    found = counts_of(Machine(spec).lower(trace))
    memory = Memory(spec, trace)
    for layer in digital.weighted(trace.network):
        source, flat = memory.sources(layer)
        raw, logits = source == trace.network.input.name, layer.neuron is None
        width, groups = trace.network.bits(source), digital.groups_of(layer)
        per_group = trace.network[layer.inputs[0]].shape[2] // groups
        expected = np.zeros((3, 2, 2), np.int64)  # reads, writes, decoded values
        for (sample, t), (span, outputs) in product(np.ndindex(2, 2), tiles(layer, spec)):
            own = 0 if flat else span[0] // (layer.shape[2] // groups) * per_group
            part = (0, trace.network[source].shape[2]) if flat else (own, own + per_group)
            places = set(np.ndindex(trace.network[source].shape[:2]))
            if not flat:
                shape = trace.network[source].shape
                places = {place[1:] for y, x in outputs for place in digital.on_map(layer, shape, y, x)}
            values = (part[1] - part[0]) * len(places)
            inputs = values * width if raw else sum(memory.bits(source, (sample, t, *p), part, width) for p in places)
            taps = per_group * digital.taps_of(layer)
            expected[0, sample, t] += memory.bursts(memory.weights(layer, span)) + memory.bursts(inputs)
            expected[2, sample, t] += len(span) * taps + (0 if raw else values)
            results = len(outputs) * len(span) * spec.ac.bits
            if not logits:
                ranges = span[0], span[-1] + 1
                results = sum(memory.bits(layer.name, (sample, t, *p), ranges, 1) for p in outputs)
            expected[1, sample, t] += memory.bursts(results)
        bursts = found[layer.name, "dram", "read"], found[layer.name, "dram", "write"]
        if order == "timestep_outer" and layer.neuron:  # membranes move, too
            wide = [len(span) * len(outputs) * spec.neuron.membrane_bits for span, outputs in tiles(layer, spec)]
            expected[:2] += sum(map(memory.bursts, wide))
        np.testing.assert_array_equal(bursts[0], expected[0], err_msg=layer.name)
        np.testing.assert_array_equal(bursts[1], expected[1], err_msg=layer.name)
        np.testing.assert_array_equal(found[layer.name, "codec", "decode"], expected[2], err_msg=layer.name)
        encoded = 0 if logits else np.prod(layer.shape)
        np.testing.assert_array_equal(found[layer.name, "codec", "encode"], np.full((2, 2), encoded))


class CodedNest(Nest):
    """The loop nest of blocks, whose blocks are of compressed bits and of whole bursts of a byte."""

    memory, source_name = None, ""

    def inputs(self, step):
        rows, columns = step["positions"]
        places = {p[1:] for y, x in product(rows, columns) for p in self.on_map(self.layer, self.source, y, x)}
        groups = {group for group, _ in step["channels"]}
        per_group = self.source[2] // self.groups
        bits = 0
        for t, place, group in product(step["timesteps"], places, groups):
            part = group * per_group + step["inputs"].start, group * per_group + step["inputs"].stop
            bits += self.memory.bits(self.source_name, (0, t, *place), part, 1)
        return range(8 * ceil(bits * len(step["images"]) / 8))

    def weights(self, step):
        inputs = step["inputs"].start, step["inputs"].stop
        per_group = self.layer.shape[2] // self.groups
        channels = [group * per_group + c % per_group for group, span in step["channels"] for c in span]
        return range(8 * ceil(self.memory.weights(self.layer, channels, inputs) / 8))


@pytest.mark.parametrize("order", [["positions", "channels", "inputs"], ["channels", "positions", "inputs"]])
@pytest.mark.parametrize(("maps", "storage"), [("run_length", "bitmask"), ("bitmask", "csc")])
@pytest.mark.parametrize("batch", [1, 2])
def test_blocks_bring_what_lies_there(order, maps, storage, batch):
    """Beside the loop nest of `block_reference`, whose blocks are written and read back value by value."""
    sketch = Sketch((10, 8, 2), bits=8)
    sketch.conv(18, kernel=3, bits=8)
    sketch.conv(6, kernel=(3, 2), stride=(1, 2), padding=(1, 1, 0, 1), bits=8)
    sketch.flatten()
    sketch.linear(3, neuron=None, bits=8)
    trace = cases.random_trace(sparse(sketch.network()), timesteps=3, samples=1)
    block = {"rows": 3, "columns": 2, "channels": 3, "inputs": 4, "images": 1, "order": tuple(order)}
    spec = compressing(
        maps, storage, blocking={"conv2": block}, batch=batch, dram__burst_bytes=1, global_buffer__port_bits=8,
        global_buffer__banks=1, global_buffer__capacity_kib=0.5 * batch,
    )  # fmt: skip
    laid = Layout.of(spec, trace.network, 3)
    (task,) = [task for task in laid.plan.tasks if task.name == "conv2"]
    assert laid.storage.homes["map", "conv1"] == "dram"
    assert task.cells.sums == "global_buffer"
    memory = Memory(spec, trace, {"conv2": 4})
    found = counts_of(Machine(spec).lower(trace))["conv2", "dram", "read"].sum()
    CodedNest.memory, CodedNest.source_name = memory, "conv1"
    setting = Setting(1, 1, 24, 0, 3, batch, 4, 3, 8)
    nest = CodedNest(task.layer, (10, 8, 18), 1, task.cells.block, setting, digital.on_map)
    assert found == (nest.dram_bits["inputs"] + nest.dram_bits["weights"]) // 8


def test_what_is_read_late_is_zeros_at_first():
    sketch = Sketch((1, 1, 6), bits=2)
    sketch.recurrent(5)
    sketch.linear(3, neuron=None)
    trace = cases.random_trace(sketch.network(), timesteps=3, samples=2)
    late = [layer.name for layer in digital.weighted(trace.network) if layer.delayed]
    assert late
    spec = compressing(weights="dense", loop_order="timestep_outer", **PLAIN | {"dram__burst_bytes": 1})
    found, plain = (
        counts_of(Machine(each).lower(trace))
        for each in (spec, digital.variant(loop_order="timestep_outer", **SMALL | PLAIN | {"dram__burst_bytes": 1}))
    )
    memory = Memory(spec, trace)
    for name in late:
        (source,) = trace.network[name].inputs
        channels = trace.network[source].shape[2]
        n_tiles = len(tiles(trace.network[name], spec))
        for sample in range(2):
            bits = [memory.bits(source, (sample, t, 0, 0), (0, channels), 1) for t in range(2)]
            sizes = np.diff(memory.cuts(source)).tolist()
            nothing = sum(memory.record([0] * size, "pairs", 0) for size in sizes)
            saved = [n_tiles * (ceil(channels / 8) - ceil(own / 8)) for own in (nothing, *bits)]
            now, before = (each[name, "dram", "read"][sample] for each in (found, plain))
            np.testing.assert_array_equal(before - now, saved)


@pytest.mark.parametrize("changes", [{}, {"loop_order": "timestep_outer"}, {"global_buffer__capacity_kib": 0.5}])
def test_nothing_else_moves(changes):
    """Work, buffer and scratchpads are as ever: values are compressed in DRAM and nowhere else."""
    changes = {"dram__burst_bytes": 1} | changes
    trace = cases.random_trace(network(), timesteps=2, samples=2)
    dense, coded = (
        cases.posted(Machine(spec).lower(trace))
        for spec in (digital.variant(**SMALL | changes), compressing(**changes))
    )
    for key, counts in dense.items():
        if key[1] != "dram":
            np.testing.assert_array_equal(coded[key], counts, err_msg=str(key))
    assert any((coded[key] != counts).any() for key, counts in dense.items())


def test_zeros_of_baselines():
    """`ann` has none; `qann` those of the share of each layer, or neurons that never spike."""
    trace = cases.random_trace(network(), timesteps=3, samples=1, rate=0.2)
    spec = compressing(
        "bitmask", "dense", baseline__qann_density=0.5, mac__input_bits=8, **PLAIN | {"dram__burst_bytes": 1}
    )
    by_layer = spec.model_copy(
        update={"baseline": spec.baseline.model_copy(update={"density_by_layer": {"conv1": 0.25}})}
    )
    ann, half, quarter = (
        counts_of(Machine(each).baseline(trace, kind))["conv1", "dram", "write"].sum()
        for each, kind in ((spec, "ann"), (spec, "qann"), (by_layer, "qann"))
    )
    tile_values = [len(span) * len(outputs) for span, outputs in tiles(trace.network["conv1"], spec)]
    bits = {"ann": 8, "qann": 2}
    assert ann == sum(ceil(n * (1 + bits["ann"]) / 8) for n in tile_values)
    assert half == sum(ceil(round(n * (1 + 0.5 * bits["qann"])) / 8) for n in tile_values)
    assert quarter == sum(ceil(round(n * (1 + 0.25 * bits["qann"])) / 8) for n in tile_values)


def test_a_share_by_layer_drives_the_work_too():
    trace = cases.random_trace(network(), timesteps=3, samples=1)
    spec = digital.variant(baseline__qann_density=1.0, baseline__density_by_layer={"conv1": 0.25}, **SMALL)
    whole = digital.variant(baseline__qann_density=1.0, **SMALL)
    some, every = (cases.posted(Machine(each).baseline(trace, "qann")) for each in (spec, whole))
    key = ("narrow_mac", "mac")
    assert some["conv2", *key].sum() == pytest.approx(every["conv2", *key].sum() / 4, rel=0.02)
    np.testing.assert_array_equal(some["conv4", *key], every["conv4", *key])


def test_few_lanes_take_longer():
    trace = cases.random_trace(network(), timesteps=2, samples=1)
    spec = compressing(**PLAIN)
    ends = []
    for lanes in (1, 512):
        machine = Machine(spec.model_copy(update={"codec": spec.codec.model_copy(update={"lanes": lanes})}))
        (batch,) = machine.lower(trace).batches
        schedule = batch.schedules["static"][0]
        ends.append(compiled_engine.run(schedule).makespan_cycles)
        assert simpy_engine.run(schedule).makespan_cycles == ends[-1]
    assert ends[0] > ends[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dram__compress": "run_length"}, "dram.compress: a codec compresses .*, and codec is none"),
        ({"weights__storage": "csc"}, "weights.storage: a codec .*, and codec is none"),
        ({"codec": CODEC}, "codec: has nothing to do, dram.compress is none and weights.storage is dense"),
        ({"codec": CODEC, "weights__storage": "csc", "dram": "none"}, "weights.storage: csc .* lie in DRAM"),
        ({"baseline__density_by_layer": {"conv1": 0.5}}, "density_by_layer needs a number for all other layers"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(changes, message):
    with pytest.raises((ValueError, HwsimError), match=message):
        digital.variant(**changes)


def test_a_layer_that_is_not_there_is_refused():
    trace = cases.random_trace(network(), timesteps=2, samples=1)
    spec = digital.variant(baseline__qann_density=0.5, baseline__density_by_layer={"conv9": 0.5}, **SMALL)
    with pytest.raises(ArchitectureError, match=r"baseline.density_by_layer.conv9: no layer .* is called so"):
        Machine(spec).baseline(trace, "qann")
