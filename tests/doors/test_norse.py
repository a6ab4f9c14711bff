"""Cells of Norse without a synaptic current through `hwsim.capture`: their own spikes, or a refusal by name."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import hwsim
from hwsim.errors import TraceError
from hwsim.traces.codings import verify

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    norse = pytest.importorskip("norse.torch")
from norse.torch.functional.reset import reset_subtract  # noqa: E402
from torch import nn  # noqa: E402

X = np.random.default_rng(0).integers(0, 4, (6, 12)).astype(np.float32)
Y = np.arange(6) % 3


@pytest.fixture(autouse=True)
def quiet():
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Looped(nn.Module):
    """Norse as its documents have it: a loop over time, states handed on."""

    def __init__(self, cell, last=None):
        super().__init__()
        self.a, self.n, self.b, self.m = nn.Linear(12, 8), cell(), nn.Linear(8, 3), (last or cell)()
        with torch.no_grad():
            for layer in (self.a, self.b):
                layer.weight.copy_(torch.randint(-24, 25, layer.weight.shape) * 2.0**-4)
                layer.weight[:, 0] = 127 * 2.0**-4
                layer.bias.copy_(torch.randint(-3, 4, layer.bias.shape) * 2.0**-3)

    def forward(self, x):
        s = r = None
        out = []
        for _ in range(5):
            z, s = self.n(self.a(x), s)
            y, r = self.m(self.b(z), r)
            out.append(y)
        return torch.stack(out)


def box(**changes):
    values = {"tau_mem_inv": 250.0} | changes
    return lambda: norse.LIFBoxCell(norse.LIFBoxParameters(**{k: tensor(v) for k, v in values.items()}))


def tensor(value):
    return torch.as_tensor(value) if isinstance(value, float) else value


@pytest.mark.parametrize(
    ("cell", "reset"),
    [
        (box(), "hard"),
        (box(v_th=1.5, reset_method=reset_subtract), "soft"),
        (box(v_leak=0.5, v_th=1.25, v_reset=0.25), "hard"),
        (norse.IAFCell, "hard"),
        (lambda: norse.IAFCell(norse.IAFParameters(v_th=tensor(2.0), v_reset=tensor(-0.5))), "hard"),
    ],
)
def test_cells_are_exact_on_the_lattice(cell, reset):
    """Weights, leaks and potentials are multiples of powers of two, so that nothing is rounded."""
    trace = hwsim.capture(Looped(cell), X, labels=Y, allow_drift=0.0, per_channel=False)
    assert (trace.timesteps, trace.network["a"].neuron.reset) == (5, reset)
    assert verify(trace).ok and sum(packed.words.sum() for packed in trace.spikes.values())


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (box(v_leak=0.5, reset_method=reset_subtract), "module 'n' (LIFBoxCell): wanted a reset to a value"),
        (box(v_leak=torch.zeros(8)), "module 'n' (LIFBoxCell): wanted one v_reset and one v_leak for all neurons"),
        (norse.LIFRefracCell, "module 'n' (LIFRefracCell): has a refractory time: train with LIFCell"),
        (norse.LSNNCell, "module 'n' (LSNNCell): has a threshold that adapts: train with LIFCell"),
        (norse.LICell, "module 'n': gives its membrane, so only a decision may follow"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(cell, message):
    with pytest.raises(TraceError) as raised:
        hwsim.capture(Looped(cell, norse.LIFBoxCell), X, labels=Y)
    assert str(raised.value).startswith(message) and "\n" not in str(raised.value)
