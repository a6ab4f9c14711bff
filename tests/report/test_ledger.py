"""Sums of a ledger by sample and timestep, against a sum over jobs one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.contract.ledger import Action, Ledger
from hwsim.engine.stage import BatchStage
from hwsim.errors import ModelError

TIMESTEPS, SAMPLES = 5, 3


def stages(timestep):
    """One stage whose jobs are of these timesteps."""
    return [BatchStage("s", "layer", np.zeros(len(timestep), np.int64), 0, (), np.array(timestep, np.int32))]


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
    totals = ledger.tally(stages(timestep), TIMESTEPS, {"s": ran})
    assert {key: total.tolist() for key, total in totals.items()} == {Action("layer", "adc", "convert"): expected}


@pytest.mark.parametrize("timestep", [[0, 1, 0, 1], [0, 0, 1, 1]])
def test_posted_counts_are_left_alone(timestep):
    counts, ledger = np.arange(4), Ledger(SAMPLES)
    ledger.post("s", "adc", "convert", counts)
    for ran in (None, {"s": np.ones((SAMPLES, 4), bool)}, None):
        totals = ledger.tally(stages(timestep), 2, ran)["layer", "adc", "convert"]
        assert totals.tolist() == [[2, 4] if timestep[1] else [1, 5]] * SAMPLES
    assert counts.tolist() == [0, 1, 2, 3]


@given(st.booleans(), st.integers(0, 12), st.integers(0, 2**32 - 1))
def test_sums_of_the_first_jobs(per_sample, n_jobs, seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 2**40, (SAMPLES, n_jobs) if per_sample else (n_jobs,))
    ends = rng.integers(0, n_jobs + 1, (SAMPLES, 4))
    ledger = Ledger(SAMPLES)
    ledger.post("s", "adc", "convert", counts)
    found = ledger.until(stages([0] * n_jobs), {"s": ends})["layer", "adc", "convert"]
    rows = counts.tolist() if per_sample else [counts.tolist()] * SAMPLES
    assert found.tolist() == [[sum(row[:end]) for end in each] for row, each in zip(rows, ends.tolist(), strict=True)]


def test_counts_of_another_number_of_jobs_are_refused():
    ledger = Ledger(SAMPLES)
    ledger.post("s", "adc", "convert", np.ones(3, np.int64))
    with pytest.raises(ModelError, match=r"^adc.convert of s: counts of 3 jobs, the stage has 2$"):
        ledger.tally(stages([0, 0]), 1)
