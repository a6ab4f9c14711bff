"""Entropy, exits and whole threshold sweeps against NumPy written anew, on all logits of the shipped traces."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from accelerators.imc import cases
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim import api
from hwsim.accelerators.imc.exit import decide as exits
from hwsim.accelerators.imc.exit.thresholds import sweep, timesteps_run
from hwsim.accelerators.imc.exit.uncertainty import exit_timesteps, uncertainty

pytestmark = pytest.mark.no_kernel
TRACES = sorted((Path(__file__).resolve().parents[3] / "traces").glob("*_dietsnn.npz"))
GRID = np.arange(1, 1000) / 1000
ENTROPY_BITS = 0.02
"""Most by which the unit's tables may be off, in bits; see test_early_exit.py."""
CONFIDENCE = 0.006
"""The same of the largest probability, relative."""

on_shipped = pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
by_metric = pytest.mark.parametrize("metric", ["entropy", "confidence"])
by_logits = pytest.mark.parametrize("average", [False, True], ids=["sum", "mean"])


@cache
def test_logits(path):
    return api.load_trace(path).logits["test"]


test_logits.__test__ = False


def tables(logits, average):
    """(S, H S) of the unit as its docstring says, in whole arrays and another order: int64 [sample, timestep]."""
    exponents = np.array([round(65536 * 2 ** (-i / 256)) for i in range(256)])
    logarithms = np.array([round(256 * np.log2(1 + i / 256)) for i in range(256)])
    total = np.zeros(logits.values.shape[:2], np.int64)
    weighted = np.zeros_like(total)
    for t in range(logits.values.shape[1]):
        summed = logits.values[:, : t + 1].astype(np.int64).sum(axis=1)
        factor = round(float(logits.scale) * float(np.log2(np.e)) / (t + 1 if average else 1) * 2**32)
        assert (summed.max() - summed.min()) * factor < 2**62
        octaves = (summed.max(axis=1, keepdims=True) - summed) * factor // 2**24
        e = np.where(octaves // 256 > 40, 0, exponents[octaves % 256] // 2 ** np.minimum(octaves // 256, 41))
        total[:, t], weighted[:, t] = e.sum(axis=1), (e * octaves).sum(axis=1)
    leading = np.array([int(s).bit_length() - 1 for s in total.ravel()]).reshape(total.shape)
    logarithm = 256 * (leading - 16) + logarithms[total * 256 // 2**leading - 256]
    return total, total * logarithm + weighted


def table_leaves(logits, average, metric, threshold):
    """Whether the rule holds, from `tables`: bool [sample, timestep]."""
    total, weighted = tables(logits, average)
    fixed = round(threshold * 65536)
    if metric == "confidence":
        return fixed * total < 65536 * 65536
    leading = (logits.values.shape[2] * 65536).bit_length() - 1
    full = 256 * (leading - 16) + round(256 * np.log2(logits.values.shape[2] * 65536 * 256 // 2**leading / 256))
    return weighted * 65536 < fixed * total * full


def float_measure(logits, average, metric):
    """Normalised entropy, or the largest probability, of softmax in float64: [sample, timestep]."""
    summed = np.cumsum(logits.values.astype(np.float64) * logits.scale, axis=1)
    if average:
        summed /= np.arange(1, summed.shape[1] + 1)[:, None]
    e = np.exp(summed - summed.max(axis=2, keepdims=True))
    p = e / e.sum(axis=2, keepdims=True)
    if metric == "confidence":
        return p.max(axis=2)
    return -(p * np.log(np.where(p > 0, p, 1))).sum(axis=2) / np.log(p.shape[2])


def first_true(leaves):
    """Timestep of the first True of each row, else the last."""
    return np.array([next((t for t, leaves_now in enumerate(row, 1) if leaves_now), len(row)) for row in leaves])


@on_shipped
@by_metric
@by_logits
def test_exits_of_all_test_samples_equal_the_tables_written_anew(path, metric, average):
    logits = test_logits(path)
    known = uncertainty(logits.accumulated(), logits.scale, average)
    total, weighted = tables(logits, average)
    assert len(total) == 10_000
    np.testing.assert_array_equal(known.total, total)
    np.testing.assert_array_equal(known.entropy_total, weighted)
    for threshold in (0.002, 0.05, 0.25, 0.7, 0.95):
        wanted = first_true(table_leaves(logits, average, metric, threshold))
        np.testing.assert_array_equal(exit_timesteps(known.leaves(metric, threshold)), wanted)


@on_shipped
@by_metric
@by_logits
def test_exits_of_all_test_samples_equal_softmax_in_floats_but_for_ties(path, metric, average):
    """Where no measure up to the exit is within the tables' tolerance of the threshold, the exits are the same.

    That leaves out up to a tenth of the samples (entropy < 0.05, where many are), of which up to 63 of 10,000
    do differ; at the threshold that calibration finds, 0.25, it is 3 % and 18.
    """
    logits = test_logits(path)
    known = uncertainty(logits.accumulated(), logits.scale, average)
    measure = float_measure(logits, average, metric)
    for threshold in (0.05, 0.25, 0.7, 0.95):
        if metric == "entropy":
            wanted, slack = first_true(measure < threshold), ENTROPY_BITS / np.log2(10)
        else:
            wanted, slack = first_true(measure > threshold), CONFIDENCE * threshold
        found = exit_timesteps(known.leaves(metric, threshold))
        until = np.arange(1, measure.shape[1] + 1) <= np.maximum(wanted, found)[:, None]
        tied = (until & (np.abs(measure - threshold) <= slack)).any(axis=1)
        np.testing.assert_array_equal(found[~tied], wanted[~tied])
        assert tied.mean() < 0.1
        assert (found != wanted).mean() < 0.01


@on_shipped
def test_the_report_of_a_shipped_trace_has_the_exits_of_the_tables(path):
    trace, rule = api.load_trace(path), cases.plain_spec().early_exit
    found = exits.decide(rule, trace)
    wanted = first_true(table_leaves(trace.logits["test"], False, "entropy", found.threshold))
    np.testing.assert_array_equal(found.histogram, np.bincount(wanted, minlength=5)[1:])
    recorded = first_true(table_leaves(trace.logits["recorded"], False, "entropy", found.threshold))
    np.testing.assert_array_equal(found.recorded, recorded)
    guesses = np.cumsum(trace.logits["test"].values.astype(np.int64), axis=1)[np.arange(len(wanted)), wanted - 1]
    assert found.accuracy == (guesses.argmax(axis=1) == trace.logits["test"].labels).mean()


@st.composite
def drawn_logits(draw):
    """Accumulated logits of a few samples, whether each is right after each timestep, some of them all alike."""
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    shape = draw(st.integers(1, 6)), draw(st.integers(1, 5)), draw(st.sampled_from([1, 2, 3, 10]))
    values = rng.integers(-40, 41, shape).cumsum(axis=1)
    if draw(st.booleans()):
        values[0] = values[0, :, :1]
    return values, rng.random(shape[:2]) < 0.6


@settings(max_examples=30)
@given(drawn_logits(), st.sampled_from(["entropy", "confidence"]), st.sampled_from([1.0, 1 / 16, 1e-3]))
def test_a_sweep_is_every_threshold_by_itself(drawn, metric, scale):
    values, right = drawn
    known = uncertainty(values, scale, average=False)
    thresholds = np.append(GRID[::9], 1.0)
    swept, run = sweep(known, metric, right, thresholds), timesteps_run(known, metric, thresholds)
    for index, threshold in enumerate(thresholds):
        timesteps = first_true(known.leaves(metric, float(threshold)))
        assert run[index].tolist() == timesteps.tolist()
        assert swept.timesteps[index] == timesteps.sum()
        assert swept.histogram[index].tolist() == [int((timesteps == t).sum()) for t in range(1, right.shape[1] + 1)]
        n_right = sum(bool(right[i, t - 1]) for i, t in enumerate(timesteps))
        assert swept.n_right[index] == n_right
        assert swept.accuracy[index] == n_right / len(right)


@by_metric
def test_outcomes_cover_all_thresholds_once_and_differ_from_their_neighbours(metric):
    trace = cases.random_trace(cases.chain(), timesteps=4, samples=3)
    rng = np.random.default_rng(3)
    trace = cases.with_logits(trace, rng.integers(-50, 50, (40, 4, 4)), rng.integers(0, 4, 40), 1 / 16, "test")
    rule = cases.small(early_exit__threshold=0.12345, early_exit__metric=metric).early_exit
    found = exits.decide(rule, trace).outcomes
    tried = sorted([*GRID, 0.12345])
    lowest, highest = found.thresholds.T
    assert [lowest[0], highest[-1]] == [tried[0], tried[-1]]
    assert [tried[tried.index(h) + 1] for h in highest[:-1]] == lowest[1:].tolist()
    known = uncertainty(trace.logits["test"].accumulated(), 1 / 16, average=False)
    here = uncertainty(trace.logits["recorded"].accumulated(), 1 / 32, average=False)
    before = None
    for index, (low, high) in enumerate(found.thresholds):
        outcomes = {
            (tuple(first_true(known.leaves(metric, x))), tuple(first_true(here.leaves(metric, x))))
            for x in tried
            if low <= x <= high
        }
        assert len(outcomes) == 1
        assert outcomes != before
        before = outcomes
        ((reported, recorded),) = outcomes
        assert found.histogram[index].tolist() == np.bincount(reported, minlength=5)[1:].tolist()
        assert found.recorded[index].tolist() == list(recorded)
