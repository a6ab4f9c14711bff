"""Signed inputs and inputs of up to 16 bits: how they are stored and drawn, and what both machines make of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from accelerators.digital import cases as digital
from accelerators.digital.reference import Twin
from accelerators.imc import cases
from accelerators.imc.functional_cases import SIGNS, live_trace, lossless, named
from accelerators.imc.reference import activations
from accelerators.imc.test_counts import assert_same_counts
from accelerators.imc.test_functional import assert_same
from accelerators.imc.test_functional_devices import assert_equals_twin
from accelerators.test_widths import needed
from click.testing import CliRunner
from traces.direct.networks import Sketch, trace_of
from traces.direct.test_check import refused, with_layer
from traces.direct.test_golden import naive_execute

from hwsim import make, simulate
from hwsim.accelerators.digital import Machine as Digital
from hwsim.accelerators.imc import Machine
from hwsim.cli import main
from hwsim.errors import TraceError, UsageError
from hwsim.traces import read_trace, verify, write_trace
from hwsim.traces.direct.drawn_run import run_drawn
from hwsim.traces.direct.encode import activation_planes
from hwsim.traces.direct.golden import execute
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.manifest import version_of
from hwsim.traces.planes import magnitudes, max_planes, pack_integers

ROOM = {"shift_add__bits": 48, "offset_corrector__bits": 48, "accumulator__bits": 48, "pooling__bits": 32}
WIDE = {"mac__input_bits": 20, "mac__sum_bits": 48, "ac__bits": 48, "pooling__bits": 32, "neuron__membrane_bits": 32}
INPUTS = [(5, True), (8, True), (12, False), (16, True)]


def signed_maps(bits=4, signed=True, over_time=False):
    """An input that is multiplied as it is, added to spikes, laid beside them, pooled by maximum and sum, upsampled."""
    sketch = Sketch((4, 4, 3), bits=bits, over_time=over_time, signed=signed)
    spikes = sketch.conv(3, bits=3)
    both = sketch.sum([spikes, "input"], [2, 1])
    sketch.concat("input", spikes, both)
    sketch.pool("max", kernel=2, stride=1)
    sketch.pool("avg", kernel=2, stride=1)
    sketch.upsample(2, 1)
    sketch.conv(6, kernel=2, padding=1, bits=3, groups=3)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    return sketch.network()


@pytest.mark.parametrize(("bits", "signed"), INPUTS)
@pytest.mark.parametrize("signs", SIGNS, ids=named)
def test_crossbars_without_loss_give_the_golden_network_bit_for_bit(bits, signed, signs):
    trace = live_trace(lambda _seed: signed_maps(bits, signed))
    for dac_bits in (1, 3):
        run = Machine(lossless(**{**ROOM, "dac__bits": dac_bits}, **signs)).functional(trace)
        assert_same(trace, run.trace)
        assert run.clipped == 0


@pytest.mark.parametrize("signs", SIGNS, ids=named)
def test_cells_that_vary_noise_and_codes_that_are_cut_equal_the_naive_model(signs):
    trace = live_trace(lambda _seed: signed_maps(), samples=1, extra=0)
    devices = {"devices__conductance_variation": 0.2, "devices__read_noise_levels": 0.5}
    for dac_bits, skip in ((1, "silent_rows"), (2, "none")):
        assert_equals_twin(cases.small(**ROOM, **devices, **signs, adc__bits=4, dac__bits=dac_bits, skip=skip), trace)


@pytest.mark.parametrize(("bits", "signed"), INPUTS)
@pytest.mark.parametrize("over_time", [False, True])
def test_crossbars_count_what_the_naive_model_counts(bits, signed, over_time):
    trace = cases.random_trace(signed_maps(bits, signed, over_time), timesteps=2, samples=1)
    for dac_bits, skip in ((1, "none"), (3, "silent_rows")):
        spec = cases.small(**ROOM, dac__bits=dac_bits, skip=skip, rows_per_read=3, direct_input="once")
        assert_same_counts(spec, trace)


@pytest.mark.parametrize(("bits", "signed"), INPUTS)
@pytest.mark.parametrize("over_time", [False, True])
@pytest.mark.parametrize("skip", ["none", "gate", "skip"])
def test_the_array_counts_what_the_naive_model_counts(bits, signed, over_time, skip):
    trace = cases.random_trace(signed_maps(bits, signed, over_time), timesteps=2, samples=1)
    spec = digital.variant(skip=skip, array__rows=4, array__columns=3, detector__bits=5, **WIDE)
    found, wanted = cases.posted(Digital(spec).lower(trace)), Twin(spec, trace, "global_buffer").counts
    zero = np.zeros((1, 2), np.int64)
    assert all((found.get(key, zero) == wanted.get(key, zero)).all() for key in found.keys() | wanted.keys())


def one_weight(bits, values, over_time=False):
    """An input that neurons without leak add up with a weight of 1, and read as it stands."""
    sketch = Sketch((1, 1, 1), bits=bits, signed=True, over_time=over_time)
    sketch.linear(1)
    neuron = dataclasses.replace(sketch.neuron(1), leak=1, leak_bits=0, v_threshold=np.array([5]), fraction_bits=0)
    sketch.last.weights.values[:] = 1
    sketch.layers[-1] = dataclasses.replace(sketch.last, neuron=neuron)
    sketch.linear(2, neuron=None)
    sketch.last.weights.values[0, 0, 0] = [1, -1]
    inputs = np.array(values, sketch.network().input.dtype).reshape(1, -1, 1, 1, 1)
    return sketch.network(), inputs if over_time else inputs[:, 0]


def test_currents_below_zero_by_hand():
    """Membranes 4, 2, 8 and so a spike that leaves 3, 1."""
    network, inputs = one_weight(4, [4, -2, 6, -2], over_time=True)
    assert execute(network, inputs, 4).logits[0].tolist() == [[0, 0], [0, 0], [1, -1], [0, 0]]


def test_a_signed_count_is_an_accumulate_for_each_set_bit_of_its_magnitude_and_on_crossbars_of_twos_complement():
    """-1 is 1111 and 1, 3 is 0011 and 3, -8 is 1000 and 8, -3 is 1101 and 3; one sum each."""
    network, inputs = one_weight(4, [-1, 3, -8, -3], over_time=True)
    trace = make.events(network, inputs, [0])
    fired = int(np.bitwise_count(trace.spikes["fc1"].words).sum()) * 2
    assert simulate("digital", trace).runs[0].operations["AC"] == 1 + 2 + 1 + 2 + fired
    assert simulate("imc", trace).runs[0].operations["AC"] == 4 + 2 + 1 + 3 + fired


def test_a_signed_input_of_8_bits_takes_8_digits_and_with_drivers_of_3_bits_one_more_for_the_sign():
    network, inputs = one_weight(8, [-77])
    trace = make.direct(network, inputs, [0], 1)
    for dac_bits, digits in ((1, 8), (3, 4), (7, 2), (8, 2)):
        report = simulate(cases.PLAIN, trace, set={"dac.bits": dac_bits, "skip": "none", "adc.bits": 10})
        assert report.runs[0].operations["crossbar read"] == digits + 1


def test_what_does_not_fit_is_refused_with_the_bits():
    trace = cases.random_trace(signed_maps(12, signed=True))
    room = ("mac.sum_bits=48", "ac.bits=48", "pooling.bits=32")
    assert needed("digital", trace, "mac.input_bits", 8, *room) == 12
    for key in ("mac.sum_bits", "ac.bits"):
        others = tuple(setting for setting in ("mac.input_bits=12", *room) if key not in setting)
        assert needed("digital", trace, key, 4, *others) > 12
    assert needed("digital", trace, "pooling.bits", 4, "mac.input_bits=12", *room[:2]) == 13  # 2 more than 2047


@pytest.mark.parametrize(("bits", "signed"), INPUTS)
@pytest.mark.parametrize("over_time", [False, True])
def test_a_file_keeps_them_in_version_3(tmp_path, bits, signed, over_time):
    trace = trace_of(signed_maps(bits, signed, over_time))
    assert version_of(trace) == 3
    write_trace(tmp_path / "t.npz", trace)
    found = read_trace(tmp_path / "t.npz")
    assert (found.network.input, found.inputs.values.dtype) == (trace.network.input, trace.network.input.dtype)
    assert np.array_equal(found.inputs.values, trace.inputs.values)
    assert verify(found).ok


@pytest.mark.parametrize("words", ["input-bits=16", "signed", "input-bits=12+signed", "input-bits=3+signed+events"])
def test_they_are_drawn_over_all_of_their_range_and_again(tmp_path, words):
    for trace in (
        synthesize(f"mlp:300-9-3+{words}", 2, 40, 0.3, seed=5),
        run_drawn(f"mlp:300-9-3+{words}", 2, 40, seed=5),
    ):
        low, high = trace.network.input.values
        values = trace.inputs.values.astype(np.int64)
        assert values.dtype != trace.inputs.values.dtype
        spread = high - low
        assert low <= values.min() <= low + spread // 100
        assert high - spread // 100 <= values.max() <= high
        assert abs(values.mean() - (low + high) / 2) < spread / 50
        write_trace(tmp_path / "t.npz", trace)
        assert verify(read_trace(tmp_path / "t.npz")).ok


@pytest.mark.parametrize("bits", [2, 5, 9])
def test_planes_in_twos_complement_are_compared_and_turned_as_integers_are(bits):
    rng = np.random.default_rng(bits)
    values = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (3, 6, 70))
    planes = [pack_integers(each, bits) for each in values]
    assert np.array_equal(max_planes(planes, signed=True), pack_integers(values.max(axis=0), bits))
    assert np.array_equal(magnitudes(planes[0]), pack_integers(abs(values[0]), bits))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bits": 17, "signed": False}, "layer 'input': wanted 1 to 16 input bits, found 17"),
        ({"bits": 1, "signed": True}, "layer 'input': wanted 2 to 16 signed input bits, found 1"),
    ],
)
def test_what_the_message_says(changes, message):
    assert refused(with_layer(signed_maps(), 0, **changes)) == message


def test_values_beyond_the_range_and_rates_and_first_spikes_below_zero_are_refused():
    network, _ = one_weight(4, [0])
    with pytest.raises(TraceError, match="inputs: wanted 4-bit integers, found -9"):
        make.direct(network, np.full((1, 1, 1, 1), -9), [0], 1)
    with pytest.raises(TraceError, match="inputs: wanted integers of int8, found int64 with values beyond them"):
        make.direct(network, np.full((1, 1, 1, 1), 200), [0], 1)
    with pytest.raises(TraceError, match="layer 'input': wanted an unsigned input for the coding 'rate', found a sig"):
        make.rate(network, np.zeros((1, 1, 1, 1)), [0], 1)
    with pytest.raises(UsageError, match="coding"):
        simulate("ttfs", make.direct(network, np.zeros((1, 1, 1, 1)), [0], 1))


@pytest.mark.parametrize("sides", [(1, 0, 0, 1), (1, 1, 1, 1)])
def test_a_padded_maximum_below_zero_is_that_of_what_is_there(sides, tmp_path):
    """Nothing is less than the lowest; readers of version 3 refuse it, so the file is of version 4."""
    sketch = Sketch((4, 4, 5), bits=4, signed=True)
    pooled = sketch.pool("max", kernel=2, stride=2, padding=sides)
    sketch.conv(4, kernel=2, padding=0, bits=3)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    trace = trace_of(sketch.network(), samples=2)
    values = activations(trace, pooled)
    found = activation_planes(trace, pooled)
    assert np.array_equal(np.broadcast_to(found, (4, 2, 3, *found.shape[3:])), planes_in_bits(values, 4))
    assert (values < 0).any()
    assert version_of(trace) == 4
    write_trace(tmp_path / "t.npz", trace)
    assert verify(read_trace(tmp_path / "t.npz")).ok
    _, logits = naive_execute(trace.network, trace.inputs.values[0], 3)
    assert trace.logits["recorded"].values[0].tolist() == logits
    assert_same_counts(cases.small(**ROOM), trace)


def planes_in_bits(values, n_planes):
    """Integers [sample, timestep, y, x, channel] in two's complement, as planes are packed."""
    flat = values.reshape(*values.shape[:2], -1, values.shape[4])
    return pack_integers(flat, n_planes)


def test_info_says_that_inputs_are_signed(tmp_path):
    write_trace(tmp_path / "t.npz", trace_of(signed_maps(12)))
    result = CliRunner().invoke(main, ["trace", "info", str(tmp_path / "t.npz")])
    assert "samples of 4x4x3, 12 bits, signed\n" in result.output
