"""The array against one written cycle by cycle, which also has to get the sums right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from accelerators.digital import cases as digital
from accelerators.imc import cases
from traces.direct.networks import Sketch

from hwsim.accelerators.digital import Machine
from hwsim.engine import simpy_engine
from hwsim.traces.network.layers import Conv2d
from hwsim.traces.network.weights import weights_of


class LockStepTile:
    """Every cycle one weight goes to each column and one input bit to each row; all PEs move on together."""

    def __init__(self, inputs, weights, digits):
        self.inputs, self.weights, self.digits = inputs, weights, digits  # [row][tap], [tap][column]
        self.sums = np.zeros((len(inputs), weights.shape[1]), np.int64)
        self.cycles = self.accumulates = 0

    def run(self):
        for tap in range(self.weights.shape[0]):
            for digit in range(self.digits):
                self.cycles += 1
                for row, values in enumerate(self.inputs):
                    if values[tap] >> digit & 1:
                        self.sums[row] += self.weights[tap] << digit
                        self.accumulates += self.weights.shape[1]
        return self


class SkippingTile(LockStepTile):
    """Each row scans its window, then takes one spike a cycle; the columns' scratchpads serve `banks` rows a cycle."""

    def __init__(self, inputs, weights, digits, scan_bits, banks):
        super().__init__(inputs, weights, digits)
        self.scan_bits, self.banks = scan_bits, banks

    def run(self):
        slots = [(tap, digit) for tap in range(self.weights.shape[0]) for digit in range(self.digits)]
        queues = [[] for _ in self.inputs]
        looked_at = 0
        while looked_at < len(slots):
            self.cycles += 1
            for queue, values in zip(queues, self.inputs, strict=True):
                chunk = slots[looked_at : looked_at + self.scan_bits]
                queue += [(tap, digit) for tap, digit in chunk if values[tap] >> digit & 1]
            looked_at += self.scan_bits
        while any(queues):
            self.cycles += 1
            longest_first = sorted(range(len(queues)), key=lambda row: -len(queues[row]))
            for row in longest_first[: self.banks]:
                if queues[row]:
                    tap, digit = queues[row].pop()
                    self.sums[row] += self.weights[tap] << digit
                    self.accumulates += self.weights.shape[1]
        return self


def layer_trace(pool=None, rate=0.4, seed=0):
    """A layer that reads spikes, or pooled spikes, through padding; its outputs fit one tile of 16 x 8."""
    sketch = Sketch((4, 6, 1), bits=3, seed=seed)
    sketch.conv(5)
    if pool:
        sketch.pool(pool, kernel=2, stride=1)
    sketch.conv(7, kernel=3, stride=2, padding=1)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    return cases.random_trace(sketch.network(), timesteps=3, samples=2, rate=rate, seed=seed)


def one_tile(trace, layer, s, t):
    """Inputs of the rows and weights of the columns at one timestep of a sample."""
    inputs = [seen[s, t, 0].tolist() for seen in digital.windows(trace, layer).values()]
    values = weights_of(layer).astype(np.int64)
    return inputs, values.reshape(-1, values.shape[3])


def conv(trace):
    return next(layer for layer in trace.network if isinstance(layer, Conv2d) and layer.window.stride == (2, 2))


def lowered(spec, trace, layer):
    """Service of the layer's one job a timestep, [sample, timestep], and its ACs as the array does them."""
    workload = Machine(spec).lower(trace)
    found = []
    for batch in workload.batches:
        for schedule in batch.schedules["static"]:
            (stage,) = [stage for stage in schedule.stages if stage.name == layer.name]
            assert stage.n_jobs == trace.timesteps
            found.append(stage.service[np.argsort(stage.timestep)])
    return np.array(found), cases.posted(workload)[layer.name, "ac", "add"]


@pytest.mark.parametrize("pool", [None, "avg", "max"])
@pytest.mark.parametrize("order", ["layer_outer", "timestep_outer"])
def test_lock_step(pool, order):
    trace = layer_trace(pool)
    layer = conv(trace)
    spec = digital.without_memory(skip="gate", array__rows=16, array__columns=8, loop_order=order)
    cycles, accumulates = lowered(spec, trace, layer)
    digits = 3 if pool == "avg" else 1
    for s in range(trace.n_samples):
        for t in range(trace.timesteps):
            tile = LockStepTile(*one_tile(trace, layer, s, t), digits).run()
            assert cycles[s, t] == tile.cycles
            assert accumulates[s, t] == tile.accumulates


@pytest.mark.parametrize("pool", [None, "avg"])
@pytest.mark.parametrize("banks", [1, 2, 16])
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.6])
def test_skipping(pool, banks, rate):
    trace = layer_trace(pool, rate)
    layer = conv(trace)
    spec = digital.variant(
        skip="skip",
        array__rows=16,
        array__columns=8,
        detector__bits=7,
        scratchpad__banks=banks,
        clock__frequency_mhz=100,
    )
    cycles, accumulates = lowered(spec, trace, layer)
    digits = 3 if pool else 1
    for s in range(trace.n_samples):
        for t in range(trace.timesteps):
            inputs, weights = one_tile(trace, layer, s, t)
            tile = SkippingTile(inputs, weights, digits, 7, banks).run()
            assert cycles[s, t] == tile.cycles
            assert accumulates[s, t] == tile.accumulates


def test_the_sums_of_both_arrays_are_those_of_the_layer():
    trace = layer_trace("avg")
    inputs, weights = one_tile(trace, conv(trace), 0, 1)
    wanted = np.array(inputs) @ weights
    np.testing.assert_array_equal(LockStepTile(inputs, weights, 3).run().sums, wanted)
    np.testing.assert_array_equal(SkippingTile(inputs, weights, 3, 7, 2).run().sums, wanted)


def test_products_of_the_raw_input_take_a_cycle_a_tap_whatever_the_bits():
    trace = layer_trace()
    first = trace.network["conv1"]
    for once, runs in (("every_step", [1, 1, 1]), ("once", [1, 0, 0])):
        spec = digital.without_memory(array__rows=24, array__columns=8, direct_input=once)
        workload = Machine(spec).lower(trace)
        (batch,) = workload.batches
        (stage,) = [stage for stage in batch.schedules["static"][0].stages if stage.name == "conv1"]
        assert stage.service.tolist() == [9 * run for run in runs]
        macs = cases.posted(workload)["conv1", "operations", "MAC"]
        assert macs.tolist() == [[digital.dense(trace.network, first) * run for run in runs]] * 2
        mac = cases.posted(workload)["conv1", "mac", "mac"]
        assert mac.tolist() == [[digital.on_picture(trace.network, first) * run for run in runs]] * 2


@pytest.mark.parametrize("rows", [1, 3, 5])
@pytest.mark.parametrize("columns", [1, 2, 4])
def test_any_array_runs_any_layer_tile_by_tile(rows, columns):
    """Cycles of the whole layer are those of its tiles, of which the last ones may be part empty."""
    trace = layer_trace()
    layer = conv(trace)
    spec = digital.without_memory(skip="skip", detector="none", array__rows=rows, array__columns=columns)
    (batch,) = Machine(spec).lower(trace).batches
    for s, schedule in enumerate(batch.schedules["static"]):
        (stage,) = [stage for stage in schedule.stages if stage.name == layer.name]
        for t in range(trace.timesteps):
            inputs, weights = one_tile(trace, layer, s, t)
            wanted = 0
            for low in range(0, len(inputs), rows):
                for left in range(0, weights.shape[1], columns):
                    part = weights[:, left : left + columns]
                    wanted += SkippingTile(inputs[low : low + rows], part, 1, 1 << 20, 99).run().cycles - 1
            assert stage.service[stage.timestep == t].sum() == wanted


def test_an_array_alone_is_busy_from_the_first_cycle_to_the_last():
    trace = layer_trace()
    spec = replace_finish(
        digital.without_memory(skip="gate", array__rows=16, array__columns=8, array__latency_cycles=0)
    )
    (batch,) = Machine(spec).lower(trace).batches
    schedule = batch.schedules["static"][0]
    timeline = simpy_engine.run(schedule)
    # Two tiles of 16 positions and 9 taps, one of 6 positions and 45 taps, one of 42 taps, at each of three timesteps.
    assert timeline.makespan_cycles == 3 * (2 * 9 + 45 + 42)


def replace_finish(spec):
    """The machine without neurons and pooling."""
    values = spec.model_dump() | {"neuron": "none", "pooling": "none"}
    return Machine.spec_type.model_validate(values)


def test_a_silent_row_still_scans():
    trace = layer_trace(rate=0.0)
    layer = conv(trace)
    spec = digital.without_memory(skip="skip", array__rows=16, array__columns=8, detector__bits=16)
    cycles, accumulates = lowered(spec, trace, layer)
    assert (cycles == 3).all()  # 45 taps, 16 at a time
    assert not accumulates.any()
    scans = cases.posted(Machine(spec).lower(trace))[layer.name, "detector", "scan"]
    assert (scans == 6 * 3).all()  # one detector a row, six rows in use


def test_the_slowest_row_decides():
    trace = layer_trace(rate=0.0)
    layer = conv(trace)
    spikes = trace.spikes["conv1"].words.copy()
    spikes[0, 0, 0, 0] = 0b11111  # five channels of the corner: under the window of the first output only
    busy = replace(trace, spikes={**trace.spikes, "conv1": replace(trace.spikes["conv1"], words=spikes)})
    spec = digital.without_memory(skip="skip", array__rows=16, array__columns=8, detector="none")
    cycles, accumulates = lowered(spec, busy, layer)
    assert cycles[0].tolist() == [5, 0, 0]
    assert accumulates[0].tolist() == [5 * 7, 0, 0]
