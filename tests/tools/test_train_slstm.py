"""Neurons, conversion and integers of the spiking LSTM training tool against twins and closed forms."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from tools.slstm_cases import ALL, CHOSEN
from training.common.loop import TensorImages
from training.slstm.conversion import converted
from training.slstm.export import LATTICE
from training.slstm.network import INPUT_STEPS_PER_ONE, GatedNetwork

from hwsim.doors.torch.lstm.conversion import fitted
from hwsim.doors.torch.lstm.integers import logit_scale, network_of
from hwsim.doors.torch.lstm.network import Shape
from hwsim.doors.torch.lstm.neurons import fire
from hwsim.errors import TraceError
from hwsim.traces.planes import unpack_channels
from hwsim.traces.sequence.golden import execute_sequence
from hwsim.traces.sequence.trace import GATES

SHAPE = Shape(5, 3, 6, 4, "all")


def network(spiking, timesteps, seed=0, shape=SHAPE):
    torch.manual_seed(seed)
    return GatedNetwork(shape, spiking, timesteps, 0.0, 0.0).eval()


def sequences(n, seed=0, shape=SHAPE):
    return np.random.default_rng(seed).integers(-127, 128, (n, shape.n_elements, shape.n_features)).astype(np.int8)


def pixels_of(values):
    return torch.from_numpy(values)[:, None].double()


def signs_of(spikes):
    """Spikes -1, 0, 1 [sample, element, timestep, unit] of a recording."""
    planes = unpack_channels(spikes.words, spikes.n_units).astype(int)
    return planes[..., 0, :] * (1 - 2 * planes[..., 1, :]) if planes.shape[-2] == 2 else planes[..., 0, :]


def twin(current, leak, threshold, signed):
    """The neurons with autograd: a spike has the derivative of `soft`, and the reset none through the spike."""

    def soft(r):  # its derivative is max(0, 1 - |r - 1|)
        r = r.clamp(0, 2)
        return torch.where(r < 1, r**2 / 2, 2 * r - r**2 / 2 - 1)

    v, found = torch.zeros_like(current[0]), []
    for step in current:
        u = leak * v + step
        ratio = u / threshold
        smooth = soft(ratio) - signed * soft(-ratio)
        hard = (u > threshold).double() - signed * (u < -threshold).double()
        found.append(hard + smooth - smooth.detach())
        v = u - threshold * hard
    return torch.stack(found)


def test_neurons_and_their_gradients_are_those_of_a_twin():
    torch.manual_seed(1)
    wanted = [torch.randn(4, 7, 6).double() * 1.5, torch.rand(6).double(), torch.rand(6).double() + 0.4]
    signed = torch.tensor([0.0, 1.0] * 3).double()
    ours = [value.clone().requires_grad_() for value in wanted]
    theirs = [value.clone().requires_grad_() for value in wanted]
    weights = torch.randn(4, 7, 6).double()
    spikes, other = fire(*ours, signed), twin(*theirs, signed)
    assert set(spikes.detach().unique().tolist()) == {-1.0, 0.0, 1.0}
    assert torch.equal(spikes.detach(), other.detach().round())
    (spikes * weights).sum().backward()
    (other * weights).sum().backward()
    for mine, its in zip(ours, theirs, strict=True):
        assert torch.allclose(mine.grad, its.grad)


@pytest.mark.parametrize("timesteps", [1, 2, 5])
def test_the_best_shift_of_evenly_spread_values_rounds_to_the_nearest(timesteps):
    fit = fitted(torch.linspace(0, 1, 10001), False, timesteps)
    assert fit.shift == pytest.approx(0.5 / timesteps)
    assert fit.threshold == 1
    assert fit.error == pytest.approx(1 / (12 * timesteps**2), rel=0.01)  # of a quantiser with step 1 / T


def test_one_signed_spike_is_nearest_with_a_threshold_of_one_half():
    fit = fitted(torch.linspace(-1, 1, 10001), True, 1)
    assert (fit.threshold, fit.shift) == (pytest.approx(0.5), 0.0)


@torch.no_grad()
def test_conversion_approaches_the_ordinary_network_with_timesteps():
    ordinary = network((), 1, shape=Shape(3, 3, 6, 4, "all"))
    x = sequences(60, shape=ordinary.shape)
    samples = TensorImages(torch.from_numpy(x)[..., None], torch.zeros(60, dtype=torch.int64))
    pixels = next(samples.batches(60))
    wanted = ordinary(pixels).sum(0)
    errors = []
    for timesteps in (1, 8, 64):
        found, fits = converted(ordinary, ("output",), timesteps, samples)
        assert list(fits) == ["output"]
        errors.append(float((found.eval()(pixels).sum(0) - wanted).abs().mean()))
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_training_starts_from_the_weights_of_the_ordinary_network():
    ordinary = network((), 1)
    samples = TensorImages(torch.from_numpy(sequences(9))[..., None], torch.zeros(9, dtype=torch.int64))
    found, fits = converted(ordinary, CHOSEN, 2, samples)
    assert torch.equal(found.input_weight, ordinary.input_weight)
    shifts = found.bias - ordinary.bias
    assert torch.allclose(shifts[:, 0], torch.tensor([fits["input"].shift, 0.0, 0.0, fits["output"].shift]))
    assert torch.allclose(found.log_threshold[-1].exp(), torch.tensor(fits["cell"].threshold))


@torch.no_grad()
def on_the_lattice(trained, seed):
    """Numbers that integers can hold: every unit has a weight of 127 of its steps, which are powers of two."""
    rng = np.random.default_rng(seed)

    def weights(like, step):
        values = rng.integers(-127, 128, like.shape)
        values[..., 0] = 127
        return torch.from_numpy(values * step)

    trained.double()
    trained.input_weight.copy_(weights(trained.input_weight, 2.0**-7))
    trained.hidden_weight.copy_(weights(trained.hidden_weight, 2.0**-7))
    trained.bias.copy_(weights(trained.bias, 2.0**-8))
    trained.cell_bias.copy_(weights(trained.cell_bias, 2.0**-8))
    trained.readout.weight.copy_(weights(trained.readout.weight, 2.0**-7))
    trained.readout.bias.zero_()
    return trained


@torch.no_grad()
@pytest.mark.parametrize("over", ["all", "last"])
@pytest.mark.parametrize("timesteps", [1, 3])
def test_integers_do_what_a_network_on_their_lattice_does(timesteps, over):
    trained = on_the_lattice(network(ALL, timesteps, shape=Shape(5, 3, 6, 4, over)), 4)
    x = sequences(40, 2)
    run = execute_sequence(network_of(trained, LATTICE), x, timesteps)
    hidden = torch.stack(trained.play(trained.scaled(pixels_of(x))).hidden)
    found = signs_of(run.spikes["lstm1/hidden"])
    assert set(np.unique(found)) == {-1, 0, 1}
    assert np.array_equal(found, hidden.permute(2, 0, 1, 3).numpy())
    logits = trained(pixels_of(x)).permute(1, 0, 2).numpy()
    assert np.allclose(run.logits * logit_scale(trained, LATTICE), logits)


@torch.no_grad()
@pytest.mark.parametrize("spiking", [CHOSEN, ("candidate", "output", "cell"), ALL])
def test_rounding_changes_few_spikes(spiking):
    trained = network(spiking, 2, shape=Shape(8, 5, 16, 4, "all")).double()
    trained.input_weight.mul_(4)
    trained.log_threshold.uniform_(-0.5, 0.2)
    trained.leak.uniform_(0.6, 1)
    x = sequences(50, 3, trained.shape)
    exact = network_of(trained, LATTICE)
    run = execute_sequence(exact, x, 2)
    hidden = torch.stack(trained.play(trained.scaled(pixels_of(x))).hidden).permute(2, 0, 1, 3).numpy()
    assert 0.05 < np.abs(hidden).mean() < 0.95
    assert (signs_of(run.spikes["lstm1/hidden"]) == hidden).mean() > 0.97
    for gate, name in enumerate(GATES):
        units = exact.layers[0].units[name]
        assert units.spiking == (name in spiking)
        if not units.spiking:  # 1.0 is 2**fraction_bits after value_shift: the step of a weight is known
            step = 2.0 ** (units.input_shift - 8 - units.value_shift) * INPUT_STEPS_PER_ONE
            error = exact.layers[0].input_weights[gate].T * step - trained.input_weight[gate].numpy()
            assert np.abs(error).max() <= step / 2


def test_hidden_values_must_be_spikes():
    with pytest.raises(TraceError, match="'output' and 'cell' must be among the spiking gates"):
        network_of(network(("input", "output"), 2), LATTICE)
