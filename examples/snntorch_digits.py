"""A perceptron of snnTorch on scikit-learn's digits: trained, captured, and played on two machines.

    python examples/snntorch_digits.py

Needs torch, snntorch and scikit-learn; takes some seconds.
"""

from __future__ import annotations

import snntorch as snn
import torch
from bars import bars
from sklearn.datasets import load_digits
from torch import Tensor, nn

import hwsim

TIMESTEPS, EPOCHS, TRAINED = 8, 12, 1400


class Perceptron(nn.Module):
    """64 pixels, 100 hidden neurons, 10 classes; the class whose neuron fires most often is the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.lif1 = nn.Linear(64, 100), snn.Leaky(beta=0.9)
        self.fc2, self.lif2 = nn.Linear(100, 10), snn.Leaky(beta=0.9)

    def forward(self, x: Tensor) -> Tensor:
        """Spikes [timestep, sample, class] of pixels [sample, 64]."""
        v1, v2, spikes = self.lif1.reset_mem(), self.lif2.reset_mem(), []
        for _ in range(TIMESTEPS):
            hidden, v1 = self.lif1(self.fc1(x), v1)
            out, v2 = self.lif2(self.fc2(hidden), v2)
            spikes.append(out)
        return torch.stack(spikes)


torch.manual_seed(0)
digits = load_digits()
x, y = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
model = Perceptron()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for _ in range(EPOCHS):
    for part in torch.randperm(TRAINED).split(50):
        loss = nn.functional.cross_entropy(model(x[part]).sum(0), y[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

trace = hwsim.capture(
    model, x[TRAINED:], labels=y[TRAINED:], recorded=40, weight_bits=6, allow_drift=0.5, name="digits, snnTorch"
)
print(f"right in exact integers: {100 * trace.logits['test'].accuracy()[-1]:.1f} %")
energy = {
    machine: hwsim.simulate(machine, trace, accuracy_samples=0, set=settings).energy.value / 1e3
    for machine, settings in {"imc": {"accumulator.bits": 24}, "digital": {}}.items()
}
print(bars("spikes per neuron and timestep", trace.spike_rates(), ""))
print(bars("energy per inference", energy, "nJ"))
