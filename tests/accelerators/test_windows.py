"""Windows that are not square on the machines: what a page of sizes says, and who refuses them."""

from __future__ import annotations

import numpy as np
import pytest
from accelerators.digital import cases as digital
from accelerators.imc import cases
from accelerators.test_widths import needed
from traces.direct.networks import Sketch, lies_between

from hwsim import api
from hwsim.accelerators.digital import Machine as Digital
from hwsim.accelerators.imc import Machine
from hwsim.accelerators.imc.plan.placement import place
from hwsim.errors import TraceError, UsageError
from hwsim.make import rate
from hwsim.traces import Neuron
from hwsim.traces.direct.rate import RateTrace
from hwsim.traces.network.ranges import sum_range
from hwsim.traces.ttfs.check import check_first_spike
from hwsim.traces.ttfs.trace import FirstSpikeNetwork


def one_dimensional():
    """A convolution of five taps over a line of 44 places with 32 channels, which all spike, and a classifier."""
    sketch = Sketch((44, 1, 32), bits=1, over_time=True)
    sketch.conv(48, kernel=(5, 1), padding=0, bits=4)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    trace = cases.random_trace(sketch.network(), timesteps=2, samples=1)
    trace.inputs.values[:] = 1
    return trace


def test_a_convolution_in_one_dimension_takes_its_own_rows_and_no_more():
    """5 taps of 32 channels are 160 rows, 48 channels of 4-bit weights in 4-bit cells 48 columns."""
    trace = one_dimensional()
    spec = cases.variant(
        crossbar__rows=64,
        crossbar__columns=64,
        crossbar__cell_bits=4,
        signs__encoding="offset",
        signs__correction="popcount",
        signs__subtraction="digital",
        early_exit__threshold="never",
    )
    assert place(spec, trace.network).layers["conv1"].crossbars == 3
    counts = cases.posted(Machine(spec).lower(trace))["conv1", "operations", "AC"]
    assert counts.tolist() == [[5 * 32 * 48 * 40] * 2] == [[307_200] * 2]


@pytest.mark.parametrize("seed", range(3))
def test_silent_places_cost_nothing(seed):
    trace = one_dimensional()
    trace.inputs.values[:] = np.random.default_rng(seed).random(trace.inputs.values.shape) < 0.2
    counts = cases.posted(Machine(cases.variant(early_exit__threshold="never")).lower(trace))
    wanted = digital.accumulates(trace, trace.network["conv1"])
    assert counts["conv1", "operations", "AC"].tolist() == wanted.tolist()
    assert wanted.max() < 307_200


@pytest.mark.parametrize(("spread", "kernel", "dilation"), [(2, 3, 1), ((3, 2), 2, 1), ((1, 2), (2, 3), 2), (3, 2, 3)])
def test_sums_over_a_spread_map_are_of_the_taps_that_meet_it_together(spread, kernel, dilation):
    """By brute force over outputs, all of whose inputs where weights are positive, or negative, are the largest."""
    sketch = Sketch((4, 4, 2), bits=3)
    sketch.conv(3, kernel=kernel, padding=0, spread=spread, dilation=dilation, bits=8)
    layer, sums = sketch.last, []
    for y, x, c in np.ndindex(layer.shape):
        rows = [ky for ky, between in enumerate(lies_between(layer, 0, y)) if not between]
        columns = [kx for kx, between in enumerate(lies_between(layer, 1, x)) if not between]
        taps = [int(w) for ky in rows for kx in columns for w in layer.weights.values[ky, kx, :, c]]
        sums.append((sum(w for w in taps if w < 0), sum(w for w in taps if w > 0)))
    lowest, highest = (extreme(each) for extreme, each in zip((min, max), zip(*sums, strict=True), strict=True))
    assert sum_range(layer, 7) == (7 * lowest, 7 * highest)


@pytest.mark.parametrize(("spread", "kernel"), [(2, 3), ((3, 2), 2), (1, 3)])
def test_a_read_adds_up_what_taps_that_meet_the_map_together_hold(spread, kernel):
    """All rows in one read of 8-bit weights with their offset of 128, by brute force over outputs."""
    sketch = Sketch((3, 3, 2), bits=1, over_time=True)
    sketch.conv(3, kernel=kernel, padding=0, spread=spread, bits=8)
    layer, sums = sketch.last, []
    sketch.flatten()
    sketch.linear(2, bits=2, neuron=None)
    for y, x, c in np.ndindex(layer.shape):
        rows = [ky for ky, between in enumerate(lies_between(layer, 0, y)) if not between]
        columns = [kx for kx, between in enumerate(lies_between(layer, 1, x)) if not between]
        sums.append(sum(int(w) + 128 for ky in rows for kx in columns for w in layer.weights.values[ky, kx, :, c]))
    room = ("crossbar.rows=128", "rows_per_read=all", "crossbar.cell_bits=8", "adc.bits=14", "adc.columns_per_adc=1")
    trace = cases.random_trace(sketch.network(), timesteps=1, samples=1)
    wanted = max(max(sums).bit_length(), (layer.shape[0] * layer.shape[1] * 3 * 3).bit_length())
    assert needed("imc", trace, "shift_add.bits", 2, *room) == max(sums).bit_length() == wanted


def test_an_array_in_lock_step_reads_the_weights_of_taps_that_meet_anything():
    """Kernel and spread of 2: each of 6 x 6 outputs has one tap of 4 channels, 12 bits in words of 8, by 5 columns."""
    sketch = Sketch((3, 3, 4), bits=1, over_time=True)
    sketch.conv(5, kernel=2, padding=[1, 1, 1, 1], spread=2, bits=3)
    sketch.flatten()
    sketch.linear(2, neuron=None)
    assert sketch["conv1"].shape == (6, 6, 5)
    trace = cases.random_trace(sketch.network(), timesteps=2, samples=1)
    spec = {"skip": "none", "array__rows": 1, "scratchpad__port_bits": 8, "loop_order": "timestep_outer"}
    counts = cases.posted(Digital(digital.variant(**spec)).lower(trace))["conv1", "scratchpad", "read"]
    assert counts.tolist() == [[36 * 2 * 5] * 2]
    counts = cases.posted(Digital(digital.variant(**spec | {"array__rows": 2})).lower(trace))
    assert counts["conv1", "scratchpad", "read"].tolist() == [
        [18 * 3 * 5] * 2
    ]  # neighbours in a row have two taps: 24 bits
    streamed = digital.variant(**spec, scratchpad="none", dram="none", global_buffer__port_bits=8)
    counts = cases.posted(Digital(streamed).lower(trace))["conv1", "global_buffer", "read"]
    assert counts.tolist() == [[36 * (8 + 1 + 15)] * 2]  # 5 x 12 bits, a place of 4 spikes, 5 membranes of 24 bits


def tall(neuron):
    sketch = Sketch((6, 6, 1), bits=3)
    sketch.conv(4, kernel=(3, 1), padding=0, neuron=neuron)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    return sketch.network()


def test_the_systolic_array_of_first_spikes_refuses_them():
    plain = Neuron(1, 0, np.full(4, 9, np.int64), "soft", 0, 12)
    trace = rate(tall(plain), np.ones((1, 6, 6, 1), np.uint8), np.zeros(1, np.int64), 2)
    assert isinstance(trace, RateTrace)
    with pytest.raises(UsageError, match=r"^layer 'conv1': the machine has square windows only, alike on all sides$"):
        api.simulate(api.load_architecture("ttfs", ["coding=rate"]), trace)
    with pytest.raises(TraceError, match=r"^layer 'conv1': wanted a square window, .*without dilation, found"):
        check_first_spike(FirstSpikeNetwork(tall(None), 8, "windowed", {}))
