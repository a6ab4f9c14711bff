"""Signed spikes in a trace: neurons by hand, how they are stored, drawn and described, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from traces.direct.networks import Sketch, trace_of
from traces.direct.test_check import refused

from hwsim import make
from hwsim.cli import main
from hwsim.errors import TraceError, UsageError
from hwsim.traces import Network, neuron_of, read_trace, verify, write_trace
from hwsim.traces.direct.golden import execute
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.manifest import version_of
from hwsim.traces.slicing import first
from hwsim.traces.trace import PackedSpikes


def one_neuron(weight=1, readout=None, **changes):
    """A signed input over time, one weight, one neuron of threshold 3, and its spike or membrane as the logit."""
    sketch = Sketch((1, 1, 1), bits=5, over_time=True, signed=True)
    given = {"leak": 1, "leak_bits": 0, "v_threshold": np.array([3]), "fraction_bits": 0, "signed": True} | changes
    sketch.linear(1, bits=5, neuron=replace(sketch.neuron(1), **given))
    sketch.last.weights.values[:] = weight
    if readout is None:
        sketch.linear(1, neuron=None)
        sketch.last.weights.values[:] = 1
    else:
        sketch.readout(readout)
    return sketch.network()


def given(network, *values):
    inputs = np.array(values, np.int8).reshape(1, -1, 1, 1, 1)
    return execute(network, inputs, len(values)).logits[0, :, 0].tolist()


@pytest.mark.parametrize(
    ("changes", "values", "spikes"),
    [
        ({}, (-3, -1, 0, 4, 0), (0, -1, 0, 0, 0)),  # -3 is not below -3; -4 leaves -1; -1, 3, 3
        ({"fires_at_threshold": True}, (-3, -1, 0, 4, 0), (-1, 0, 0, 1, 0)),  # 0; -1; -1; 3 leaves 0; 0
        ({"reset": "hard", "v_reset": -2}, (-9, -2, 9, 0), (-1, -1, 1, 0)),  # -2; -4: -2; 7: -2; -2
        ({"reset": "none"}, (-4, 1, 0, 9), (-1, 0, 0, 1)),  # -4, -3, -3, 6
        ({"delayed_reset": True}, (-9, 0, 0, 0), (-1, -1, 0, 0)),  # -9; -9 + 3 = -6; -6 + 3 = -3
        ({"delayed_reset": True, "reset": "hard", "v_reset": 1}, (-9, -5, 0), (-1, -1, 0)),  # -9; 1 - 5; 1
        ({"delayed_reset": True, "reset": "hard", "reset_after_sum": True}, (-9, -9, -9), (-1, 0, -1)),
        ({"feedback": np.array([5])}, (-4, 0, 0, 4, 9), (-1, -1, -1, -1, 0)),  # -1; -6: -3; -8: -5; -6: -3; 1
        ({"leak": 1, "leak_bits": 1}, (-5, -3, 3), (-1, -1, 0)),  # -2; (-2 + 1 >> 1) - 3 + 3 = -1; (-1 + 1 >> 1) + 3
    ],
)
def test_neurons_by_hand(changes, values, spikes):
    assert given(one_neuron(**changes), *values) == list(spikes)


def test_the_lowest_membrane_saturates_and_fires_below():
    """4 bits: -8 is the lowest, below -7 and not above 7."""
    network = one_neuron(v_threshold=np.array([7]), membrane_bits=4)
    assert given(network, -16, -16, 15) == [-1, -1, 0]


def test_readouts_count_down_and_give_what_membranes_changed_by():
    assert given(one_neuron(readout="spikes"), -4, 0, 9, 0) == [-1, 0, 1, 1]
    assert given(one_neuron(readout="membrane"), -4, 0, 9, 0) == [-1, 0, 6, -3]


def signed_trace():
    sketch = Sketch((4, 4, 2), bits=3, signed=True)
    sketch.conv(70, neuron=replace(sketch.neuron(70), signed=True))
    sketch.pool("max", kernel=2, stride=2, padding=1)
    sketch.flatten()
    sketch.linear(6, neuron=replace(sketch.neuron(6), signed=True, fires_at_threshold=True))
    sketch.readout(votes=2)
    return trace_of(sketch.network(), samples=3, timesteps=3)


def test_a_file_keeps_both_arrays_and_says_which_differs(tmp_path):
    trace = signed_trace()
    for packed in trace.spikes.values():
        assert packed.negative.any() and (packed.words & ~packed.negative).any()
    assert version_of(trace) == 4
    write_trace(tmp_path / "t.npz", trace)
    again = read_trace(tmp_path / "t.npz")
    assert verify(again).ok
    assert again.network.layers[1].neuron.signed
    few = first(again, samples=2, timesteps=2)
    for name, packed in trace.spikes.items():
        for field, words in packed.arrays().items():
            assert np.array_equal(words, again.spikes[name].arrays()[field])
            assert np.array_equal(words[:2, :2], few.spikes[name].arrays()[field])
    name, packed = next(iter(trace.spikes.items()))
    turned = replace(packed, negative=packed.words & ~packed.negative)
    write_trace(tmp_path / "t.npz", replace(trace, spikes=trace.spikes | {name: turned}))
    found = verify(read_trace(tmp_path / "t.npz")).arrays
    assert found[f"{name}/negative"].differing == int(np.bitwise_count(packed.words).sum())
    assert not found[f"{name}/spikes"].differing


def test_negative_spikes_that_are_none_are_refused(tmp_path):
    trace = signed_trace()
    packed = trace.spikes["conv1"]
    more = replace(packed, negative=packed.negative | ~packed.words & np.uint64(1))
    message = r"array 'conv1/negative': wanted only bits of 'conv1/spikes', found others$"
    for wrong, why in ((more, message), (replace(packed, negative=None), "conv1/negative")):
        with pytest.raises(TraceError, match=why):
            write_trace(tmp_path / "t.npz", replace(trace, spikes=trace.spikes | {"conv1": wrong}))
    plain = trace_of(Network(tuple(unsigned(layer) for layer in trace.network)))
    with pytest.raises(TraceError, match="conv1/negative"):
        write_trace(tmp_path / "t.npz", replace(plain, spikes=plain.spikes | {"conv1": packed}))


def unsigned(layer):
    return layer if neuron_of(layer) is None else replace(layer, neuron=replace(layer.neuron, signed=False))


def test_a_threshold_of_zero_is_refused():
    message = refused(one_neuron(v_threshold=np.array([0])))
    assert message == "layer 'fc1': wanted v_threshold of 1 or more for signed spikes, found 0"


def test_half_of_the_spikes_at_a_rate_are_negative_and_fewer_are_a_prefix():
    trace = synthesize("mlp:20-4000-4+signed-spikes", 5, 3, 0.25, seed=3)
    packed = trace.spikes["fc1"]
    fired, negative = (int(np.bitwise_count(words).sum()) for words in packed.arrays().values())
    assert not (packed.negative & ~packed.words).any()
    assert abs(fired / 60_000 - 0.25) < 0.01
    assert abs(negative / fired - 0.5) < 0.02
    assert trace.spike_rates() == {"fc1": fired / 60_000}
    fewer = synthesize("mlp:20-4000-4+signed-spikes", 4, 2, 0.25, seed=3).spikes["fc1"]
    assert np.array_equal(fewer.negative, packed.negative[:2, :4])
    steady = synthesize("mlp:20-4000-4+signed-spikes", 4, 2, 0.25, seed=3, steady=True).spikes["fc1"]
    assert (steady.negative == steady.negative[:, :1]).all()


def test_info_says_that_spikes_are_signed(tmp_path):
    write_trace(tmp_path / "t.npz", signed_trace())
    shown = CliRunner().invoke(main, ["trace", "info", "--full", str(tmp_path / "t.npz")]).output
    assert "signed spikes" in " ".join(shown.split())
    assert "format version 4" in shown
    assert "conv1/negative" in shown


def test_nir_has_no_such_neurons(tmp_path):
    pytest.importorskip("nir")
    write_trace(tmp_path / "t.npz", make.events(one_neuron(), np.zeros((1, 2, 1, 1, 1), np.int8), [0]))
    found = CliRunner().invoke(main, ["trace", "to-nir", str(tmp_path / "t.npz"), str(tmp_path / "t.nir")])
    assert found.exit_code == 2
    assert "layer 'fc1': has neurons that also fire -1, which no NIR node does" in " ".join(found.stderr.split())


def test_words_are_joined_and_cut_together():
    packed = PackedSpikes(
        np.arange(6, dtype=np.uint64).reshape(2, 3, 1, 1), (1, 1, 4), np.zeros((2, 3, 1, 1), np.uint64)
    )
    both = PackedSpikes.joined([packed, packed.first(1)])
    assert both.words.shape == both.negative.shape == (3, 3, 1, 1)
    assert packed.first(1, 2).negative.shape == (1, 2, 1, 1)
    assert packed.planes(slice(1, 2)).shape == (2, 1, 3, 1, 1)


def test_a_word_that_is_said_otherwise_is_refused():
    with pytest.raises(UsageError, match="with: wanted signed-spikes, found 'signed-spikes=1'"):
        synthesize("mlp:9-8-4+signed-spikes=1", 1, 1, 0.5)


def test_a_network_knows_whether_any_fire_both():
    network = one_neuron()
    assert network.has_signed_spikes and network.fires_both("fc1") and network.bits("fc1") == 2
    plain = Network(tuple(replace(each, neuron=None) if each.name == "fc1" else each for each in network))
    assert not plain.has_signed_spikes
