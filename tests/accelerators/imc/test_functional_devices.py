"""The functional mode with converters that clip and cells that err: a naive twin, statistics, seeds, accuracy."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from accelerators.imc import cases
from accelerators.imc.functional_cases import SIGNS, assert_equals_twin, live_trace, lossless, named
from numba import config

from hwsim import api
from hwsim.accelerators.imc import Machine
from hwsim.accelerators.imc.functional.cells import cells_of
from hwsim.accelerators.imc.functional.run import CrossbarProducts
from hwsim.kernels.counter_rng import random_words
from hwsim.kernels.crossbar.read_noise import noise
from hwsim.traces.network.layers import Conv2d, Linear, StoredWeights
from hwsim.traces.network.raw_input import multiplies_input
from hwsim.traces.planes import unpack_channels
from hwsim.traces.slicing import first

TRACES = Path(__file__).resolve().parents[3] / "traces"
DEVICES = (
    {},
    {"conductance_variation": 0.3},
    {"stuck_on": 0.1, "stuck_off": 0.2},
    {"read_noise_levels": 0.8},
    {"off_current": "after_adc"},
    {"conductance_variation": 0.1, "stuck_off": 0.05, "read_noise_levels": 0.3, "off_current": "after_adc", "seed": 7},
)
DRIVES = (
    {"adc__bits": 2, "rows_per_read": 8, "dac__bits": 1, "placement": "im2col"},
    {"adc__bits": 3, "rows_per_read": 3, "dac__bits": 2, "placement": "kernel_split"},
    {"adc__bits": 4, "rows_per_read": 8, "dac__bits": 3, "placement": "im2col", "direct_input": "once"},
)
RULES = ("level", "rows", 2)


@pytest.mark.parametrize("signs", SIGNS, ids=named)
@pytest.mark.parametrize("number", range(len(DEVICES)))
def test_every_error_equals_the_naive_model(signs, number):
    trace = live_trace(cases.chain, samples=1, extra=1)
    clipped = 0.0
    for turn, drive in enumerate(DRIVES):
        devices = {f"devices__{key}": value for key, value in DEVICES[number].items()}
        if signs.get("signs__correction") == "reference_column":
            devices.pop("devices__off_current", None)
        rule = RULES[(turn + number) % len(RULES)]
        skip = ("silent_rows", "none")[(turn + number) % 2]
        spec = cases.small(**drive, **signs, **devices, devices__full_scale=rule, skip=skip)
        ours = assert_equals_twin(spec, trace)
        clipped += ours.notes["conversions clipped"]
    assert clipped > 0


@pytest.mark.parametrize("network", [cases.convolutions, cases.residuals, cases.flattened_input])
def test_groups_pools_and_residuals_equal_the_naive_model(network):
    trace = live_trace(network, samples=1, extra=0)
    spec = cases.small(adc__bits=4, devices__conductance_variation=0.2, dac__bits=2, rows_per_read=5)
    assert_equals_twin(spec, trace)


def test_columns_added_within_a_pe_equal_the_naive_model():
    trace = live_trace(cases.convolutions, samples=1, extra=0)
    spec = cases.small(
        adc__bits=4,
        placement="kernel_split",
        skip="none",
        assumptions__conversion="pe",
        devices__conductance_variation=0.2,
        devices__full_scale="rows",
    )
    assert_equals_twin(spec, trace)


def test_currents_too_large_for_the_narrow_kernel_equal_the_naive_model():
    trace = live_trace(cases.chain, samples=1, extra=0)
    spec = cases.small(crossbar__r_on_ohm=199e3, devices__off_current="after_adc", adc__bits=10)
    assert_equals_twin(spec, trace)


def many_cells(n=60_000, weight=3, bits=4):
    values = np.full((1, 1, n // 10, 10), weight, np.int8)
    return Linear("fc", ("input",), (1, 1, 10), StoredWeights(values, bits, np.ones(10, np.float32)), None, None)


def test_conductances_vary_by_sigma_over_mu_of_each_level():
    for sigma in (0.05, 0.3):
        spec = cases.variant(devices__conductance_variation=sigma)
        for weight in (-8, 3):
            cells = cells_of(spec, many_cells(weight=weight), 10)
            off = 15 * 0.1 / 0.9  # levels, of 200 kOhm beside 20 kOhm
            mean = weight + 8 + off
            found = cells.currents / 2.0**cells.fraction_bits + off
            assert found.mean() == pytest.approx(mean, abs=5 * sigma * mean / 60_000**0.5 + 1 / 512)
            assert found.std() == pytest.approx(sigma * mean, rel=0.02)
            assert found.min() >= -1 / 512  # the current of a cell that is off was rounded
            within = np.abs(found - mean) < sigma * mean
            assert within.mean() == pytest.approx(0.6827, abs=0.01)  # normal, to a percent


def test_so_many_cells_are_stuck():
    spec = cases.variant(devices__stuck_on=0.02, devices__stuck_off=0.05)
    levels = cells_of(spec, many_cells(weight=3), 10).currents
    share = {
        int(level): count / levels.size for level, count in zip(*np.unique(levels, return_counts=True), strict=True)
    }
    assert set(share) == {0, 11, 15}
    assert share[15] == pytest.approx(0.02, abs=5 * (0.02 / 60_000) ** 0.5)
    assert share[0] == pytest.approx(0.05, abs=5 * (0.05 / 60_000) ** 0.5)


def test_read_noise_is_a_function_of_its_counter():
    counters = np.arange(20_000, dtype=np.uint64)
    words = random_words(12345, counters).astype("<u8").view("<u2").reshape(-1, 4).astype(np.int64)
    wanted = words.sum(axis=1) - 131_070
    found = np.array([noise(np.uint64(12345), counter) for counter in range(20_000)])
    assert (found == wanted).all()
    assert found.std() == pytest.approx(2**16 / 3**0.5, rel=0.02)
    assert abs(found.mean()) < 5 * found.std() / 20_000**0.5


def test_the_same_seed_is_the_same_hardware_and_another_is_not():
    trace = live_trace(cases.convolutions)
    runs = [
        Machine(lossless(devices__conductance_variation=0.3, devices__seed=seed)).functional(trace).trace
        for seed in (1, 1, 2)
    ]
    first_run, again, other = (run.logits["test"].values for run in runs)
    assert (first_run == again).all()
    assert (first_run != other).any()


def test_cells_do_not_depend_on_where_they_lie():
    layer = many_cells(n=400)
    spec = {"devices__conductance_variation": 0.2}
    one, other = (cells_of(cases.small(**spec, placement=rule), layer, 2) for rule in ("im2col", "kernel_split"))
    assert (one.currents == other.currents).all()
    assert isinstance(layer, Linear) and not isinstance(layer, Conv2d)


def accuracies(trace, seeds, **changes):
    machines = (Machine(cases.variant(**changes, devices__seed=seed)) for seed in range(seeds))
    return np.array([machine.functional(trace).notes["accuracy of this hardware"] for machine in machines])


@pytest.fixture(scope="module")
def digits():
    """Some raw inputs of the MNIST trace, for one timestep."""
    trace = first(api.load_trace(TRACES / "mnist_dietsnn.npz"), samples=8, timesteps=1)
    some = {field: getattr(trace.inputs, field)[:200] for field in ("values", "labels", "sample_ids")}
    return replace(trace, inputs=replace(trace.inputs, **some))


@pytest.mark.skipif(config.DISABLE_JIT, reason="minutes without the compiler")
def test_accuracy_grows_with_the_bits_of_the_adc(digits):
    """Within two standard errors of a mean over five chips with cells that vary."""
    found = [accuracies(digits, 5, adc__bits=bits, devices__conductance_variation=0.05) for bits in (4, 5, 6, 7, 8)]
    for fewer, more in itertools.pairwise(found):
        noise_of_both = ((fewer.var() + more.var()) / 5 + 2 * 0.25 / 200) ** 0.5
        assert more.mean() >= fewer.mean() - 2 * noise_of_both
    assert found[-1].mean() > found[0].mean() + 0.3


@pytest.mark.skipif(config.DISABLE_JIT, reason="minutes without the compiler")
def test_accuracy_falls_with_variation(digits):
    found = [accuracies(digits, 5, devices__conductance_variation=sigma) for sigma in (0.0, 0.1, 0.3)]
    assert np.unique(found[0]).size == 1  # no cell is drawn, so the seed says nothing
    assert found[0].mean() >= found[1].mean() >= found[2].mean()
    assert found[0].mean() > found[2].mean() + 0.02


@pytest.mark.skipif(config.DISABLE_JIT, reason="minutes without the compiler")
@pytest.mark.parametrize("direct_input", ["every_step", "once"])
@pytest.mark.parametrize("name", ["fashion_dietsnn", "mnist_dietsnn"])
def test_the_share_of_clipped_conversions_counts_each_conversion_as_often_as_it_is_made(name, direct_input):
    """Every layer's conversions by themselves, each at every timestep at which the hardware makes them."""
    trace = first(api.load_trace(TRACES / f"{name}.npz"), samples=4).with_inputs(4)
    spec = cases.variant(adc__bits=6, direct_input=direct_input)
    found = Machine(spec).functional(trace)
    conversions = clipped = 0
    for sample in range(4):
        for t in range(trace.timesteps):
            for layer_name, layer in CrossbarProducts(spec, trace.network).layers.items():
                step = trace.network[layer_name]
                direct = multiplies_input(trace.network, step)
                if direct and direct_input == "once" and t:
                    continue
                layer.read(activations_of(found.trace, step, sample, t), sample, t)
                conversions, clipped = conversions + int(layer.counts[0]), clipped + int(layer.counts[1])
    assert found.clipped == clipped / conversions
    assert 0.05 < found.clipped < 0.5


def activations_of(trace, layer, sample, t):
    """What a layer reads at one timestep: int32 [1, y, x, channel]."""
    source = trace.network[layer.inputs[0]]
    flat = source.name if source.name not in trace.spikes and source.inputs else None
    name = source.inputs[0] if flat else source.name
    if name == trace.network.input.name:
        values = trace.inputs.values[sample : sample + 1].astype(np.int32)
    else:
        packed = trace.spikes[name]
        bits = unpack_channels(packed.words[sample : sample + 1, t], packed.shape[2])
        values = bits.reshape(1, *packed.shape).astype(np.int32)
    return values.reshape(1, *source.shape)


@pytest.mark.skipif(config.DISABLE_JIT, reason="minutes without the compiler")
@pytest.mark.parametrize(
    ("name", "bits", "percent"),
    [
        ("fashion_dietsnn", 6, 27.5),
        ("fashion_dietsnn", 7, 14.1),
        ("fashion_dietsnn", 8, 0.179),
        ("mnist_dietsnn", 6, 15.7),
        ("mnist_dietsnn", 7, 4.24),
        ("mnist_dietsnn", 8, 0.152),
    ],
)
def test_shares_of_the_shipped_traces_on_all_raw_inputs(name, bits, percent):
    """Recounted apart from this code; the weight of the input layer alone would make them half as large."""
    found = Machine(cases.variant(adc__bits=bits)).functional(api.load_trace(TRACES / f"{name}.npz"))
    assert 100 * found.clipped == pytest.approx(percent, rel=5e-3)
