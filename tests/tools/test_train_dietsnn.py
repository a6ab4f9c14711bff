"""The training tool's neurons with their gradients, and its integers."""

# ruff: noqa: E402  (what needs torch is imported after the line that asks for it)

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tools.dietsnn_cases import some_images, some_network
from training.common.blocks import fold
from training.common.neurons import Grid, lif
from training.dietsnn.export import network_of
from training.dietsnn.integer import execute_exactly, pack
from training.dietsnn.quantise import Precision, QuantNetwork

from hwsim.doors.torch.rounding import steps_of

# neurons


def plain_spikes(current, leak, threshold, timesteps):
    v, spikes = 0.0, []
    for t in range(timesteps):
        v = leak * v + current[t]
        spikes.append(float(v > threshold))
        v -= threshold * spikes[-1]
    return spikes


def test_real_neurons_follow_the_plain_recurrence():
    current = np.random.default_rng(1).normal(0.4, 0.8, size=(5, 30))
    found = lif(torch.from_numpy(current[:, :, None]), torch.tensor(0.75), torch.tensor(0.5), 5)
    expected = [plain_spikes(current[:, n], 0.75, 0.5, 5) for n in range(30)]
    assert found[:, :, 0].T.tolist() == expected


def test_a_threshold_that_is_just_reached_gives_no_spike():
    spikes = lif(torch.full((1, 1, 1), 0.5), torch.tensor(1.0), torch.tensor(1.0), 5)
    assert spikes.flatten().tolist() == [0, 0, 1, 0, 1]


@pytest.mark.parametrize("leak_bits", [0, 3])
def test_integer_neurons_round_half_up_and_saturate(leak_bits):
    rng = np.random.default_rng(4)
    leak, bits, threshold = (1, 9, 20) if leak_bits == 0 else (5, 9, 20)
    current = rng.integers(-300, 300, size=(6, 200))
    half = 2 ** (leak_bits - 1) if leak_bits else 0
    expected = np.zeros((6, 200))
    for n in range(200):
        v = 0
        for t in range(6):
            v = ((v * leak + half) >> leak_bits) + int(current[t, n])
            v = max(-(2 ** (bits - 1)), min(2 ** (bits - 1) - 1, v))
            if v > threshold:
                expected[t, n], v = 1, v - threshold
    scaled = torch.tensor(leak / 2**leak_bits)
    found = lif(
        torch.from_numpy(current[:, :, None]).float(),
        scaled,
        torch.tensor([float(threshold)]),
        6,
        Grid(leak_bits, bits),
    )
    assert np.array_equal(found[:, :, 0].numpy(), expected)


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return (z > 0).to(z.dtype)

    @staticmethod
    def backward(ctx, grad):
        (z,) = ctx.saved_tensors
        return grad * 0.3 * (1 - z.abs()).clamp(min=0)


def recorded_spikes(current, leak, threshold, timesteps):
    v, out = torch.zeros_like(current[0]), []
    for t in range(timesteps):
        u = leak * v + current[min(t, len(current) - 1)]
        out.append(_Spike.apply(u / threshold - 1))
        v = u - threshold * out[-1].detach()
    return torch.stack(out)


@pytest.mark.parametrize("n_currents", [1, 4])
@pytest.mark.parametrize("threshold_shape", [(), (3, 1, 1)])
@pytest.mark.parametrize("channels_last", [False, True])
def test_gradients_equal_those_of_recorded_operations(n_currents, threshold_shape, channels_last):
    torch.manual_seed(1)
    current = torch.randn(n_currents, 5, 3, 4, 2, dtype=torch.float64) + 0.4
    if channels_last:
        current = current[0].contiguous(memory_format=torch.channels_last)[None].expand(n_currents, -1, -1, -1, -1)
    leaves = [
        current.clone().requires_grad_(),
        torch.tensor(0.8, dtype=torch.float64, requires_grad=True),
        (torch.rand(threshold_shape, dtype=torch.float64) + 0.6).requires_grad_(),
    ]
    weight = torch.randn(4, 5, 3, 4, 2, dtype=torch.float64)
    found = torch.autograd.grad((lif(*leaves, 4) * weight).sum(), leaves)
    expected = torch.autograd.grad((recorded_spikes(*leaves, 4) * weight).sum(), leaves)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


# quantisation


def test_folding_equals_normalising():
    block = some_network().blocks()[1]
    x = torch.randn(4, 3, 6, 7)
    weight, bias = fold(block.op.weight, block.norm)
    folded = torch.nn.functional.conv2d(x, weight, bias, stride=2, padding=1)
    torch.testing.assert_close(folded, block.norm(block.op(x)), rtol=1e-5, atol=1e-5)
    gamma, beta = block.norm.weight[2].item(), block.norm.bias[2].item()
    mean, spread = block.norm.running_mean[2].item(), (block.norm.running_var[2].item() + block.norm.eps) ** 0.5
    assert bias[2].item() == pytest.approx(beta - mean * gamma / spread, rel=1e-5)


def test_steps_are_the_best_of_the_clip_ratios():
    weight = torch.randn(5, 40, dtype=torch.float64)
    for row, step in zip(weight.numpy(), steps_of(weight, 7).tolist(), strict=True):

        def error(s, row=row):
            return ((np.clip(np.round(row / s), -7, 7) * s - row) ** 2).sum()

        candidates = [np.abs(row).max() * (0.30 + 0.05 * k) / 7 for k in range(15)]
        assert error(step) == pytest.approx(min(error(s) for s in candidates))


def test_integer_weights_times_their_scale_are_the_folded_weights():
    network = some_network()
    integers = network_of(QuantNetwork(network, Precision(weight_bits=8)))
    for k, layer in enumerate(layer for layer in integers if layer.name.startswith("conv")):
        weight, bias = fold(network.blocks()[k].op.weight.detach(), network.blocks()[k].norm)
        per_pixel = weight.detach().permute(2, 3, 1, 0).numpy() / (255 if k == 0 else 1)
        real = layer.weights.values * layer.weights.scale
        # the step was chosen with clipping, so only unclipped weights lie within half a step
        inside = np.abs(layer.weights.values) < 127
        assert (
            np.abs(real - per_pixel)[inside] <= 0.52 * np.broadcast_to(layer.weights.scale, real.shape)[inside]
        ).all()
        unit = layer.weights.scale / 2**layer.neuron.fraction_bits
        assert layer.neuron.v_threshold * unit == pytest.approx(np.full(real.shape[3], 0.7), rel=1e-5)
        assert layer.bias * unit == pytest.approx(bias.detach().numpy(), abs=float(2 * unit.max()))


def test_weights_stay_within_their_bits():
    for bits in (2, 4):
        network = network_of(QuantNetwork(some_network(), Precision(weight_bits=bits)))
        for name in ("conv1", "conv2", "fc1", "fc2"):
            values = network[name].weights.values
            assert np.abs(values).max() == 2 ** (bits - 1) - 1
            assert network[name].weights.bits == bits


def test_what_is_trained_is_what_is_exported():
    trained = QuantNetwork(some_network(), Precision(membrane_bits=12)).eval()
    images = some_images(50, 9)[0][..., None]
    with torch.no_grad():
        logits = trained(torch.from_numpy(images).permute(0, 3, 1, 2).float())
    run = execute_exactly(network_of(trained), images, 3, keep_spikes=True)
    integers = (logits / trained.log_step.exp()).round().long().permute(1, 0, 2)
    assert np.array_equal(integers.numpy(), run.logits)
    assert 0.02 < run.spikes["fc1"].mean() < 0.98
    assert len(np.unique(run.logits)) > 5


def test_packing_puts_channel_c_in_bit_c():
    spikes = (np.random.default_rng(0).random((2, 3, 2, 2, 70)) < 0.3).astype(np.uint8)
    packed = pack(spikes)
    assert packed.words.shape == (2, 3, 4, 2)
    for n, t, y, x, c in [(0, 0, 0, 0, 0), *np.random.default_rng(1).integers(0, (2, 3, 2, 2, 70), (200, 5)).tolist()]:
        bit = int(packed.words[n, t, y * 2 + x, c // 64]) >> (c % 64) & 1
        assert bit == spikes[n, t, y, x, c]
    assert int(np.bitwise_count(packed.words).sum()) == int(spikes.sum())
