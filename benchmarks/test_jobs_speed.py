"""What two processes gain over one, and from how many samples: seconds, and processor time of the busier process.

    pytest benchmarks/test_jobs_speed.py

The busier process is what a simulation takes where two cores have nothing else to do.  Nothing here asserts a time.
"""

from __future__ import annotations

import resource
from time import perf_counter, process_time

import pytest

from hwsim import api
from hwsim.report.file import to_json
from hwsim.run import processes
from hwsim.traces.direct.synth import synthesize

SAMPLES = (10, 30, 100, 300, 1000)


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_two_processes(benchmark, capsys, monkeypatch, start_method):
    monkeypatch.setattr(processes, "_start_method", lambda: start_method)
    architecture, trace = api.load_architecture("imc"), synthesize("vgg16-cifar", 4, SAMPLES[-1], 0.15, seed=1)
    timed(architecture, trace, 1, 1)
    for samples in SAMPLES:
        rounds = 3 if samples <= 100 else 1
        alone, shared = ([timed(architecture, trace, samples, jobs) for _ in range(rounds)] for jobs in (1, 2))
        assert {text for _, _, text in alone} == {text for _, _, text in shared}
        columns = [min(column) for runs in (alone, shared) for column in list(zip(*runs, strict=True))[:2]]
        with capsys.disabled():
            print(
                "\n{} {}: one process {:.2f} s, busy {:.2f} s; two {:.2f} s, the busier {:.2f} s".format(
                    start_method, samples, *columns
                )
            )
    benchmark.pedantic(timed, (architecture, trace, SAMPLES[0], 2), rounds=1)


def timed(architecture, trace, samples, jobs):
    """Seconds, processor time of the busiest process, and the report's text."""
    of_children = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin, begin_busy = perf_counter(), process_time()
    text = to_json(api.simulate(architecture, trace, samples=samples, engine="compiled", jobs=jobs))
    seconds, busy = perf_counter() - begin, process_time() - begin_busy
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    child = now.ru_utime + now.ru_stime - of_children.ru_utime - of_children.ru_stime
    return seconds, max(busy, child), text
