"""CPU time of the same learning done densely and driven by events, a line of JSON for each network, way and size.

    python tools/time_stdp.py 400=BASELINE.npz,FSPINN.npz 4900=.. --samples 10 --out docs/data/stdp-times.jsonl

Each trace has learned (hwsim simulate --save-trace, or the cache of tools/learned_stdp.py), the first the baseline and
the second FSpiNN's first two levers, both in FP32.  Densely is `reproduction.dense`, in NumPy; driven by events are the
kernels of hwsim.  All lines come from one run on one core, and the file is written anew; set OMP_NUM_THREADS=1.
Networks of more than a thousand neurons are shown a fifth of `--samples`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from reproduction.dense import DenseCore

import hwsim
from hwsim import files
from hwsim.errors import HwsimError, UsageError
from hwsim.traces.plastic.encode import InputSpikes, input_spikes
from hwsim.traces.plastic.golden import LearningCore
from hwsim.traces.plastic.trace import INFER, TRAIN, PlasticTrace, Presentation

_MANY = 1000  # neurons
NETWORKS = ("baseline", "first two levers, in FP32")


@dataclass(frozen=True, slots=True)
class Timed:
    """CPU seconds a presentation of one network."""

    network: str
    way: str  # dense or event-driven
    neurons: int
    learned: int  # samples before
    samples: int  # presentations of each phase
    train_s: float
    infer_s: float
    machine: str

    def seconds(self, phase: str) -> float:
        """Of a presentation in one phase."""
        return {TRAIN: self.train_s, INFER: self.infer_s}[phase]


def main(arguments: Sequence[str] | None = None) -> int:
    """Time everything; 0, or 2 with one line on stderr for a mistake of the user."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", nargs="+", metavar="NEURONS=BASELINE.npz,FSPINN.npz")
    parser.add_argument("--samples", type=int, default=10, help="presentations of each kind")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl", help="written anew")
    options = parser.parse_args(arguments)
    try:
        lines = [line for pair in options.traces for line in timed(pair, options.samples)]
        files.write_text(options.out, "".join(json.dumps(asdict(line)) + "\n" for line in lines))
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def kept(path: Path) -> list[Timed]:
    """All lines of a file, or none where there is no file."""
    return [Timed(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def timed(pair: str, samples: int) -> list[Timed]:
    """Both networks of one size, both ways."""
    neurons, _, paths = pair.partition("=")
    found = []
    for network, path in zip(NETWORKS, paths.split(","), strict=True):
        trace = hwsim.load_trace(path)
        if not isinstance(trace, PlasticTrace) or trace.state is None or trace.network.formats is not None:
            raise UsageError(f"{path}: wanted a network in FP32 that has learned")
        if str(trace.network.neurons.count) != neurons:
            raise UsageError(f"{path}: has {trace.network.neurons.count} neurons, wanted {neurons}")
        shown = -(-samples // 5) if trace.network.neurons.count > _MANY else samples
        for way in ("dense", "event-driven"):
            line = _timed(trace, network, way, shown)
            print(f"N = {neurons}, {network}, {way}: {line.train_s:.4g} s, {line.infer_s:.4g} s", flush=True)
            found.append(line)
    return found


def _timed(trace: PlasticTrace, network: str, way: str, samples: int) -> Timed:
    assert trace.state is not None
    learning, deciding = _presentations(trace, TRAIN, samples), _presentations(trace, "test", samples)
    show = _shower(trace, way)
    show(*deciding[0], False)  # compiles, and touches all memory
    train_s, infer_s = _seconds(show, learning, True), _seconds(show, deciding, False)
    kind = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return Timed(network, way, trace.network.neurons.count, trace.state.samples, samples, train_s, infer_s, kind)


def _presentations(trace: PlasticTrace, part: str, samples: int) -> list[tuple[InputSpikes, Presentation]]:
    """Input spikes of a part's samples behind those that were learned from, drawn beforehand."""
    assert trace.state is not None
    of = trace.parts[part]
    first = trace.state.samples % len(of.labels) if part == TRAIN else 0
    found = []
    for values, sample_id in zip(
        of.values[first : first + samples], of.sample_ids[first : first + samples], strict=True
    ):
        shown = Presentation(part, int(sample_id))
        found.append((input_spikes(trace.network, shown, values), shown))
    if len(found) < samples:
        raise UsageError(f"--samples {samples}: the trace has {len(found)} {part} samples that were not learned from")
    return found


def _shower(trace: PlasticTrace, way: str) -> Callable[[InputSpikes, Presentation, bool], object]:
    if way == "dense":
        dense = DenseCore(trace.network, trace.state)
        return lambda spikes, _, learn: dense.present(spikes, learn)
    return LearningCore(trace.network, trace.state).present


def _seconds(
    show: Callable[[InputSpikes, Presentation, bool], object],
    presentations: Sequence[tuple[InputSpikes, Presentation]],
    learn: bool,
) -> float:
    begun = time.process_time()
    for spikes, shown in presentations:
        show(spikes, shown, learn)
    return (time.process_time() - begun) / len(presentations)


if __name__ == "__main__":
    sys.exit(main())
