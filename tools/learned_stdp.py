r"""Energies of the paper's largest learning network after it has learned, a line of JSON for each network and counting.

    python tools/make_stdp_trace.py --data mnist.npz --dataset MNIST --train 8000 --test 1000 --neurons 4900 \
      --out .cache/mnist4900.npz
    python tools/learned_stdp.py .cache/mnist4900.npz --settled 7500 --cache .cache --out docs/data/stdp-learned.jsonl

Every network of `reproduction.learners` learns from the first `--settled` training samples; energies are of the
`--told` samples behind them and of the test samples.  What was learned is kept in `--cache` every 500 samples, and the
same command goes on from there; lines that the file has are not computed again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from reproduction.designs import design, digest
from reproduction.learners import DENSE, NETWORKS, roomy

import hwsim
from hwsim import accelerators
from hwsim.accelerators.stdp import Machine as StdpMachine
from hwsim.contract.run import RunName
from hwsim.errors import HwsimError, UsageError
from hwsim.report.report import Run
from hwsim.traces.io import write_trace
from hwsim.traces.plastic.run import learn
from hwsim.traces.plastic.session import Session
from hwsim.traces.plastic.trace import PlasticTrace
from hwsim.traces.slicing import first

_EVERY = 500  # training samples between two copies of what was learned
_LABELLING = {"event-driven": 2000, "dense": 1}  # training samples shown for labels, which no energy depends on
COUNTINGS = {"event-driven": (), "dense": DENSE}


@dataclass(frozen=True, slots=True)
class Settled:
    """Energies of a network, as means over the samples they are told of."""

    network: str
    counting: str
    neurons: int
    learned: int  # training samples before those whose energies are told
    told: int  # training samples
    train_pj: float
    infer_pj: float
    updates_a_sample: float
    spikes_a_sample: float
    accuracy: float | None  # where enough samples were shown for labels
    n_test: int
    dataset: str
    design: str
    settings: list[str]
    digest: str  # of the design, its settings and its prices


def main(arguments: Sequence[str] | None = None) -> int:
    """Learn what is missing; 0, or 2 with one line on stderr for a mistake of the user."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace", metavar="TRACE.npz", type=Path)
    parser.add_argument("--settled", type=int, default=7500, help="training samples before energies are told")
    parser.add_argument("--told", type=int, default=500, help="training samples behind them, whose energies are told")
    parser.add_argument("--cache", type=Path, required=True, metavar="FOLDER", help="what was learned is kept there")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl", help="lines are added to it")
    options = parser.parse_args(arguments)
    try:
        settle(options)
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def settle(options: argparse.Namespace) -> None:
    """Let every network learn, and add the lines that are missing."""
    trace = hwsim.load_trace(options.trace)
    if not isinstance(trace, PlasticTrace) or trace.state is not None:
        raise UsageError(f"{options.trace}: wanted a learning network that has not learned yet")
    if options.settled < 1 or options.told < 1 or options.settled + options.told > trace.n_samples:
        raise UsageError(
            f"--settled and --told: must be at least 1 and together at most {trace.n_samples}, the samples"
        )
    trace = first(trace, samples=options.settled + options.told)
    known = {(each.network, each.counting, each.learned, each.digest) for each in kept(options.out)}
    for number, name in enumerate(NETWORKS):
        for counting in COUNTINGS:
            architecture, settings = _design(name, counting, trace.network.neurons.count)
            if (name, counting, options.settled, digest(design(architecture, settings))) in known:
                continue
            learned = _learned(trace, architecture, settings, options.cache / f"learned-{number}.npz", options.settled)
            line = _told(learned, name, counting, options.settled)
            with options.out.open("a") as file:
                file.write(json.dumps(asdict(line)) + "\n")
            print(f"{name}, {counting}: {line.train_pj / 1e6:.4g} uJ, {line.infer_pj / 1e6:.4g} uJ", flush=True)


def kept(path: Path) -> list[Settled]:
    """All lines of a file, or none where there is no file."""
    return [Settled(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def _design(name: str, counting: str, neurons: int) -> tuple[str, tuple[str, ...]]:
    architecture, settings = NETWORKS[name]
    return architecture, (*settings, *roomy(neurons, architecture, settings), *COUNTINGS[counting])


def _learned(trace: PlasticTrace, name: str, settings: Sequence[str], cache: Path, samples: int) -> PlasticTrace:
    """The network of a design after so many samples; what the cache has of them is not learned again."""
    loaded = design(name, settings)
    machine_type = accelerators.machine(loaded.machine)
    assert issubclass(machine_type, StdpMachine)
    network = machine_type(loaded.spec).network_of(trace)
    begun = trace
    if cache.exists():
        found = hwsim.load_trace(cache)
        if isinstance(found, PlasticTrace) and found.network == network and found.state is not None:
            begun = replace(found, parts=trace.parts)
    if begun.state is not None and begun.state.samples >= samples:
        return begun

    def keep(now: PlasticTrace) -> None:
        write_trace(cache, now, compress=True)

    learn(network, begun, Session(phase="train", until=samples, save=keep, save_every=_EVERY))
    after = hwsim.load_trace(cache)
    assert isinstance(after, PlasticTrace)
    return after


def _told(learned: PlasticTrace, name: str, counting: str, settled: int) -> Settled:
    architecture, settings = _design(name, counting, learned.network.neurons.count)
    loaded = design(architecture, settings)
    labelling = Session(phase="both", label_samples=_LABELLING[counting])
    report = hwsim.simulate(loaded, learned, engine="compiled", session=labelling)
    runs = {run.name: run for run in report.runs}
    train, infer = runs[RunName.TRAIN], runs[RunName.INFER]
    return Settled(
        network=name,
        counting=counting,
        neurons=learned.network.neurons.count,
        learned=settled,
        told=len(train.samples.energy_pj),
        train_pj=_mean_pj(train),
        infer_pj=_mean_pj(infer),
        updates_a_sample=float(train.operations["weight update"]),
        spikes_a_sample=float(learned.responses[-1000:].mean()),
        accuracy=infer.accuracy if counting == "event-driven" else None,
        n_test=len(learned.parts["test"].labels),
        dataset=learned.provenance.dataset,
        design=architecture,
        settings=list(settings),
        digest=digest(loaded),
    )


def _mean_pj(run: Run) -> float:
    return sum(each[-1] for each in run.samples.energy_pj) / len(run.samples.energy_pj)


if __name__ == "__main__":
    sys.exit(main())
