"""Convolutions of SpikingJelly on scikit-learn's digits: trained, streamed to a file, and played on two machines.

    python examples/spikingjelly_digits.py

Needs torch, spikingjelly and scikit-learn; takes some seconds.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from bars import bars
from sklearn.datasets import load_digits
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import hwsim

TIMESTEPS, EPOCHS, TRAINED = 4, 4, 1400

torch.manual_seed(0)
digits = load_digits()
x, y = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1), torch.tensor(digits.target)
model = nn.Sequential(
    layer.Conv2d(1, 16, 3, padding=1, bias=False),
    layer.BatchNorm2d(16),
    neuron.IFNode(v_reset=None),
    layer.MaxPool2d(2, 2),
    layer.Conv2d(16, 32, 3, padding=1, bias=False),
    layer.BatchNorm2d(32),
    neuron.LIFNode(tau=2.0, decay_input=False, v_reset=None),
    layer.Flatten(),
    layer.Linear(32 * 16, 10),
)
functional.set_step_mode(model, "m")  # all timesteps in one call
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for _ in range(EPOCHS):
    for part in torch.randperm(TRAINED).split(50):
        functional.reset_net(model)
        logits = model(x[part].expand(TIMESTEPS, *x[part].shape)).sum(0)
        loss = nn.functional.cross_entropy(logits, y[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

loader = DataLoader(TensorDataset(x[TRAINED:], y[TRAINED:]), batch_size=100)
with tempfile.TemporaryDirectory() as folder:
    trace = hwsim.capture(
        model, loader, timesteps=TIMESTEPS, out=Path(folder) / "digits.npz", recorded=40, allow_drift=0.5
    )
    print(f"right in exact integers: {100 * trace.logits['test'].accuracy()[-1]:.1f} %")
    energy = {
        machine: hwsim.simulate(machine, trace, accuracy_samples=0).energy.value / 1e3 for machine in ("imc", "digital")
    }
    print(bars("spikes per neuron and timestep", trace.spike_rates(), ""))
    print(bars("energy per inference", energy, "nJ"))
