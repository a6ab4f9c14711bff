"""Training without spikes first, strides of one's own, products in bfloat16."""

# ruff: noqa: E402  (what needs torch is imported after the line that asks for it)

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tools.dietsnn_cases import run_tool, save_npz, some_images
from training.common.neurons import lif, rates
from training.dietsnn.model import Geometry, SpikingNetwork, operations

from hwsim.traces.io import read_trace


@pytest.mark.parametrize("timesteps", [1, 3, 4])
def test_rates_are_those_of_neurons_at_a_constant_current(timesteps):
    current = torch.from_numpy(np.random.default_rng(2).uniform(-0.5, 2, (1, 500, 1)))
    threshold = torch.tensor(0.9)
    fired = lif(current, torch.tensor(1.0), threshold, timesteps).mean(0)
    assert torch.allclose(rates(current, threshold, timesteps)[0], fired)


def test_gradients_of_rates_are_those_of_a_line_between_none_and_one_a_timestep():
    current = torch.tensor([-0.3, 0.1, 0.6, 1.1, 2.5], requires_grad=True)
    rates(current, torch.tensor(2.0), 4).sum().backward()
    assert current.grad.tolist() == [0, 0.5, 0.5, 0.5, 0]


def test_a_block_without_spikes_gives_rates_and_spikes_again_afterwards():
    network = SpikingNetwork(Geometry((6, 6, 1), (3, 5, 9), 4, 3), 0.0).eval()
    pixels = torch.full((2, 1, 6, 6), 200.0)
    before = network(pixels)
    network.without_spikes(True)
    assert network(pixels).shape == (1, 2, 4)
    network.without_spikes(False)
    assert torch.equal(network(pixels), before)


def test_strides_give_the_maps_that_the_convolutions_make():
    geometry = Geometry((9, 14, 2), (3, 4, 5, 6), 4, 3, (1, 3, 2))
    x, shapes = torch.zeros(1, 2, 9, 14), []
    for op in operations(geometry)[:3]:
        x = op(x)
        shapes.append((x.shape[2], x.shape[3], x.shape[1]))
    assert geometry.maps() == shapes
    assert Geometry((9, 14, 2), (3, 4, 5, 6), 4, 3).maps() == [(9, 14, 3), (5, 7, 4), (3, 4, 5)]


@pytest.mark.parametrize("more", [(), ("--bf16",)])
def test_a_network_is_trained_plain_then_rounded_then_recorded(tmp_path, capsys, more):
    x, y = some_images(1500, 0)
    save_npz(tmp_path / "d.npz", x_train=x, y_train=y)
    stages = "--plain-epochs 6 --epochs 0 --qat-epochs 2 --shift 0 --held-out 100 --channels 8,8,24 --strides 2,1"
    assert run_tool(tmp_path, *stages.split(), *more) == 0
    said = capsys.readouterr().out
    trace = read_trace(tmp_path / "t.npz")
    shapes = [layer.shape for layer in trace.network.spiking()]
    assert "plain epoch 6/6" in said and "float epoch" not in said
    assert shapes == [(3, 4, 8), (3, 4, 8), (1, 1, 24)]
    assert trace.provenance.accuracy[-1] > 0.5, "four classes, a guess is right in a quarter"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--epochs", "0"], "--epochs 0"),
        (["--strides", "1"], "wanted one for each of 2 convolutions, got 1"),
        (["--plain-epochs", "-1"], "--plain-epochs"),
        (["--learn", "threshold", "--plain-epochs", "1"], "--plain-epochs"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(tmp_path, capsys, more, says):
    save_npz(tmp_path / "d.npz")
    assert run_tool(tmp_path, *more) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1
