"""Models that read the timestep before, as frameworks' modules, their containers or loops of one's own have it."""

from __future__ import annotations

import numpy as np
import pytest

import hwsim
from hwsim.errors import TraceError
from hwsim.traces.codings import verify

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
pytest.importorskip("spikingjelly.activation_based")
from doors.torch_models import on_lattice  # noqa: E402
from spikingjelly.activation_based import functional, layer, neuron  # noqa: E402
from torch import nn  # noqa: E402

X = (np.random.default_rng(0).random((16, 4, 12)) < 0.5).astype(np.float32)
Y = np.arange(16) % 5


pytestmark = pytest.mark.usefixtures("seeded")


def exact(model, inputs=X, **options):
    """The trace, without a spike that is not the model's own."""
    trace = hwsim.capture(model, inputs, labels=Y, over_time=True, allow_drift=0.0, **options)
    assert verify(trace).ok and all(packed.words.any() for packed in trace.spikes.values())
    return trace


class Loop(nn.Module):
    """Two layers in a loop over time, whose spikes come back as `step` says."""

    def __init__(self):
        super().__init__()
        self.a, self.n = nn.Linear(12, 8), snn.Leaky(beta=0.5, threshold=2.0)
        self.b, self.m = nn.Linear(8, 5), snn.Leaky(beta=0.5, threshold=1.0)
        self.own, self.top = nn.Linear(8, 8), nn.Linear(5, 8)

    def forward(self, x):
        v, u, z, y = self.n.reset_mem(), self.m.reset_mem(), torch.zeros(len(x[0]), 8), torch.zeros(len(x[0]), 5)
        count = torch.zeros(len(x[0]), 5)
        for now in x:
            z, v, y, u = self.step(now, z, v, y, u)
            count = count + y
        return count

    def step(self, now, z, v, y, u):
        z, v = self.n(self.a(now) + self.own(z), v)
        return z, v, *self.m(self.b(z), u)


class TopDown(Loop):
    """Both layers come back to the first."""

    def step(self, now, z, v, y, u):
        z, v = self.n(self.a(now) + self.own(z) + self.top(y), v)
        return z, v, *self.m(self.b(z.clone()), u)


class Pipelined(Loop):
    """The second layer works on what the first has given a timestep before."""

    def step(self, now, z, v, y, u):
        y, u = self.m(self.b(z), u)
        return *self.n(self.a(now), v), y, u


class FromTheSecondOn(Loop):
    """Nothing comes back before anything has been given; the second layer is a timestep late."""

    def forward(self, x):
        self.kept = None
        return super().forward(x)

    def step(self, now, z, v, y, u):
        arrives = self.a(now)
        if isinstance(self.kept, torch.Tensor):
            arrives += self.own(z)
        self.kept = z
        return *self.n(arrives, v), *self.m(self.b(z), u)


class SamplesFirst(Loop):
    """The second axis is that of time."""

    def forward(self, x):
        v, u, z = self.n.reset_mem(), self.m.reset_mem(), torch.zeros(len(x), 8)
        out = []
        for t in range(x.size(1)):
            z, v, y, u = self.step(x[:, t], z, v, None, u)
            out.append(y)
        return torch.stack(out, dim=1).sum(1)


class OneByOne(Loop):
    """Each layer has its own loop."""

    def forward(self, x):
        v, u, first, second = self.n.reset_mem(), self.m.reset_mem(), [], []
        for now in x:
            z, v = self.n(self.a(now), v)
            first.append(z)
        spikes = torch.stack(first)
        for t in range(len(spikes)):
            y, u = self.m(self.b(spikes[t]), u)
            second.append(y)
        return torch.stack(second).sum(0)


@pytest.mark.parametrize(
    ("kind", "late"),
    [
        (Loop, {"own"}),
        (TopDown, {"own", "top"}),
        (Pipelined, {"b"}),
        (FromTheSecondOn, {"own", "b"}),
        (OneByOne, set()),
        (SamplesFirst, {"own"}),
    ],
)
def test_loops_over_time_are_exact_on_the_lattice(kind, late):
    model = on_lattice(kind())
    if kind is FromTheSecondOn:
        with torch.no_grad():
            model.own.bias.zero_()  # in a trace it is there at the first timestep
    trace = exact(model)
    assert {each.name for each in trace.network if getattr(each, "delayed", False)} == late


class Stateful(nn.Module):
    """One timestep a call; own spikes are kept in the module, or their current is."""

    def __init__(self, ahead):
        super().__init__()
        self.a, self.own, self.n, self.f = nn.Linear(12, 8), nn.Linear(8, 8), neuron.IFNode(), nn.Linear(8, 5)
        self.ahead, self.kept = ahead, None

    def forward(self, x):
        if isinstance(self.n.v, float):  # after a reset
            self.kept = torch.zeros(len(x), 8)
        z = self.n(self.a(x) + (self.kept if self.ahead else self.own(self.kept)))
        self.kept = self.own(z) if self.ahead else z
        return self.f(z)


@pytest.mark.parametrize("ahead", [False, True])
def test_what_a_module_keeps_from_call_to_call_comes_back(ahead):
    model = on_lattice(Stateful(ahead))
    if ahead:
        with torch.no_grad():
            model.own.bias.zero_()  # it is not there at the first timestep
    trace = exact(model)
    assert trace.network["own"].delayed and trace.network.output.name == "f"


@pytest.mark.parametrize("mode", ["s", "m"])
@pytest.mark.parametrize("inner", ["neurons", "Linear and neurons"])
def test_containers_of_spikingjelly_with_weights(mode, inner):
    """Weights of two layers in a row are multiplied, so one of them is of powers of two here."""
    sub = neuron.LIFNode(tau=2.0, v_threshold=0.5)
    if inner == "neurons":
        around = layer.LinearRecurrentContainer(sub, 8, 8, step_mode=mode)
    else:
        around = layer.LinearRecurrentContainer(nn.Sequential(nn.Linear(8, 6, bias=False), sub), 8, 6, step_mode=mode)
    n = 8 if inner == "neurons" else 6
    model = nn.Sequential(
        nn.Linear(12, 8, bias=False), neuron.IFNode(), around, nn.Linear(n, 5), neuron.IFNode(v_threshold=0.25)
    )
    on_lattice(model)
    with torch.no_grad():
        if inner != "neurons":
            around.sub_module[0].weight.copy_(torch.eye(8)[:6])
    functional.set_step_mode(model, mode)
    functional.set_step_mode(around.sub_module, "s")
    trace = exact(model)
    assert trace.network["2.rc.1"].delayed if inner == "neurons" else trace.network.read_late


@pytest.mark.parametrize("mode", ["s", "m"])
def test_spikes_that_are_added_to_what_arrives_next(mode):
    nodes = [neuron.IFNode(v_threshold=theta, v_reset=None) for theta in (2.0, 1.0)]
    around = [layer.ElementWiseRecurrentContainer(node, lambda y, x: y + x, step_mode=mode) for node in nodes]
    model = nn.Sequential(layer.Linear(12, 8, step_mode=mode), around[0], layer.Linear(8, 5, step_mode=mode), around[1])
    first, _ = exact(on_lattice(model)).network.spiking()
    assert (first.neuron.feedback == 64 << first.neuron.fraction_bits).all()  # one is 64 steps of 2^-6


def in_time():
    """Modules that take all timesteps at once, around others that do not."""
    fire = {"step_mode": "m", "v_threshold": 1.0}
    inner = [nn.Conv2d(1, 4, 3, padding=1), neuron.IFNode(), nn.MaxPool2d(2)]
    dense = [nn.Flatten(), nn.Linear(36, 5)]
    yield nn.Sequential(layer.MultiStepContainer(*inner), layer.SeqToANNContainer(*dense), neuron.IFNode(**fire))
    first = layer.SeqToANNContainer(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4, eps=0.0))
    yield nn.Sequential(
        first, neuron.IFNode(**fire), layer.SeqToANNContainer(nn.MaxPool2d(2), *dense), neuron.IFNode(**fire)
    )


@pytest.mark.parametrize("number", [0, 1])
def test_containers_of_spikingjelly_with_an_axis_of_time(number):
    maps = np.random.default_rng(0).integers(0, 2, (16, 3, 1, 6, 6)).astype(np.float32)
    model = on_lattice(list(in_time())[number])
    assert len(exact(model, maps).network.spiking()) == 2


class Refused(Loop):
    def __init__(self, how):
        super().__init__()
        self.how = how

    def forward(self, x):
        self.before = [torch.zeros(len(x[0]), 8)]
        return super().forward(x)

    def step(self, now, z, v, y, u):
        z, v = self.n(self.how(self, now, z), v)
        self.before.append(z)
        return z, v, *self.m(self.b(z), u)


REFUSED = {
    "function 'mul' after 'n' of the timestep before: cannot": lambda net, now, z: net.a(now) + net.own(z * 2),
    "module 'n' (Leaky): is read 2 timesteps later": lambda net, now, z: net.a(now) + net.own(net.before[-2:][0]),
    "function 'relu' after 'n' of the timestep before": lambda net, now, z: net.a(now) + net.own(torch.relu(z)),
    "function 'mul' after 'a': cannot be said in a trace": lambda net, now, z: net.a(now) * 0.5,
    "function 'add' after 'a': wanted a sum of two": lambda net, now, z: net.a(now).add(net.own(z), alpha=0.5),
    "module 'norm' (BatchNorm1d): reads 'n' of the timestep": lambda net, now, z: net.a(now) + net.norm(z),
    "module 'after' (Leaky): reads 'n' of the timestep": lambda net, now, z: net.a(now) + net.own(net.after(z)),
    "module 'own' (Linear): reads a sum with the spikes of 'n'": lambda net, now, z: net.own(net.a(now) + z),
    "model: its input reaches nothing of what it gives": lambda net, now, z: z,
    "model: its forward pass fails on an input (1, 12): ": lambda net, now, z: net.a(now)[:, :5],
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_said_is_refused(message):
    model = Refused(REFUSED[message])
    model.norm, model.after = nn.BatchNorm1d(8), snn.Leaky(beta=0.5, init_hidden=True)
    with pytest.raises(TraceError) as raised:
        hwsim.capture(on_lattice(model), X, labels=Y, over_time=True, allow_drift=1.0)
    assert str(raised.value).startswith(message) and "\n" not in str(raised.value)


def test_weights_after_all_timesteps_are_refused():
    class Averaged(Loop):
        def forward(self, x):
            return self.top(super().forward(x))

    with pytest.raises(TraceError, match=r"^(function|module) '\w+'.*"):
        hwsim.capture(on_lattice(Averaged()), X, labels=Y, over_time=True, allow_drift=1.0)
