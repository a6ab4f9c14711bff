"""Bits that cross the edge of a chip for one inference, by hand for every coding."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from accelerators.imc import cases as layers
from traces.plastic import cases as plastic
from traces.sequence import networks as sequence
from traces.ttfs import cases as first_spikes

from hwsim import api
from hwsim.traces.codings import transferred_bits
from hwsim.traces.direct.rate import RateTrace

TRACES = Path(__file__).resolve().parents[2] / "traces"


def test_a_direct_coded_sample_crosses_once_at_its_bits():
    trace = layers.random_trace(layers.chain(), timesteps=3)  # 6 x 5 x 1 values of 2 bits, 4 classes
    moved = transferred_bits(trace)
    assert (moved.input_bits, moved.output_bits) == (60, 2)


def test_so_does_one_that_becomes_rates_on_the_chip():
    direct = layers.random_trace(layers.chain(), timesteps=3)
    values = {field.name: getattr(direct, field.name) for field in fields(RateTrace)}
    assert transferred_bits(RateTrace(**values)) == transferred_bits(direct)


def test_events_cross_by_their_addresses_or_all_values_where_that_is_less():
    trace = api.load_trace(TRACES / "events_digits.npz")
    source, values = trace.network.input, trace.inputs.values[: trace.n_samples]
    places = int(np.prod(source.shape))
    address = (places - 1).bit_length()
    word = address + (source.bits if source.bits > 1 else 0)
    by_address = (values != 0).sum() / trace.n_samples * word + trace.timesteps * address
    dense = trace.timesteps * places * source.bits
    found = transferred_bits(trace)
    assert found.input_bits == pytest.approx(min(by_address, dense), rel=1e-12)
    each = (values != 0).reshape(trace.n_samples, -1).sum(axis=1) * word
    assert by_address < dense
    assert found.input_error == pytest.approx(each.std(ddof=1) / trace.n_samples**0.5, rel=1e-9)
    busy = replace(trace, inputs=replace(trace.inputs, values=np.ones_like(trace.inputs.values)))
    assert transferred_bits(busy).input_bits == dense
    still = replace(trace, inputs=replace(trace.inputs, values=np.zeros_like(trace.inputs.values)))
    assert transferred_bits(still).input_bits == trace.timesteps * address


def test_first_spikes_cross_as_times_with_a_code_for_silence():
    trace = first_spikes.recorded(first_spikes.perceptron((12, 9, 8, 4)), 2)
    bits = 12 * trace.network.window.bit_length()  # 0 to T - 1 and silence are T + 1 codes
    assert 1 << trace.network.window.bit_length() >= trace.network.window + 1
    assert (transferred_bits(trace).input_bits, transferred_bits(trace).output_bits) == (bits, 2)


def test_a_sequence_crosses_element_by_element():
    trace = sequence.trace_of(sequence.network_of((5,), elements=4, features=3, classes=3))
    moved = transferred_bits(trace)
    assert (moved.input_bits, moved.output_bits) == (4 * 3 * trace.network.input_bits, 2)


def test_pixels_of_a_learning_network_are_bytes():
    network = plastic.network(None, pixels=70)
    parts = {name: plastic.part_of(network, name, np.zeros((2, 70), np.uint8)) for name in ("train", "test")}
    trace = plastic.unlearned(network, parts)
    moved = transferred_bits(trace)
    assert (moved.input_bits, moved.output_bits) == (560, (trace.n_classes - 1).bit_length())
