"""Models of snnTorch and SpikingJelly through `hwsim.capture`: their own spikes, or a refusal by a module's name."""

from __future__ import annotations

import numpy as np
import pytest

import hwsim
from hwsim.errors import TraceError, UsageError
from hwsim.traces import read_trace, write_trace
from hwsim.traces.codings import verify

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
pytest.importorskip("spikingjelly.activation_based")
from doors.torch_models import on_lattice  # noqa: E402
from spikingjelly.activation_based import functional, layer, neuron  # noqa: E402
from torch import nn  # noqa: E402

pytestmark = pytest.mark.usefixtures("seeded")


class InLoop(nn.Module):
    """snnTorch as its tutorials have it: a loop over time in the forward pass, membranes handed on."""

    def __init__(self, steps=4, **options):
        super().__init__()
        self.steps = steps
        self.c, self.l1 = nn.Conv2d(1, 6, 3, padding=1), snn.Leaky(beta=0.5, threshold=2.0, **options)
        self.f, self.l2 = nn.Linear(6 * 16, 5), snn.Leaky(beta=1.0, threshold=1.0, **options)

    def forward(self, x):
        mem1, mem2, out = self.l1.reset_mem(), self.l2.reset_mem(), []
        for _ in range(self.steps):
            spk, mem1 = self.l1(self.c(x), mem1)
            spk2, mem2 = self.l2(self.f(nn.functional.max_pool2d(spk, 2).flatten(1)), mem2)
            out.append(spk2)
        return torch.stack(out)


class OneStep(nn.Module):
    """SpikingJelly: a step a call, or all of them in multi-step mode."""

    def __init__(self, mode="s", **options):
        super().__init__()
        self.net = nn.Sequential(
            layer.Conv2d(1, 6, 3, padding=1, bias=False),
            neuron.IFNode(v_threshold=2.0, **options),
            layer.AvgPool2d(2, 2),
            layer.Flatten(),
            layer.Linear(6 * 16, 10),
            neuron.LIFNode(tau=2.0, **options),
            layer.VotingLayer(2),
        )
        functional.set_step_mode(self, mode)

    def forward(self, x):
        return self.net(x)


class Residual(nn.Module):
    """Two branches of currents and of spikes, batch norm, and logits that do not fire."""

    def __init__(self):
        super().__init__()
        self.c0, self.b0, self.n0 = nn.Conv2d(1, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), neuron.IFNode()
        self.c1, self.b1, self.n1 = nn.Conv2d(6, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), neuron.IFNode()
        self.c2, self.n2 = nn.Conv2d(6, 6, 3, padding=1), neuron.IFNode()
        self.f = nn.Linear(6 * 64, 5)

    def forward(self, x):
        first = self.n0(self.b0(self.c0(x)))
        second = self.n1(self.b1(self.c1(first)))
        return self.f(self.n2(self.c2(second) + first).flatten(1))


X = np.random.default_rng(0).integers(0, 4, (8, 1, 8, 8)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 5, 8)


def exact(model, **options):
    return hwsim.capture(on_lattice(model), X, labels=Y, allow_drift=0.0, **options)


@pytest.mark.parametrize("delay", [True, False])
@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
def test_leaky_of_snntorch_is_exact_on_the_lattice(reset, delay):
    trace = exact(InLoop(2, reset_mechanism=reset, reset_delay=delay))
    assert trace.timesteps == 2 and verify(trace).ok
    assert trace.network["c"].neuron.delayed_reset == (delay and reset != "none")


@pytest.mark.parametrize("mode", ["s", "m"])
@pytest.mark.parametrize("v_reset", [0.0, None])
def test_nodes_of_spikingjelly_are_exact_on_the_lattice(mode, v_reset):
    trace = exact(OneStep(mode, v_reset=v_reset), timesteps=2)
    assert trace.timesteps == 2 and verify(trace).ok
    assert trace.network["net.0"].neuron.fires_at_threshold
    assert trace.network.output.votes == 2


def test_both_modes_of_spikingjelly_give_one_trace():
    models = [on_lattice(OneStep(mode)) for mode in ("s", "m")]
    models[1].load_state_dict(models[0].state_dict())
    one, other = (hwsim.capture(model, X, labels=Y, timesteps=3, allow_drift=0.1) for model in models)
    for name, packed in one.spikes.items():
        np.testing.assert_array_equal(packed.words, other.spikes[name].words)


def test_a_trace_survives_its_file_and_is_played(tmp_path):
    model = Residual()
    model(torch.as_tensor(X))  # statistics of batch norm that are not those it begins with
    functional.reset_net(model)
    trace = hwsim.capture(model.eval(), X, labels=Y, timesteps=3, allow_drift=0.2, name="residual", recorded=4)
    assert model.b0.running_mean.abs().sum() > 0
    write_trace(tmp_path / "t.npz", trace)
    again = read_trace(tmp_path / "t.npz")
    assert verify(again).ok and (again.n_samples, again.provenance.name) == (4, "residual")
    assert again.network["add7" if "add7" in [x.name for x in again.network] else again.network["f"].inputs[0]]
    assert any(type(each).__name__ == "Add" for each in again.network)
    for design in ("imc", "digital"):
        assert hwsim.simulate(design, again, accuracy_samples=0).energy.value > 0


def test_spikes_are_those_that_the_model_itself_gives():
    """Read off with a hook of this test, not with hwsim's."""
    model, seen = on_lattice(InLoop(3)), []
    trace = hwsim.capture(model, X, labels=Y, allow_drift=0.1)
    hook = model.l1.register_forward_hook(lambda _m, _i, out: seen.append(out[0].detach().numpy()))
    with torch.no_grad():
        model(torch.as_tensor(X))
    hook.remove()
    wanted = np.stack(seen, axis=1).transpose(0, 1, 3, 4, 2).reshape(8, 3, 64, 6)
    words = trace.spikes["c"].words[..., 0]
    found = np.stack([(words >> np.uint64(c)) & np.uint64(1) for c in range(6)], axis=-1)
    assert (found != wanted).mean() < 0.01


def test_batches_with_labels_are_one_trace():
    loader = [(torch.as_tensor(X[:5]), torch.as_tensor(Y[:5])), (torch.as_tensor(X[5:]), torch.as_tensor(Y[5:]))]
    trace = hwsim.capture(on_lattice(OneStep()), loader, timesteps=2, allow_drift=0.1)
    assert trace.logits["test"].labels.tolist() == Y.tolist()


def test_events_over_time_go_step_by_step():
    spikes = (np.random.default_rng(2).random((6, 4, 1, 8, 8)) < 0.3).astype(np.float32)
    for mode in ("s", "m"):
        trace = hwsim.capture(on_lattice(OneStep(mode)), spikes, labels=Y[:6], over_time=True, allow_drift=0.1)
        assert (trace.coding, trace.timesteps, trace.network.input.bits) == ("events", 4, 1)
        assert verify(trace).ok


def test_recordings_as_from_events_writes_them_are_taken(tmp_path):
    values = (np.random.default_rng(3).random((6, 4, 8, 8, 1)) < 0.3).astype(np.uint8)
    inputs = hwsim.EventInputs(values, Y[:6])
    inputs.save(tmp_path / "inputs.npz")
    model = on_lattice(OneStep())
    traces = [
        hwsim.capture(model, given, allow_drift=0.1, **more)
        for given, more in (
            (inputs, {}),
            (tmp_path / "inputs.npz", {}),
            (np.moveaxis(values, -1, 2), {"labels": Y[:6], "over_time": True}),
        )
    ]
    for trace in traces:
        np.testing.assert_array_equal(trace.inputs.values, values)
        np.testing.assert_array_equal(trace.spikes["net.0"].words, traces[0].spikes["net.0"].words)
        assert trace.logits["test"].labels.tolist() == Y[:6].tolist()


def test_a_membrane_can_be_what_decides():
    trace = hwsim.capture(
        on_lattice(InLoop(3, reset_mechanism="none")), X, labels=Y, readout="membrane", allow_drift=0.1
    )
    assert trace.network.output.of == "membrane"


def test_a_mean_of_membranes_over_time_can_be_what_decides():
    """Of snnTorch's own membranes; the last one decides otherwise now and then."""
    model = on_lattice(nn.Sequential(nn.Linear(9, 5), snn.Leaky(beta=0.5, threshold=2.0, init_hidden=True)))
    x = (np.random.default_rng(5).random((40, 6, 9)) < 0.5).astype(np.float32)
    membranes = []
    with torch.no_grad():
        snn.Leaky.reset_hidden()
        for t in range(6):
            model(torch.as_tensor(x[:, t]))
            membranes.append(model[1].mem.numpy().copy())
    mean, last = np.mean(membranes, axis=0), membranes[-1]
    assert (mean.argmax(axis=1) != last.argmax(axis=1)).any()
    for readout, wanted in (("mean_membrane", mean), ("membrane", last)):
        trace = hwsim.capture(
            model, x, labels=mean.argmax(axis=1), over_time=True, readout=readout, allow_drift=0.0, per_channel=False
        )
        logits = trace.logits["test"]
        found = logits.accumulated()[:, -1] * logits.scale / (6 if readout == "mean_membrane" else 1)
        np.testing.assert_allclose(found, wanted, atol=1e-6)
        assert (logits.accuracy()[-1] == 1) == (readout == "mean_membrane")


class Other(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.c, self.n, self.inner, self.f = nn.Conv2d(1, 4, 3, padding=1), neuron.IFNode(), inner, nn.Linear(4 * 64, 5)

    def forward(self, x):
        return self.f(self.inner(self.n(self.c(x))).flatten(1))


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        (nn.ReLU(), "module 'inner' (ReLU): is no spiking neuron"),
        (nn.GroupNorm(2, 4), "module 'inner' (GroupNorm): cannot be folded into weights: use batch norm"),
        (nn.BatchNorm2d(4), "module 'inner' (BatchNorm2d): can be folded only into weights that nothing else reads"),
        (nn.Softmax(1), "module 'inner' (Softmax): cannot be said in a trace"),
        (neuron.IFNode(v_reset=-1.0), "module 'inner' (IFNode): membranes begin at 0 in a trace"),
    ],
)
def test_what_cannot_be_said_is_refused_by_its_module(inner, message):
    with pytest.raises(TraceError) as raised:
        hwsim.capture(Other(inner).eval(), X, labels=Y, timesteps=2, allow_drift=1.0)
    assert str(raised.value).startswith(message) and "\n" not in str(raised.value)


def test_arguments_that_are_none_are_refused():
    model = on_lattice(OneStep())
    for options, message in (
        ({"timesteps": None}, "timesteps: wanted how many"),
        ({"labels": None}, "labels: wanted"),
        ({"timestep": 2, "timesteps": None}, "timestep: is no argument here; did you mean 'timesteps'\\?"),
        ({"weight_bit": 4}, "weight_bit: is no argument here; did you mean 'weight_bits'\\?"),
        ({"data_set": "x"}, "data_set: is no argument here; did you mean 'dataset'\\?"),
        ({"readout": "both"}, "readout: wanted one of spikes, membrane, mean_membrane, got 'both'"),
    ):
        with pytest.raises(UsageError, match=f"^{message}"):
            hwsim.capture(model, X, **{"labels": Y, "timesteps": 2, **options})
    with pytest.raises(UsageError, match=r"^model: wanted a torch\.nn\.Module, got str"):
        hwsim.capture("model", X, labels=Y)
    with pytest.raises(UsageError, match=r"^input_bits: wanted 1 to 16, found 17"):
        hwsim.capture(model, X, labels=Y, timesteps=2, input_bits=17)
    with pytest.raises(TraceError, match="has no spiking neurons that are known"):
        hwsim.capture(nn.Sequential(nn.Flatten(), nn.Linear(64, 5)), X, labels=Y, timesteps=2)
