"""Plain, residual and recurrent convolutional networks of each framework: captured, kept, verified and played."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import hwsim
from hwsim.traces import Add, read_trace, write_trace
from hwsim.traces.codings import verify

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
pytest.importorskip("spikingjelly.activation_based")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    norse = pytest.importorskip("norse.torch")
from doors.torch_models import on_lattice  # noqa: E402
from spikingjelly.activation_based import layer, neuron  # noqa: E402
from torch import nn  # noqa: E402

SHAPE, STEPS, SAMPLES, CLASSES = (1, 6, 6), 3, 8, 5
KINDS = ("plain", "residual", "recurrent")


pytestmark = pytest.mark.usefixtures("seeded")


class OfSnntorch(nn.Module):
    """A loop over time; recurrence by snnTorch's own convolution."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.c, self.n = nn.Conv2d(1, 4, 3, padding=1), snn.Leaky(beta=0.5, threshold=2.0, init_hidden=True)
        options = {"beta": 0.5, "threshold": 2.0, "init_hidden": True}
        self.d = nn.Conv2d(4, 4, 3, padding=1)
        if kind == "recurrent":
            self.m = snn.RLeaky(conv2d_channels=4, kernel_size=3, **options)
        else:
            self.m = snn.Leaky(**options)
        self.p, self.f = nn.MaxPool2d(2), nn.Linear(4 * 9, CLASSES)

    def forward(self, x):
        self.n.reset_mem(), self.m.reset_mem()
        out = []
        for now in x:
            y = self.n(self.c(now))
            arrives = self.d(y)
            if self.kind == "residual":
                arrives += y
            out.append(self.f(self.p(self.m(arrives)).flatten(1)))
        return torch.stack(out).sum(0)


class OfSpikingJelly(nn.Module):
    """One timestep a call; recurrence by a container around dense neurons."""

    def __init__(self, kind):
        super().__init__()
        self.c, self.n = layer.Conv2d(1, 4, 3, padding=1), neuron.LIFNode(v_threshold=0.5)
        self.d, self.m = layer.Conv2d(4, 4, 3, padding=1), neuron.CUBALIFNode(c_decay=0.5, v_decay=0.5, v_threshold=1.0)
        self.kind, self.p = kind, layer.AvgPool2d(2)
        dense = neuron.LIFNode(v_threshold=0.5)
        if kind == "recurrent":
            self.m = nn.Sequential(neuron.IFNode(), nn.Flatten())
            self.f = nn.Sequential(layer.LinearRecurrentContainer(dense, 144, 144), layer.Linear(144, CLASSES))
        else:
            self.f = nn.Sequential(self.p, nn.Flatten(), layer.Linear(36, CLASSES))

    def forward(self, x):
        y = self.n(self.c(x))
        arrives = self.d(y) + y if self.kind == "residual" else self.d(y)
        return self.f(self.m(arrives))


class OfNorse(nn.Module):
    """A loop over cells; recurrence by Norse's dense cell."""

    def __init__(self, kind):
        super().__init__()
        half = {key: torch.tensor(500.0) for key in ("tau_mem_inv", "tau_syn_inv")}
        box = norse.LIFBoxParameters(tau_mem_inv=half["tau_mem_inv"], v_th=torch.tensor(0.5))
        self.kind, self.c, self.n = kind, nn.Conv2d(1, 4, 3, padding=1), norse.LIFBoxCell(box)
        self.d, self.m = nn.Conv2d(4, 4, 3, padding=1), norse.LIFCell(norse.LIFParameters(**half))
        self.o = norse.LIFRecurrentCell(144, 144, norse.LIFParameters(**half)) if kind == "recurrent" else None
        self.f = nn.Linear(144, CLASSES)

    def forward(self, x):
        r = s = t = None
        out = []
        for now in x:
            y, r = self.n(self.c(now), r)
            z, s = self.m(self.d(y) + y if self.kind == "residual" else self.d(y), s)
            z = z.flatten(1)
            if self.o is not None:
                z, t = self.o(z, t)
            out.append(self.f(z))
        return torch.stack(out).mean(0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", [OfSnntorch, OfSpikingJelly, OfNorse])
def test_networks_survive_capture_file_and_machines(tmp_path, model, kind):
    random = np.random.default_rng(1)
    maps = (random.random((SAMPLES, STEPS, *SHAPE)) < 0.5).astype(np.float32)
    labels = random.integers(0, CLASSES, SAMPLES)
    trace = hwsim.capture(on_lattice(model(kind)), maps, labels=labels, over_time=True, allow_drift=0.0)
    assert bool(trace.network.read_late) == (kind == "recurrent")
    assert any(isinstance(each, Add) for each in trace.network) == (kind != "plain")
    assert all(packed.words.any() for packed in trace.spikes.values())
    write_trace(tmp_path / "t.npz", trace)
    again = read_trace(tmp_path / "t.npz")
    assert verify(again).ok
    for name, packed in trace.spikes.items():
        np.testing.assert_array_equal(again.spikes[name].words, packed.words)
    for design, settings in (("imc", {}), ("digital", {"loop_order": "timestep_outer"})):
        assert hwsim.simulate(design, again, set=settings, accuracy_samples=0).energy.value > 0
