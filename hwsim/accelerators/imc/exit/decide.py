"""When samples leave: the threshold, chosen on held-out samples where asked for, and each sample's timestep."""

from __future__ import annotations

from functools import partial

import numpy as np

from hwsim.accelerators.imc.exit.thresholds import sweep, timesteps_run
from hwsim.accelerators.imc.exit.uncertainty import Uncertainty, accuracy_at, exit_timesteps, uncertainty
from hwsim.accelerators.imc.parts import DECISION
from hwsim.accelerators.imc.spec import EarlyExit
from hwsim.arch.reads import kept, real
from hwsim.contract.arrays import IntArray
from hwsim.contract.exits import Exits, Outcomes
from hwsim.contract.run import RunName
from hwsim.distinct import distinct
from hwsim.errors import UsageError
from hwsim.kept import kept_with
from hwsim.traces.direct.trace import Trace
from hwsim.traces.trace import Logits

_CANDIDATES = np.arange(1, 1000) / 1000  # thresholds tried; finer steps than the reported set could tell apart


def why_not(rule: EarlyExit, trace: Trace) -> str:
    """Why no sample of a trace can leave early under a rule; empty where some can."""
    if rule.threshold in ("never", "always"):
        return f"early_exit.threshold is {rule.threshold}"
    if trace.timesteps == 1:
        return "the trace has one timestep"
    if rule.threshold == "calibrated" and "calibration" not in trace.logits:
        return (
            "early_exit.threshold is calibrated, and the trace has no logits 'calibration' of held-out samples: give a "
            "number"
        )
    return ""


def exit_runs(rule: EarlyExit, trace: Trace) -> tuple[RunName, ...]:
    """Runs in which samples of a trace leave early under a rule; which do when is another question."""
    if why_not(rule, trace):
        return ()
    return (RunName.EARLY_EXIT, RunName.OVERLAPPED) if rule.overlap else (RunName.EARLY_EXIT,)


def decide(rule: EarlyExit, trace: Trace) -> Exits | None:
    """The exits of a trace under a rule; None where every sample runs all timesteps.

    Raises UsageError for a threshold on a trace that recorded no logits.
    """
    return kept(trace, "exits", rule, lambda asked: _decide(asked, trace))


def _decide(rule: EarlyExit, trace: Trace) -> Exits | None:
    runs = exit_runs(rule, trace)
    if not runs:
        return None
    if rule.threshold == "calibrated":
        threshold = calibrate(rule, trace.logits["calibration"])
        size = trace.logits["calibration"].labels.size
        chosen_on = f"{size} held-out {trace.logits['calibration'].split} samples"
    else:
        threshold, chosen_on = float(rule.threshold), "nothing: the architecture gives it"
    if "recorded" not in trace.logits:
        raise UsageError("early_exit.threshold: the trace has no logits of its recorded samples; use 'never'")
    reported = trace.logits.get("test", trace.logits["recorded"])
    histogram, accuracy = kept(reported, ("left", threshold), rule, lambda asked: _left(asked, reported, threshold))
    return Exits(
        runs=runs,
        unit=DECISION,
        criterion=_describe(rule),
        threshold=threshold,
        chosen_on=chosen_on,
        reported_on=f"{reported.labels.size} {reported.split} samples",
        recorded=leaving_timesteps(rule, trace.logits["recorded"], threshold),
        histogram=histogram,
        accuracy=accuracy,
        find_outcomes=partial(_outcomes, real(rule), reported, trace.logits["recorded"], threshold),
    )


def _left(rule: EarlyExit, logits: Logits, threshold: float) -> tuple[IntArray, float]:
    """How many samples leave after each timestep, and the share that is decided rightly then."""
    timesteps = leaving_timesteps(rule, logits, threshold)
    histogram = np.bincount(timesteps, minlength=logits.values.shape[1] + 1)[1:]
    return histogram, accuracy_at(logits.right(), timesteps)


def calibrate(rule: EarlyExit, logits: Logits) -> float:
    """The threshold with the fewest mean timesteps whose accuracy is at least that of running all of them."""
    return kept(logits, "calibrated", rule, lambda asked: _calibrate(asked, logits))


def _calibrate(rule: EarlyExit, logits: Logits) -> float:
    tried = sweep(_evaluate(rule, logits), rule.metric, logits.right(), _CANDIDATES)
    good = tried.n_right >= logits.right()[:, -1].sum()
    if good.any():
        return float(_CANDIDATES[good][tried.timesteps[good].argmin()])
    return float(_CANDIDATES[0] if rule.metric == "entropy" else _CANDIDATES[-1])


def leaving_timesteps(rule: EarlyExit, logits: Logits, threshold: float) -> IntArray:
    """Timesteps each sample runs: int64 [sample]."""
    return exit_timesteps(_evaluate(rule, logits).leaves(rule.metric, threshold))


def _outcomes(rule: EarlyExit, reported: Logits, recorded: Logits, threshold: float) -> Outcomes:
    """What every threshold tried, and the one in use, does; neighbours that do the same are one outcome."""
    thresholds = distinct(np.append(_CANDIDATES, threshold))
    swept = kept(
        reported,
        ("swept", threshold),
        rule,
        lambda asked: sweep(_evaluate(asked, reported), asked.metric, reported.right(), thresholds),
    )
    timesteps = timesteps_run(_evaluate(rule, recorded), rule.metric, thresholds)
    # Samples that have left by a timestep only grow in number, so equal numbers are the same samples.
    differs = np.diff(swept.histogram, axis=0).any(axis=1) | np.diff(timesteps, axis=0).any(axis=1)
    first = np.flatnonzero(np.append(True, differs))
    last = np.append(first[1:], thresholds.size) - 1
    return Outcomes(
        thresholds=np.stack([thresholds[first], thresholds[last]], axis=1),
        histogram=swept.histogram[first],
        accuracy=swept.accuracy[first],
        recorded=timesteps[first],
    )


def _evaluate(rule: EarlyExit, logits: Logits) -> Uncertainty:
    average = rule.logits == "mean"
    return kept_with(logits).once(
        ("uncertainty", average), lambda: uncertainty(logits.accumulated(), logits.scale, average)
    )


def _describe(rule: EarlyExit) -> str:
    sign = "<" if rule.metric == "entropy" else ">"
    measured = "normalised entropy" if rule.metric == "entropy" else "largest softmax probability"
    return f"leave when the {measured} of the {rule.logits} of logits is {sign}"
