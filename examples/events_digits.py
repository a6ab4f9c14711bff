"""Events: scikit-learn's digits move before a simulated sensor; recordings, training, capture, and other recordings.

    python examples/events_digits.py

Needs torch, snntorch and scikit-learn; takes some seconds.  The recordings are made here and named as simulated: a
pixel has an event when its brightness changes as the digit moves.  Recordings of a sensor are read likewise.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import snntorch as snn
import torch
from bars import bars
from sklearn.datasets import load_digits
from snntorch import utils
from torch import Tensor, nn

import hwsim

TIMESTEPS, STEP_US, EPOCHS, TRAINED, RECORDED = 12, 1000, 8, 1200, 1400
SIZE = 10  # of the sensor: the digit moves by a pixel each way
PATH = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0), (0, 0), (1, 1), (2, 2), (1, 1), (0, 0))


def record(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Events [event, (t, x, y, p)] of a digit that goes along a path, a step in each millisecond."""
    events, before = [], np.zeros((SIZE, SIZE))
    for step, (top, left) in enumerate(PATH[:TIMESTEPS]):
        now = np.zeros((SIZE, SIZE))
        now[top : top + 8, left : left + 8] = digit / 16
        y, x = np.nonzero(np.abs(now - before) > 0.3)
        t = step * STEP_US + rng.integers(0, STEP_US, len(y))
        events.append(np.column_stack([t, x, y, now[y, x] > before[y, x]]).astype(np.int64))
        before = now
    return np.concatenate(events)


class Network(nn.Module):
    """A convolution and a linear layer of neurons; one call a timestep."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.lif1 = nn.Conv2d(2, 8, 3, stride=2, padding=1), snn.Leaky(beta=0.8, init_hidden=True)
        self.fc, self.lif2 = nn.Linear(8 * 25, 10), snn.Leaky(beta=0.9, init_hidden=True)

    def forward(self, x: Tensor) -> Tensor:
        """Spikes [sample, class] of one timestep's events [sample, polarity, y, x]."""
        return self.lif2(self.fc(self.lif1(self.conv(x)).flatten(1)))


torch.manual_seed(0)
rng = np.random.default_rng(0)
digits = load_digits()
with tempfile.TemporaryDirectory() as folder:
    files, labels = [Path(folder) / f"{number}.npy" for number in range(RECORDED)], Path(folder) / "labels.csv"
    for file, digit in zip(files, digits.images, strict=False):
        np.save(file, record(digit, rng))
    rows = [f"{file.name},{label}" for file, label in zip(files, digits.target, strict=False)]
    labels.write_text("\n".join(["file,label", *rows]))
    form = {"timesteps": TIMESTEPS, "bin_us": STEP_US, "size": (SIZE, SIZE), "clip": 1}
    train = hwsim.from_events(files[:TRAINED], labels, **form)
    test = hwsim.from_events(files[TRAINED:], labels, **form)

x, y = torch.tensor(np.moveaxis(train.values, -1, 2), dtype=torch.float32), torch.tensor(train.labels)
model = Network()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for _ in range(EPOCHS):
    for part in torch.randperm(TRAINED).split(50):
        utils.reset(model)
        spikes = torch.stack([model(x[part, t]) for t in range(TIMESTEPS)])
        loss = nn.functional.cross_entropy(spikes.sum(0), y[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

trace = hwsim.capture(model, train, recorded=40, allow_drift=0.5, dataset="digits as simulated events")
trace = hwsim.run_on(trace, test, recorded=40, dataset="other digits as simulated events")
print(f"right in exact integers: {100 * trace.logits['test'].accuracy()[-1]:.1f} %")
energy = {
    machine: hwsim.simulate(machine, trace, accuracy_samples=0).energy.value / 1e3 for machine in ("imc", "digital")
}
print(bars("spikes per neuron and timestep", trace.spike_rates(), ""))
print(bars("energy per inference", energy, "nJ"))
