"""SANA-FE: 784-512-512-10 on its model of Loihi, a core a layer."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

from telling import Told

told = Told()  # before the imports, which are part of what is done once

import numpy as np  # noqa: E402
import sanafe  # noqa: E402

NEVER = 1e9


def main(folder, calls):
    arrays = np.load(Path(folder) / "spiking.npz")
    weights = [arrays[f"weights{place}"] for place in range(3)]
    thresholds = [float(arrays["threshold0"]), float(arrays["threshold1"]), NEVER]
    spikes = arrays["spikes"][: calls + 1]
    samples, timesteps, n_in = spikes.shape
    # A layer sees spikes a step after they were sent: as many silent steps as layers follow the inputs.
    steps = timesteps + len(weights)
    trains = np.pad(spikes, ((0, 0), (0, len(weights)), (0, 0))).reshape(samples * steps, n_in)
    chip = build(trains.astype(bool), weights, thresholds)
    told.ready()
    for _ in range(calls + 1):
        chip.reset()
        found = told.timed(chip.sim, steps)
        told.did(synaptic_events=found["spikes"])
    told.tell(version("sanafe"))


def build(trains, weights, thresholds):
    """A chip loaded with the network; the inputs fire by `trains`, one step a row."""
    architecture, network = sanafe.load_loihi(), sanafe.Network()
    cores = architecture.cores()
    group = network.create_neuron_group("inputs", trains.shape[1])
    for place in range(trains.shape[1]):
        train = {"spikes": trains[:, place].tolist()}
        group[place].set_attributes(soma_hw_name=f"loihi_inputs[{place}]", model_attributes=train)
    group.map_to_core(cores[0])
    for place, (matrix, threshold) in enumerate(zip(weights, thresholds, strict=True), start=1):
        layer = network.create_neuron_group(
            f"layer{place}",
            matrix.shape[1],
            model_attributes={"threshold": threshold, "reset_mode": "hard", "reset": 0.0, "leak_decay": 1.0},
            soma_hw_name="loihi_lif",
            default_dendrite_hw_name="loihi_dendrites",
            default_synapse_hw_name="loihi_dense_synapse",
        )
        group.connect_neurons_dense(layer, {"w": matrix.astype(float).ravel()})
        layer.map_to_core(cores[place])
        group = layer
    chip = sanafe.SpikingChip(architecture)
    chip.load(network)
    return chip


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
