"""The sigma-E unit's arithmetic: softmax and entropy of accumulated logits from integer tables.

Logits are turned to base 2 once: u = (z_max - z) * scale * log2(e), in units of 2**-FRACTION_BITS.  Then
    e_c = 2**-u_c          a table of 2**FRACTION_BITS entries for the fraction, a shift for the whole part
    S   = sum e_c          (e of the largest logit is exactly ONE)
    H   = log2(S / ONE) + sum(e_c u_c) / S     bits of entropy, 0 <= H <= log2(classes)
log2 is a leading-one position and a table.  Exit by entropy: H < threshold * log2(classes); by confidence
(largest softmax probability ONE / S): ONE > threshold * S.  Comparisons are multiplied out, so nothing is divided.
Rule: DT-SNN (arXiv 2305.17346), entropy normalised to [0, 1]; tables and widths are our choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hwsim.contract.arrays import IntArray

FRACTION_BITS = 8
ONE = 1 << 16
_THRESHOLD_BITS = 16
_SCALE_BITS = 24

Metric = Literal["entropy", "confidence"]


def _rounded(values: NDArray[np.float64]) -> IntArray:
    return np.asarray(np.rint(values), dtype=np.int64)


_FRACTIONS = np.arange(1 << FRACTION_BITS) / (1 << FRACTION_BITS)
_EXPONENTS = _rounded(ONE * np.exp2(-_FRACTIONS))
_LOGARITHMS = _rounded((1 << FRACTION_BITS) * np.log2(1.0 + _FRACTIONS))
"""ONE * 2**-x and log2(1 + x) of each fraction x."""


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """What the unit knows after each timestep: int64 [sample, timestep] each."""

    total: IntArray  # S, in units of 1 / ONE
    entropy_total: IntArray  # H * S, in units of 2**-FRACTION_BITS / ONE bits
    classes: int

    def entropy(self) -> NDArray[np.float64]:
        """Entropy normalised to [0, 1], exactly 1 when all logits are equal: float64 [sample, timestep]."""
        return np.asarray(self.entropy_total / (self.total * self._full_entropy()), dtype=np.float64)

    def confidence(self) -> NDArray[np.float64]:
        """Largest softmax probability: float64 [sample, timestep]."""
        return np.asarray(ONE / self.total, dtype=np.float64)

    def leaves(self, metric: Metric, threshold: float) -> NDArray[np.bool_]:
        """Whether the rule is met after each timestep: bool [sample, timestep]."""
        fixed = round(threshold * (1 << _THRESHOLD_BITS))
        if metric == "entropy":
            return np.asarray(self.entropy_total << _THRESHOLD_BITS < fixed * self.total * self._full_entropy())
        return np.asarray(fixed * self.total < ONE << _THRESHOLD_BITS)

    def easiest(self, metric: Metric) -> IntArray:
        """The `ease` from which each may leave, `leaves` solved for the threshold: int64 [sample, timestep]."""
        if metric == "confidence":
            return np.asarray(-(((ONE << _THRESHOLD_BITS) - 1) // self.total))
        whole = self.total * self._full_entropy()
        if self.classes == 1:  # nothing is uncertain and nothing is below no entropy
            return np.full_like(whole, np.iinfo(np.int64).max)
        return np.asarray((self.entropy_total << _THRESHOLD_BITS) // whole + 1)

    def _full_entropy(self) -> int:
        return _full_entropy(self.classes)


@cache
def _full_entropy(classes: int) -> int:
    """Entropy of equal logits by the unit's own tables."""
    return int(_log2(np.array([classes * ONE]))[0])


def ease(metric: Metric, thresholds: NDArray[np.float64]) -> IntArray:
    """Thresholds as the unit compares them, larger where leaving is easier: int64 [threshold]."""
    fixed = np.rint(thresholds * (1 << _THRESHOLD_BITS)).astype(np.int64)
    return fixed if metric == "entropy" else -fixed


def uncertainty(accumulated: IntArray, scale: float, average: bool) -> Uncertainty:
    """Evaluate accumulated integer logits [sample, timestep, class]; `scale` makes them real.

    `average` divides them by the timestep.
    """
    n_timesteps, classes = accumulated.shape[1:]
    per_step, cap = _octaves(n_timesteps, scale, average)
    below = accumulated.max(axis=2, keepdims=True) - accumulated
    octaves = (np.minimum(below, cap) * per_step) >> _SCALE_BITS
    exponents = _EXPONENTS[octaves & ((1 << FRACTION_BITS) - 1)] >> (octaves >> FRACTION_BITS)
    total = exponents.sum(axis=2)
    entropy_total = total * _log2(total) + (exponents * octaves).sum(axis=2)
    return Uncertainty(total, entropy_total, classes)


@lru_cache(maxsize=1 << 4)
def _octaves(n_timesteps: int, scale: float, average: bool) -> tuple[IntArray, IntArray]:
    """Octaves of one step of the logits, and the most steps that are looked at: int64 [timestep, 1].

    Beyond 40 octaves a class adds nothing to S; the cap keeps the product inside int64.
    """
    steps = np.arange(1, n_timesteps + 1) if average else np.ones(n_timesteps)
    per_step = _rounded(scale * np.log2(np.e) / steps * (1 << (FRACTION_BITS + _SCALE_BITS)))[:, None]
    return per_step, np.int64(40 << (FRACTION_BITS + _SCALE_BITS)) // np.maximum(per_step, 1)


def _log2(total: IntArray) -> IntArray:
    """log2(total / ONE) in units of 2**-FRACTION_BITS, for total >= ONE."""
    whole = np.frexp(total.astype(np.float64))[1].astype(np.int64) - 1
    fraction = (total << FRACTION_BITS >> whole) - (1 << FRACTION_BITS)
    octaves = (whole - (ONE.bit_length() - 1)) << FRACTION_BITS
    return np.asarray(octaves + _LOGARITHMS[fraction], dtype=np.int64)


def exit_timesteps(leaves: NDArray[np.bool_]) -> IntArray:
    """First timestep (1, 2, ...) after which each sample leaves, the last one at the latest: int64 [sample]."""
    last = leaves.shape[1]
    return np.asarray(np.where(leaves.any(axis=1), leaves.argmax(axis=1) + 1, last), dtype=np.int64)


def accuracy_at(right: NDArray[np.bool_], timesteps: IntArray) -> float:
    """Fraction right when each sample is read out after its own number of timesteps.

    `right` is bool [sample, timestep], `timesteps` (1, 2, ...) int64 [sample].
    """
    return float(right[np.arange(timesteps.size), timesteps - 1].mean())
