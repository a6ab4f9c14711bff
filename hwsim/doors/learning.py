"""From the parameters of a network that learns, and samples, to a trace, with what its fixed point changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim import make
from hwsim.doors.asked import Asked
from hwsim.doors.drift import check_drift, drift_of_counts
from hwsim.errors import TraceError, UsageError
from hwsim.files import check_outputs
from hwsim.traces.io import write_trace
from hwsim.traces.plastic.parameters import Learner
from hwsim.traces.plastic.run import learn
from hwsim.traces.plastic.trace import TRAIN, PlasticTrace

_TOP = 255


def captured_learner(learner: Learner, inputs: Any, test: Any, asked: Asked) -> tuple[PlasticTrace, str]:
    """The trace of a network that learns, and what is to be told of it; see `hwsim.doors.capture`.

    The network learns from all training samples and decides on all of the test in its own formats and, if they are in
    fixed point, in 32-bit floats.  Spikes that differ are those of the training samples, counted by sample: how many
    more or fewer all neurons fired, over those in floats.
    """
    if asked.labels is None:
        raise UsageError("labels: wanted the right class of each training sample")
    if not isinstance(test, tuple | list) or len(test) != 2:
        raise UsageError("test: wanted samples and labels on which what was learned decides, test=(x, y)")
    if asked.out is not None:
        check_outputs([asked.out])
    train = pixels("inputs", inputs), np.asarray(asked.labels)
    decided = pixels("test", test[0]), np.asarray(test[1])
    network = learner.network(train[0].shape[1])
    trace = make.plastic(network, train, decided, **{"name": "a network that learns", **asked.about})
    warning = _compared(trace, asked.allow_drift) if network.formats is not None else ""
    if asked.out is not None:
        write_trace(asked.out, trace)
    return trace, warning


def pixels(key: str, values: Any) -> NDArray[np.uint8]:
    """Samples uint8 [sample, pixel], of whole numbers to 255 or of fractions from 0 to 1.

    Raises TraceError for others.
    """
    found = np.asarray(values)
    if found.ndim < 2 or not found.size or not np.isfinite(found).all():
        raise TraceError(f"{key}: wanted finite numbers [sample, ...], found {found.dtype} {found.shape}")
    whole = found.dtype.kind in "iub"
    top = _TOP if whole else 1
    if found.min() < 0 or found.max() > top:
        wanted = f"from 0 to {top}, {'fractions' if whole else 'whole numbers'} from 0 to {1 if whole else _TOP}"
        raise TraceError(f"{key}: wanted numbers {wanted}, found {found.min():g} to {found.max():g}")
    return np.rint(found * (_TOP / top)).astype(np.uint8).reshape(len(found), -1)


def _compared(trace: PlasticTrace, allow_drift: float | None) -> str:
    """Training spikes and decisions in fixed point beside those in 32-bit floats."""
    runs = [learn(network, trace) for network in (trace.network, replace(trace.network, formats=None))]
    found, wanted = (run.phases[TRAIN].spikes for run in runs)
    counts = {"excitatory": (int(np.abs(found - wanted).sum()), int(wanted.sum()))}
    fixed, floats = (run.accuracy or 0.0 for run in runs)
    return check_drift(drift_of_counts(counts, fixed, floats), allow_drift)
