"""What two processes gain over one, and from how many samples: seconds, and processor time of the busier process.

    pytest benchmarks/test_jobs_speed.py

The busier process is what a simulation takes where two cores have nothing else to do.  The trace lies in a file, as one
of a command does, and is mapped; kernels are in memory, and each call gets spikes that were not seen.  The last column
is what no split can spare: a simulation of two samples, in each process.  Nothing here asserts a time.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time

import pytest

from hwsim import api
from hwsim.run import processes
from hwsim.run.processes import StartMethod
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.direct.trace import Trace
from hwsim.traces.io import write_trace

SAMPLES = 32, 128, 512, 2048
SECONDS, CALLS = 3, 3  # of processor time, in all, of the calls of one kind, and the fewest


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return drawn(tmp_path_factory.mktemp("jobs") / "vgg16-cifar.npz")


def drawn(path: Path) -> Trace:
    """The trace, in a file and read from it."""
    write_trace(path, synthesize("vgg16-cifar", 4, SAMPLES[-1], 0.15, seed=1))
    found = api.load_trace(path)
    assert isinstance(found, Trace)
    return found


@pytest.mark.parametrize("start_method", ["fork", "anew"])
@pytest.mark.parametrize("design", ["imc", "digital"])
def test_two_processes(benchmark, capsys, monkeypatch, trace: Trace, design: str, start_method: StartMethod) -> None:
    monkeypatch.setattr(processes, "safe_start_method", lambda: start_method)
    architecture = api.load_architecture(design)
    timed(architecture, trace, 2, 1)
    least, _, _ = best(architecture, trace, 2, 1)
    for samples in SAMPLES:
        alone, shared = (best(architecture, trace, samples, jobs) for jobs in (1, 2))
        assert alone[-1] == shared[-1]
        gain = alone[0] / shared[0]
        benchmark.extra_info[f"gain, {samples} samples"] = gain
        with capsys.disabled():
            print(
                f"\n{design}, {start_method}, {samples}: one process {alone[0] * 1e3:.1f} ms ({alone[1] * 1e3:.1f} by "
                f"the clock); two, the busier {shared[0] * 1e3:.1f} ms ({shared[1] * 1e3:.1f}); {gain:.2f} times as "
                f"fast, {least * 1e3:.1f} ms in both"
            )
    benchmark.pedantic(timed, (architecture, trace, SAMPLES[0], 2), rounds=1)


def best(architecture: api.Architecture, trace: Trace, samples: int, jobs: int) -> tuple[float, float, str]:
    """The least of some calls: processor time of the busiest process, seconds by the clock, and the report's text."""
    calls = list(until(SECONDS, architecture, trace, samples, jobs))
    (text,) = {text for *_, text in calls}
    return min(busy for busy, *_ in calls), min(seconds for _, seconds, _ in calls), text


def until(
    most: float, architecture: api.Architecture, trace: Trace, samples: int, jobs: int
) -> Iterator[tuple[float, float, str]]:
    """Calls until they took so many seconds, and so many at least."""
    spent, calls = 0.0, 0
    while spent < most or calls < CALLS:
        found = timed(architecture, trace, samples, jobs)
        spent, calls = spent + found[0], calls + 1
        yield found


def timed(architecture: api.Architecture, trace: Trace, samples: int, jobs: int) -> tuple[float, float, str]:
    """Processor time of the busiest process, seconds by the clock, and the report's text."""
    assert trace.inputs is not None
    unseen = replace(trace, inputs=replace(trace.inputs))
    before, begin, begin_busy = of_children(), perf_counter(), process_time()
    report = api.simulate(architecture, unseen, samples=samples, engine="compiled", jobs=jobs, accuracy_samples=0)
    seconds, busy = perf_counter() - begin, process_time() - begin_busy
    return max(busy, of_children() - before), seconds, report.to_json()


def of_children() -> float:
    """Processor time of the processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
