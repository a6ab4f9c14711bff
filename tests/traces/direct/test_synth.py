"""Synthetic traces have the stated rates and shapes, and the same arguments give the same bytes."""

from __future__ import annotations

import numpy as np
import pytest

from hwsim.errors import UsageError
from hwsim.traces import SeededWeights, StoredWeights, read_trace, weights_of, write_trace
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.network.standard import GEOMETRIES
from hwsim.traces.network.weights import weight_values


@pytest.mark.parametrize("geometry", [name for name in GEOMETRIES if "imagenet" not in name])
def test_every_geometry_is_a_trace_that_can_be_written(tmp_path, geometry):
    trace = synthesize(geometry, 2, 1, 0.1)
    write_trace(tmp_path / "t.npz", trace)
    again = read_trace(tmp_path / "t.npz")
    assert again.provenance == trace.provenance
    for name, packed in trace.spikes.items():
        assert np.array_equal(again.spikes[name].words, packed.words)


def test_spikes_come_at_the_stated_rate_in_every_layer():
    """Within five standard deviations; the first layer alone has 2.6 M slots."""
    trace = synthesize("vgg9-cifar", 4, 5, 0.13)
    for name, packed in trace.spikes.items():
        slots = 20 * np.prod(packed.shape)
        assert abs(trace.spike_rate(name) - 0.13) < 5 * np.sqrt(0.13 * 0.87 / slots) + 2**-17


def test_rates_may_differ_between_layers_and_are_recorded():
    rates = {"fc1": 0.5, "fc2": 0.25}
    trace = synthesize("mlp:400-3000-3000-10", 4, 5, rates)
    assert trace.provenance.recipe.rates == {"input": 0.5, **rates}
    assert abs(trace.spike_rate("fc1") - 0.5) < 0.01
    assert abs(trace.spike_rate("fc2") - 0.25) < 0.01
    assert "--rate fc1=0.5,fc2=0.25" in trace.provenance.command


def test_pixels_are_uniform_bytes_or_bits_at_the_rate_of_the_input():
    pixels = synthesize("mlp:20000-30-10", 1, 5, 0.1).inputs.values
    assert np.bincount(pixels.ravel(), minlength=256).min() > 250
    sparse = synthesize("mlp:20000-30-10", 1, 5, {"fc1": 0.1, "input": 0.05}).inputs.values
    assert abs(np.unpackbits(sparse.ravel()).mean() - 0.05) < 0.002


def test_a_rate_of_zero_is_silence_and_of_one_is_all():
    silent = synthesize("mlp:40-70-10", 3, 2, 0.0)
    assert not silent.spikes["fc1"].words.any()
    assert not silent.inputs.values.any()
    full = synthesize("mlp:40-70-10", 3, 2, 1.0)
    assert full.spike_rate("fc1") == 1.0
    assert (full.spikes["fc1"].words[..., 1] == 0b111111).all()


def test_steady_repeats_the_first_timestep():
    moving = synthesize("resnet20-cifar", 3, 2, 0.2, seed=3)
    steady = synthesize("resnet20-cifar", 3, 2, 0.2, seed=3, steady=True)
    for name, packed in steady.spikes.items():
        for t in range(3):
            assert np.array_equal(packed.words[:, t], moving.spikes[name].words[:, 0])
        assert not np.array_equal(moving.spikes[name].words[:, 1], moving.spikes[name].words[:, 0])
    logits = steady.logits["recorded"].values
    assert (logits == logits[:, :1]).all()


def test_fewer_samples_or_timesteps_are_a_prefix():
    many = synthesize("vgg9-cifar", 4, 3, 0.1, seed=9)
    few = synthesize("vgg9-cifar", 2, 2, 0.1, seed=9)
    for name, packed in few.spikes.items():
        assert np.array_equal(packed.words, many.spikes[name].words[:2, :2])
    assert np.array_equal(few.inputs.values, many.inputs.values[:2])
    assert np.array_equal(few.logits["recorded"].values, many.logits["recorded"].values[:2, :2])


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others(tmp_path):
    contents = []
    for index, seed in enumerate((4, 4, 5)):
        path = tmp_path / f"{index}.npz"
        write_trace(path, synthesize("mlp:90-70-10", 3, 2, 0.2, seed=seed))
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


def test_no_two_layers_samples_or_timesteps_share_their_spikes():
    trace = synthesize("mlp:64-64-64-64-10", 4, 4, 0.5)
    words = np.concatenate([packed.words.ravel() for packed in trace.spikes.values()])
    assert len(np.unique(words)) == len(words)


def test_seeded_weights_are_balanced_and_drawn_by_layer():
    trace = synthesize("mlp:784-800-10", 1, 1, 0.1)
    values = weights_of(trace.network["fc1"])
    assert values.shape == (1, 1, 784, 800)
    assert values.dtype == np.int8
    shares = np.bincount(values.ravel() + 7, minlength=15) / values.size
    assert len(shares) == 15
    assert (abs(shares - 1 / 15) < 1 / 250).all()
    assert trace.network["fc1"].weights.seed != trace.network["fc2"].weights.seed


@pytest.mark.parametrize("bits", [2, 3, 8])
def test_seeded_weights_keep_to_their_bits(bits):
    values = weight_values(SeededWeights((3, 3, 50, 51), bits, 12))
    assert values.min() == -values.max() == -((1 << (bits - 1)) - 1)


def test_stored_weights_are_given_as_they_are():
    values = np.arange(4, dtype=np.int8).reshape(1, 1, 2, 2)
    assert weight_values(StoredWeights(values, 4, np.ones(2, dtype=np.float32))) is values


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mlp:4-3-2", 0, 1, 0.1), "timesteps: wanted 1 to 4096, found 0"),
        (("mlp:4-3-2", 1, 0, 0.1), "samples: wanted 1 to 524288, found 0"),
        (("mlp:4-3-2", 1, 1, 1.5), "rate: wanted 0 to 1, found 1.5 for 'fc1'"),
        (("mlp:4-3-2", 1, 1, float("nan")), "rate: wanted 0 to 1, found nan"),
        (
            ("mlp:4-3-2", 1, 1, {"fc9": 0.1}),
            "rate: wanted a spiking layer or the input, found 'fc9'; did you mean 'fc1'",
        ),
        (("mlp:4-3-3-2", 1, 1, {"fc1": 0.1}), "rate: wanted a rate for every spiking layer, found none for 'fc2'"),
        (("mlp:4-3-2", 1, 1, 0.1, -1), r"seed: wanted 0 to 2\*\*64 - 1, found -1"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        synthesize(*arguments)
