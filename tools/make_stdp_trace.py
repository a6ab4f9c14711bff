"""Write a trace of a network that is to learn by STDP: samples, Poisson coding, and how often neurons fired once.

    python tools/make_stdp_trace.py --data mnist.npz --dataset MNIST --train 60000 --test 10000 --out full.npz

Neurons follow Diehl and Cook (2015) as BindsNET has them, with direct lateral inhibition; what differs is our choice,
as said below.  It knows no hardware and trains nothing that is kept but the number of output spikes.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from training.common.data import Images, load_images, stratified
from training.common.options import LICENCES, Parser, check_output, positive, shown_command

from hwsim.errors import HwsimError, UsageError
from hwsim.traces.io import write_trace
from hwsim.traces.plastic.check import check_plastic
from hwsim.traces.plastic.encode import encoder_digests
from hwsim.traces.plastic.parameters import Learner
from hwsim.traces.plastic.trace import PlasticNetwork, PlasticSamples, PlasticTrace
from hwsim.traces.plastic.verify import record_plastic
from hwsim.traces.provenance import Provenance


def parser(description: str) -> Parser:
    """The options of the tool."""
    p = Parser(description=description.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add, none = p.add_argument, argparse.SUPPRESS
    add("--data", type=Path, required=True, default=none, help=".npz with x_train, y_train, .. or folder of idx files")
    add("--dataset", required=True, default=none, help="name of the data set, for the provenance")
    add("--licence", default="", help="of the data; known for MNIST and Fashion-MNIST")
    add("--out", type=Path, required=True, default=none, help="trace to write, .npz")
    add("--train", type=positive, default=3000, help="training samples, drawn with classes in proportion")
    add("--test", type=positive, default=500, help="test samples, drawn likewise")
    add("--neurons", type=positive, default=400, help="excitatory neurons")
    add("--present", type=positive, default=350, help="steps of 1 ms with input")
    add("--rest", type=int, default=0, help="steps without; traces and membranes begin anew in any case")
    add("--fewest-spikes", type=int, default=5, help="output spikes of a presentation that is not repeated, brighter")
    add("--repeats", type=int, default=10, help="of one sample at most; 0 for none")
    add("--peak-hz", type=positive, default=128, help="rate of the brightest pixel")
    add(
        "--inhibition",
        choices=("direct", "layer"),
        default="direct",
        help="from neuron to neuron or by inhibitory ones",
    )
    add("--rule", choices=("pairwise", "windowed"), default="pairwise", help="of learning")
    add("--window", type=positive, default=10, help="steps of a window, where windowed")
    add("--weights", default="fp32", help="fp32, or the weights' format as in Q1.7")
    add("--rounding", choices=("nearest", "truncate", "stochastic"), default="nearest", help="of weights")
    add("--seed", type=int, default=1, help="of everything random")
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the trace; 0, or 2 with one line on stderr for a mistake of the user."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = parser(__doc__ or "").parse_args(given)
        check_output("--out", options.out, ".npz", options.data)
        options.licence = options.licence or LICENCES.get(options.dataset.lower(), "")
        if not options.licence:
            raise UsageError(f"--dataset {options.dataset}: its licence is not known here; give it with --licence")
        make(options, shown_command("make_stdp_trace.py", given))
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def make(options: argparse.Namespace, command: str) -> None:
    """Draw the samples, let the network learn once, and write the trace."""
    train, test = load_images(options.data)
    network = network_of(options, math.prod(train.x.shape[1:]))
    check_plastic(network)
    parts = {
        "train": _part(network, "train", _drawn(train, "--train", options.train, options.seed)),
        "test": _part(network, "test", _drawn(test, "--test", options.test, options.seed)),
    }
    responses = record_plastic(network, parts["train"].values, parts["train"].sample_ids)
    provenance = Provenance(
        name=options.out.stem,
        dataset=options.dataset,
        split="train and test",
        licence=options.licence,
        framework=f"hwsim {version('hwsim')}, numpy {np.__version__}",
        command=command,
        seed=options.seed,
        synthetic=False,
        accuracy=(),
        notes="weights are the initial ones; learning happens where the trace is run",
    )
    trace = PlasticTrace(network, int(train.y.max()) + 1, parts, responses, provenance)
    write_trace(options.out, trace, compress=True)
    print(f"{options.out}: {options.train} + {options.test} samples, {responses.mean():.1f} output spikes a sample")


def _drawn(images: Images, option: str, n: int, seed: int) -> Images:
    if n > len(images):
        raise UsageError(f"{option} {n}: must be at most {len(images)}, the samples of this split")
    return images.take(stratified(images.y, n, seed))


def _part(network: PlasticNetwork, name: str, images: Images) -> PlasticSamples:
    values = images.x.reshape(len(images), -1)
    return PlasticSamples(values, images.y, images.ids, *encoder_digests(network, name, images.ids, values))


def network_of(options: argparse.Namespace, pixels: int) -> PlasticNetwork:
    """The network that the options ask for."""
    learner = Learner(
        neurons=options.neurons,
        present_ms=options.present,
        rest_ms=options.rest,
        peak_hz=options.peak_hz,
        fewest_spikes=options.fewest_spikes,
        most_repeats=options.repeats,
        rule=options.rule,
        window_ms=options.window,
        inhibition=options.inhibition,
        weights=options.weights,
        rounding=options.rounding,
        seed=options.seed,
    )
    return learner.network(pixels)


if __name__ == "__main__":
    sys.exit(main())
