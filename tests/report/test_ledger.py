"""Sums of a ledger by sample and timestep, against a sum over jobs one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.contract.ledger import Action, Ledger
from hwsim.engine.schedule import Schedule, Stage
from hwsim.engine.timeline import Timeline

TIMESTEPS, SAMPLES = 5, 3


def schedules(timestep):
    """One stage whose jobs are of these timesteps, for each sample."""
    zeros = np.zeros(len(timestep), np.int64)
    labels = {"sample": zeros.astype(np.int32), "timestep": np.array(timestep, np.int32)}
    stage = Stage("s", "layer", zeros, 0, (), **labels)
    return [Schedule((stage,), {}, ("s", np.zeros(1, np.int64)))] * SAMPLES


def timelines(ran):
    """Times do not matter here."""
    return [Timeline({}, {}, {}, {"s": each}, 0) for each in ran]


@given(
    st.lists(st.integers(0, TIMESTEPS - 1), min_size=1, max_size=12),
    st.sampled_from(["as drawn", "in order"]),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_totals_are_sums_over_the_jobs_that_ran(timestep, order, per_sample, seed):
    timestep = sorted(timestep) if order == "in order" else timestep
    rng, n_jobs = np.random.default_rng(seed), len(timestep)
    shape = (SAMPLES, n_jobs) if per_sample else (n_jobs,)
    posted = [rng.integers(0, 2**40, shape) for _ in range(2)]
    ran = rng.random((SAMPLES, n_jobs)) < 0.7
    ledger = Ledger(SAMPLES)
    for counts in posted:
        ledger.post("s", "adc", "convert", counts)
    ledger.post("of another run", "adc", "convert", np.ones(1, np.int64))
    expected = [[0] * TIMESTEPS for _ in range(SAMPLES)]
    for counts in posted:
        for sample in range(SAMPLES):
            for job in range(n_jobs):
                if ran[sample, job]:
                    expected[sample][timestep[job]] += int(counts[sample, job] if per_sample else counts[job])
    totals = ledger.tally(schedules(timestep), timelines(ran), TIMESTEPS)
    assert {key: total.tolist() for key, total in totals.items()} == {Action("layer", "adc", "convert"): expected}


@pytest.mark.parametrize("timestep", [[0, 1, 0, 1], [0, 0, 1, 1]])
def test_posted_counts_are_left_alone(timestep):
    counts, ledger = np.arange(4), Ledger(SAMPLES)
    ledger.post("s", "adc", "convert", counts)
    every = timelines(np.ones((SAMPLES, 4), bool))
    assert [ledger.tally(schedules(timestep), every, 2)["layer", "adc", "convert"].tolist() for _ in range(2)] == [
        [[2, 4] if timestep[1] else [1, 5]] * SAMPLES
    ] * 2
    assert counts.tolist() == [0, 1, 2, 3]
