"""How conductances change after programming: with time, and with temperature.

Drift is the power law G(t) = G(t0) (t / t0)^-nu; temperature changes a conductance by a fixed share a kelvin.  Cell i,
in the order of `cells`, has its exponent from number i of the stream 'seed/drift/layer' and its coefficient from number
i of 'seed/warmth/layer' (`normal`).  Powers are looked up in steps of sigma / 64, from decimal arithmetic: no machine's
library of functions has a say in them.
"""

from __future__ import annotations

from decimal import Context, Decimal

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.imc.functional.normal import UNIT_BITS, normals
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.arrays import IntArray
from hwsim.kernels.counter_rng import stream_key

_STEPS = 64  # a sigma
_WITHIN = 6 * _STEPS
_DIGITS = Context(prec=25)

Factors = NDArray[np.float64]


def changed(spec: ImcSpec, name: str, first: int, levels: NDArray[np.uint8], currents: IntArray) -> IntArray:
    """Conductances of neighbouring cells of a layer, from number `first` on, as they are read: int64 [cell].

    `levels` are those that the cells hold, `currents` what they conducted when they were programmed.
    """
    factors = np.ones(currents.size)
    if spec.devices.drifts:
        factors = factors * _drift(spec, name, first, currents.size)
    if spec.devices.has_warmth:
        factors = factors * _warmth(spec, name, first, levels)
    return np.floor(currents * factors + 0.5).astype(np.int64)


def _drift(spec: ImcSpec, name: str, first: int, n: int) -> Factors:
    """(t / t0)^-nu of each cell: float64 [n]."""
    devices = spec.devices
    ratio = _DIGITS.divide(Decimal(devices.drift_s), Decimal(devices.drift_t0_s))
    log = _DIGITS.ln(ratio)

    def power(steps: int) -> float:
        nu = Decimal(devices.drift_nu) + Decimal(devices.drift_nu_sigma) * steps / _STEPS
        return float(_DIGITS.exp(_DIGITS.multiply(-max(nu, Decimal(0)), log)))

    if not devices.drift_nu_sigma:
        return np.full(n, power(0))
    powers = np.array([power(steps) for steps in range(-_WITHIN, _WITHIN + 1)])
    drawn = normals(stream_key(devices.seed, "drift", name), first, n)
    shift = UNIT_BITS - (_STEPS.bit_length() - 1)
    steps = (drawn + (1 << shift - 1)) >> shift
    found: Factors = powers[steps + _WITHIN]
    return found


def _warmth(spec: ImcSpec, name: str, first: int, levels: NDArray[np.uint8]) -> Factors:
    """1 + coefficient x kelvin since programming, not below zero, of each cell: float64 [cell]."""
    devices, kelvin = spec.devices, spec.technology.temperature_k - spec.devices.programmed_k
    off, on = devices.temperature_off_per_k, devices.temperature_on_per_k
    by_level = off + (on - off) * np.arange(spec.crossbar.levels) / (spec.crossbar.levels - 1)
    coefficients: Factors = by_level[levels]
    if devices.temperature_sigma_per_k:
        drawn = normals(stream_key(devices.seed, "warmth", name), first, levels.size)
        coefficients = coefficients + drawn * (devices.temperature_sigma_per_k / (1 << UNIT_BITS))
    return np.maximum(1 + coefficients * kelvin, 0.0)
