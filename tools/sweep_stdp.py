"""Accuracy of a learning network against the format and rounding of its weights, a line of JSON for each figure.

    python tools/make_stdp_trace.py --data mnist.npz --dataset MNIST --train 60000 --test 10000 --out .cache/mnist.npz
    python tools/sweep_stdp.py .cache/mnist.npz --at 10000 20000 60000 --jobs 2 --out docs/data/stdp-accuracy.jsonl

Every line is a network trained from the beginning on the machine `--architecture`, its neurons labelled on training
samples, and decisions on all test samples of the trace.  Lines that the file has already are not computed again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from hwsim import accelerators, api
from hwsim.accelerators.stdp import Machine as StdpMachine
from hwsim.errors import HwsimError, UsageError
from hwsim.run.pool import workers
from hwsim.traces.plastic.run import Played, learn
from hwsim.traces.plastic.session import Session
from hwsim.traces.plastic.trace import TRAIN, PlasticTrace
from hwsim.traces.trace import AnyTrace

FP32 = "FP32"
ROUNDINGS = ("nearest", "truncate", "stochastic")
_IN_FLOATS = tuple(
    f"{name}={{format: {FP32}, rounding: null, source: swept}}"
    for name in ("weights", "membranes", "traces", "thresholds")
)


@dataclass(frozen=True, slots=True)
class Point:
    """One network to train."""

    trace: str
    architecture: str
    overrides: tuple[str, ...]
    weights: str  # format
    rounding: str  # empty for FP32
    at: tuple[int, ...]  # training samples after which it decides, over all passes

    def settings(self, floating: bool) -> tuple[str, ...]:
        """What it changes of the architecture, which is or is not in floats."""
        if self.weights == FP32:
            return self.overrides if floating else (*self.overrides, *_IN_FLOATS)
        return (*self.overrides, f"weights.format={self.weights}", f"weights.rounding={self.rounding}")


@dataclass(frozen=True, slots=True)
class Found:
    """One figure."""

    dataset: str
    seed: int
    train_samples: int  # of the trace, in one pass
    neurons: int
    architecture: str
    overrides: list[str]
    weights: str
    rounding: str
    samples: int
    accuracy: float
    n_test: int
    updates_a_sample: float  # weight updates that were not zero, since the figure before
    spikes_a_sample: float  # of all neurons while learning, likewise

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes it another figure."""
        network = self.dataset, self.seed, self.train_samples, self.neurons
        return *network, self.architecture, *self.overrides, self.weights, self.rounding, self.samples


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing; 0, or 2 with one line on stderr for a mistake of the user."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", nargs="+", metavar="TRACE.npz", type=Path)
    parser.add_argument("--architecture", default="stdp", metavar="ARCH", help="a machine that learns")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--formats", nargs="+", default=[FP32, *(f"Q1.{n}" for n in (3, 5, 7, 9, 11, 15))])
    parser.add_argument("--rounding", nargs="+", choices=ROUNDINGS, default=ROUNDINGS)
    parser.add_argument("--at", type=int, nargs="+", default=[10_000, 20_000, 60_000], help="training samples")
    parser.add_argument("--jobs", type=int, default=1, help="networks trained at once")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl", help="lines are added to it")
    options = parser.parse_args(arguments)
    try:
        sweep(options)
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def sweep(options: argparse.Namespace) -> None:
    """Train every network of which a figure is missing, and add what is."""
    if options.jobs < 1 or min(options.at) < 1:
        raise UsageError("--jobs and --at: must be at least 1")
    lines = options.out.read_text().splitlines() if options.out.exists() else []
    known = {Found(**json.loads(line)).identity for line in lines}
    points = [point for point in _points(options) if not known.issuperset(_identities(point))]
    with workers(options.jobs) as pool, options.out.open("a") as file:
        for done in as_completed([pool.submit(train, point) for point in points]):
            for found in (each for each in done.result() if each.identity not in known):
                file.write(json.dumps(asdict(found)) + "\n")
                file.flush()
                print(f"{found.dataset} {found.weights} {found.rounding} {found.samples}: {100 * found.accuracy:.2f} %")


def _points(options: argparse.Namespace) -> Iterator[Point]:
    for trace in options.traces:
        for weights in options.formats:
            for rounding in ("",) if weights == FP32 else options.rounding:
                at = tuple(sorted(set(options.at)))
                yield Point(str(trace), options.architecture, tuple(options.overrides), weights, rounding, at)


def _identities(point: Point) -> list[tuple[object, ...]]:
    """Of all its figures; a mistake in it is told here, before the time is spent."""
    _, trace = _load(point)
    return [_found(point, trace, samples, accuracy=0.0, played=None).identity for samples in point.at]


@cache
def _trace(path: str) -> AnyTrace:
    """A trace, read and checked once for all networks that are trained on it."""
    return api.load_trace(path)


def _load(point: Point) -> tuple[StdpMachine, PlasticTrace]:
    trace, plain = _trace(point.trace), api.load_architecture(point.architecture, point.overrides)
    machine_type = accelerators.machine(plain.machine)
    if not isinstance(trace, PlasticTrace) or not issubclass(machine_type, StdpMachine):
        raise UsageError(f"{point.trace} on {point.architecture}: wanted a learning network on a machine that learns")
    settings = point.settings(plain.spec.weights.floating)
    machine = machine_type(api.load_architecture(point.architecture, settings).spec)
    return machine, replace(trace, network=machine.network_of(trace), state=None)


def train(point: Point) -> list[Found]:
    """Learn up to each number of samples in turn, and decide by what was learned so far."""
    machine, trace = _load(point)
    whole, found = trace.parts["train"], []
    for samples in point.at:
        passes = -(-samples // len(whole.labels))
        kept: list[PlasticTrace] = []
        session = Session(passes=passes, label_samples=machine.spec.label_samples, save=kept.append, until=samples)
        learned = learn(trace.network, trace, session)
        played, trace = learned.phases[TRAIN], kept[-1]
        assert learned.accuracy is not None
        found.append(_found(point, trace, samples, learned.accuracy, played))
    return found


def _found(point: Point, trace: PlasticTrace, samples: int, accuracy: float, played: Played | None) -> Found:
    return Found(
        dataset=trace.provenance.dataset,
        seed=trace.network.seed,
        train_samples=trace.n_samples,
        neurons=trace.network.neurons.count,
        architecture=point.architecture,
        overrides=list(point.overrides),
        weights=point.weights,
        rounding=point.rounding,
        samples=samples,
        accuracy=accuracy,
        n_test=len(trace.parts["test"].labels),
        updates_a_sample=float(played.updates.mean()) if played else 0.0,
        spikes_a_sample=float(played.spikes.mean()) if played else 0.0,
    )


if __name__ == "__main__":
    sys.exit(main())
