"""The standard networks have the published operation counts, and sizes follow from geometry."""

from __future__ import annotations

import numpy as np
import pytest
from traces.direct.networks import Sketch, small_network

from hwsim.errors import UsageError
from hwsim.traces import Add, Conv2d, Linear, check_network, neuron_of
from hwsim.traces.network.geometry import fan_in, input_shape, macs, n_words, window_rows
from hwsim.traces.network.standard import GEOMETRIES, network_of


def counts(network):
    """MACs of the layers that have weights, in order."""
    return [macs(layer, network) for layer in network if isinstance(layer, Conv2d | Linear)]


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_every_standard_network_keeps_the_rules(geometry):
    check_network(network_of(geometry, seed=1))


def test_vgg16_on_cifar_has_the_published_counts_layer_by_layer():
    """papers: VGG16 CIFAR 3.384e8 MACs, the first layer 1.769e6 (DIET-SNN topology)."""
    found = counts(network_of("vgg16-cifar", 0))
    assert [round(count / 1e6, 2) for count in found] == [
        *(1.77, 37.75, 18.87, 37.75, 18.87, 37.75, 37.75, 18.87, 37.75, 37.75, 9.44, 9.44, 9.44),
        *(8.39, 16.78, 0.04),
    ]
    assert f"{sum(found):.3e}" == "3.384e+08"
    assert f"{found[0]:.3e}" == "1.769e+06"


def test_vgg16_on_imagenet_has_the_published_counts():
    found = counts(network_of("vgg16-imagenet", 0))
    assert f"{sum(found):.3e}" == "1.547e+10"
    assert f"{found[0]:.3e}" == "8.670e+07"
    assert len(found) == 16


def test_vgg9_has_the_layers_of_spikesim():
    network = network_of("vgg9-cifar", 0)
    convolutions = [layer for layer in network if isinstance(layer, Conv2d)]
    assert [input_shape(layer, network)[2] for layer in convolutions] == [3, 64, 64, 128, 128, 256, 256]
    assert [layer.shape for layer in convolutions] == [
        *[(32, 32, 64)] * 2,
        *[(16, 16, 128)] * 2,
        *[(8, 8, 256)] * 3,
    ]
    assert [layer.shape[2] for layer in network if isinstance(layer, Linear)] == [1024, 10]
    assert input_shape(network["fc1"], network) == (1, 1, 4096)


def test_resnet19_adds_currents_before_the_neuron():
    network = network_of("resnet19-cifar", 0)
    convolutions = [layer for layer in network if isinstance(layer, Conv2d)]
    assert len([layer for layer in convolutions if layer.window.kernel == (3, 3)]) == 17
    assert [layer.name for layer in convolutions if layer.window.kernel == (1, 1)] == [
        "stage2.block1.shortcut",
        "stage3.block1.shortcut",
    ]
    sums = [layer for layer in network if isinstance(layer, Add)]
    assert [layer.shape for layer in sums] == [(32, 32, 128)] * 3 + [(16, 16, 256)] * 3 + [(8, 8, 512)] * 2
    for layer in sums:
        first, second = (network[name] for name in layer.inputs)
        assert neuron_of(layer) is not None
        assert neuron_of(first) is None
        assert network.gives_currents(second.name) == (second.name.endswith("shortcut"))
    # 3 x 3: one stem, then per block; 1 x 1 shortcuts over pooled pictures; one classifier of 512 to 10.
    stem, fc = 27 * 128 * 1024, 512 * 10
    stage1 = 6 * 9 * 128 * 128 * 1024
    stage2 = (9 * 128 * 256 + 5 * 9 * 256 * 256 + 128 * 256) * 256
    stage3 = (9 * 256 * 512 + 3 * 9 * 512 * 512 + 256 * 512) * 64
    assert sum(counts(network)) == stem + stage1 + stage2 + stage3 + fc


def test_resnet20_is_the_cifar_network_of_its_paper():
    """He et al. 2016 give 0.27 M parameters and 41 M multiply-adds for 20 layers."""
    network = network_of("resnet20-cifar", 0)
    weights = [layer.weights.shape for layer in network if isinstance(layer, Conv2d | Linear)]
    assert round(sum(int(np.prod(shape)) for shape in weights) / 1e6, 2) == 0.27
    assert round(sum(counts(network)) / 1e6) == 41
    assert len([shape for shape in weights if shape[0] == 3]) + 1 == 20


def test_multilayer_perceptrons_of_any_size():
    assert counts(network_of("mlp:784-800-10", 0)) == [784 * 800, 800 * 10]
    assert counts(network_of("mlp:5-7-6-3", 0)) == [35, 42, 18]


@pytest.mark.parametrize("name", ["vgg16-cifra", "mlp:5", "mlp:5-3", "mlp:0-3-2", "mlp:3-x-2", "mlp:9999999-3-2", ""])
def test_unknown_geometries_are_refused(name):
    with pytest.raises(UsageError, match="geometry: wanted") as caught:
        network_of(name, 0)
    assert f"found '{name}'" in str(caught.value)
    assert ("did you mean 'vgg16-cifar'?" in str(caught.value)) == (name == "vgg16-cifra")


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(1, 1, 0), (3, 1, 1), (3, 2, 1), (2, 2, 0), (3, 1, 0), (3, 3, 2), (2, 3, 0)]
)
def test_windows_cover_what_a_count_by_hand_says(kernel, stride, padding):
    sketch = Sketch((7, 5, 2))
    sketch.conv(3, kernel, stride, padding)
    network, layer = sketch.network(), sketch.last
    rows = []
    for y in range(layer.shape[0]):
        needed = [y * stride - padding + k for k in range(kernel)]
        rows.append([max(needed[0], 0), min(needed[-1] + 1, 7)])
    assert window_rows(layer, network).tolist() == rows


def test_layers_without_windows_need_their_row_or_all_rows():
    network = small_network()
    assert window_rows(network["add5"], network).tolist() == [[0, 1], [1, 2], [2, 3]]
    assert window_rows(network["flatten6"], network).tolist() == [[0, 3]]
    assert window_rows(network["fc7"], network).tolist() == [[0, 1]]


def test_fan_in_counts_the_synapses_of_a_neuron():
    sketch = Sketch((6, 6, 4))
    sketch.conv(8, groups=2)
    sketch.flatten()
    sketch.linear(5)
    network = sketch.network()
    assert [fan_in(layer, network) for layer in network] == [0, 9 * 2, 0, 288]
    assert [n_words(n) for n in (1, 64, 65)] == [1, 1, 2]
