"""A small network of snnTorch whose sums are exact in floats, and what NeuroBench measures of it.

`python tests/traces/info/neurobench_net.py` prints the numbers in `test_neurobench` anew where NeuroBench is there.
"""

from __future__ import annotations

import json
import warnings

import numpy as np
import snntorch as snn
import torch
from torch import nn

SAMPLES, TIMESTEPS, CLASSES = 8, 6, 5
CASES = ("spikes", "images")


def network():
    """Two convolutions, one with groups, a pool that gives fractions, three kinds of snnTorch's own resets."""
    rng = np.random.default_rng(7)
    net = nn.Sequential(
        nn.Conv2d(2, 6, 3, stride=2, padding=1),
        snn.Leaky(beta=0.5, threshold=2.0, init_hidden=True),
        nn.Conv2d(6, 4, 3, padding=1, groups=2, bias=False),
        snn.Leaky(beta=0.75, threshold=1.0, init_hidden=True, reset_mechanism="zero"),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, CLASSES),
        snn.Leaky(beta=0.5, threshold=0.5, init_hidden=True, output=True),
    )
    with torch.no_grad():
        for module in net:
            if isinstance(module, nn.Conv2d | nn.Linear):
                values = rng.integers(-20, 28, tuple(module.weight.shape)) * (rng.random(module.weight.shape) > 0.3)
                values.reshape(len(values), -1)[:, 0] = 127  # of each channel the largest, so that nothing is rounded
                module.weight.copy_(torch.from_numpy(values * 2.0**-6))
                if module.bias is not None:
                    module.bias.copy_(torch.from_numpy(rng.integers(-3, 4, len(values)) * 2.0**-3))
    return net.eval()


def inputs(case):
    """Spikes at every timestep [sample, timestep, ...], or images of small integers [sample, ...]; and labels."""
    rng = np.random.default_rng(11)
    shape = (2, 8, 8)
    if case == "spikes":
        values = rng.random((SAMPLES, TIMESTEPS, *shape)) < 0.3
    else:
        values = rng.integers(0, 6, (SAMPLES, *shape)) * (rng.random((SAMPLES, *shape)) < 0.5)
    return torch.from_numpy(values.astype(np.float32)), torch.arange(SAMPLES) % CLASSES


def measured(case):
    """What NeuroBench says."""
    from neurobench.benchmarks import Benchmark
    from neurobench.metrics import static, workload
    from neurobench.models import SNNTorchModel
    from neurobench.processors.postprocessors import ChooseMaxCount
    from torch.utils.data import DataLoader, TensorDataset

    values, labels = inputs(case)
    if case == "images":
        values = values[:, None].repeat(1, TIMESTEPS, 1, 1, 1)
    metrics = [
        [static.Footprint, static.ParameterCount, static.ConnectionSparsity],
        [
            workload.ClassificationAccuracy,
            workload.ActivationSparsity,
            workload.ActivationSparsityByLayer,
            workload.SynapticOperations,
            workload.MembraneUpdates,
        ],
    ]
    loader = DataLoader(TensorDataset(values, labels), batch_size=SAMPLES)
    return Benchmark(SNNTorchModel(network()), loader, [], [ChooseMaxCount()], metrics).run(quiet=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps({case: measured(case) for case in CASES}, indent=4))
