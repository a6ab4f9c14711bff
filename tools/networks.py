"""Draw networks that mix all that a trace can say, and hold them against plain Python written from the documents.

    python tools/networks.py [--networks N] [--seed S] [--first NUMBER] [--jobs J]

Of each network the compiled and the interpreted execution equal that of the format's page in plain Python, on all
samples, spikes and logits; `trace verify` finds its file equal, and with one other spike not; and where machines play
its coding, all counts of an imc and a digital design, drawn too, equal those of brute force, and both engines agree.
A network follows from seed and number alone: --first NUMBER --networks 1 repeats it.  A line for every hundred
networks; exit status 1 if any was wrong.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

# What is compared with are the tests' own twins.
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

LINE_EVERY = 100


def check(seed: int, number: int) -> tuple[collections.Counter[str], str]:
    """What a network has in it, and what is wrong with it, if anything."""
    from network_checks.cases import draw
    from network_checks.counts import check_digital, check_imc
    from network_checks.execution import check_execution, check_verification

    from hwsim.traces.direct.trace import Trace

    case = draw(seed, number)
    has = collections.Counter(type(layer).__name__.lower() for layer in case.network)
    has[case.coding] += 1
    has["signed spikes"] += case.network.has_signed_spikes
    has["reads the timestep before"] += len(case.network.read_late) > 0
    try:
        trace = case.trace()
        check_execution(case, trace)
        check_verification(case, trace)
        if isinstance(trace, Trace):
            check_imc(case, trace)
            check_digital(case, trace)
            has["counted"] += 1
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return has, f"network {case.name}: {type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
    return has, ""


def check_all(seed: int, numbers: Sequence[int], jobs: int) -> Iterator[tuple[collections.Counter[str], str]]:
    """The outcomes of some networks, in order."""
    if jobs == 1:
        yield from map(partial(check, seed), numbers)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(partial(check, seed), numbers, chunksize=10)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check networks and say what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first network")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args(arguments)
    numbers = range(options.first, options.first + options.networks)
    started, wrong = time.monotonic(), 0
    total: collections.Counter[str] = collections.Counter()
    for done, (has, fault) in enumerate(check_all(options.seed, numbers, options.jobs), start=1):
        total += has
        if fault:
            wrong += 1
            print(fault, flush=True)
        if done % LINE_EVERY == 0 or done == len(numbers):
            contents = ", ".join(f"{n} {what}" for what, n in sorted(total.items()))
            seconds = time.monotonic() - started
            print(f"{done} of {len(numbers)} networks, {wrong} wrong, {seconds:.0f} s: {contents}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
