"""Recordings by the simulated sensor, training on them, and the trace of the exact integers."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace

import torch

from hwsim.errors import TraceError
from hwsim.traces.codings import verify
from hwsim.traces.io import write_trace
from training.common.data import Images, digest, hold_out, load_images, stratified
from training.common.loop import Augmentation, Stage, TensorImages, Trainer, accuracy, checkpoint_name
from training.common.progress import percent, say
from training.events.export import Origin, recorded
from training.events.network import EventNetwork, Geometry
from training.events.sensor import Sensor, frames

DECAY = 1e-2
BATCH = 64
FOLDER = "train_events"


def run(options: argparse.Namespace, command: str) -> None:
    """Record, train, export; the test split is looked at once, when nothing is left to choose."""
    torch.set_num_threads(options.threads)
    sensor = Sensor(
        options.timesteps * options.step_us,
        options.threshold,
        options.mismatch,
        options.refractory_us,
        options.noise_hz,
    )
    training, held, test = (frames(each, sensor, options.timesteps, options.seed) for each in _splits(options))
    say(f"{len(training)} recordings, {training.x.mean():.4f} spikes per pixel, polarity and timestep")
    network = _trained(options, sensor, training, held)
    floats = accuracy(network, TensorImages.of(test, "cpu"))
    say(f"float: test accuracy at T = 1.. {percent(floats)} %")
    trace = recorded(network, test, held, options, Origin(options, command, sensor, tuple(floats)))
    for name, mismatch in verify(trace).arrays.items():
        if mismatch.differing:
            raise TraceError(f"{name}: {mismatch.differing} of {mismatch.compared} differ, first {mismatch.first}")
    write_trace(options.out, trace, compress=True)
    say(f"{options.bits}-bit integers: test accuracy at T = 1.. {percent(trace.provenance.accuracy)} %")
    rates = ", ".join(f"{name} {trace.spike_rate(name):.4f}" for name in trace.spikes)
    say(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB; spikes per neuron and timestep: {rates}")


def _splits(options: argparse.Namespace) -> tuple[Images, Images, Images]:
    """Images to learn from, to choose on, to report on: some of each, drawn by class.

    Ids of the test split are counted on from those of the other, so that no two recordings have the same noise.
    """
    train, test = load_images(options.data)
    rest, held = hold_out(train, options.held_out, options.seed)
    chosen = stratified(rest.y, min(options.limit, len(rest)), options.seed)
    few = test.take(stratified(test.y, min(options.test, len(test)), options.seed))
    return rest.take(chosen), held, replace(few, ids=few.ids + len(train))


def _trained(options: argparse.Namespace, sensor: Sensor, training: Images, held: Images) -> EventNetwork:
    height, width = training.x.shape[1:3]
    geometry = Geometry((height, width), options.channels, int(training.y.max()) + 1, options.timesteps)
    torch.manual_seed(options.seed)
    network = EventNetwork(geometry)
    augmentation = Augmentation(options.shift, False)
    stage = Stage("float", options.epochs, options.rate, DECAY, BATCH, options.seed, augmentation)
    settings = {
        "data": digest(training, held),
        "sensor": asdict(sensor),
        "geometry": asdict(geometry),
        "stage": asdict(stage),
    }
    checkpoint = options.cache / FOLDER / checkpoint_name(stage.name, settings)
    Trainer(network, stage, *(TensorImages.of(each, "cpu") for each in (training, held))).run(checkpoint, say)
    network.eval()
    return network
