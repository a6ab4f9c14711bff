"""The rules that a learning network must keep to be executed exactly; it knows no files and no spikes."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import NoReturn, get_args

from hwsim.errors import TraceError
from hwsim.kernels.poisson import CHANCE_BITS
from hwsim.kernels.stdp_rules import FACTOR_BITS, RATE_BITS
from hwsim.traces.plastic import QUANTITIES, PlasticNetwork, QFormat, RoundingName, Rule
from hwsim.traces.trace import MAX_TIMESTEPS

MAX_PIXELS = 1 << 16
MAX_NEURONS = 1 << 16
MAX_MV = 1000.0  # far above any membrane
_MAX_BITS = {"weights": 16, "membranes": 24, "traces": 16, "thresholds": 24}
_MAX_PEAK = 10**6  # millihertz: a kilohertz


def check_plastic(network: PlasticNetwork) -> None:
    """Raise TraceError, naming the key and the rule, unless `network` can be executed exactly.

    Checked: ranges of all numbers, and that in fixed point each fits its format and no sum leaves its integers.
    """
    _check_sizes(network)
    _check_neurons(network)
    _check_stdp(network)
    if network.formats is not None:
        _check_formats(network)


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
    if int(coding.chances()[-1]) > 1 << CHANCE_BITS:
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
    for key in ("theta_plus_mv", "inhibition_mv"):
        _within(f"neurons.{key}", getattr(neurons, key), 0, MAX_MV)


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
    for key in ("v_threshold_mv", "v_lowest_mv", "inhibition_mv"):
        _fits(f"neurons.{key}", abs(getattr(neurons, key)), formats["membranes"])
    _fits("neurons.theta_plus_mv", neurons.theta_plus_mv, formats["thresholds"])
    if formats["thresholds"].fraction_bits != formats["membranes"].fraction_bits:
        _fail("formats.thresholds.fraction_bits", "those of the membranes, which are compared", "others")
    current_bits = network.pixels.bit_length() + formats["weights"].integer_bits + formats["weights"].fraction_bits
    if current_bits + max(0, formats["membranes"].fraction_bits - formats["weights"].fraction_bits) > 60:
        _fail("formats", "sums of weights that fit in 60 bits", "wider ones")
    if current_bits > 31:
        _fail("formats.weights", "sums of all weights of a neuron in 31 bits", f"{current_bits} bits")


def _fits(key: str, value: float, form: QFormat) -> None:
    if math.floor(value * 2.0**form.fraction_bits + 0.5) > form.highest:
        _fail(key, f"a value of Q{form.integer_bits}.{form.fraction_bits}", value)
