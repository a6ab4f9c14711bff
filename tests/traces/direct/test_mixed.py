"""Drawn networks mix all that the format can say, keep its rules, and are the same for a seed."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from hwsim.errors import UsageError
from hwsim.traces import Add, Conv2d, Input, Linear, Pool, Readout, neuron_of, read_trace, write_trace
from hwsim.traces.codings import verify
from hwsim.traces.direct.drawn_run import run_drawn
from hwsim.traces.direct.record import direct_arrays, direct_record
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.file.layers import KINDS
from hwsim.traces.network.check import check_network
from hwsim.traces.network.drawn import drawn_network
from hwsim.traces.network.layers import is_delayed
from hwsim.traces.network.mixed.dice import Dice
from hwsim.traces.network.mixed.network import mixed_network
from hwsim.traces.network.variants import WORDS, usage
from hwsim.traces.network.weights import weights_of

NETWORKS = [mixed_network(seed) for seed in range(150)]
LAYERS = [layer for network in NETWORKS for layer in network]
NEURONS = [neuron for layer in LAYERS if (neuron := neuron_of(layer)) is not None]


def said(network):
    """All of a network, as a file would have it."""
    trace = synthetic(network)
    return direct_record(trace), {name: array.tolist() for name, array in direct_arrays(trace).items()}


def synthetic(network):
    from accelerators.imc.cases import random_trace

    return random_trace(network, timesteps=1, samples=1)


@pytest.mark.no_kernel
@pytest.mark.parametrize("seed", range(150))
def test_all_networks_keep_the_rules(seed):
    network = NETWORKS[seed]
    check_network(network)
    active = [layer.name for layer in network if not network.gives_currents(layer.name)]
    assert max(map(network.max_value, active)) <= 255  # what the shipped designs hold


@pytest.mark.no_kernel
def test_every_kind_of_layer_is_drawn():
    assert {type(layer) for layer in LAYERS} == set(KINDS.values())
    convolutions = [layer for layer in LAYERS if isinstance(layer, Conv2d)]
    assert {layer.window.kernel[0] for layer in convolutions} == {1, 2, 3}
    assert {layer.window.stride[0] for layer in convolutions} == {1, 2, 3}
    for key in ("kernel", "stride", "dilation", "spread"):
        assert any(len(set(getattr(layer.window, key))) > 1 for layer in convolutions), key
    assert {layer.window.dilation[0] for layer in convolutions} == {1, 2, 3}
    assert any(len(set(layer.window.padding)) > 2 for layer in convolutions)
    assert any(any(layer.window.padding) for layer in LAYERS if isinstance(layer, Pool))
    assert any(layer.groups > 1 for layer in convolutions)
    assert {layer.kind for layer in LAYERS if isinstance(layer, Pool)} == {"avg", "max"}
    assert {neuron_of(layer) is None for layer in LAYERS if isinstance(layer, Add)} == {True, False}
    assert {(layer.of, layer.votes) for layer in LAYERS if isinstance(layer, Readout)} >= {
        ("membrane", 1),
        ("mean_membrane", 1),
        ("spikes", 1),
        ("spikes", 2),
    }
    inputs = [network.input for network in NETWORKS]
    assert {layer.over_time for layer in inputs} == {True, False}
    assert {layer.bits for layer in inputs} == set(range(1, 9))
    weighted = [layer for layer in LAYERS if isinstance(layer, Conv2d | Linear)]
    assert {layer.weights.bits for layer in weighted} == set(range(1, 9))
    assert {layer.bias is None for layer in weighted} == {True, False}
    assert any((weights_of(layer) == 0).mean() > 0.4 for layer in weighted if weights_of(layer).size > 50)


@pytest.mark.no_kernel
def test_neurons_have_every_trait():
    assert {neuron.reset for neuron in NEURONS} == {"soft", "hard", "none"}
    for trait in ("fires_at_threshold", "delayed_reset", "reset_after_sum", "leaks", "signed"):
        assert {getattr(neuron, trait) for neuron in NEURONS} == {True, False}, trait
    assert {isinstance(neuron.leak, np.ndarray) for neuron in NEURONS} == {True, False}
    assert {neuron.membrane_bits for neuron in NEURONS} == {4, 8, 12, 16, 24}
    assert any(neuron.v_reset for neuron in NEURONS)
    assert {neuron.feedback is None for neuron in NEURONS} == {True, False}
    synapses = [neuron.synapse for neuron in NEURONS if neuron.synapse is not None]
    assert {(isinstance(each.leak, np.ndarray), each.delayed) for each in synapses} == set(product([0, 1], repeat=2))


@pytest.mark.no_kernel
def test_own_and_others_spikes_come_back_a_timestep_late():
    late = [(network, layer) for network in NETWORKS for layer in filter(is_delayed, network)]
    assert {network.places[layer.inputs[0]] > network.places[layer.name] for network, layer in late} == {True, False}
    assert {layer.bias is None for layer in LAYERS if neuron_of(layer) and isinstance(layer, Add)} == {True, False}


@pytest.mark.no_kernel
def test_a_seed_draws_the_same_and_another_draws_others():
    assert said(mixed_network(7)) == said(mixed_network(7))
    assert len({str(said(network)) for network in NETWORKS[:40]}) == 40


@pytest.mark.no_kernel
def test_dice_give_each_number_of_their_range_alike_often():
    drawn = Dice(3, "test").integers(-2, 3, (6000,))
    counts = np.bincount(drawn + 2, minlength=6)
    assert len(counts) == 6
    assert (abs(counts - 1000) < 150).all()
    dice = Dice(3, "test")
    assert [dice.whole(-2, 3) for _ in range(20)] == drawn[:20].tolist()
    assert Dice(4, "test").integers(-2, 3, (20,)).tolist() != drawn[:20].tolist()


@pytest.mark.parametrize("seed", range(12))
def test_what_a_network_does_is_written_read_and_verified(tmp_path, seed):
    trace = run_drawn("mixed", 3, 2, seed)
    assert trace.coding == ("events" if trace.network.input.over_time else "direct")
    write_trace(tmp_path / "t.npz", trace)
    again = read_trace(tmp_path / "t.npz")
    result = verify(again)
    assert result.ok
    assert result.method == "execution"
    assert again.accuracy_by_timestep() == []


@pytest.mark.parametrize(
    "name", ["mixed", "mlp:9-8-4+events", "mlp:9-8-4+votes=2+input-bits=2", "mlp:9-8-4+signed-spikes"]
)
def test_spikes_at_a_rate_are_drawn_again(tmp_path, name):
    write_trace(tmp_path / "t.npz", synthesize(name, 3, 2, 0.3, seed=5))
    again = read_trace(tmp_path / "t.npz")
    assert again.provenance.recipe.geometry == name
    result = verify(again)
    assert result.ok
    assert result.method == "regeneration"


@pytest.mark.no_kernel
def test_an_input_of_few_bits_comes_at_its_rate_at_every_timestep():
    trace = synthesize("mlp:5000-8-4+events", 6, 2, {"fc1": 0.1, "input": 0.2})
    assert trace.inputs.values.shape == (2, 6, 1, 1, 5000)
    assert set(np.unique(trace.inputs.values)) == {0, 1}
    assert (abs(trace.inputs.values.mean(axis=(0, 2, 3, 4)) - 0.2) < 0.02).all()
    assert not np.array_equal(trace.inputs.values[:, 0], trace.inputs.values[:, 1])
    steady = synthesize("mlp:5000-8-4+events", 6, 2, 0.1, steady=True)
    assert (steady.inputs.values == steady.inputs.values[:, :1]).all()


def neuron_words(word):
    return [neuron_of(layer) for layer in drawn_network(f"mlp:6-40-30-4+{word}", 1).spiking()]


@pytest.mark.no_kernel
def test_words_change_what_they_say():
    plain = drawn_network("mlp:6-40-30-4", 1)
    assert drawn_network("mlp:6-40-30-4+events", 1).input == Input("input", (), (1, 1, 6), 1, over_time=True)
    assert drawn_network("mlp:6-40-30-4+input-bits=3", 1).input.bits == 3
    assert {neuron.reset for neuron in neuron_words("reset=none")} == {"none"}
    assert all(neuron.delayed_reset for neuron in neuron_words("delayed-reset"))
    assert all(neuron.fires_at_threshold for neuron in neuron_words("at-threshold"))
    assert not any(neuron.leaks for neuron in neuron_words("leak=none"))
    assert all(neuron.signed for neuron in neuron_words("signed-spikes"))
    for neuron in neuron_words("leak=channel"):
        assert set(neuron.leak.tolist()) == set(range(8, 17))
    for bits in (2, 8):
        wide = drawn_network(f"mlp:6-40-30-4+weight-bits={bits}", 1)
        assert {layer.weights.bits for layer in wide.layers[1:]} == {bits}
        share = wide["fc1"].neuron.v_threshold / plain["fc1"].neuron.v_threshold
        assert share == pytest.approx(((1 << bits) - 1) / 15, rel=0.05)
    assert all(
        set(layer.bias.tolist()) <= {step << 4 for step in range(-3, 4)}
        for layer in drawn_network("mlp:6-40-30-4+bias", 1).layers[1:3]
    )
    for value, late in (("now", False), ("late", True)):
        assert {neuron.synapse.delayed for neuron in neuron_words(f"synapse={value}")} == {late}
    for neuron in neuron_words("feedback"):
        assert (neuron.feedback < 0).all() and (-neuron.feedback <= neuron.v_threshold).all()
    back = drawn_network("mlp:6-40-30-4+recurrent", 1)
    assert dict(back.read_late) == {"fc1": ("fc1.own",), "fc2": ("fc2.own",)}
    assert [layer.name for layer in back.spiking()] == ["fc1", "fc2"]
    of_spikes = drawn_network("mlp:6-40-30-4+votes=3", 1)
    assert of_spikes.layers[-2].shape == (1, 1, 12)
    assert (of_spikes.output.votes, of_spikes.n_classes) == (3, 4)
    assert drawn_network("mlp:6-40-30-4+readout=membrane", 1).output.of == "membrane"


@pytest.mark.no_kernel
@pytest.mark.parametrize("name", WORDS)
def test_every_word_gives_networks_that_keep_the_rules(name):
    for value in WORDS[name][0]:
        for geometry in ("resnet20-cifar", "mlp:9-8-4"):
            check_network(drawn_network(f"{geometry}+{name}={value}" if value else f"{geometry}+{name}", 2))


@pytest.mark.no_kernel
@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("resett=hard", "with: wanted one of events, .*votes=1..64, found 'resett=hard'; did you mean 'reset'"),
        ("reset", "with: wanted reset=soft|hard|none, found 'reset'"),
        ("reset=never", "with: wanted reset=soft|hard|none, found 'reset=never'"),
        ("events=1", "with: wanted events, found 'events=1'"),
        ("weight-bits=17", "with: wanted weight-bits=1..16, found 'weight-bits=17'"),
        ("votes=2+readout=spikes", "with: wanted one word that says how the last layer is read"),
        ("", "with: wanted one of events"),
    ],
)
def test_other_words_are_refused(word, message):
    with pytest.raises(UsageError, match=message.replace("|", r"\|")):
        drawn_network(f"mlp:9-8-4+{word}", 0)
    assert usage("leak") == "leak=none|channel"
