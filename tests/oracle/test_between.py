"""Between two batches that are played: value and gradients of the linear model, beside sums that are written out.

Spikes lie in memory in all ways that models give them, are read by others, and gradients are asked for in all ways.
"""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from oracle.test_torch import LAYERS, Told, raw, shipped, tensors  # noqa: E402

import hwsim  # noqa: E402
from hwsim.doors.torch import passing  # noqa: E402
from hwsim.errors import UsageError  # noqa: E402
from hwsim.oracle.torch import Term  # noqa: E402
from hwsim.oracle.torch.attached import Slope, attached  # noqa: E402

SAMPLES, TIMESTEPS = 3, 4


@pytest.fixture(scope="module")
def trace():
    return shipped(SAMPLES)


@pytest.fixture(scope="module", params=["imc", "digital"])
def asked(request, trace):
    """A machine's oracle, its cost of a batch, and the mean slopes of that by layer: [timestep, channel, y, x]."""
    oracle = hwsim.Oracle(request.param, trace, objective="dynamic_pj")
    cost, slopes = oracle.slopes(trace.spikes, raw(trace))
    means = {}
    for name, packed in trace.spikes.items():
        height, width, channels = packed.shape
        whole = np.broadcast_to(slopes[name], (SAMPLES, TIMESTEPS, height * width, channels)).astype(np.float64)
        maps = whole.mean(axis=0).reshape(TIMESTEPS, height, width, channels)
        means[name] = np.moveaxis(maps, -1, 1)
    return oracle, cost.value, means


def played(oracle, trace, **more):
    """A term whose next batch is not played."""
    term = Term(oracle, every=100, **more)
    term(tensors(trace), raw(trace))
    return term


def model_of(asked, trace, spikes):
    """What the linear model says of other spikes [timestep, sample, ...], written out."""
    _, value, means = asked
    for name, before in tensors(trace).items():
        each = np.asarray(spikes[name], np.float64).reshape(TIMESTEPS, -1, *means[name].shape[1:])
        then = before.double().numpy().reshape(TIMESTEPS, SAMPLES, *means[name].shape[1:])
        value += (means[name] * (each.mean(axis=1) - then.mean(axis=1))).sum()
    return value


def others(trace, samples=2):
    """Spikes that were not played."""
    generator = torch.Generator().manual_seed(1)
    return {
        name: (torch.rand(TIMESTEPS, samples, *each.shape[2:], generator=generator) > 0.8).float()
        for name, each in tensors(trace).items()
    }


def as_it_is(each):
    return each


def channels_last(each):
    return each.flatten(0, 1).contiguous(memory_format=torch.channels_last).view(each.shape) if each.dim() > 3 else each


def samples_first(each):
    return each.transpose(0, 1).contiguous().transpose(0, 1)


def samples_last(each):
    return each.movedim(1, -1).contiguous().movedim(-1, 1)


def with_gaps(each):
    return torch.stack([each, 1 - each], dim=-1)[..., 0]


def spread_out(each):
    return each[:, :1].expand(each.shape)


def half(each):
    return each.to(torch.bfloat16)


def double(each):
    return each.double()


def with_rows(each):
    return each[..., None, None] if each.dim() == 3 else each


def stepwise(each):
    return list(each)


def stepwise_with_rows(each):
    return list(with_rows(each))


WAYS = [as_it_is, channels_last, samples_first, samples_last, with_gaps, spread_out, half, double, with_rows, stepwise]


@pytest.mark.parametrize("lying", [*WAYS, stepwise_with_rows])
def test_value_and_gradients_however_spikes_lie_in_memory(asked, trace, lying):
    spikes = {name: lying(each) for name, each in others(trace).items()}
    each = {name: given if isinstance(given, list) else [given] for name, given in spikes.items()}
    leaves = {name: [step.detach().requires_grad_() for step in steps] for name, steps in each.items()}
    given = {name: steps if isinstance(spikes[name], list) else steps[0] for name, steps in leaves.items()}
    value = played(asked[0], trace)(given, raw(trace, slice(0, 2)))
    whole = {name: torch.stack(each) if isinstance(each, list) else each for name, each in spikes.items()}
    assert value.item() == pytest.approx(model_of(asked, trace, {n: e.float().numpy() for n, e in whole.items()}), 1e-6)
    (3 * value).backward()
    for name, steps in leaves.items():
        found = np.stack([step.grad.float().numpy() for step in steps])
        wanted = 3 / 2 * asked[2][name][:, None]
        found = found.reshape(TIMESTEPS, 2, *wanted.shape[2:])
        rough = lying is half
        np.testing.assert_allclose(found, np.broadcast_to(wanted, found.shape), rtol=1e-2 if rough else 2e-6)


def test_axes_of_samples_first(trace):
    oracles = [
        hwsim.Oracle("imc", trace, objective="dynamic_pj", axes=axes) for axes in ("time, sample", "sample, time")
    ]
    spikes = others(trace)
    turned = {name: each.transpose(0, 1).contiguous().requires_grad_() for name, each in spikes.items()}
    plain = {name: each.requires_grad_() for name, each in spikes.items()}
    one = played(oracles[0], trace)(plain)
    term = Term(oracles[1], every=100)
    term({name: each.transpose(0, 1) for name, each in tensors(trace).items()}, raw(trace))
    other = term(turned)
    assert one.item() == pytest.approx(other.item(), rel=1e-6)
    (one + other).backward()
    for name in LAYERS:
        np.testing.assert_allclose(turned[name].grad.transpose(0, 1), plain[name].grad, rtol=1e-6)


def test_a_played_batch_of_vectors_with_rows_and_columns(trace):
    oracle = hwsim.Oracle("imc", trace, objective="dynamic_pj")
    plain = {name: each.requires_grad_() for name, each in tensors(trace).items()}
    rows = {name: with_rows(each).requires_grad_() for name, each in tensors(trace).items()}
    for spikes in (plain, rows):
        value = Term(oracle)(spikes, raw(trace))
        assert value.item() == oracle.reference.value
        value.backward()
    for name, each in plain.items():
        assert torch.equal(rows[name].grad.reshape(each.shape), each.grad)


def test_autocast_changes_nothing(asked, trace):
    spikes = others(trace)
    term = played(asked[0], trace)
    plain = term(spikes).item()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert term(spikes).item() == plain
    with torch.no_grad():
        value = term(spikes)
    assert value.item() == plain
    assert not value.requires_grad


def test_layers_in_turn_have_one_layers_slopes_times_their_number(asked, trace):
    term = played(asked[0], trace, in_turn=True)
    total = dict.fromkeys(LAYERS, 0.0)
    for _ in LAYERS:
        spikes = {name: each.requires_grad_() for name, each in others(trace).items()}
        term(spikes).backward()
        with_gradient = [name for name, each in spikes.items() if each.grad is not None]
        assert len(with_gradient) == 1
        total[with_gradient[0]] += spikes[with_gradient[0]].grad.numpy()
    for name in LAYERS:
        wanted = len(LAYERS) / 2 * np.broadcast_to(asked[2][name][:, None], (TIMESTEPS, 2, *asked[2][name].shape[1:]))
        np.testing.assert_allclose(total[name].reshape(wanted.shape), wanted, rtol=2e-6)


def test_layers_that_there_are_not(asked, trace):
    term = played(asked[0], trace)
    with pytest.raises(UsageError, match="found none of fc1"):
        term({name: each for name, each in others(trace).items() if name != "fc1"})


def test_gradients_of_gradients(asked, trace):
    """Of the square of a term whose spikes are w times ones: d/dw = 2 c s, d2/dw2 = 2 s**2, s the sum of slopes."""
    term = played(asked[0], trace, relative=True)
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)
    value = term({name: torch.ones_like(each).double() * weight for name, each in others(trace).items()})
    (first,) = torch.autograd.grad(value**2, weight, create_graph=True)
    (second,) = torch.autograd.grad(first, weight)
    slope = sum(each.sum() for each in asked[2].values()) / asked[0].reference.value
    assert first.item() == pytest.approx(2 * value.item() * slope, rel=1e-6)
    assert second.item() == pytest.approx(2 * slope**2, rel=1e-6)


class Reader(torch.nn.Module):
    """Known spikes times one trained number, read by the next layer behind `flatten`, and by others."""

    def __init__(self, spikes, outer=lambda spikes: spikes):
        super().__init__()
        self.spikes, self.outer = spikes, outer
        self.gain = torch.nn.ParameterDict({name: torch.ones(()) for name in spikes})
        self.sites = torch.nn.ModuleDict({name: torch.nn.Identity() for name in spikes})
        self.seen = {}

    def forward(self, _pixels):
        total = 0.0
        for name, each in self.spikes.items():
            fired = each * self.gain[name]
            self.seen[name] = fired
            told = self.outer(self.sites[name](fired))
            total = total + (told.flatten(0, 1).flatten(1) @ torch.ones(told[0, 0].numel(), 2)).square().sum()
            total = total + told.mean()
        return total


def reads(monkeypatch, trace, large, terms=1, **more):
    """Gradients of gains with a model's own loss, and with terms on top of it by monitors."""
    monkeypatch.setattr(passing, "_LARGE", 1 if large else 1 << 40)
    oracle = hwsim.Oracle("imc", trace, objective="dynamic_pj")
    given = [played(oracle, trace) for _ in range(terms)]
    model = Reader(others(trace), **more)
    model(None).backward()
    alone = {name: gain.grad.item() for name, gain in model.gain.items()}
    model.zero_grad()
    monitors = [oracle.monitor(model, {name: f"sites.{name}" for name in LAYERS}, inputs=False) for _ in given]
    loss = model(None)
    for term, monitor in zip(given, monitors, strict=True):
        loss = loss + term(monitor)
    loss.backward()
    return alone, {name: gain.grad.item() for name, gain in model.gain.items()}, model


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("terms", [1, 2])
def test_gradients_are_added_to_those_of_other_readers(monkeypatch, trace, large, terms):
    """However many monitors hand spikes on."""
    alone, both, model = reads(monkeypatch, trace, large, terms)
    _, slopes = hwsim.Oracle("imc", trace, objective="dynamic_pj").slopes(trace.spikes, raw(trace))
    for name, spikes in model.spikes.items():
        height, width, channels = trace.spikes[name].shape
        whole = np.broadcast_to(slopes[name], (SAMPLES, TIMESTEPS, height * width, channels)).astype(np.float64)
        mean = np.moveaxis(whole.mean(axis=0), -1, 1).reshape(TIMESTEPS, 1, *spikes.shape[2:])
        wanted = terms * (mean * spikes.numpy()).sum() / 2
        assert both[name] - alone[name] == pytest.approx(wanted, rel=1e-3)


def test_what_others_hold_of_gradients_is_left_alone(monkeypatch, trace):
    """Kept by hooks, retained, and one tensor that is the gradient of two maps."""
    held = {}

    def keep(spikes):
        spikes.register_hook(lambda gradient: held.setdefault(len(held), (gradient, gradient.clone()))[0])
        spikes.retain_grad()
        held.setdefault("told", []).append(spikes)
        return spikes

    reads(monkeypatch, trace, True, outer=keep)
    told = held.pop("told")
    assert len(held) == 2 * len(LAYERS)  # of the model alone, and with the term
    for gradient, then in held.values():
        assert torch.equal(gradient, then)
    assert all(each.grad is not None for each in told)


def test_one_gradient_of_two_maps_gets_each_ones_slopes(monkeypatch):
    """A sum hands the same tensor to both that it adds."""
    monkeypatch.setattr(passing, "_LARGE", 1)
    weights = torch.rand(3, 2, 5)
    for steps in ((2.0, 5.0), (5.0, 2.0)):
        leaves = [torch.zeros(3, 2, 5, requires_grad=True) for _ in steps]
        fired = [each * 1 for each in leaves]
        one, other = map(passing.passed_on, fired)
        slopes = [(each, Slope(torch.full((3, 1, 5), step))) for each, step in zip(fired, steps, strict=True)]
        (((one + other) * weights).sum() + attached(0.0, slopes, weights.device)).backward()
        for leaf, step in zip(leaves, steps, strict=True):
            assert torch.equal(leaf.grad, weights + step)


def test_backward_twice_and_gradients_that_add_up(asked, trace):
    term = played(asked[0], trace)
    spikes = {name: each.requires_grad_() for name, each in others(trace).items()}
    value = term(spikes)
    value.backward(retain_graph=True)
    once = {name: each.grad.clone() for name, each in spikes.items()}
    value.backward()
    term(spikes).backward()
    for name, each in spikes.items():
        np.testing.assert_allclose(each.grad, 3 * once[name], rtol=1e-6)


def test_pytorch_adds_slopes_in_place(monkeypatch, trace):
    """What comes back behind `flatten` is in the same memory as what goes on with the slopes in it."""
    monkeypatch.setattr(passing, "_LARGE", 1)
    oracle = hwsim.Oracle("imc", trace, objective="dynamic_pj")
    term, spikes = played(oracle, trace), others(trace)
    where = {}

    class Site(torch.nn.Identity):
        def forward(self, each):
            each.register_hook(lambda gradient: where.setdefault("after", []).append(gradient.data_ptr()))
            return each

    model = torch.nn.ModuleDict({name: Site() for name in LAYERS})
    model.forward = lambda given: [site(given[name]) for name, site in model.items()]
    monitor = oracle.monitor(model, {name: name for name in LAYERS}, inputs=False)
    fired = [each * torch.ones((), requires_grad=True) for each in spikes.values()]
    flat = [each.flatten(0, 1) for each in model(dict(zip(LAYERS, fired, strict=True)))]
    for each in flat:
        each.register_hook(lambda gradient: where.setdefault("before", []).append(gradient.data_ptr()))
    total = sum((each * 2).sum() for each in flat)
    (total + term(monitor)).backward()
    assert where["before"] == where["after"]


def test_modules_that_give_spikes_and_states(monkeypatch, trace):
    """What a hook hands on stands where the spikes stood; what else a module gives is left."""
    monkeypatch.setattr(passing, "_LARGE", 1)

    class Pair(torch.nn.Module):
        def forward(self, each):
            return each, ("state", each.sum())

    oracle = hwsim.Oracle("imc", trace, objective="dynamic_pj")
    model = torch.nn.ModuleDict({name: Pair() for name in LAYERS})
    model.forward = lambda given: [site(given[name]) for name, site in model.items()]
    spikes = {name: each.requires_grad_() for name, each in tensors(trace).items()}
    with oracle.monitor(model, {name: name for name in LAYERS}, inputs=False) as monitor:
        for (told, (word, state)), each in zip(model(spikes), spikes.values(), strict=True):
            assert told is not each
            assert torch.equal(told, each)
            assert (word, state.item()) == ("state", each.sum().item())
        assert Term(oracle)(monitor, raw(trace)).item() == oracle.reference.value


def test_told_spikes_go_on_unchanged_where_no_gradient_is_asked(monkeypatch, trace):
    monkeypatch.setattr(passing, "_LARGE", 1)
    spikes = tensors(trace)
    oracle, model = hwsim.Oracle("imc", trace, objective="dynamic_pj"), Told(spikes, stepwise=False)
    with oracle.monitor(model, LAYERS) as monitor:
        model(raw(trace))
        found, _ = monitor.take()
    for name, each in found.items():
        assert each.data_ptr() == spikes[name].data_ptr()
    assert passing.passed_on("no tensor") is None
