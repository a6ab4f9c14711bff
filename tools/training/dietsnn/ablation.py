"""What learning thresholds and leaks is worth: every choice at several T from one ANN, measured on the test split.

The networks are measured in floating point, as they were trained.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
import torch

from training.common.data import Images
from training.common.loop import TensorImages, accuracy
from training.common.progress import say
from training.common.splits import prepare
from training.dietsnn.activity import Activity, active_fractions, mean_and_error, spiking_activity
from training.dietsnn.diet import DietStages
from training.dietsnn.energy import PRICES, accumulates, ann_pj, operation_counts, snn_pj
from training.dietsnn.model import Geometry, SpikingNetwork
from training.dietsnn.options import LEARN

Record = dict[str, Any]

CONVERTED = "converted"
"""The point before any training: the ANN's weights and the scaled percentiles."""


def run(options: argparse.Namespace, command: str) -> None:
    """Train and measure all points; the file is written anew after each, so that a run that is cut leaves some."""
    splits = prepare(options)
    stages = DietStages(options, splits)
    test = TensorImages.of(splits.test, options.device)
    record: Record = {
        "command": command,
        "dataset": options.dataset,
        "seed": options.seed,
        "device": options.device,
        "torch": torch.__version__,
        "ann": ann_record(stages, splits.held, test),
    }
    points: list[Record] = []
    say("| T | learned | accuracy, % | spikes/neuron | per timestep | ACs, M | energy ratio, layer 1 once | T times |")
    for timesteps in options.ablation:
        fixed = None
        for learn in (CONVERTED, *LEARN):
            network = stages.converted(timesteps) if learn == CONVERTED else stages.learned(timesteps, learn)
            activity = spiking_activity(network, test)
            fixed = activity if learn == "fixed" else fixed
            points.append(
                {"timesteps": timesteps, "learn": learn}
                | activity_record(activity)
                | gain_record(activity, fixed)
                | neuron_record(network)
                | energy_record(network.geometry, activity)
            )
            options.out.write_text(json.dumps(record | {"points": points}, indent=1) + "\n", encoding="utf-8")
            say(row(points[-1]))


def ann_record(stages: DietStages, held: Images, test: TensorImages) -> Record:
    """The ANN all points start from: accuracy, operations, and how many of its activations are not zero."""
    counts = operation_counts(stages.geometry)
    right, n = accuracy(stages.real, test)[0], len(test.y)
    active = active_fractions(stages.real, test)
    return {
        "accuracy": right,
        "accuracy_se": (right * (1 - right) / (n - 1)) ** 0.5,
        "held_out_accuracy": accuracy(stages.real, TensorImages.of(held, stages.options.device))[0],
        "macs": counts,
        "active_fraction": active,
        "macs_of_active": counts[0] + accumulates(counts, active),
        "percentile_thresholds": stages.thresholds,
    }


def activity_record(activity: Activity) -> Record:
    """Accuracy and spikes, with standard errors over images."""
    right, right_error = mean_and_error(activity.right[-1])
    spikes, spikes_error = activity.overall()
    return {
        "accuracy": right,
        "accuracy_se": right_error,
        "accuracy_by_timestep": activity.right.mean(1).tolist(),
        "spikes_per_neuron": spikes,
        "spikes_per_neuron_se": spikes_error,
        "spikes_per_neuron_and_timestep": spikes / len(activity.right),
        "layer_spikes_per_neuron": activity.per_neuron(),
    }


def gain_record(activity: Activity, fixed: Activity | None) -> Record:
    """Accuracy above that of `fixed` at the same T, its standard error from the same images judged by both."""
    if fixed is None:
        return {}
    gain, error = mean_and_error(activity.right[-1].astype(np.float64) - fixed.right[-1])
    return {"accuracy_above_fixed": gain, "accuracy_above_fixed_se": error}


def neuron_record(network: SpikingNetwork) -> Record:
    """What the layers' neurons ended with, from input to output."""
    blocks = network.blocks()
    return {"thresholds": [b.threshold.item() for b in blocks], "leaks": [b.leak.item() for b in blocks]}


def energy_record(geometry: Geometry, activity: Activity) -> Record:
    """Operations, and energy of the ANN over that of this SNN, with the first layer once or at every timestep."""
    counts, rho = operation_counts(geometry), activity.per_neuron()
    ratios = {
        f"{name}_layer1_{how}": ann_pj(counts, prices) / snn_pj(counts, rho, passes, prices)
        for name, prices in PRICES.items()
        for how, passes in (("once", 1), ("every_step", len(activity.right)))
    }
    return {"acs": accumulates(counts, rho), "macs_once": counts[0], "energy_ratio": ratios}


def row(point: Record) -> str:
    """A line of the table, with standard errors over images."""
    ratios = point["energy_ratio"]
    return (
        f"| {point['timesteps']} | {point['learn']} "
        f"| {100 * point['accuracy']:.2f} +- {100 * point['accuracy_se']:.2f} "
        f"| {point['spikes_per_neuron']:.3f} +- {point['spikes_per_neuron_se']:.3f} "
        f"| {point['spikes_per_neuron_and_timestep']:.4f} | {point['acs'] / 1e6:.3f} "
        f"| {ratios['fp32_layer1_once']:.2f} | {ratios['fp32_layer1_every_step']:.2f} |"
    )
