"""Execution of a learning network, sample by sample, as `hwsim.traces.plastic` prescribes; it knows no hardware."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.counter_rng import random_words, stream_key
from hwsim.kernels.stdp_fixed import normalise_fixed, present_fixed
from hwsim.kernels.stdp_float import normalise_float, present_float
from hwsim.kernels.stdp_neurons import Firing, Membranes
from hwsim.kernels.stdp_rules import (
    FACTOR_BITS,
    N_COUNTED,
    RATE_BITS,
    Core,
    Leaks,
    Learning,
    Rounding,
    Synapses,
)
from hwsim.traces.plastic import PlasticNetwork, QFormat
from hwsim.traces.plastic_check import check_plastic
from hwsim.traces.plastic_encode import InputSpikes

_ROUNDINGS = ("truncate", "nearest", "stochastic")  # in the order of the kernels' numbers
_STREAMS = ("weights", "membranes", "pre", "post", "theta")
_RANDOM_BITS = 24


def code(value: float, form: QFormat | None) -> Any:
    """A value in units of its format, to the nearest, halves up; as float32 without one."""
    if form is None:
        return np.float32(value)
    return int(np.floor(value * 2.0**form.fraction_bits + 0.5))


def initial_weights(network: PlasticNetwork) -> NDArray[Any]:
    """Weights [pixel, neuron], uniform from 0 to `initial_highest`: uint16 in units of the format, or float32.

    Weight (i, j) is floor(r * highest / 2**24), r being the highest 24 bits of word i N + j of stream "initial".
    """
    shape = (network.pixels, network.neurons.count)
    counters = np.arange(shape[0] * shape[1], dtype=np.uint64).reshape(shape)
    drawn = random_words(stream_key(network.seed, "initial"), counters) >> np.uint64(64 - _RANDOM_BITS)
    highest = code(network.stdp.initial_highest, _format(network, "weights"))
    if network.formats is None:
        return np.asarray(drawn.astype(np.float32) * np.float32(2.0**-_RANDOM_BITS) * highest, np.float32)
    return np.asarray((drawn.astype(np.int64) * highest) >> _RANDOM_BITS, np.uint16)


def _format(network: PlasticNetwork, quantity: str) -> QFormat | None:
    return None if network.formats is None else network.formats[quantity]


class LearningCore:
    """Weights and adaptive thresholds of a network, which presentations change.

    `counted` int64 [N_COUNTED] has what `stdp_rules` names.  Raises TraceError for a network that breaks a rule.
    """

    def __init__(self, network: PlasticNetwork) -> None:
        """Begin with the initial weights and thresholds that are not raised."""
        check_plastic(network)
        self.network = network
        n = network.neurons.count
        self.weights = initial_weights(network)
        state: Any = np.float32 if network.formats is None else np.int32
        self.theta = np.zeros(n, state)
        self.counted = np.zeros(N_COUNTED, np.int64)
        self._v, self._current, self._post = (np.zeros(n, state) for _ in range(3))
        self._pre = np.zeros(network.pixels, state)
        self._sums: NDArray[Any] = np.zeros(n, np.float32 if network.formats is None else np.int64)
        self._firing, self._leaks = _firing(network), _leaks(network)

    def present(self, spikes: InputSpikes, part: str, sample_id: int, learn: bool) -> NDArray[np.uint8]:
        """Who fires at each step, uint8 [step, neuron], in a presentation that learns or leaves everything as it is."""
        network = self.network
        if learn and network.stdp.weight_sum > 0:
            self._normalise(part, sample_id)
        for array in (self._v, self._pre, self._post):
            array[:] = 0
        n = network.neurons.count
        synapses = Synapses(
            self.weights,
            self._pre,
            self._post,
            self._current,
            np.zeros(n, np.int32),
            np.zeros(network.pixels, np.uint8),
            np.zeros(n, np.int32),
        )
        membranes = Membranes(self._v, self.theta, np.zeros(n, np.int32))
        keys = np.array([stream_key(network.seed, name, part, str(sample_id)) for name in _STREAMS], np.uint64)
        core = Core(synapses, membranes, _learning(network, learn), self._firing, self._leaks, _rounding(network, keys))
        fired = np.empty((len(spikes.starts) - 1, n), np.uint8)
        present: Any = present_float if network.formats is None else present_fixed
        present(spikes.starts, spikes.pixels, core, fired, self.counted)
        return fired

    def _normalise(self, part: str, sample_id: int) -> None:
        stdp, form = self.network.stdp, _format(self.network, "weights")
        target, highest = code(stdp.weight_sum, form), code(stdp.w_highest, form)
        if form is None:
            normalise_float(self.weights, target, highest, self._sums, self.counted)
        else:
            key = np.uint64(stream_key(self.network.seed, "normalise", part, str(sample_id)))
            rounding = _ROUNDINGS.index(form.rounding)
            normalise_fixed(self.weights, target, highest, rounding, key, self._sums, self.counted)


def _firing(network: PlasticNetwork) -> Firing:
    neurons, volts, theta = network.neurons, _format(network, "membranes"), _format(network, "thresholds")
    return Firing(
        v_threshold=code(neurons.v_threshold_mv, volts),
        v_reset=code(neurons.v_reset_mv, volts),
        v_lowest=code(neurons.v_lowest_mv, volts),
        inhibition=code(neurons.inhibition_mv, volts),
        theta_plus=code(neurons.theta_plus_mv, theta),
        theta_highest=np.float32(np.inf) if theta is None else theta.highest,
        refractory=neurons.refractory_steps,
        one_winner=neurons.one_winner,
    )


def _leaks(network: PlasticNetwork) -> Leaks:
    units = (network.neurons.leak, network.neurons.theta_leak, network.stdp.pre_leak, network.stdp.post_leak)
    if network.formats is not None:
        return Leaks(*units)
    return Leaks(*(np.float32(unit / (1 << FACTOR_BITS)) for unit in units))


def _learning(network: PlasticNetwork, learn: bool) -> Learning:
    stdp, traces = network.stdp, _format(network, "traces")
    rates: tuple[Any, Any] = (stdp.potentiation, stdp.depression)
    if network.formats is None:
        rates = np.float32(stdp.potentiation / (1 << RATE_BITS)), np.float32(stdp.depression / (1 << RATE_BITS))
    return Learning(
        plastic=learn,
        windowed=stdp.rule == "windowed",
        window=stdp.window_steps,
        spikes_per_factor=stdp.spikes_per_factor,
        potentiation=rates[0],
        depression=rates[1],
        one=code(1.0, None) if traces is None else min(code(1.0, traces), traces.highest),
        w_highest=code(stdp.w_highest, _format(network, "weights")),
    )


def _rounding(network: PlasticNetwork, keys: NDArray[np.uint64]) -> Rounding:
    formats = network.formats
    if formats is None:
        return Rounding(0, 0, 0, 0, 0, 0, 0, keys)
    weight_bits = formats["weights"].fraction_bits
    return Rounding(
        weights=_ROUNDINGS.index(formats["weights"].rounding),
        membranes=_ROUNDINGS.index(formats["membranes"].rounding),
        traces=_ROUNDINGS.index(formats["traces"].rounding),
        theta=_ROUNDINGS.index(formats["thresholds"].rounding),
        delta_shift=RATE_BITS + formats["traces"].fraction_bits - weight_bits,
        current_shift=weight_bits - formats["membranes"].fraction_bits,
        v_highest=formats["membranes"].highest,
        keys=keys,
    )
