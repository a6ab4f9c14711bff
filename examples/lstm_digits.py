"""An LSTM on scikit-learn's digits row by row: trained, stood in for by a spiking one, trained on, captured and played.

    python examples/lstm_digits.py
    python examples/lstm_digits.py SLSTM

The second is of snnTorch's cell, which remembers only where its input is as wide as it: rows are then repeated.  Needs
torch and scikit-learn, the second snntorch, too; takes half a minute of a processor.
"""

from __future__ import annotations

import sys
import warnings

import torch
from bars import bars
from sklearn.datasets import load_digits
from torch import Tensor, nn

import hwsim
from hwsim.doors.torch.lstm import stood_in

HIDDEN, TIMESTEPS, EPOCHS, SPIKING_EPOCHS, TRAINED = 32, 2, 30, 8, 1400


class Rows(nn.Module):
    """Eight rows of a digit one after another; the mean of the hidden values is read."""

    def __init__(self, of_snntorch: bool) -> None:
        super().__init__()
        self.of_snntorch = of_snntorch
        if of_snntorch:
            import snntorch

            self.lstm = snntorch.SLSTM(HIDDEN, HIDDEN)
        else:
            self.lstm = nn.LSTM(8, HIDDEN, batch_first=True)
        self.readout = nn.Linear(HIDDEN, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [sample, class] of sequences [sample, row, pixel]."""
        if not self.of_snntorch:
            return self.readout(self.lstm(x)[0].mean(1))
        (syn, mem), seen = self.lstm.reset_mem(), []
        for row in x.transpose(0, 1):
            _, syn, mem = self.lstm(row, syn, mem)
            seen.append(mem)
        return self.readout(torch.stack(seen).mean(0))


def train(model: nn.Module, epochs: int) -> None:
    """Cross entropy of logits, which a spiking LSTM gives timestep by timestep."""
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(epochs):
        for part in torch.randperm(TRAINED).split(50):
            logits = model(x[part])
            loss = nn.functional.cross_entropy(logits.sum(0) if logits.dim() == 3 else logits, y[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if hasattr(model, "project"):
                model.project()


torch.manual_seed(0)
torch.set_num_threads(1)
digits = load_digits()
slstm = "SLSTM" in sys.argv[1:]
x, y = torch.tensor(digits.images / 16, dtype=torch.float32), torch.tensor(digits.target)
x = x.repeat(1, 1, HIDDEN // 8) if slstm else x
model = Rows(slstm)
train(model, EPOCHS)

print("timesteps, right of the stand-in, and what is told")
for timesteps in (1, 2, 4, 8, 16):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        trace = hwsim.capture(model, x[TRAINED:], labels=y[TRAINED:], timesteps=timesteps, allow_drift=1.0)
    print(f"{timesteps:2} {100 * trace.provenance.accuracy[-1]:.1f} % {told[-1].message}")

spiking, _, _ = stood_in(model, x[:64], TIMESTEPS)
train(spiking, SPIKING_EPOCHS)
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    trace = hwsim.capture(spiking, x[TRAINED:], labels=y[TRAINED:], recorded=40, allow_drift=0.2, name="digits, LSTM")
print(*(each.message for each in told), sep="\n")
print(f"right in exact integers: {100 * trace.provenance.accuracy[-1]:.1f} %")
energy = {
    name: hwsim.simulate("lstm", trace, accuracy_samples=0, set=settings).energy.value / 1e3
    for name, settings in {"lstm": {}, "one_cell": {"cells.count": 1}}.items()
}
print(bars("spikes per unit and cell step", trace.spike_rates(), ""))
print(bars("energy per inference", energy, "nJ"))
