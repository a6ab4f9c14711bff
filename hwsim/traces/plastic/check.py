"""The rules that a learning network must keep to be executed exactly."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any, NoReturn, get_args

import numpy as np

from hwsim.errors import TraceError
from hwsim.kernels.stdp.rules import FACTOR_BITS, RATE_BITS
from hwsim.traces.network.limits import MAX_INT
from hwsim.traces.plastic.trace import (
    QUANTITIES,
    InhibitionKind,
    LearnedState,
    PlasticNetwork,
    QFormat,
    RoundingName,
    Rule,
)
from hwsim.traces.trace import MAX_TIMESTEPS

MAX_PIXELS = 1 << 16
MAX_NEURONS = 1 << 16
MAX_REPEATS = 100
MAX_MV = 1000.0  # far above any membrane
_MAX_BITS = {"weights": 16, "membranes": 24, "traces": 16, "thresholds": 24}
_MAX_PEAK = 10**6  # millihertz: a kilohertz


def check_plastic(network: PlasticNetwork) -> None:
    """Raise TraceError, naming the key and the rule, unless `network` can be executed exactly.

    Checked: ranges of all numbers, and that in fixed point each fits its format and no sum leaves its integers.
    """
    _check_sizes(network)
    _check_neurons(network)
    _check_inhibition(network)
    _check_stdp(network)
    if network.formats is not None:
        _check_formats(network)


def check_state(network: PlasticNetwork, state: LearnedState) -> None:
    """Raise TraceError unless all that was learned lies within the limits of `network`."""
    forms, rule = network.formats, network.inhibition
    adapts, strength = rule.strength_step_mv > 0, rule.strength_mv
    lowest, highest = (rule.strength_lowest_mv, rule.strength_highest_mv) if adapts else (strength, strength)
    limits: dict[str, tuple[Any, float, float, str]] = {
        "array 'state/weights'": (state.weights, 0.0, network.stdp.w_highest, "weights"),
        "array 'state/theta'": (state.theta, 0.0, math.inf, "thresholds"),
        "state.strength": (np.array([state.strength]), lowest, highest, "membranes"),
    }
    for name, (values, low, high, quantity) in limits.items():
        # A limit is itself rounded to the nearest value of its format.
        unit = 2.0 ** -forms[quantity].fraction_bits if forms else 2.0**-20 * max(low, 1.0)
        real = values * unit if forms else values
        if not (np.isfinite(real).all() and real.min() >= low - unit / 2 and real.max() <= high + unit / 2):
            raise TraceError(f"{name}: wanted finite values from {low:g} to {high:g}, found others")
    if forms and state.theta.max() > forms["thresholds"].highest:
        raise TraceError("array 'state/theta': wanted values of the thresholds' format, found larger ones")


def _fail(key: str, wanted: str, found: object) -> NoReturn:
    raise TraceError(f"network.{key}: wanted {wanted}, found {found}")


def _within(key: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        _fail(key, f"{low} to {high}", value)


def _check_sizes(network: PlasticNetwork) -> None:
    coding = network.coding
    _within("pixels", network.pixels, 1, MAX_PIXELS)
    _within("seed", network.seed, 0, 2**64 - 1)
    _within("coding.peak_millihertz", coding.peak_millihertz, 1, _MAX_PEAK)
    _within("coding.dt_us", coding.dt_us, 1, 10**6)
    _within("coding.present_steps", coding.present_steps, 1, MAX_TIMESTEPS)
    _within("coding.rest_steps", coding.rest_steps, 0, MAX_TIMESTEPS)
    _within("coding.fewest_spikes", coding.fewest_spikes, 0, MAX_INT)
    _within("coding.most_repeats", coding.most_repeats, 0, MAX_REPEATS)
    if coding.peak_millihertz * coding.dt_us > 10**9:
        _fail("coding.peak_millihertz", "at most one spike a step", f"{coding.peak_millihertz} at {coding.dt_us} us")


def _check_neurons(network: PlasticNetwork) -> None:
    neurons, whole = network.neurons, 1 << FACTOR_BITS
    _within("neurons.count", neurons.count, 1, MAX_NEURONS)
    for key in ("leak", "theta_leak"):
        _within(f"neurons.{key}", getattr(neurons, key), 0, whole)
    _within("neurons.v_threshold_mv", neurons.v_threshold_mv, 0, MAX_MV)
    _within("neurons.v_lowest_mv", neurons.v_lowest_mv, -MAX_MV, 0)
    _within("neurons.v_reset_mv", neurons.v_reset_mv, neurons.v_lowest_mv, neurons.v_threshold_mv)
    _within("neurons.refractory_steps", neurons.refractory_steps, 0, MAX_TIMESTEPS)
    _within("neurons.theta_plus_mv", neurons.theta_plus_mv, 0, MAX_MV)


def _check_inhibition(network: PlasticNetwork) -> None:
    rule = network.inhibition
    if rule.kind not in get_args(InhibitionKind):
        _fail("inhibition.kind", f"one of {', '.join(get_args(InhibitionKind))}", repr(rule.kind))
    _within("inhibition.strength_mv", rule.strength_mv, 0, MAX_MV)
    _within("inhibition.delay_steps", rule.delay_steps, 0, MAX_TIMESTEPS)
    _within("inhibition.most_responding", rule.most_responding, 0, MAX_NEURONS)
    _within("inhibition.strength_step_mv", rule.strength_step_mv, 0, MAX_MV)
    if rule.strength_step_mv:
        _within("inhibition.strength_lowest_mv", rule.strength_lowest_mv, 0, rule.strength_mv)
        _within("inhibition.strength_highest_mv", rule.strength_highest_mv, rule.strength_mv, MAX_MV)
    neurons = rule.neurons
    _within("inhibition.neurons.drive_mv", neurons.drive_mv, 0, MAX_MV)
    _within("inhibition.neurons.leak", neurons.leak, 0, 1 << FACTOR_BITS)
    _within("inhibition.neurons.v_threshold_mv", neurons.v_threshold_mv, 0, MAX_MV)
    _within("inhibition.neurons.v_reset_mv", neurons.v_reset_mv, 0, neurons.v_threshold_mv)
    _within("inhibition.neurons.refractory_steps", neurons.refractory_steps, 0, MAX_TIMESTEPS)


def _check_stdp(network: PlasticNetwork) -> None:
    stdp = network.stdp
    if stdp.rule not in get_args(Rule):
        _fail("stdp.rule", f"one of {', '.join(get_args(Rule))}", repr(stdp.rule))
    for key in ("potentiation", "depression"):
        _within(f"stdp.{key}", getattr(stdp, key), 0, 1 << RATE_BITS)
    for key in ("pre_leak", "post_leak"):
        _within(f"stdp.{key}", getattr(stdp, key), 0, 1 << FACTOR_BITS)
    _within("stdp.w_highest", stdp.w_highest, 0, MAX_MV)
    _within("stdp.initial_highest", stdp.initial_highest, 0, stdp.w_highest)
    _within("stdp.weight_sum", stdp.weight_sum, 0, network.pixels * stdp.w_highest)
    _within("stdp.window_steps", stdp.window_steps, 1, 2 * MAX_TIMESTEPS)
    _within("stdp.spikes_per_factor", stdp.spikes_per_factor, 1, MAX_TIMESTEPS)


def _check_formats(network: PlasticNetwork) -> None:
    formats, neurons, stdp = network.formats or {}, network.neurons, network.stdp
    if set(formats) != set(QUANTITIES):
        _fail("formats", f"{', '.join(QUANTITIES)}", ", ".join(formats))
    for name, form in formats.items():
        if form.rounding not in get_args(RoundingName):
            _fail(f"formats.{name}.rounding", f"one of {', '.join(get_args(RoundingName))}", repr(form.rounding))
        for field in fields(QFormat)[:2]:
            _within(f"formats.{name}.{field.name}", getattr(form, field.name), 0, _MAX_BITS[name])
        _within(f"bits of formats.{name}", form.integer_bits + form.fraction_bits, 1, _MAX_BITS[name])
    _fits("stdp.w_highest", stdp.w_highest, formats["weights"])
    for key in ("v_threshold_mv", "v_lowest_mv"):
        _fits(f"neurons.{key}", getattr(neurons, key), formats["membranes"])
    for key in ("strength_mv", "strength_step_mv", "strength_lowest_mv", "strength_highest_mv"):
        _fits(f"inhibition.{key}", getattr(network.inhibition, key), formats["membranes"])
    for key in ("drive_mv", "v_threshold_mv"):
        _fits(f"inhibition.neurons.{key}", getattr(network.inhibition.neurons, key), formats["membranes"])
    _fits("neurons.theta_plus_mv", neurons.theta_plus_mv, formats["thresholds"])
    if formats["thresholds"].fraction_bits != formats["membranes"].fraction_bits:
        _fail("formats.thresholds.fraction_bits", "those of the membranes, which are compared", "others")
    current_bits = network.pixels.bit_length() + formats["weights"].integer_bits + formats["weights"].fraction_bits
    if current_bits + max(0, formats["membranes"].fraction_bits - formats["weights"].fraction_bits) > 60:
        _fail("formats", "sums of weights that fit in 60 bits", "wider ones")
    if current_bits > 31:
        _fail("formats.weights", "sums of all weights of a neuron in 31 bits", f"{current_bits} bits")


def _fits(key: str, value: float, form: QFormat) -> None:
    scaled = abs(value) * 2.0**form.fraction_bits + 0.5
    if not math.isfinite(scaled) or math.floor(scaled) > form.highest:
        _fail(key, f"a value of Q{form.integer_bits}.{form.fraction_bits}", value)
