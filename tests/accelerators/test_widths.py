"""Every register of every machine: refused where it cannot hold what weights and inputs come to, with the bits needed.

What is needed is found here by brute force: the inputs that make a sum largest are put in, in plain Python.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from accelerators.imc import cases as imc
from contract.families import FAMILY
from traces.direct.networks import Sketch

from hwsim import accelerators, api
from hwsim.errors import ArchitectureError
from hwsim.traces.network.layers import Add, Conv2d, Linear
from hwsim.traces.network.ranges import added, current_ranges, signed_bits, sum_range
from hwsim.traces.network.weights import weights_of

CASES = Path(__file__).resolve().parents[1] / "cases"
NEEDS = re.compile(r"needs (\d+), the machine has (\d+); \S+=\1 is enough$")


def lowered(design, trace, *settings, baseline=None):
    architecture = api.load_architecture(imc.PLAIN if design == "imc" else design, settings)
    machine = accelerators.machine(architecture.machine)(architecture.spec).sized_for(trace, baseline)
    return machine.lower(trace) if baseline is None else machine.baseline(trace, baseline)


def needed(design, trace, key, low, *more, baseline=None):
    """The bits that a refusal of `low` bits asks for."""
    with pytest.raises(ArchitectureError) as caught:
        lowered(design, trace, f"{key}={low}", *more, baseline=baseline)
    message = str(caught.value)
    assert message.startswith(f"{key}: "), message
    found = NEEDS.search(message)
    assert int(found[2]) == low
    return int(found[1])


def residual_trace():
    return imc.random_trace(imc.residuals(), timesteps=2, samples=1)


def pooled_trace():
    sketch = Sketch((6, 6, 2), bits=4, seed=1)
    sketch.conv(5)
    sketch.pool("avg", kernel=3, stride=1)
    sketch.conv(4)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    return imc.random_trace(sketch.network(), timesteps=2, samples=1)


DIRECT = {"w8": lambda: api.load_trace(CASES / "w8.npz"), "residuals": residual_trace, "pooled": pooled_trace}
WIDTHS = [
    ("imc", "w8", "accumulator.bits", 1),
    ("imc", "w8", "shift_add.bits", 1),
    ("imc", "w8", "offset_corrector.bits", 1),
    ("imc", "w8", "neuron.membrane_bits", 4),
    ("imc", "w8", "neuron.leak_bits", 1),
    ("imc", "residuals", "pooling.bits", 1),
    ("imc", "pooled", "pooling.bits", 1),
    ("imc", "residuals", "accumulator.bits", 2),
    ("digital", "w8", "mac.sum_bits", 1),
    ("digital", "w8", "mac.weight_bits", 2),
    ("digital", "w8", "mac.input_bits", 1),
    ("digital", "w8", "ac.bits", 1),
    ("digital", "residuals", "pooling.bits", 1),
    ("digital", "pooled", "pooling.bits", 1),
    ("digital", "w8", "neuron.membrane_bits", 4),
]


@pytest.mark.parametrize(("design", "trace", "key", "low"), WIDTHS)
def test_a_register_that_is_a_bit_too_narrow_is_refused_and_the_bits_asked_for_are_enough(design, trace, key, low):
    trace = DIRECT[trace]()
    bits = needed(design, trace, key, low)
    # Another layer may need more, and says so.
    while True:
        try:
            lowered(design, trace, f"{key}={bits}")
            break
        except ArchitectureError as error:
            found = NEEDS.search(str(error))
            assert found and int(found[1]) > bits, error
            bits = int(found[1])
    assert needed(design, trace, key, bits - 1) == bits


def test_sums_of_the_example_need_20_bits():
    assert needed("imc", DIRECT["w8"](), "accumulator.bits", 1) == 20


@pytest.mark.parametrize("seed", range(30))
def test_the_range_of_sums_is_reached_by_inputs_and_left_by_none(seed):
    rng = np.random.default_rng(seed)
    sketch = Sketch((4, 4, int(rng.integers(1, 4))), bits=int(rng.integers(1, 9)), seed=seed)
    sketch.conv(int(rng.integers(1, 6)), kernel=int(rng.integers(1, 4)), padding=0)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    network = sketch.network()
    for layer in network:
        if not isinstance(layer, Conv2d | Linear):
            continue
        largest = network.max_value(layer.inputs[0])
        weights = weights_of(layer).reshape(-1, layer.shape[2]).astype(int).tolist()
        low, high = sum_range(layer, largest)
        extremes = []
        for channel in range(layer.shape[2]):
            column = [row[channel] for row in weights]
            extremes.append(sum(w * (largest if w > 0 else 0) for w in column))
            extremes.append(sum(w * (largest if w < 0 else 0) for w in column))
            for _ in range(20):
                sums, order = 0, rng.permutation(len(column))
                for i in order:
                    sums += column[i] * int(rng.integers(0, largest + 1))
                    assert low <= sums <= high
        assert (min(extremes), max(extremes)) == (low, high)


@pytest.mark.parametrize(
    ("low", "high"), [(0, 0), (0, 1), (0, 255), (-1, 0), (-1, 1), (-128, 127), (-129, 127), (-3, 9)]
)
def test_bits_of_a_range(low, high):
    bits = signed_bits(low, high)

    def holds(width):
        return low >= 0 and high < 1 << width if low == 0 else -(1 << width >> 1) <= low and high < 1 << width >> 1

    assert holds(bits)
    assert bits == 0 or not holds(bits - 1)


def test_sums_of_currents_add_up_with_their_gains():
    network = imc.residuals()
    ranges = current_ranges(network)
    adds = [layer for layer in network if isinstance(layer, Add)]
    kinds = {tuple(network.gives_currents(name) for name in layer.inputs) for layer in adds}
    assert kinds == {(True, False), (True, True), (False, False)}
    for layer in adds:
        wanted = [0, 0]
        for gain, name in zip(layer.gains, layer.inputs, strict=True):
            ends = sorted(gain * end for end in ranges.get(name, (0, 1)))
            wanted = [wanted[0] + ends[0], wanted[1] + ends[1]]
        assert list(added(layer, network, ranges)) == wanted


def test_what_multiplies_without_spikes_holds_products_of_its_activations():
    trace = DIRECT["pooled"]()
    bits = needed("digital", trace, "mac.sum_bits", 14, baseline="ann")
    lowered("digital", trace, f"mac.sum_bits={max(bits, 20)}", baseline="ann")
    assert needed("digital", trace, "mac.sum_bits", 6) < bits


def decided(logits_of):
    """A trace whose samples leave early, with its logits' scale."""
    trace = logits_of()
    values = np.zeros((trace.n_samples, trace.timesteps, 5), np.int32)
    return imc.with_logits(trace, values, np.zeros(trace.n_samples, np.int64))


@pytest.mark.parametrize(
    ("key", "low", "wanted"),
    [
        ("fifo_depth", 2, 5),
        ("exponent_entries", 128, 256),
        ("logarithm_entries", 128, 256),
        ("exponent_bits", 16, 17),
        ("logarithm_bits", 7, 8),
        ("accumulator_bits", 4, None),
    ],
)
def test_the_unit_that_decides_holds_its_tables_classes_and_logits(key, low, wanted):
    sketch = Sketch((4, 4, 1), bits=2, seed=2)
    sketch.flatten()
    sketch.linear(6)
    sketch.linear(5, neuron=None)
    trace = decided(lambda: imc.random_trace(sketch.network(), timesteps=3, samples=2))
    whole = f"early_exit.unit.{key}"
    found = needed("imc", trace, whole, low, "early_exit.threshold=0.5")
    if wanted is None:
        low_logit, high_logit = current_ranges(trace.network)[trace.network.output.name]
        wanted = signed_bits(3 * low_logit, 3 * high_logit)
    assert found == wanted
    lowered("imc", trace, f"{whole}={low}", "early_exit.threshold=never")


@pytest.mark.parametrize(("key", "low"), [("mac.sum_bits", 3), ("ac.bits", 3), ("readout.bits", 2), ("state.bits", 2)])
def test_the_lstms_registers(key, low):
    trace = FAMILY["sequence"].trace("two layers")
    bits = needed("lstm", trace, key, low)
    assert needed("lstm", trace, key, bits - 1) >= bits


def test_first_spikes_decision_and_store():
    trace = FAMILY["ttfs"].trace("perceptron")
    assert needed("ttfs", trace, "decision.bits", 8) == api.load_architecture("ttfs").spec.pe.potential_bits
    bits = needed("ttfs", trace, "spikes.port_bits", 1, "spikes.capacity_kib=16")
    names = {layer.name: layer for layer in trace.network.network}
    channels = max(names[name].shape[2] for name in [trace.network.network.input.name, *list(trace.times)[:-1]])
    ticks = (trace.network.window - 1).bit_length()
    assert bits <= (channels - 1).bit_length() + ticks
    lowered("ttfs", trace, f"spikes.port_bits={(channels - 1).bit_length() + ticks}")


def test_the_learning_cores_readout_counts_all_spikes_of_a_presentation():
    trace = FAMILY["plastic"].trace("lively")
    bits = needed("stdp", trace, "readout.bits", 2)
    lowered("stdp", trace, f"readout.bits={bits}")
    coding, neurons = trace.network.coding, trace.network.neurons
    steps = coding.present_steps + coding.rest_steps
    most = neurons.count * -(-steps // (neurons.refractory_steps + 1))
    assert bits == most.bit_length()


def test_a_sum_that_is_corrected_has_a_sign():
    trace = DIRECT["w8"]()
    assert needed("imc", trace, "offset_corrector.bits", 1) == needed("imc", trace, "shift_add.bits", 1) + 1


def one_read(weight):
    """A classifier of 64 binary inputs whose weights are all the same, of 4 bits."""
    sketch = Sketch((1, 1, 64), bits=1)
    sketch.linear(5, neuron=None)
    values = np.full((1, 1, 64, 5), weight, np.int8)
    sketch.layers[-1] = replace(sketch.last, weights=replace(sketch.last.weights, values=values))
    return imc.random_trace(sketch.network(), timesteps=2, samples=2)


@pytest.mark.parametrize(("adc_bits", "least"), [(12, 0), (8, 255 - 8 * 64), (4, 15 - 8 * 64)])
def test_codes_that_are_cut_less_the_whole_offset(adc_bits, least):
    """All rows driven: 960 levels of weights stored as 15, the ADC's highest code, less the offset of every row."""
    trace, adc = one_read(7), f"adc.bits={adc_bits}"
    highest = min(960, (1 << adc_bits) - 1)
    assert needed("imc", trace, "offset_corrector.bits", 1, adc) == signed_bits(least, highest)


def test_weights_that_are_all_negative_need_what_they_come_to():
    assert needed("imc", one_read(-8), "offset_corrector.bits", 1) == signed_bits(-8 * 64, 0)


def test_a_currents_bias_is_in_the_accumulators():
    sketch = Sketch((1, 1, 6), bits=1)
    sketch.linear(4)
    sketch.linear(3, neuron=None)
    sketch.layers[-1] = replace(sketch.last, bias=np.full(3, 1 << 20, np.int32))
    assert needed("digital", imc.random_trace(sketch.network(), timesteps=2, samples=1), "ac.bits", 17) == 22


def test_both_products_of_an_lstm_and_their_shifts_are_in_the_accumulators():
    trace = FAMILY["sequence"].trace("two layers")
    most = 0
    for number, layer in enumerate(trace.network.layers):
        largest = 1 << (trace.network.input_bits - 1) if number == 0 else 1
        for gate, name in enumerate(("input", "forget", "candidate", "output")):
            units = layer.units[name]
            for unit in range(layer.n_hidden):
                own = sum(abs(int(w)) for w in layer.input_weights[gate, :, unit]) * largest << units.input_shift
                hidden = sum(abs(int(w)) for w in layer.hidden_weights[gate, :, unit]) << units.hidden_shift
                most = max(most, own + hidden + abs(int(units.bias[unit])))
    bits = most.bit_length() + 1
    lowered("lstm", trace, f"ac.bits={bits}")
    assert needed("lstm", trace, "ac.bits", bits - 1) == bits
