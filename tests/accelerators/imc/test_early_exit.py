"""The sigma-E unit against softmax entropy in floats, and exactly against its own rules in plain Python integers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from accelerators.imc import cases
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.accelerators.imc.exit import decide as exits
from hwsim.accelerators.imc.exit.uncertainty import accuracy_at, exit_timesteps, uncertainty
from hwsim.errors import UsageError
from hwsim.traces.trace import Logits

# How far the unit may be from exact arithmetic: octaves are cut to 1/256 (relative error of an exponential up to
# 2**(1/256) - 1 = 0.27 %, one way), table entries are rounded to 1/65536 and 1/256 bit, the argument of the logarithm
# is cut to 1/256 (0.0056 bit at most).  Entropy is log2 S + mean octave: 1/256 + 1/512 + 0.0056 + 0.0039 bit, and what
# 0.27 % moves between classes, together below 0.02 bit; a class below 2**-16 of the largest adds nothing.  The scale
# itself is kept to 2**-32, so for logit units below about 1e-8 (not tried here) its own rounding would show.
ENTROPY_BITS = 0.02
CONFIDENCE = 0.006


def softmax(values):
    """Probabilities in float64, [..., class]."""
    exponents = np.exp(values - values.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)


def float_entropy(values):
    """Entropy of softmax in bits, [...]."""
    p = softmax(values)
    return -(p * np.log2(np.where(p > 0, p, 1))).sum(axis=-1)


def integer_entropy(logits, scale, divisor):
    """(S, H S) of one timestep in plain integers, as the unit's docstring says: 8 fraction bits, ONE = 2**16."""
    factor = round(scale * math.log2(math.e) / divisor * 2**32)
    total = weighted = 0
    for logit in logits:
        octaves = (max(logits) - logit) * factor // 2**24
        whole, fraction = divmod(octaves, 256)
        if whole > 40:
            continue
        exponent = round(65536 * 2 ** (-fraction / 256)) // 2**whole
        total += exponent
        weighted += exponent * octaves
    return total, total * integer_log2(total) + weighted


def integer_log2(total):
    """log2(total / 2**16) in 1/256: leading one and a table of what follows it."""
    whole = total.bit_length() - 1
    fraction = (total * 256 // 2**whole) - 256
    return 256 * (whole - 16) + round(256 * math.log2(1 + fraction / 256))


SCALES = [1.0, 1 / 32, 1e-4, 1e-7, 17.3]


@st.composite
def logit_sets(draw, scales=(*SCALES, 3e-9)):
    """[sample, timestep, class] of all sizes, and a scale."""
    classes = draw(st.sampled_from([2, 3, 10, 100, 1000]))
    size = draw(st.sampled_from([1, 40, 10_000, 2_000_000_000]))
    timesteps = draw(st.integers(1, 16 if classes < 100 else 3))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    values = rng.integers(-size, size + 1, (2, timesteps, classes))
    if draw(st.booleans()):
        values[0] = values[0, 0, 0]
    return values, draw(st.sampled_from(scales))


@settings(max_examples=25)
@given(logit_sets(), st.booleans())
def test_the_unit_equals_the_same_rules_in_plain_integers(drawn, average):
    values, scale = drawn
    accumulated = values.cumsum(axis=1)
    known = uncertainty(accumulated, scale, average)
    for s, t in np.ndindex(values.shape[:2]):
        wanted = integer_entropy([int(v) for v in accumulated[s, t]], scale, t + 1 if average else 1)
        assert (int(known.total[s, t]), int(known.entropy_total[s, t])) == wanted


@settings(max_examples=25)
@given(logit_sets(), st.sampled_from(["entropy", "confidence"]), st.sampled_from([0.001, 0.05, 0.37, 0.9, 1.0]))
def test_the_decision_is_the_rule_multiplied_out(drawn, metric, threshold):
    values, scale = drawn
    accumulated = values.cumsum(axis=1)
    leaves = uncertainty(accumulated, scale, average=False).leaves(metric, threshold)
    fixed, full = round(threshold * 65536), integer_log2(values.shape[2] * 65536)
    for s, t in np.ndindex(values.shape[:2]):
        total, weighted = integer_entropy([int(v) for v in accumulated[s, t]], scale, 1)
        wanted = weighted * 65536 < fixed * total * full if metric == "entropy" else fixed * total < 65536 * 65536
        assert bool(leaves[s, t]) == wanted


@settings(max_examples=25)
@given(logit_sets(SCALES), st.booleans())
def test_entropy_and_confidence_are_close_to_softmax_in_floats(drawn, average):
    values, scale = drawn
    accumulated = values.cumsum(axis=1)
    steps = np.arange(1, values.shape[1] + 1)[:, None] if average else 1
    real = accumulated * scale / steps
    known = uncertainty(accumulated, scale, average)
    bits = np.log2(values.shape[2])
    assert np.abs(known.entropy() * bits - float_entropy(real)).max() < ENTROPY_BITS
    assert np.abs(known.confidence() / softmax(real).max(axis=-1) - 1).max() < CONFIDENCE
    assert (known.entropy() >= 0).all()


@pytest.mark.parametrize("classes", [2, 3, 10, 37, 1000])
@pytest.mark.parametrize("value", [-5_000, 0, 7])
def test_equal_logits_have_entropy_one_exactly_and_never_leave(classes, value):
    known = uncertainty(np.full((1, 4, classes), value).cumsum(axis=1), 1 / 32, average=False)
    assert (known.entropy() == 1.0).all()
    for threshold in (1e-3, 0.5, 1.0):
        assert not known.leaves("entropy", threshold).any()
    assert not known.leaves("confidence", 1.0).any()


def test_adding_the_same_to_all_logits_changes_nothing():
    values = np.random.default_rng(1).integers(-90, 90, (3, 5, 10))
    known, moved = (uncertainty(values + shift, 1 / 32, average=True) for shift in (0, -123_456))
    np.testing.assert_array_equal(known.entropy_total, moved.entropy_total)
    np.testing.assert_array_equal(known.total, moved.total)


def test_the_mean_of_logits_is_less_sure_than_their_sum():
    values = np.tile(np.array([50, 0, -10, 3]), (1, 4, 1)).cumsum(axis=1)
    summed, averaged = (uncertainty(values, 1 / 32, average).entropy()[0] for average in (False, True))
    assert (np.diff(summed) < 0).all()
    assert averaged == pytest.approx([averaged[0]] * 4, abs=ENTROPY_BITS / 2)


def test_a_sample_leaves_at_the_first_timestep_that_meets_the_rule_or_at_the_last():
    leaves = np.array([[0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 1]], bool)
    assert exit_timesteps(leaves).tolist() == [2, 4, 1, 4]


def rule(**changes):
    return cases.small(**({"early_exit__threshold": "calibrated"} | changes)).early_exit


def held_out(seed, samples=40, timesteps=4):
    """Logits whose evidence for the label grows with time."""
    rng = np.random.default_rng(seed)
    values = rng.integers(-60, 60, (samples, timesteps, 5)).astype(np.int32)
    labels = rng.integers(0, 5, samples)
    values[np.arange(samples), :, labels] += rng.integers(0, 50, (samples, timesteps)).astype(np.int32)
    return Logits(values, 1 / 16, labels, np.arange(samples), "train")


def left_after(values, scale, metric, threshold):
    """Timestep after which one sample leaves, in plain integers."""
    accumulated = [0] * values.shape[1]
    for t, now in enumerate(values, start=1):
        accumulated = [a + int(b) for a, b in zip(accumulated, now, strict=True)]
        total, weighted = integer_entropy(accumulated, scale, 1)
        fixed, full = round(threshold * 65536), integer_log2(len(accumulated) * 65536)
        if (weighted * 65536 < fixed * total * full) if metric == "entropy" else (fixed * total < 65536 * 65536):
            return t, accumulated
    return t, accumulated


@pytest.mark.parametrize("metric", ["entropy", "confidence"])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_calibrated_threshold_has_the_fewest_timesteps_that_keep_the_static_accuracy(seed, metric):
    logits = held_out(seed)
    summed = logits.values.sum(axis=1, dtype=np.int64)
    n_right = sum(int(np.argmax(z)) == label for z, label in zip(summed, logits.labels, strict=True))
    chosen = exits.calibrate(rule(early_exit__metric=metric), logits)

    def outcome(threshold):
        left = [left_after(values, logits.scale, metric, threshold) for values in logits.values]
        right = sum(int(np.argmax(z)) == label for (_, z), label in zip(left, logits.labels, strict=True))
        return sum(t for t, _ in left), right

    candidates = [k / 1000 for k in range(1, 1000, 7)]
    allowed = [n for n, right in map(outcome, candidates) if right >= n_right]
    steps, right = outcome(chosen)
    assert round(chosen * 1000) in range(1, 1000)
    assert right >= n_right
    assert steps <= min(allowed)


def test_where_no_threshold_keeps_the_accuracy_the_strictest_is_taken():
    """Two samples alike but for their labels' timing: leaving early is always wrong, and never refused."""
    values = np.array([[[4000, 0], [-9000, 0]], [[4000, 0], [-9000, 0]]], np.int32)
    logits = Logits(values, 1.0, np.array([1, 1]), np.arange(2), "train")
    assert exits.calibrate(rule(), logits) == 0.001
    assert exits.calibrate(rule(early_exit__metric="confidence"), logits) == 0.999


def test_accuracy_is_read_at_each_samples_own_timestep():
    right = np.array([[False, True], [True, False], [False, True]])
    assert accuracy_at(right, np.array([1, 1, 2])) == pytest.approx(2 / 3)
    assert accuracy_at(right, np.array([2, 2, 1])) == pytest.approx(1 / 3)


def test_exits_are_chosen_on_calibration_samples_and_reported_on_test_samples():
    trace = cases.random_trace(cases.chain(), timesteps=4, samples=2)
    rng = np.random.default_rng(3)
    trace = cases.with_logits(trace, rng.integers(-50, 50, (30, 4, 4)), rng.integers(0, 4, 30), 1 / 16, "calibration")
    trace = cases.with_logits(trace, rng.integers(-50, 50, (25, 4, 4)), rng.integers(0, 4, 25), 1 / 16, "test")
    found = exits.decide(rule(), trace)
    assert found.threshold == exits.calibrate(rule(), trace.logits["calibration"])
    assert found.chosen_on.startswith("30 held-out")
    assert found.reported_on.startswith("25 ")
    assert found.histogram.sum() == 25
    assert found.recorded.shape == (2,)


def test_without_calibration_samples_every_sample_runs_all_timesteps():
    assert exits.decide(rule(), cases.random_trace(cases.chain())) is None


def test_a_threshold_on_a_trace_without_logits_is_refused():
    from dataclasses import replace

    trace = replace(cases.random_trace(cases.chain()), logits={})
    with pytest.raises(UsageError, match=r"early_exit\.threshold: the trace has no logits"):
        exits.decide(rule(early_exit__threshold=0.5), trace)
