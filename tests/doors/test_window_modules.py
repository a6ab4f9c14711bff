"""Convolutions and pools of any window through the doors: the model's own spikes, or a refusal by a name."""

from __future__ import annotations

import numpy as np
import pytest

import hwsim
from hwsim.errors import TraceError
from hwsim.traces import Conv2d, Pool, Window
from hwsim.traces.codings import verify

torch = pytest.importorskip("torch")
pytest.importorskip("spikingjelly.activation_based")
from doors.torch_models import on_lattice  # noqa: E402
from spikingjelly.activation_based import neuron  # noqa: E402
from torch import nn  # noqa: E402

MAPS = np.random.default_rng(0).integers(0, 4, (8, 1, 9, 7)).astype(np.float32)
LINES = np.random.default_rng(1).integers(0, 4, (8, 3, 12)).astype(np.float32)
LABELS = np.random.default_rng(2).integers(0, 5, 8)


pytestmark = pytest.mark.usefixtures("seeded")


class Net(nn.Module):
    """A first convolution, what is looked at, and a classifier, with neurons in between."""

    def __init__(self, first, inner, given):
        super().__init__()
        self.first, self.n1, self.inner, self.n2 = first, neuron.IFNode(), inner, neuron.IFNode()
        self.f = nn.Linear(self._between(torch.as_tensor(given[:1])).shape[1], 5)

    def _between(self, x):
        x = self.inner(self.n1(self.first(x)))
        return (self.n2(x) if any(True for _ in self.inner.parameters()) else x).flatten(1)

    def forward(self, x):
        return self.f(self._between(x))


def exact(inner, given=MAPS):
    first = nn.Conv1d(3, 4, 3, padding=1) if given.ndim == 3 else nn.Conv2d(1, 4, 3, padding=1)
    model = on_lattice(Net(first, inner, given))
    trace = hwsim.capture(model, given, labels=LABELS, timesteps=3, allow_drift=0.0)
    assert verify(trace).ok
    assert any(packed.words.any() for packed in trace.spikes.values())
    return trace.network["inner"]


OF_MAPS = [
    nn.Conv2d(4, 6, (3, 1)),
    nn.Conv2d(4, 6, (1, 3), stride=(2, 1), padding=(0, 2), groups=2),
    nn.Conv2d(4, 6, 3, padding=2, dilation=(2, 1)),
    nn.Conv2d(4, 6, (4, 2), padding="same", dilation=(1, 3)),
    nn.Conv2d(4, 6, 2, padding="valid"),
    nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1),
    nn.ConvTranspose2d(4, 6, 2, stride=2),
    nn.ConvTranspose2d(4, 6, (3, 2), stride=(1, 3), padding=(2, 0), groups=2),
    nn.ConvTranspose2d(4, 6, 3, stride=(3, 2), padding=(3, 1), dilation=2, output_padding=(2, 0)),
    nn.MaxPool2d((3, 2), stride=2, padding=(1, 0)),
    nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True),
    nn.MaxPool2d((2, 4), stride=3, ceil_mode=True),
    nn.AvgPool2d((4, 2), stride=(1, 2), padding=(2, 0)),
    nn.AvgPool2d(2, stride=(2, 1), count_include_pad=False),
    nn.AvgPool2d((4, 2), padding=(1, 1), stride=4, divisor_override=4),
    nn.AvgPool2d((3, 7), stride=3, ceil_mode=True, divisor_override=16),
]
OF_LINES = [
    nn.Conv1d(4, 6, 5),
    nn.Conv1d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2),
    nn.Conv1d(4, 6, 4, padding="same"),
    nn.ConvTranspose1d(4, 6, 4, stride=3, padding=2, output_padding=1),
    nn.MaxPool1d(3, stride=2, padding=1, ceil_mode=True),
    nn.AvgPool1d(4, stride=2, padding=2),
]


@pytest.mark.parametrize("inner", OF_MAPS, ids=str)
def test_windows_over_maps_are_exact_on_the_lattice(inner):
    layer = exact(inner)
    assert isinstance(layer, Pool if "Pool" in type(inner).__name__ else Conv2d)
    assert not layer.window.is_square or inner.kernel_size in ((2, 2), 2, 3), layer.window


@pytest.mark.parametrize("inner", OF_LINES, ids=str)
def test_windows_over_lines_are_those_over_maps_of_width_1(inner):
    layer = exact(inner, LINES)
    assert (layer.window.kernel[1], layer.shape[1], layer.window.padding[2:]) == (1, 1, (0, 0))


def test_means_of_whole_maps_that_are_not_square():
    assert exact(nn.AdaptiveAvgPool2d(1), MAPS[..., :8, :4]).window == Window((8, 4))
    assert exact(nn.AdaptiveAvgPool1d(1), LINES[..., :8]).window == Window((8, 1))


class Functional(nn.Module):
    def __init__(self, call, given):
        super().__init__()
        self.call, lines = call, given.ndim == 3
        self.first, self.n = nn.Conv1d(3, 4, 1) if lines else nn.Conv2d(1, 4, 1), neuron.IFNode()
        self.f = nn.Linear(call(self.n(self.first(torch.as_tensor(given[:1])))).flatten(1).shape[1], 5)

    def forward(self, x):
        return self.f(self.call(self.n(self.first(x))).flatten(1))


@pytest.mark.parametrize(
    ("call", "window"),
    [
        (lambda x: nn.functional.max_pool2d(x, (3, 2), 2, 1), Window((3, 2), (2, 2), (1, 1, 1, 1))),
        (lambda x: nn.functional.max_pool2d(x, 2, ceil_mode=True), Window((2, 2), (2, 2), (0, 1, 0, 1))),
        (lambda x: nn.functional.avg_pool2d(x, (4, 2), padding=(2, 1)), Window((4, 2), (4, 2), (2, 2, 1, 1))),
        (lambda x: nn.functional.max_pool1d(x, 3, 2, 1), Window((3, 1), (2, 1), (1, 1, 0, 0))),
        (lambda x: nn.functional.avg_pool1d(x, 4, 2), Window((4, 1), (2, 1))),
    ],
)
def test_functions_are_as_modules(call, window):
    try:
        model = on_lattice(Functional(call, MAPS))
        given = MAPS
    except RuntimeError:  # of a line
        model, given = on_lattice(Functional(call, LINES)), LINES
    trace = hwsim.capture(model, given, labels=LABELS, timesteps=2, allow_drift=0.0)
    (pool,) = (layer for layer in trace.network if isinstance(layer, Pool))
    assert pool.window == window


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        (nn.AvgPool2d(3, 1, padding=1, count_include_pad=False), "wanted one divisor for all windows"),
        (nn.AvgPool2d(2, ceil_mode=True), "wanted one divisor for all windows"),
        (nn.MaxPool2d(2, dilation=2), r"wanted a pool without dilation, found \(2, 2\)"),
        (
            nn.ConvTranspose2d(4, 4, 3, 2, output_padding=1),
            "wanted padding from output_padding to 2 rows and",
        ),
        (nn.ConvTranspose2d(4, 4, 3, padding=3), "wanted padding from output_padding to 2 rows and"),
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"), "wanted padding by zeros, found circular"),
    ],
    ids=str,
)
def test_what_no_trace_can_say_is_refused_by_its_module(inner, message):
    with pytest.raises(TraceError, match=rf"^module 'inner' \({type(inner).__name__}\): {message}"):
        exact(inner)


def test_a_line_is_played_on_the_machines():
    model = on_lattice(Net(nn.Conv1d(3, 4, 5), nn.ConvTranspose1d(4, 4, 3, stride=2, padding=1), LINES))
    trace = hwsim.capture(model, LINES, labels=LABELS, timesteps=2, allow_drift=0.0)
    for design in ("imc", "digital"):
        assert hwsim.simulate(design, trace, accuracy_samples=0).energy.value > 0
