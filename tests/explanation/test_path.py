"""The critical path of a sample on every shipped design and trace, and how its jobs are merged and folded."""

from __future__ import annotations

import random

import numba
import numpy as np
import pytest
from contract.families import recorded

import hwsim
from hwsim import api
from hwsim.errors import UsageError
from hwsim.explanation.path import PathJob, by_stage, folded, jobs_on, merged
from hwsim.run.replay import replay
from hwsim.traces.slicing import first


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="counting real traces takes minutes in interpreted kernels")
@pytest.mark.parametrize(("design", "path"), recorded(), ids=lambda each: getattr(each, "stem", each))
def test_its_cycles_are_the_latency_on_every_shipped_design(design, path):
    """Against the tally, which comes of playing all samples together and knows no path."""
    trace = api.load_trace(path)
    explained = hwsim.explain(design, first(trace, samples=min(2, trace.n_samples)))
    for run in explained.simulated.runs:
        if not run.workload.timed:
            with pytest.raises(UsageError, match="an equation of energy, which has no time"):
                explained.latency(run=run.name)
            continue
        for sample in range(run.n_samples):
            found = explained.latency(run=run.name, sample=sample)
            leaves = explained.report.run(run.name).samples.timesteps[sample]
            assert sum(job.cycles for job in found.jobs) == run.tally.step_end_cycles[sample, leaves - 1]
            assert sum(fold.cycles for fold in found.folds) == found.latency_cycles
            begins = [job.begin_cycle for job in found.jobs]
            assert begins == [0, *np.cumsum([job.cycles for job in found.jobs])[:-1]]
            ns = found.latency_cycles * 1e3 / found.clock_mhz
            assert ns == pytest.approx(explained.report.run(run.name).samples.latency_ns[sample][leaves - 1], rel=1e-12)


@pytest.mark.parametrize(
    ("settings", "runs"),
    [({"early_exit.overlap": True}, {"early exit, overlapped"}), ({"operating.stream": True}, {"stream"})],
)
def test_its_cycles_are_the_latency_where_samples_or_timesteps_overlap(settings, runs):
    explained = hwsim.explain("imc", "example", set={**settings, "accumulator.bits": 24}, samples=4)
    assert runs <= {run.name for run in explained.simulated.runs}
    for run in explained.simulated.runs:
        for sample in range(4):
            found = explained.latency(run=run.name, sample=sample)
            if run.name == "stream":
                assert found.latency_cycles == run.tally.latency_cycles[sample]
            assert sum(job.cycles for job in found.jobs) == run.tally.step_end_cycles[sample, found.timesteps - 1]


def test_of_early_timesteps_it_is_what_leaving_then_takes():
    run = hwsim.explain("imc", "example", samples=2).simulated.run("static")
    for timestep in (1, 2, 3):
        played = replay(run.workload, run.name, 1, timestep)
        assert sum(job.cycles for job in jobs_on(played)) == run.tally.step_end_cycles[1, timestep - 1]


def drawn_jobs(seed):
    rng = random.Random(seed)
    pattern = [(rng.choice("abc"), rng.choice(["work", "data", "shared unit"])) for _ in range(rng.randint(1, 4))]
    keys = [rng.choice(pattern) if rng.random() < 0.3 else pattern[i % len(pattern)] for i in range(40)]
    begin, jobs = 0, []
    for i, (stage, cause) in enumerate(keys):
        job = PathJob(stage, f"layer {stage}", stage, i, 0, begin, rng.randint(0, 3), rng.randint(0, 1), cause)
        jobs.append(job)
        begin += job.cycles
    return jobs


def kind(cause):
    return cause if cause in ("buffer full", "shared unit", "decision") else "own"


def test_runs_and_folds_lose_nothing_and_keep_the_order():
    for seed in range(200):
        jobs = drawn_jobs(seed)
        spent = [job for job in jobs if job.cycles]
        runs, folds = merged(jobs), folded(jobs)
        assert [(run.stage, run.cause) for run in runs for _ in range(run.jobs)] == [(j.stage, j.cause) for j in spent]
        assert all(
            one[:2] != other[:2]
            for one, other in zip(*[[(r.stage, r.cause) for r in runs[i:]] for i in (0, 1)], strict=False)
        )
        for parts in (runs, by_stage(jobs), [run for fold in folds for run in fold.runs]):
            for field in ("work_cycles", "delay_cycles", "cycles"):
                assert sum(getattr(part, field) for part in parts) == sum(getattr(job, field) for job in jobs)
        told = [(run.stage, kind(run.cause)) for fold in folds for _ in range(fold.times) for run in fold.runs]
        kinds = [(job.stage, kind(job.cause)) for job in spent]
        assert told == [key for i, key in enumerate(kinds) if not i or kinds[i - 1] != key]
        assert [fold.begin_cycle for fold in folds] == sorted(fold.begin_cycle for fold in folds)


def test_a_pattern_that_repeats_is_told_once():
    jobs = [PathJob(stage, "", stage, i, 0, 2 * i, 2, 0, "data") for i, stage in enumerate("x" + "abc" * 9 + "y")]
    folds = folded(jobs)
    assert [(fold.times, [run.stage for run in fold.runs]) for fold in folds] == [
        (1, ["x"]),
        (9, ["a", "b", "c"]),
        (1, ["y"]),
    ]
    assert [run.cycles for run in folds[1].runs] == [18, 18, 18]
