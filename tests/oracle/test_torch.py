"""The term of a loss: exact forward, slopes backward through the model, monitors, the linear model, learned widths."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import hwsim  # noqa: E402
from hwsim.errors import UsageError  # noqa: E402
from hwsim.oracle.torch import Term, loss, term  # noqa: E402
from hwsim.traces.planes import unpack_channels  # noqa: E402
from hwsim.traces.slicing import first  # noqa: E402

TRACES = Path(__file__).resolve().parents[2] / "traces"
LAYERS = {"conv1": "one", "conv2": "two", "conv3": "three", "fc1": "four"}


def shipped(samples=3):
    return first(hwsim.load_trace(TRACES / "fashion_dietsnn.npz"), samples)


def tensors(trace, samples=slice(None)):
    found = {}
    for name, packed in trace.spikes.items():
        bits = unpack_channels(packed.words[samples], packed.shape[2])
        maps = torch.from_numpy(bits.reshape(*bits.shape[:2], *packed.shape)).float().permute(1, 0, 4, 2, 3)
        found[name] = (maps if packed.shape[0] > 1 else maps[..., 0, 0]).contiguous()
    return found


def raw(trace, samples=slice(None)):
    return torch.from_numpy(np.moveaxis(trace.inputs.values[: trace.n_samples][samples], -1, 1).copy())


class Told(torch.nn.Module):
    """A model whose modules give spikes that are known beforehand, one call a timestep or one over all."""

    def __init__(self, spikes, stepwise):
        super().__init__()
        self.spikes, self.stepwise = spikes, stepwise
        for name in LAYERS.values():
            setattr(self, name, torch.nn.Identity())

    def forward(self, pixels, samples=slice(None)):
        for name, module in LAYERS.items():
            given = self.spikes[name][:, samples]
            for each in given if self.stepwise else [given]:
                getattr(self, module)(each)
        return pixels


@pytest.mark.parametrize("design", ["imc", "digital"])
@pytest.mark.parametrize("objective", ["energy_pj", "dynamic_pj", "latency_ns", "edp_pj_ns"])
def test_forward_is_exact_and_backward_are_the_slopes(design, objective):
    trace = shipped()
    oracle, spikes = hwsim.Oracle(design, trace, objective=objective), tensors(trace)
    for each in spikes.values():
        each.requires_grad_()
    value = loss(oracle, spikes, raw(trace))
    assert value.item() == oracle.reference.value
    (2 * value).backward()
    _, slopes = oracle.slopes(trace.spikes, raw(trace))
    for name, packed in trace.spikes.items():
        height, width, channels = packed.shape
        whole = np.broadcast_to(slopes[name], (3, 4, height * width, channels)) * (2 / 3)
        wanted = whole.reshape(3, 4, height, width, channels).transpose(1, 0, 4, 2, 3)
        np.testing.assert_allclose(spikes[name].grad.numpy(), wanted.reshape(spikes[name].shape), rtol=1e-5)


def test_gradients_go_on_through_the_model():
    """A neuron that fires where its input is above 0 and passes gradients on as they are."""

    class Fire(torch.autograd.Function):
        @staticmethod
        def forward(ctx, current):
            return (current > 0).float()

        @staticmethod
        def backward(ctx, gradient):
            return gradient

    trace = shipped(2)
    oracle, spikes = hwsim.Oracle("digital", trace, objective="dynamic_pj"), tensors(trace)
    current = (spikes["fc1"] - 0.5).requires_grad_()
    loss(oracle, {**spikes, "fc1": Fire.apply(current)}).backward()
    _, slopes = oracle.slopes(trace.spikes)
    np.testing.assert_allclose(current.grad.numpy(), float(slopes["fc1"].max()) / 2, rtol=1e-6)


def test_shares_of_what_the_recorded_samples_cost():
    trace = shipped()
    oracle, spikes = hwsim.Oracle("digital", trace), tensors(trace)
    spikes["fc1"].requires_grad_()
    value = loss(oracle, spikes, relative=True)
    assert value.item() == pytest.approx(1, rel=1e-15)
    value.backward()
    share = spikes["fc1"].grad.clone()
    spikes["fc1"].grad = None
    loss(oracle, spikes).backward()
    np.testing.assert_allclose(share.numpy() * oracle.reference.value, spikes["fc1"].grad.numpy(), rtol=1e-5)


@pytest.mark.parametrize("stepwise", [False, True])
def test_a_monitor_hands_over_what_a_forward_pass_gave(stepwise):
    trace = shipped()
    oracle = hwsim.Oracle("imc", trace)
    model = Told(tensors(trace), stepwise)
    with oracle.monitor(model, LAYERS) as monitor:
        model(raw(trace))
        assert loss(oracle, monitor).item() == oracle.reference.value
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            model(raw(trace))
            model(raw(trace))
            assert loss(oracle, monitor).item() == oracle.reference.value
        with pytest.raises(UsageError, match="no forward pass has run"):
            monitor.take()
    model(raw(trace))
    with pytest.raises(UsageError, match="no forward pass has run"):
        monitor.take()


def test_threads_that_see_parts_of_a_batch_are_put_together():
    """As data-parallel copies do; each begins when the one before has, and all run at the same time."""
    trace = shipped(5)
    oracle, model = hwsim.Oracle("imc", trace), Told(tensors(trace), stepwise=True)
    monitor = oracle.monitor(model, LAYERS)
    parts, turns = [slice(0, 2), slice(2, 5)], [threading.Event() for _ in range(3)]

    def run(i):
        turns[i].wait(10)
        handle = model.register_forward_pre_hook(lambda *_: turns[i + 1].set())
        model(raw(trace, parts[i]), parts[i])
        handle.remove()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    turns[0].set()
    for thread in threads:
        thread.join()
    assert loss(oracle, monitor).item() == oracle.reference.value


def test_neurons_of_known_libraries_need_no_names():
    snn = pytest.importorskip("snntorch")

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.one = torch.nn.Linear(6, 5), snn.Leaky(beta=0.9, threshold=0.1)
            self.fc2, self.two = torch.nn.Linear(5, 3), snn.Leaky(beta=0.9, threshold=0.1)

        def forward(self, x):
            first, second, out = self.one.init_leaky(), self.two.init_leaky(), []
            for _ in range(3):
                fired, first = self.one(self.fc1(x), first)
                fired, second = self.two(self.fc2(fired), second)
                out.append(fired)
            return torch.stack(out)

    torch.manual_seed(1)
    net, inputs = Net(), torch.rand(4, 6)
    oracle = hwsim.Oracle("digital", net, capture={"inputs": inputs, "labels": torch.zeros(4), "allow_drift": 1.0})
    monitor = oracle.monitor(net)
    net(inputs)
    loss(oracle, monitor).backward()
    assert net.fc1.weight.grad.abs().max() > 0


@pytest.mark.parametrize("design", ["imc", "digital"])
def test_between_two_batches_that_are_played_the_linear_model_stands_in(design):
    """Dynamic energy on digital is in proportion to spikes, so that it is exact there for any batch."""
    trace = shipped(4)
    oracle = hwsim.Oracle(design, trace, objective="dynamic_pj")
    given = Term(oracle, every=3)
    said, wanted = [], []
    for i in range(4):
        spikes, inputs = tensors(trace, slice(i, i + 1)), raw(trace, slice(0, 1))
        for each in spikes.values():
            each.requires_grad_()
        value = given(spikes, inputs)
        value.backward()
        said.append(value.item())
        wanted.append(oracle(spikes, inputs).value)
        assert all(each.grad.abs().max() > 0 for each in spikes.values())
    assert said[0] == wanted[0]
    assert said[3] == wanted[3]
    assert len(given.drift.errors) == 1
    if design == "digital":
        np.testing.assert_allclose(said, wanted, rtol=1e-6)
        assert given.drift.worst < 1e-6
    else:
        assert said[1] != wanted[1]
        np.testing.assert_allclose(said, wanted, rtol=0.1)  # of batches of one
    assert f"of {len(given.drift.errors)}" in str(given.drift)


def test_the_term_of_a_loss_is_kept_with_its_oracle():
    trace = shipped(1)
    oracle = hwsim.Oracle("digital", trace, objective="dynamic_pj")
    for _ in range(3):
        loss(oracle, tensors(trace), every=2)
    assert len(term(oracle, 2).drift.errors) == 1
    assert term(oracle, 3) is not term(oracle, 2)
    with pytest.raises(UsageError, match="every: wanted 1 or more, got 0"):
        loss(oracle, tensors(trace), every=0)
    with pytest.raises(UsageError, match="spikes, fc1: wanted tensors"):
        loss(oracle, {**tensors(trace), "fc1": np.zeros(3)})
    with pytest.raises(UsageError, match="weight_bits, fc1: wanted a tensor of one finite number"):
        loss(oracle, tensors(trace), weight_bits={"fc1": 4})


@pytest.mark.parametrize("design", ["imc", "digital"])
def test_widths_of_weights_that_are_learned(design):
    """Beside the machine with the network of other widths, made anew."""
    from hwsim.oracle.bits import with_bits

    trace = shipped(2)
    oracle = hwsim.Oracle(design, trace, objective="energy_pj")
    width = torch.tensor(4.3, requires_grad=True)
    value = loss(oracle, tensors(trace), raw(trace), weight_bits={"conv3": width})
    value.backward()
    costs = [
        hwsim.simulate(design, with_bits(trace, {"conv3": bits}), accuracy_samples=0).runs[0].energy_pj.value
        for bits in (3, 4, 5)
    ]
    assert value.item() == costs[1]
    assert width.grad.item() == pytest.approx((costs[2] - costs[0]) / 2, rel=1e-5)


def test_monitors_that_cannot_be():
    oracle, model = hwsim.Oracle("digital", shipped(1)), Told(tensors(shipped(1)), stepwise=False)
    for layers, said in (
        (None, "layers: the model has no neurons that are known"),
        ({"conv9": "one"}, "layers: no layer with neurons is called 'conv9', those are conv1, conv2, conv3, fc1"),
        ({**LAYERS, "fc1": "fuor"}, "layers, fc1: wanted a module of the model or its name, got 'fuor'; did you mean"),
    ):
        with pytest.raises(UsageError) as error:
            oracle.monitor(model, layers)
        assert str(error.value).startswith(said)
