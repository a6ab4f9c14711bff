"""Weights of 1 to 16 bits: how they are stored, drawn and refused, and what both machines count and compute of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from accelerators.digital import cases as digital
from accelerators.digital.reference import Twin
from accelerators.imc import cases
from accelerators.imc.functional_cases import SIGNS, live_trace, lossless, named
from accelerators.imc.test_counts import assert_same_counts
from accelerators.imc.test_functional import assert_same
from accelerators.imc.test_functional_devices import assert_equals_twin
from accelerators.test_widths import needed
from traces.direct.networks import Sketch, trace_of
from traces.direct.test_check import refused, with_layer

from hwsim import make, simulate
from hwsim.accelerators.digital import Machine as Digital
from hwsim.accelerators.imc import Machine
from hwsim.errors import UsageError
from hwsim.traces import SeededWeights, StoredWeights, read_trace, verify, write_trace
from hwsim.traces.manifest import version_of
from hwsim.traces.network.weights import pack_nibbles, unpack_nibbles, weight_values

ROOM = {"crossbar__columns": 35, "shift_add__bits": 48, "offset_corrector__bits": 48, "accumulator__bits": 48}
"""Columns for pairs of 16 cells of a bit beside a reference, and registers for all sums."""


@pytest.mark.parametrize("signs", SIGNS, ids=named)
@pytest.mark.parametrize(("cell_bits", "dac_bits"), [(1, 1), (2, 3), (4, 2)])
def test_crossbars_without_loss_give_the_golden_network_bit_for_bit(signs, cell_bits, dac_bits):
    trace = live_trace(cases.widths)
    drive = {"crossbar__cell_bits": cell_bits, "dac__bits": dac_bits, "rows_per_read": 3}
    run = Machine(lossless(**ROOM, **drive, **signs)).functional(trace)
    assert_same(trace, run.trace)
    assert run.clipped == 0


@pytest.mark.parametrize("signs", SIGNS, ids=named)
def test_cells_that_vary_and_codes_that_are_cut_equal_the_naive_model(signs):
    trace = live_trace(cases.widths, samples=1, extra=0)
    devices = {"devices__conductance_variation": 0.2, "devices__stuck_on": 0.05, "devices__full_scale": "rows"}
    assert_equals_twin(cases.small(**ROOM, **devices, **signs, adc__bits=4), trace)
    if signs.get("signs__correction") != "reference_column":
        assert_equals_twin(cases.small(**ROOM, **signs, adc__bits=3, devices__off_current="after_adc"), trace)


@pytest.mark.parametrize("signs", SIGNS, ids=named)
@pytest.mark.parametrize("cell_bits", [1, 3])
def test_crossbars_count_what_the_naive_model_counts(signs, cell_bits):
    trace = cases.random_trace(cases.widths(), timesteps=2, samples=1)
    options = {"read_energy": "value", "skip": "silent_rows", "crossbar__cell_bits": cell_bits}
    assert_same_counts(cases.small(**ROOM, **signs, **options), trace)


@pytest.mark.parametrize("skip", ["none", "gate", "skip"])
def test_the_array_counts_what_the_naive_model_counts(skip):
    trace = cases.random_trace(cases.widths(), timesteps=2, samples=1)
    room = {"mac__weight_bits": 16, "mac__sum_bits": 48, "ac__bits": 48, "neuron__membrane_bits": 32}
    spec = digital.variant(skip=skip, array__rows=4, array__columns=3, **room)
    found, wanted = cases.posted(Digital(spec).lower(trace)), Twin(spec, trace, "global_buffer").counts
    zero = np.zeros((1, 2), np.int64)
    assert all((found.get(key, zero) == wanted.get(key, zero)).all() for key in found.keys() | wanted.keys())


def one_bit(rows):
    """Weights of one bit over so many inputs, all that can be, before neurons."""
    sketch = Sketch((1, 1, rows), bits=1)
    sketch.linear(2**rows, bits=1)
    sketch.last.weights.values[0, 0] = [[1 - 2 * (c >> i & 1) for c in range(2**rows)] for i in range(rows)]
    sketch.linear(2, neuron=None)
    return make.direct(sketch.network(), np.ones((1, 1, 1, rows), np.uint8), [0], 1)


def test_a_weight_of_one_bit_is_one_cell_and_its_registers_hold_a_count_and_twice_that_less_all_rows():
    """Five driven rows hold 0 to 5 ones, 3 bits; twice that less 5 is -5 to 5, and 10 on the way there: 5 bits."""
    trace = one_bit(5)
    report = simulate(cases.PLAIN, trace, set={"crossbar.columns": 64})
    assert report.notes["crossbars in use"] == 2  # 32 outputs on 32 of 64 columns, and the classes
    assert needed("imc", trace, "shift_add.bits", 1) >= 3
    signs = ("crossbar.cell_bits=1", "crossbar.rows=32", "rows_per_read=32")
    assert needed("imc", trace, "offset_corrector.bits", 2, *signs) == 5


def test_weights_that_are_too_wide_for_a_multiplier_are_refused_with_the_bits():
    trace = cases.random_trace(cases.widths())
    assert needed("digital", trace, "mac.weight_bits", 8) == 13


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 9, 12, 16])
def test_drawn_weights_have_all_their_levels_alike(bits):
    values = weight_values(SeededWeights((3, 3, 50, 400), bits, 12))
    top = max((1 << (bits - 1)) - 1, 1)
    assert values.dtype == (np.int8 if bits <= 8 else np.int16)
    assert (values.min(), values.max()) == (-top, top) if bits < 13 else abs(int(values.max()) - top) < 9
    assert abs(float(values.mean())) < top / 50
    if bits == 1:
        assert set(values.reshape(-1).tolist()) == {-1, 1}
    else:
        assert 0.95 < (values > 0).sum() / (values < 0).sum() < 1.05
        wide = np.abs(values.astype(np.int64))
        assert 0.9 < wide.mean() / (top * (top + 1) / (2 * top + 1)) < 1.1


def test_weights_of_one_bit_lie_in_nibbles_as_their_sign_is_extended():
    values = np.array([[[[1, -1, -1]]]], np.int8)
    packed = pack_nibbles(values)
    assert packed.tolist() == [0xF1, 0x0F]
    assert np.array_equal(unpack_nibbles(packed, values.shape), values)


@pytest.mark.parametrize("compress", [False, True])
def test_a_file_keeps_them_in_version_3(tmp_path, compress):
    trace = trace_of(cases.widths())
    assert version_of(trace) == 3
    write_trace(tmp_path / "t.npz", trace, compress=compress)
    found = read_trace(tmp_path / "t.npz")
    for layer, kept in zip(trace.network, found.network, strict=True):
        if isinstance(weights := getattr(layer, "weights", None), StoredWeights):
            assert kept.weights.bits == weights.bits
            assert kept.weights.values.dtype == weights.values.dtype
            assert np.array_equal(kept.weights.values, weights.values)
    assert verify(found).ok


@pytest.mark.parametrize(
    ("bits", "values", "message"),
    [
        (1, np.int8(0), "wanted weights of -1 and 1 (1 bit), found zeros"),
        (1, np.int8(-2), "wanted weights from -1 to 1 (1 bit), found others"),
        (9, np.int8(1), "wanted int16 weights for 9 bits, found int8"),
        (9, np.int16(256), "wanted weights from -256 to 255 (9 bits), found others"),
        (8, np.int16(1), "wanted int8 weights for 8 bits, found int16"),
    ],
)
def test_what_the_message_says(bits, values, message):
    network = cases.widths()
    layer = network.layers[1]
    weights = dataclasses.replace(
        layer.weights, bits=bits, values=np.full(layer.weights.values.shape, values, values.dtype)
    )
    assert refused(with_layer(network, 1, weights=weights)) == f"layer 'conv1': {message}"


def test_a_machine_of_first_spikes_names_the_layer_and_the_bits():
    sketch = Sketch((1, 1, 2), bits=1)
    plain = dataclasses.replace(sketch.neuron(2), leak=1, leak_bits=0)
    sketch.linear(2, bits=9, neuron=plain)
    sketch.linear(2, neuron=None)
    trace = make.rate(sketch.network(), np.ones((1, 1, 1, 2), np.uint8), [0], 2)
    with pytest.raises(UsageError, match="layer 'fc1': the machine has weights of at most 8 bits, found 9"):
        simulate("ttfs", trace, set={"coding": "rate"})
