"""From a trained network to a trace: the integers of its float graph, executed on recordings."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.doors.drift import drift_of
from hwsim.doors.entry import SAMPLES_COMPARED
from hwsim.doors.float_run import run_floats
from hwsim.doors.lattice import to_integers
from hwsim.doors.precision import Precision
from hwsim.traces.direct.events import EventTrace
from hwsim.traces.direct.golden import execute
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import Inputs, Logits, PackedSpikes
from training.common.data import Images
from training.common.provenance import Amounts, recorded_first, trained_provenance
from training.events.network import POLARITIES, EventNetwork, graph_of
from training.events.sensor import REACH, Sensor


@dataclass(frozen=True, slots=True)
class Origin:
    """What the provenance says of a training run."""

    options: argparse.Namespace
    command: str
    sensor: Sensor
    float_accuracy: tuple[float, ...]  # test split, at each T

    @property
    def dataset(self) -> str:
        """Name of the data set: its images, moved before a simulated sensor."""
        return f"{self.options.dataset}, moving before a simulated event sensor"

    @property
    def licence(self) -> str:
        """That of the images."""
        return str(self.options.licence)

    @property
    def seed(self) -> int:
        """Of everything random."""
        return int(self.options.seed)

    def provenance(self, widths: str, accuracy: tuple[float, ...], drift: str) -> Provenance:
        """The provenance of the trace, with the sensor in words."""
        sensor, options = self.sensor, self.options
        seen = (
            f"events are simulated: three saccades in {sensor.duration_us / 1000:g} ms, {REACH} pixels each way, "
            f"log-intensity threshold {sensor.threshold:g} +- {100 * sensor.mismatch:g} %, "
            f"{sensor.refractory_us / 1000:g} ms refractory, {sensor.noise_hz:g} Hz of noise a pixel"
        )
        steps = f"a timestep of {options.step_us / 1000:g} ms has a spike where a pixel fired"
        notes = f"{seen}; {steps}; rounded to {options.bits} bits after training: {drift}"
        return trained_provenance(self, f"convolutional SNN {widths}", accuracy, self.float_accuracy, notes)


def recorded(
    network: EventNetwork, test: Images, held: Images, options: argparse.Namespace, origin: Origin
) -> EventTrace:
    """Execute the integers of `network` on all test and held-out recordings; keep spikes of some and logits of all."""
    graph, timesteps = graph_of(network), network.geometry.timesteps
    on = to_integers(graph, Precision(options.bits))
    amounts = Amounts(min(options.recorded, len(test)), min(options.inputs, len(test)))
    order = recorded_first(test.y, amounts, options.seed)
    samples = test.take(np.concatenate([order, np.setdiff1d(np.arange(len(test)), order)]))
    values = over_time(samples.x)
    run, calibration = execute(on.network, values, timesteps), execute(on.network, over_time(held.x), timesteps)
    floats = run_floats(graph, values[:SAMPLES_COMPARED], timesteps)
    drift = drift_of(floats.spikes, floats.logits, run, on.layer_of, samples.y)
    n, raw = amounts.recorded, samples.take(np.arange(amounts.inputs))

    def logits(part: Images, found: NDArray[np.int32], split: str) -> Logits:
        return Logits(found, on.logit_scale, part.y, part.ids, split)

    sets = {
        "recorded": logits(samples.take(np.arange(n)), run.logits[:n], "test"),
        "test": logits(samples, run.logits, "test"),
        "calibration": logits(held, calibration.logits, "train"),
    }
    widths = "-".join(map(str, (POLARITIES, *network.geometry.channels, network.geometry.n_classes)))
    accuracy = tuple(float(each) for each in sets["test"].accuracy())
    return EventTrace(
        on.network,
        timesteps,
        {name: PackedSpikes(each.words[:n], each.shape) for name, each in run.spikes.items()},
        Inputs(values[: amounts.inputs], raw.y, raw.ids),
        sets,
        origin.provenance(widths, accuracy, str(drift)),
    )


def over_time(spikes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[sample, height, width, timestep x polarity] as [sample, timestep, height, width, polarity]."""
    apart = spikes.reshape(*spikes.shape[:3], -1, POLARITIES)
    return np.ascontiguousarray(apart.transpose(0, 3, 1, 2, 4))
