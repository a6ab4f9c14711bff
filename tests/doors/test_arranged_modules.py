"""Maps side by side, nearest neighbours, adaptive pools, signed inputs and other bits through `hwsim.capture`."""

from __future__ import annotations

import numpy as np
import pytest

import hwsim
from hwsim.errors import TraceError, UsageError
from hwsim.traces import Concat, Pool, Upsample
from hwsim.traces.codings import verify
from hwsim.traces.network.window import Window

torch = pytest.importorskip("torch")
pytest.importorskip("spikingjelly.activation_based")
from doors.test_capture import X, Y, exact  # noqa: E402
from doors.torch_models import on_lattice  # noqa: E402
from spikingjelly.activation_based import functional, layer, neuron  # noqa: E402
from torch import nn  # noqa: E402

pytestmark = pytest.mark.usefixtures("seeded")


class Arranged(nn.Module):
    """Two branches of spikes side by side, an upsampled one among them, and a function or module for each thing."""

    def __init__(self, mode="s"):
        super().__init__()
        self.c1, self.n1 = layer.Conv2d(1, 4, 3, padding=1), neuron.IFNode(v_threshold=2.0)
        self.pool, self.up = layer.MaxPool2d(2, 2), layer.Upsample(scale_factor=2)
        self.c2, self.n2 = layer.Conv2d(4, 3, 3, padding=1), neuron.IFNode()
        self.c3, self.n3 = layer.Conv2d(11, 5, 3, stride=2), neuron.IFNode(v_threshold=4.0)
        self.f = layer.Linear(5 * 36, 5)
        functional.set_step_mode(self, mode)

    def forward(self, x):
        axis = x.dim() - 3
        first = self.n1(self.c1(x))
        second = self.n2(self.c2(self.pool(first)))
        large = nn.functional.interpolate(second, scale_factor=2) if axis == 1 else self.up(second)
        third = self.n3(self.c3(torch.cat([first, large, first], dim=axis)))
        if axis == 1:
            return self.f(nn.functional.interpolate(third, size=(6, 6), mode="nearest-exact").flatten(1))
        return self.f(self.up(third).flatten(2))


@pytest.mark.parametrize("mode", ["s", "m"])
def test_maps_side_by_side_and_upsampled_are_those_of_torch(mode):
    trace = exact(Arranged(mode), timesteps=4)
    kinds = [type(each) for each in trace.network]
    assert (kinds.count(Concat), kinds.count(Upsample)) == (1, 2)
    assert all(0 < rate < 1 for rate in trace.spike_rates().values())
    assert verify(trace).ok
    for machine in ("imc", "digital"):
        assert hwsim.simulate(machine, trace).runs


class Vgg(nn.Module):
    """As SpikingJelly's spiking VGG on small pictures: a map of 1 x 1 that an adaptive pool makes 7 x 7."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.c1, self.n1 = nn.Conv2d(1, 4, 3, padding=1), neuron.IFNode(v_threshold=2.0)
        self.c2, self.n2 = nn.Conv2d(4, 6, 3, padding=1), neuron.IFNode(v_threshold=2.0)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(nn.Linear(6 * 49, 20), neuron.IFNode(), nn.Dropout(), nn.Linear(20, 5))

    def forward(self, x):
        x = nn.functional.max_pool2d(self.n1(self.c1(x)), 4)
        x = nn.functional.max_pool2d(self.n2(self.c2(x)), 2)
        pooled = nn.functional.adaptive_avg_pool2d(x, 7) if self.function else self.avgpool(x)
        return self.classifier(torch.flatten(pooled, 1))


@pytest.mark.parametrize("function", [False, True])
def test_an_adaptive_pool_to_more_places_repeats(function):
    trace = exact(Vgg(function), timesteps=4)
    (upsample,) = (each for each in trace.network if isinstance(each, Upsample))
    assert (upsample.factor, upsample.shape) == ((7, 7), (7, 7, 6))
    assert verify(trace).ok


def test_an_adaptive_pool_to_fewer_places_is_one_of_equal_windows_and_to_as_many_nothing():
    class Pools(nn.Module):
        def __init__(self):
            super().__init__()
            self.c, self.n = nn.Conv2d(1, 4, 1), neuron.IFNode()
            self.same, self.fewer = nn.AdaptiveAvgPool2d(8), nn.AdaptiveAvgPool2d((2, 2))
            self.f = nn.Linear(16, 5)

        def forward(self, x):
            return self.f(self.fewer(self.same(self.n(self.c(x)))).flatten(1))

    trace = exact(Pools(), timesteps=3)
    assert [each.window for each in trace.network if isinstance(each, Pool)] == [Window.square(4, 4)]


class Unlike(nn.Module):
    """Spikes beside means of them, whose integers are worth different values, read by groups."""

    def __init__(self):
        super().__init__()
        self.c1, self.n1 = nn.Conv2d(1, 6, 3, padding=1), neuron.IFNode(v_threshold=2.0)
        self.mean = nn.AvgPool2d(3, 1)
        self.c2, self.n2 = nn.Conv2d(12, 6, 1, groups=2, bias=False), neuron.IFNode(v_threshold=1.0)
        self.f = nn.Linear(6 * 36, 5)

    def forward(self, x):
        spikes = self.n1(self.c1(x))
        inner = nn.functional.max_pool2d(spikes, 3, 1)
        return self.f(self.n2(self.c2(torch.cat([self.mean(spikes), inner], 1))).flatten(1))


def test_what_is_worth_different_values_side_by_side_is_told_apart_by_the_weights_that_read_it():
    model = on_lattice(Unlike())
    coarse, fine = (
        hwsim.capture(model, X, labels=Y, timesteps=6, weight_bits=bits, allow_drift=1.0) for bits in (4, 14)
    )
    again = hwsim.capture(model, X, labels=Y, timesteps=6, weight_bits=16, allow_drift=0.01)
    assert verify(again).ok

    def differing(trace):
        words = trace.spikes["c2"].words ^ again.spikes["c2"].words
        return int(np.bitwise_count(words).sum())

    assert differing(fine) < differing(coarse)


@pytest.mark.parametrize("bits", [1, 3, 9, 16])
def test_weights_of_any_bits_are_exact_where_the_model_has_no_more(bits):
    class Few(nn.Module):
        def __init__(self):
            super().__init__()
            self.c, self.n = nn.Conv2d(1, 6, 3, padding=1, bias=False), neuron.IFNode(v_threshold=2.0)
            self.f = nn.Linear(6 * 64, 5, bias=False)

        def forward(self, x):
            return self.f(self.n(self.c(x)).flatten(1))

    model, top = Few().eval(), max(2 ** (bits - 1) - 1, 1)
    with torch.no_grad():
        for module in (model.c, model.f):
            values = torch.randint(-top, top + 1, module.weight.shape)
            values = torch.where(values < 0, -1, 1) if bits == 1 else values
            values.flatten(1)[:, 0] = top
            module.weight.copy_(values * 2.0 ** (1 - bits))
    trace = hwsim.capture(model, X, labels=Y, timesteps=4, weight_bits=bits, allow_drift=0.0)
    weights = trace.network["c"].weights
    assert weights.bits == bits
    given = (model.c.weight.detach() * 2.0 ** (bits - 1)).numpy()
    assert np.array_equal(weights.values, given.transpose(2, 3, 1, 0))
    assert verify(trace).ok


class Through(nn.Module):
    """Spikes of 4 channels, then something."""

    def __init__(self, inner):
        super().__init__()
        self.c, self.n, self.inner, self.f = nn.Conv2d(1, 4, 1), neuron.IFNode(), inner, nn.LazyLinear(5)

    def forward(self, x):
        return self.f(self.inner(self.n(self.c(x))).flatten(1))


class Function(nn.Module):
    def __init__(self, call):
        super().__init__()
        self.call, self.nothing = call, nn.Identity()

    def forward(self, x):
        return self.call(self.nothing(x))


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        (
            nn.Upsample(scale_factor=2, mode="bilinear"),
            "module 'inner' (Upsample): wanted nearest neighbours and whole",
        ),
        (nn.Upsample(size=12), "module 'inner' (Upsample): wanted nearest neighbours and whole factors, found nearest"),
        (nn.AdaptiveAvgPool2d(3), "module 'inner' (AdaptiveAvgPool2d): wanted equal windows, or a whole number"),
        (Function(lambda x: nn.functional.interpolate(x, 12)), "function 'interpolate' after 'n': wanted nearest"),
        (Function(lambda x: nn.functional.adaptive_avg_pool2d(x, 3)), "function 'adaptive_avg_pool2d' after 'n': wan"),
        (Function(lambda x: torch.cat([x, x], 2)), "function 'cat': wanted channels of maps side by side, or vectors"),
    ],
)
def test_what_cannot_be_said_is_refused_by_its_name(inner, message):
    model = Through(inner)
    model(torch.zeros(1, 1, 8, 8))
    with pytest.raises(TraceError) as caught:
        hwsim.capture(model, X, labels=Y, timesteps=2)
    assert str(caught.value).startswith(message)


def test_other_weight_bits_are_refused():
    with pytest.raises(UsageError, match="weight_bits: wanted 1 to 16, got 17"):
        hwsim.capture(Vgg(function=False), X, labels=Y, timesteps=2, weight_bits=17)


class Flat(nn.Module):
    def __init__(self):
        super().__init__()
        self.c, self.n, self.f = nn.Conv2d(1, 4, 3, padding=1), neuron.IFNode(v_threshold=2.0), nn.Linear(4 * 64, 5)

    def forward(self, x):
        return self.f(self.n(self.c(x)).flatten(1))


@pytest.mark.parametrize("over_time", [False, True])
@pytest.mark.parametrize(
    ("low", "high", "bits", "kind"), [(-3, 3, 8, "i1"), (-900, 800, 11, "i2"), (0, 1000, 10, "u2")]
)
def test_integers_are_taken_as_they_are_signed_or_wide(low, high, bits, kind, over_time):
    values = np.random.default_rng(4).integers(low, high + 1, (6, 3, 1, 8, 8) if over_time else (6, 1, 8, 8))
    values.reshape(6, -1)[:, :2] = low, high
    model = on_lattice(Flat())
    given = values.astype(np.float32)
    trace = hwsim.capture(model, given, labels=Y[:6], timesteps=3, over_time=over_time, allow_drift=0.0)
    source = trace.network.input
    assert (source.signed, trace.inputs.values.dtype) == (
        low < 0,
        np.dtype(kind if not over_time or low > -4 else "i2"),
    )
    assert source.bits == (3 if over_time and low == -3 else bits)
    assert np.array_equal(np.moveaxis(trace.inputs.values, -1, -3), values)
    assert verify(trace).ok


WIDE_IMC = {"accumulator.bits": 32, "first_layer_mac.input_bits": 12, "first_layer_mac.sum_bits": 32}


@pytest.mark.parametrize("bits", [8, 12])
def test_fractions_below_zero_are_signed_and_the_largest_magnitude_is_the_top(bits):
    values = np.random.default_rng(5).normal(0.3, 1.0, (8, 1, 8, 8)).astype(np.float32)
    values[0, 0, 0, 0] = -4.0
    trace = hwsim.capture(Flat().eval(), values, labels=Y, timesteps=4, input_bits=bits, allow_drift=0.02)
    top = 2 ** (bits - 1) - 1
    assert (trace.network.input.bits, trace.network.input.signed) == (bits, True)
    assert trace.inputs.values.min() == -top
    assert np.allclose(trace.inputs.values[..., 0] * (4 / top), values[:, 0], atol=2 / top)
    assert trace.provenance.notes == f"inputs are signed, 1 of {bits} bits worth {4 / top:.6g}"
    for machine in ("imc", "digital"):
        settings = {"mac.input_bits": bits} if machine == "digital" else WIDE_IMC
        assert hwsim.simulate(machine, trace, set=settings).runs
