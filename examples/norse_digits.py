"""A perceptron of Norse on scikit-learn's digits: trained, captured, and played on two machines.

    python examples/norse_digits.py

Needs torch, norse and scikit-learn; takes some seconds.
"""

from __future__ import annotations

import torch
from bars import bars
from norse.torch import LIFBoxCell, LIFBoxParameters
from sklearn.datasets import load_digits
from torch import Tensor, nn

import hwsim

TIMESTEPS, EPOCHS, TRAINED = 8, 12, 1400


class Perceptron(nn.Module):
    """64 pixels, 100 hidden neurons, 10 classes; the class that gets most is the answer."""

    def __init__(self) -> None:
        super().__init__()
        parameters = LIFBoxParameters(tau_mem_inv=torch.tensor(200.0), v_th=torch.tensor(0.4))
        self.fc1, self.lif = nn.Linear(64, 100), LIFBoxCell(parameters)
        self.fc2 = nn.Linear(100, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [timestep, sample, class] of pixels [sample, 64]."""
        state, logits = None, []
        for _ in range(TIMESTEPS):
            spikes, state = self.lif(self.fc1(x), state)
            logits.append(self.fc2(spikes))
        return torch.stack(logits)


torch.manual_seed(0)
digits = load_digits()
x, y = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
model = Perceptron()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for _ in range(EPOCHS):
    for part in torch.randperm(TRAINED).split(50):
        loss = nn.functional.cross_entropy(model(x[part]).sum(0), y[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

trace = hwsim.capture(
    model, x[TRAINED:], labels=y[TRAINED:], recorded=40, weight_bits=6, allow_drift=0.5, name="digits, Norse"
)
print(f"right in exact integers: {100 * trace.logits['test'].accuracy()[-1]:.1f} %")
energy = {
    machine: hwsim.simulate(machine, trace, accuracy_samples=0, set=settings).energy.value / 1e3
    for machine, settings in {"imc": {"accumulator.bits": 24}, "digital": {}}.items()
}
print(bars("spikes per neuron and timestep", trace.spike_rates(), ""))
print(bars("energy per inference", energy, "nJ"))
