"""Networks of ReLU through `hwsim.capture` to spike times: the closed form, drift, and refusals by name."""

from __future__ import annotations

import numpy as np
import pytest

import hwsim
from hwsim.errors import TraceError, UsageError
from hwsim.traces import read_trace
from hwsim.traces.codings import verify

torch = pytest.importorskip("torch")
from doors.torch_models import on_lattice  # noqa: E402
from torch import nn  # noqa: E402

from hwsim.doors.torch.first_spike.chain import chain_of, sums  # noqa: E402
from hwsim.doors.torch.first_spike.conversion import Windows, converted  # noqa: E402

pytestmark = pytest.mark.usefixtures("seeded")
N, T = 40, 16
Y = np.random.default_rng(1).integers(0, 4, N)


def maps():
    return torch.rand(N, 1, 8, 8) * (torch.rand(N, 1, 8, 8) < 0.7)


class Functional(nn.Module):
    """ReLU and flatten as functions, as many write them."""

    def __init__(self):
        super().__init__()
        self.c1, self.n1 = nn.Conv2d(1, 4, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4)
        self.f1, self.n2, self.f2 = nn.Linear(4 * 16, 12), nn.BatchNorm1d(12), nn.Linear(12, 4)

    def forward(self, x):
        x = torch.relu(self.n1(self.c1(x)))
        x = nn.functional.dropout(x.view(len(x), -1), 0.5, self.training)
        return self.f2(nn.functional.relu(self.n2(self.f1(x))))


def perceptron():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 4))


def with_statistics(model):
    model.train()
    with torch.no_grad():
        for _ in range(5):
            model(torch.rand(64, 1, 8, 8))
    return model.eval()


def captured(model, x=None, **options):
    x = maps() if x is None else x
    given = {"labels": Y[: len(x)], "timesteps": T, "coding": "ttfs", "allow_drift": 2.0, **options}
    return hwsim.capture(model, x, **given)


def test_layers_in_a_chain_give_what_the_model_gives():
    model, x = with_statistics(Functional()), maps()
    links = chain_of(model, x[:1])
    assert [link.name for link in links] == ["c1", "f1", "f2"]
    with torch.no_grad():
        assert torch.allclose(sums(links, x)[-1], model(x), atol=1e-5)
    assert model.c1.bias is None  # the model is left as it was


@pytest.mark.parametrize("make", [perceptron, lambda: with_statistics(Functional())])
def test_arrivals_are_the_relu_rounded_to_ticks(make):
    """A layer's arrivals are z / unit to the nearest whole number, clipped, with windows one after another."""
    model, x = make(), maps()
    trace = captured(model, x)
    assert verify(trace).ok
    assert trace.coding == "ttfs"
    raw = np.rint(x.numpy() * 255).astype(int)
    arrivals = np.where(raw > 0, T - np.floor((255 - raw) * (T - 1) / 255 + 0.5), 0)
    layer = trace.network.weighted()[0]
    weights = layer.weights.values.astype(float)
    if weights.shape[0] == 3:
        padded = np.pad(arrivals[:, 0], ((0, 0), (1, 1), (1, 1)))
        z = sum(
            padded[:, dy : dy + 8 : 2, dx : dx + 8 : 2, None] * weights[dy, dx, 0] for dy in range(3) for dx in range(3)
        )
    else:
        z = (arrivals.reshape(N, -1) @ weights[0, 0])[:, None, None]
    ramp = trace.network.neurons[layer.name].ramp
    wanted = np.clip(np.floor((z + layer.bias + ramp - ramp // 2) / ramp), 0, T)
    np.testing.assert_array_equal(np.where(trace.times[layer.name] < 0, 0, T - trace.times[layer.name]), wanted)
    assert 0.1 < (wanted > 0).mean() < 0.95


def test_on_the_integer_lattice_no_spike_differs():
    model = on_lattice(nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 4)))
    with torch.no_grad():
        for layer in (model[1], model[3]):
            layer.bias.zero_()
            layer.weight[:, ::2] *= -1
    trace = captured(model, allow_drift=0.0)
    assert 0.02 < trace.spike_rate("1") < 0.98


def test_drift_counts_a_spike_that_moves_twice():
    """Beside a network whose weights are not rounded, in the closed form."""
    model, x = perceptron(), maps()
    with pytest.warns(UserWarning, match="of the spikes differ from the float network's") as told:
        trace = captured(model, x, weight_bits=4)
    message = str(told[0].message)
    raw = np.rint(x.numpy() * 255).astype(int).reshape(N, -1)
    arrivals = np.where(raw > 0, T - np.floor((255 - raw) * (T - 1) / 255 + 0.5), 0)[:32]
    changed = fired = 0
    unit = 1 / T
    for link, layer in zip((model[1], model[3]), trace.network.weighted(), strict=True):
        neurons, step = trace.network.neurons[layer.name], float(layer.weights.scale[0])
        weight, bias = (p.detach().double().numpy() for p in (link.weight, link.bias))
        z = arrivals @ (weight / step).T + bias / (step * unit)
        arrivals = np.clip(np.floor((z - neurons.v_threshold + neurons.ramp * (T + 1)) / neurons.ramp), 0, T)
        times = trace.times[layer.name][:32, 0, 0]
        found = np.where(times < 0, 0, T - times)
        moved = found != arrivals
        changed += (moved & (found > 0)).sum() + (moved & (arrivals > 0)).sum()
        fired += (arrivals > 0).sum()
        unit *= neurons.ramp * step
    assert changed > 20
    assert float(message.partition(" %")[0]) == pytest.approx(100 * changed / fired, abs=0.006)
    with torch.no_grad():
        right = (model((x * 255).round() / 255).argmax(1).numpy() == Y).mean()
    assert f"right {100 * trace.provenance.accuracy[0]:.2f} %, in floats {100 * right:.2f} %" in message
    with pytest.raises(TraceError, match="drift: "):
        captured(model, x, weight_bits=4, allow_drift=None)


@pytest.mark.parametrize("start", [5, T])
def test_what_is_trained_in_the_time_domain_is_captured_without_drift(start):
    model, x = perceptron(), maps()
    network = converted([model[1], model[3]], Windows(T, start, 8), [1.0, 1.0])
    trace = hwsim.capture(network, x, labels=Y, allow_drift=0.0, recorded=10, name="timed")
    assert verify(trace).ok
    assert trace.network.neurons["fc1"].start == start
    assert (trace.n_samples, trace.network.window) == (10, T)
    with torch.no_grad():
        classes = network((x * 255).round())[0].argmax(1).numpy()
    np.testing.assert_array_equal(trace.decisions["test"].classes, classes)
    with pytest.raises(UsageError, match="timesteps: wanted 16, the ticks of the network's windows, got 8"):
        hwsim.capture(network, x, labels=Y, timesteps=8)


def test_whole_numbers_take_the_bits_that_they_need():
    trace = captured(perceptron(), (maps() > 0.5).int())
    assert trace.network.network.input.bits == 1
    assert verify(trace).ok
    trace = captured(perceptron(), (maps() * 16).int() + 1)
    assert trace.network.network.input.bits == 5


def test_a_trace_is_written_and_played(tmp_path):
    captured(perceptron(), out=tmp_path / "t.npz", recorded=8)
    trace = read_trace(tmp_path / "t.npz")
    assert verify(trace).ok
    assert hwsim.simulate("ttfs", trace, accuracy_samples=0).energy.value > 0


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(64, 64), nn.Linear(64, 4)

    def forward(self, x):
        x = x.flatten(1)
        return self.b(torch.relu(self.a(x)) + x)


def of(*layers):
    return nn.Sequential(*layers)


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        (
            of(nn.Flatten(), nn.Linear(64, 8), nn.Linear(8, 4)),
            r"'2' \(Linear\): wanted a ReLU between it and '1'",
        ),
        (of(nn.Flatten(), nn.Linear(64, 8), nn.ReLU()), "module '1': wanted logits behind it, without a ReLU"),
        (
            of(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 4)),
            r"module '2' \(MaxPool2d\): spike times have no pools",
        ),
        (of(nn.Flatten(), nn.Linear(64, 8), nn.Sigmoid(), nn.Linear(8, 4)), r"module '2' \(Sigmoid\): is not among"),
        (of(nn.Flatten(), nn.Linear(64, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 4)), r"'2' \(LayerNorm\): cannot"),
        (
            of(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Linear(8, 4)),
            "it directly behind",
        ),
        (
            of(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=2), nn.Flatten()),
            r"'2' \(Conv2d\): wanted one",
        ),
        (of(nn.Linear(8, 4), nn.ReLU(), nn.Flatten(), nn.Linear(32, 4)), r"'0' \(Linear\): wanted vectors"),
        (Branches(), "function 'add': is not among what has spike times"),
    ],
)
def test_what_has_no_spike_times_is_refused_by_name(model, wanted):
    with pytest.raises(TraceError, match=wanted):
        captured(model.eval())


@pytest.mark.parametrize(
    ("options", "kind", "wanted"),
    [
        ({"timesteps": None}, UsageError, "timesteps: wanted how many ticks"),
        ({"timesteps": 1}, UsageError, "timesteps: .*1"),
        ({"over_time": True}, UsageError, "over_time: has no meaning for first spikes"),
        ({"readout": "membrane"}, UsageError, "readout: has no meaning for first spikes"),
        ({"coding": "rate"}, UsageError, "coding: wanted ttfs, or none"),
        ({"weight_bits": 9}, UsageError, "weight_bits: .*9"),
        ({"x": maps() - 0.5}, TraceError, "inputs: wanted none below 0"),
        ({"x": (maps() * 3000).int()}, TraceError, "inputs: wanted none below 0 and at most 8 bits"),
    ],
)
def test_options_without_meaning_are_refused(options, kind, wanted):
    with pytest.raises(kind, match=wanted):
        captured(perceptron(), **options)


def test_a_network_of_relu_alone_is_told_of_first_spikes():
    with pytest.raises(TraceError, match=r"is no spiking neuron: .*coding='ttfs'"):
        hwsim.capture(perceptron(), maps(), labels=Y, timesteps=4)
