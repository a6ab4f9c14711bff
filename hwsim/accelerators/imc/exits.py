"""When samples leave: the threshold, chosen on held-out samples where asked for, and each sample's timestep."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerator import EARLY_EXIT, Exits
from hwsim.accelerators.imc.early_exit import Uncertainty, accuracy_at, exit_timesteps, right_guesses, uncertainty
from hwsim.accelerators.imc.spec import EarlyExit
from hwsim.errors import UsageError
from hwsim.traces.trace import Logits, Trace

_CANDIDATES = np.arange(1, 1000) / 1000  # thresholds tried; finer steps than the reported set could tell apart


def decide(rule: EarlyExit, trace: Trace) -> Exits | None:
    """The exits of a trace under a rule; None where every sample runs all timesteps.

    Raises UsageError for a threshold on a trace that recorded no logits.
    """
    if rule.threshold in ("never", "always") or trace.timesteps == 1:
        return None
    if rule.threshold == "calibrated":
        if "calibration" not in trace.logits:
            return None
        threshold = calibrate(rule, trace.logits["calibration"])
        size = trace.logits["calibration"].labels.size
        chosen_on = f"{size} held-out {trace.logits['calibration'].split} samples"
    else:
        threshold, chosen_on = float(rule.threshold), "nothing: the architecture gives it"
    if "recorded" not in trace.logits:
        raise UsageError("early_exit.threshold: the trace has no logits of its recorded samples; use 'never'")
    recorded = leaving_timesteps(rule, trace.logits["recorded"], threshold)
    reported = trace.logits.get("test", trace.logits["recorded"])
    timesteps = leaving_timesteps(rule, reported, threshold)
    return Exits(
        run=EARLY_EXIT,
        rule=_describe(rule, threshold),
        threshold=threshold,
        chosen_on=chosen_on,
        reported_on=f"{reported.labels.size} {reported.split} samples",
        recorded=recorded,
        histogram=np.bincount(timesteps, minlength=trace.timesteps + 1)[1:],
        accuracy=accuracy_at(right_guesses(reported.accumulated(), reported.labels), timesteps),
    )


def calibrate(rule: EarlyExit, logits: Logits) -> float:
    """The threshold with the fewest mean timesteps whose accuracy is at least that of running all of them."""
    right, known = right_guesses(logits.accumulated(), logits.labels), _evaluate(rule, logits)
    wanted = float(logits.accuracy()[-1])
    tried = []
    for threshold in _CANDIDATES:
        timesteps = exit_timesteps(known.leaves(rule.metric, float(threshold)))
        if accuracy_at(right, timesteps) >= wanted:
            tried.append((float(timesteps.mean()), float(threshold)))
    strictest = _CANDIDATES[0] if rule.metric == "entropy" else _CANDIDATES[-1]
    return min(tried)[1] if tried else float(strictest)


def leaving_timesteps(rule: EarlyExit, logits: Logits, threshold: float) -> NDArray[np.int64]:
    """Timesteps each sample runs: int64 [sample]."""
    return exit_timesteps(_evaluate(rule, logits).leaves(rule.metric, threshold))


def _evaluate(rule: EarlyExit, logits: Logits) -> Uncertainty:
    return uncertainty(logits.accumulated(), logits.scale, average=rule.logits == "mean")


def _describe(rule: EarlyExit, threshold: float) -> str:
    sign = "<" if rule.metric == "entropy" else ">"
    measured = "normalised entropy" if rule.metric == "entropy" else "largest softmax probability"
    return f"leave when the {measured} of the {rule.logits} of logits is {sign} {threshold:g}"
