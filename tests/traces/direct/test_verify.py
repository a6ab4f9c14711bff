"""Verification finds every bit that differs from a second computation, and says where the first is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from traces.direct.networks import small_network, trace_of

from hwsim.errors import TraceError
from hwsim.traces import Logits, PackedSpikes, SeededWeights
from hwsim.traces.codings import verify
from hwsim.traces.direct.synth import synthesize


@pytest.fixture
def trace():
    return trace_of(small_network(), samples=3, timesteps=3, extra=2)


def test_a_true_trace_verifies_in_all_arrays(trace):
    found = verify(trace)
    assert found.ok
    assert found.method == "execution"
    assert found.samples == 5
    assert set(found.arrays) == {f"{name}/spikes" for name in trace.spikes} | {"logits/recorded", "logits/test"}
    assert found.arrays["conv1/spikes"].compared == 3 * 3 * 36 * 20
    assert found.arrays["logits/test"].compared == 5 * 3 * 10


def test_flipped_spikes_are_counted_and_placed(trace):
    words = trace.spikes["conv1"].words.copy()
    words[1, 2, 7, 0] ^= np.uint64(1 << 13)
    words[2, 0, 0, 0] ^= np.uint64(0b11)
    spikes = {**trace.spikes, "conv1": PackedSpikes(words, trace.spikes["conv1"].shape)}
    found = verify(dataclasses.replace(trace, spikes=spikes))
    assert not found.ok
    assert found.arrays["conv1/spikes"].differing == 3
    assert found.arrays["conv1/spikes"].first == (1, 2, 1, 1, 13)
    assert all(mismatch.differing == 0 for name, mismatch in found.arrays.items() if name != "conv1/spikes")


def test_a_wrong_logit_of_a_larger_set_is_found_at_its_row(trace):
    test = trace.logits["test"]
    values, ids = test.values.copy(), np.concatenate([[9999], test.sample_ids])
    values[4, 1, 7] += 1
    longer = Logits(
        np.concatenate([values[:1], values]), test.scale, np.append(test.labels[:1], test.labels), ids, "test"
    )
    found = verify(dataclasses.replace(trace, logits={**trace.logits, "test": longer}))
    assert found.arrays["logits/test"].differing == 1
    assert found.arrays["logits/test"].first == (5, 1, 7)
    assert found.arrays["logits/test"].compared == 5 * 3 * 10


def test_sample_ids_of_another_split_are_other_samples(trace):
    other = dataclasses.replace(trace.logits["test"], values=trace.logits["test"].values + np.int32(1), split="train")
    found = verify(dataclasses.replace(trace, logits={**trace.logits, "calibration": other}))
    assert found.ok
    assert "logits/calibration" not in found.arrays


def test_a_changed_weight_is_noticed(trace):
    trace.network["conv1"].weights.values[1, 1, 0] = 0
    assert not verify(trace).ok


def test_without_inputs_or_recipe_nothing_can_be_verified(trace):
    with pytest.raises(TraceError, match="wanted raw inputs to execute or a recipe to draw again, found neither"):
        verify(dataclasses.replace(trace, inputs=None))


def test_a_synthetic_trace_is_drawn_again():
    trace = synthesize("mlp:40-30-10", 3, 2, 0.3, seed=5)
    found = verify(trace)
    assert found.ok
    assert found.method == "regeneration"
    assert found.arrays["fc1/spikes"].compared > 0


def test_a_synthetic_trace_that_was_changed_is_noticed():
    trace = synthesize("mlp:40-30-10", 3, 2, 0.3, seed=5)
    words = trace.spikes["fc1"].words.copy()
    words[1, 0, 0, 0] ^= np.uint64(4)
    changed = dataclasses.replace(trace, spikes={"fc1": PackedSpikes(words, (1, 1, 30))})
    assert verify(changed).arrays["fc1/spikes"].first == (1, 0, 0, 0)
    fc1 = trace.network["fc1"]
    reseeded = dataclasses.replace(fc1, weights=SeededWeights(fc1.weights.shape, 4, 1))
    network = type(trace.network)(tuple(reseeded if layer is fc1 else layer for layer in trace.network.layers))
    assert verify(dataclasses.replace(trace, network=network)).arrays["manifest"].differing == 1
