"""SpikingJelly: 784-512-512-10 forward with its counter of synaptic operations."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

from telling import Told

told = Told()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from spikingjelly.activation_based import functional, neuron  # noqa: E402
from spikingjelly.activation_based.op_counter import DispatchCounterMode, SynOpCounter  # noqa: E402


@torch.no_grad()
def main(folder, calls):
    arrays = np.load(Path(folder) / "spiking.npz")
    layers = []
    for place in range(3):
        weights = torch.from_numpy(arrays[f"weights{place}"].T.astype(np.float32))
        layers.append(torch.nn.Linear(*reversed(weights.shape), bias=False))
        layers[-1].weight.copy_(weights)
        if place < 2:
            # It fires at v >= threshold, and potentials are whole numbers: half more stands for v > threshold.
            threshold = float(arrays[f"threshold{place}"]) + 0.5
            layers.append(neuron.IFNode(v_threshold=threshold, v_reset=0.0, step_mode="m"))
    network = torch.nn.Sequential(*layers).eval()
    trains = torch.from_numpy(arrays["spikes"][: calls + 1].astype(np.float32))[:, :, None]
    told.ready()
    for train in trains:
        functional.reset_net(network)
        told.did(synaptic_events=told.timed(count, network, train))
    told.tell(version("spikingjelly"))


def count(network, train):
    counter = SynOpCounter()
    with DispatchCounterMode([counter]):
        network(train)
    return counter.get_total()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
