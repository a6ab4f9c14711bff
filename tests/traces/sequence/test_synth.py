"""Synthetic sequence traces have the stated rates and sizes, and the same arguments give the same bytes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from hwsim.cli import main
from hwsim.errors import UsageError
from hwsim.traces import read_trace, verify, write_trace
from hwsim.traces.sequence.check import check_sequence
from hwsim.traces.sequence.synth import synthesize_sequence


def test_sizes_are_those_of_the_geometry():
    trace = synthesize_sequence("lstm:7x5-70-9-4", timesteps=2, samples=3, rate=0.3)
    network = trace.network
    check_sequence(network)
    assert (network.n_elements, network.n_features, network.n_classes) == (7, 5, 4)
    assert [(layer.n_inputs, layer.n_hidden) for layer in network.layers] == [(5, 70), (70, 9)]
    assert trace.inputs.values.shape == (3, 7, 5)
    assert trace.logits["recorded"].values.shape == (3, 2, 4)
    assert network.wavefront
    assert trace.accuracy_by_timestep() == []


def test_spikes_come_at_the_stated_rates_and_half_of_the_signed_ones_are_negative():
    """Within five standard deviations."""
    trace = synthesize_sequence("lstm:40x5-100-4", timesteps=4, samples=5, rate=0.2)
    for name, spikes in trace.spikes.items():
        slots = 40 * 4 * 5 * 100
        assert abs(trace.spike_rates()[name] - 0.2) < 5 * np.sqrt(0.16 / slots) + 2**-16
        if spikes.words.shape[3] == 2:
            fired, negative = (int(np.bitwise_count(spikes.words[:, :, :, plane]).sum()) for plane in (0, 1))
            assert abs(negative / fired - 0.5) < 5 * 0.5 / np.sqrt(fired)
        assert not (spikes.words[..., 1] >> np.uint64(36)).any()
    assert not synthesize_sequence("lstm:4x5-100-4", 2, 2, 0.0).spikes["lstm1/hidden"].words.any()


def test_fewer_samples_elements_and_timesteps_are_a_prefix_of_more():
    more = synthesize_sequence("lstm:9x5-70-4", 4, 3, 0.3, seed=2)
    less = synthesize_sequence("lstm:6x5-70-4", 2, 2, 0.3, seed=2)
    other = synthesize_sequence("lstm:9x5-70-4", 4, 3, 0.3, seed=3)
    for name, spikes in less.spikes.items():
        np.testing.assert_array_equal(spikes.words, more.spikes[name].words[:2, :6, :2])
        assert (other.spikes[name].words != more.spikes[name].words).any()
    np.testing.assert_array_equal(less.inputs.values, more.inputs.values[:2, :6])


def test_it_is_verified_by_drawing_it_again(tmp_path):
    trace = synthesize_sequence("lstm:6x5-70-4", 2, 2, dict.fromkeys(names(), 0.25) | {"lstm1/hidden": 0.5})
    write_trace(tmp_path / "t.npz", trace)
    outcome = verify(read_trace(tmp_path / "t.npz"))
    assert outcome.ok
    assert outcome.method == "regeneration"
    weights = trace.network.layers[0].input_weights.copy()
    weights[0, 0, 0] ^= 1
    layer = replace(trace.network.layers[0], input_weights=weights)
    other = verify(replace(trace, network=replace(trace.network, layers=(layer,))))
    assert [name for name, mismatch in other.arrays.items() if mismatch.differing] == ["lstm1/input_weights"]


def names():
    return [f"lstm1/{name}" for name in ("input", "forget", "candidate", "output", "cell", "hidden")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lstm:28-128-10", 2, 2, 0.1), "wanted lstm:ELEMENTSxFEATURES"),
        (("lstm:28x28-10", 2, 2, 0.1), "wanted lstm:ELEMENTSxFEATURES"),
        (("lstm:0x28-8-10", 2, 2, 0.1), "elements from 1 to"),
        (("lstm:28x28-8-10", 0, 2, 0.1), "timesteps: wanted 1 to 4096, found 0"),
        (("lstm:28x28-8-10", 2, 0, 0.1), "samples"),
        (("lstm:28x28-8-10", 2, 2, 1.5), "rate: wanted 0 to 1"),
        (("lstm:28x28-8-10", 2, 2, {"lstm1/hiden": 0.1}), "did you mean 'lstm1/hidden'"),
        (("lstm:28x28-8-10", 2, 2, {"lstm1/hidden": 0.1}), "found none for 'lstm1/input'"),
        (("lstm:28x28-8-10", 2, 2, 0.1, -1), "seed"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, message):
    with pytest.raises(UsageError) as caught:
        synthesize_sequence(*arguments)
    assert message in str(caught.value)


def test_the_command_line_draws_the_same(tmp_path):
    out = tmp_path / "t.npz"
    command = synthesize_sequence("lstm:6x5-70-4", 2, 2, dict.fromkeys(names(), 0.25) | {"lstm1/cell": 0.5}, 7)
    words = command.provenance.command.replace("OUT.npz", str(out)).split()[1:]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert read_trace(out).provenance == command.provenance
    assert CliRunner().invoke(main, ["trace", "verify", str(out)]).exit_code == 0
    assert CliRunner().invoke(main, [*words, "--steady"]).exit_code == 2
