"""Capture of a VGG-9: quantising, exact execution and writing beside the forward pass alone, in one run."""

from __future__ import annotations

import time
import warnings

import pytest

import hwsim

torch = pytest.importorskip("torch")
pytest.importorskip("spikingjelly.activation_based")
from spikingjelly.activation_based import functional, layer, neuron  # noqa: E402
from torch import nn  # noqa: E402

SAMPLES, TIMESTEPS = 64, 4
MOST_FORWARDS = 4.0
CONVOLUTIONS = ((3, 64), (64, 64, "A"), (64, 128), (128, 128, "A"), (128, 256), (256, 256), (256, 256, "A"))


def vgg9():
    """Random weights with the batch norm of random inputs, so that about a sixth of all neurons fires in a timestep."""
    modules = []
    for n_in, n_out, *pool in CONVOLUTIONS:
        modules += [layer.Conv2d(n_in, n_out, 3, padding=1, bias=False), layer.BatchNorm2d(n_out, momentum=None)]
        modules += [neuron.LIFNode(decay_input=False), *(layer.AvgPool2d(2, 2) for _ in pool)]
    modules += [
        layer.Flatten(),
        layer.Linear(256 * 16, 1024),
        neuron.LIFNode(decay_input=False),
        layer.Linear(1024, 10),
    ]
    model = nn.Sequential(*modules)
    functional.set_step_mode(model, "m")
    forward(model, torch.rand(16, 3, 32, 32))
    return model.eval()


def forward(model, x):
    """Seconds of a forward pass."""
    functional.reset_net(model)
    started = time.perf_counter()
    with torch.no_grad():
        model(x.expand(TIMESTEPS, *x.shape))
    return time.perf_counter() - started


def test_capture_takes_a_few_forward_passes(tmp_path):
    torch.manual_seed(0)
    model, x, y = vgg9(), torch.rand(SAMPLES, 3, 32, 32), torch.arange(SAMPLES) % 10
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of drift, which weights at random have
        hwsim.capture(model, x[:2], labels=y[:2], timesteps=TIMESTEPS, allow_drift=10.0)  # kernels
        ratios = []
        for _ in range(3):
            alone = forward(model, x)
            started = time.perf_counter()
            hwsim.capture(model, x, labels=y, timesteps=TIMESTEPS, allow_drift=10.0, out=tmp_path / "t.npz")
            ratios.append((time.perf_counter() - started) / alone)
    ratio = sorted(ratios)[1]
    print(f"\nforward {alone:.2f} s; capture with writing takes {ratio:.2f} times as long, {MOST_FORWARDS:g} allowed")
    assert ratio <= MOST_FORWARDS
