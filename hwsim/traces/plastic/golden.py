"""Execution of a learning network, sample by sample, as `hwsim.traces.plastic.trace` prescribes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.counter_rng import random_words, stream_key
from hwsim.kernels.stdp.fixed import leak_all, scale_fixed
from hwsim.kernels.stdp.floating import scale_float
from hwsim.kernels.stdp.presentation import present
from hwsim.kernels.stdp.rules import (
    FACTOR_BITS,
    N_ACTIVITY,
    N_COUNTED,
    RATE_BITS,
    Core,
    Firing,
    Inhibiting,
    Leaks,
    Learning,
    Membranes,
    Room,
    Rounding,
    Steps,
    Synapses,
    Window,
)
from hwsim.kernels.stdp.sums import add_rows
from hwsim.traces.plastic.check import check_plastic
from hwsim.traces.plastic.encode import InputSpikes
from hwsim.traces.plastic.trace import LearnedState, PlasticNetwork, Presentation, QFormat

_ROUNDINGS = ("truncate", "nearest", "stochastic")  # in the order of the kernels' numbers
_KERNEL_STREAMS = ("weights", "membranes", "pre", "post", "inhibitory")  # in the order of `Rounding.keys`
_STREAMS = (*_KERNEL_STREAMS, "theta")
_RANDOM_BITS = 24


class Raster(NamedTuple):
    """What one presentation does."""

    fired: NDArray[np.uint8]  # [step, neuron]
    activity: NDArray[np.int32]  # [step, N_ACTIVITY], see `hwsim.kernels.stdp.rules`
    spikes: NDArray[np.int32]  # [neuron], over all steps


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
    """Weights, adaptive thresholds and the strength of inhibition of a network, which presentations change.

    `counted` int64 [N_COUNTED] has what `hwsim.kernels.stdp.rules` names.

    Raises TraceError for a network that breaks a rule.
    """

    def __init__(self, network: PlasticNetwork, state: LearnedState | None = None) -> None:
        """Begin with the initial weights and thresholds that are not raised, or with what was learned before."""
        check_plastic(network)
        self.network = network
        n = network.neurons.count
        self._kind: Any = np.float32 if network.formats is None else np.int32  # of all but weights
        self._draws = any(form.rounding == "stochastic" for form in (network.formats or {}).values())
        self.theta: NDArray[Any]
        if state is None:
            self.weights, self.theta = initial_weights(network), np.zeros(n, self._kind)
            self.strength = code(network.inhibition.strength_mv, _format(network, "membranes"))
        else:
            self.weights, self.theta = state.weights.copy(), state.theta.copy()
            self.strength = self._kind(state.strength) if network.formats is None else int(state.strength)
        self.counted = np.zeros(N_COUNTED, np.int64)
        self._all_pixels = np.arange(network.pixels, dtype=np.int32)
        self._room = Room(
            current=np.empty(n, self._kind),
            traced=np.empty(n, np.int32),
            depressed=np.empty(n, np.int32),
            deltas=np.empty(n, np.int64),
            pixels=np.empty(network.pixels, np.int32),
        )
        self._firing, self._leaks = _firing(network), _leaks(network)
        self._learning = {learn: _learning(network, learn) for learn in (False, True)}

    def state(self, samples: int) -> LearnedState:
        """What was learned from so many samples."""
        strength = self.strength if self.network.formats else float(self.strength)
        return LearnedState(self.weights.copy(), self.theta.copy(), strength, samples)

    def present(self, spikes: InputSpikes, shown: Presentation, learn: bool) -> Raster:
        """Who fires, and what is done, in a presentation that learns or leaves everything as it is."""
        network = self.network
        keys = dict.fromkeys(_STREAMS, 0)
        if self._draws:
            keys = {name: stream_key(network.seed, name, shown.label) for name in _STREAMS}
        if learn:
            if shown.repeat == 0:
                self.normalise(shown.label)
            self._leak_thresholds(keys)
        pixels, n, length = network.pixels, network.neurons.count, len(spikes.starts) - 1
        kind, flags, counts = self._kind, np.uint8, np.int32
        core = Core(
            Synapses(self.weights, np.zeros(pixels, kind), np.zeros(n, kind), np.zeros(pixels, flags)),
            Membranes(
                v=np.zeros(n, kind),
                theta=self.theta,
                refractory=np.zeros(n, counts),
                spikes=np.zeros(n, counts),
                u=np.zeros(n, kind),
                u_refractory=np.zeros(n, counts),
            ),
            Window(np.zeros(n, flags), np.zeros(pixels, flags)),
            self._room,
            self._learning[learn],
            self._firing,
            _inhibiting(network, self.strength),
            self._leaks,
        )
        fired = np.empty((length, n), flags)
        sources = np.empty_like(fired) if core.inhibiting.layer else fired
        steps = Steps(fired, sources, np.empty(length, np.int64), np.zeros((length, N_ACTIVITY), np.int32))
        present(
            spikes.starts,
            spikes.pixels,
            core,
            _rounding(network, keys),
            None if network.formats else True,
            steps,
            self.counted,
        )
        if learn:
            self._adapt_inhibition(core.membranes.spikes)
        return Raster(fired, steps.activity, core.membranes.spikes)

    def normalise(self, label: str) -> None:
        """Scale each neuron's weights to their sum, if there is one; `label` names what it is done for."""
        network, form = self.network, _format(self.network, "weights")
        if network.stdp.weight_sum == 0:
            return
        target, highest = code(network.stdp.weight_sum, form), code(network.stdp.w_highest, form)
        sums = self._room.current
        add_rows(self.weights, self._all_pixels, sums)
        if form is None:
            factors = np.divide(target, sums, out=np.zeros_like(sums), where=sums > 0)
            scale_float(self.weights, factors, highest, self.counted)
        else:
            factors = np.where(sums > 0, (target << FACTOR_BITS) // np.maximum(sums, 1).astype(np.int64), 0)
            key, rounding = np.uint64(stream_key(network.seed, "normalise", label)), _ROUNDINGS.index(form.rounding)
            scale_fixed(self.weights, factors, highest, rounding, key, self.counted)

    def _leak_thresholds(self, keys: Mapping[str, int]) -> None:
        """What a presentation leaves of them."""
        leak, form = self.network.neurons.theta_leak, _format(self.network, "thresholds")
        if form is None:
            self.theta *= np.float32(leak / (1 << FACTOR_BITS))
        else:
            leak_all(self.theta, leak, _ROUNDINGS.index(form.rounding), np.uint64(keys["theta"]), 0)

    def _adapt_inhibition(self, spikes: NDArray[np.int32]) -> None:
        """Let the strength grow or shrink by how many neurons fired: int32 [neuron]."""
        rule, volts = self.network.inhibition, _format(self.network, "membranes")
        step = code(rule.strength_step_mv, volts)
        if step == 0:
            return
        if np.count_nonzero(spikes) > rule.most_responding:
            self.strength = min(self.strength + step, code(rule.strength_highest_mv, volts))
        else:
            self.strength = max(self.strength - step, code(rule.strength_lowest_mv, volts))


def _firing(network: PlasticNetwork) -> Firing:
    neurons, volts, theta = network.neurons, _format(network, "membranes"), _format(network, "thresholds")
    return Firing(
        v_threshold=code(neurons.v_threshold_mv, volts),
        v_reset=code(neurons.v_reset_mv, volts),
        v_lowest=code(neurons.v_lowest_mv, volts),
        v_highest=np.float32(np.inf) if volts is None else volts.highest,
        theta_plus=code(neurons.theta_plus_mv, theta),
        theta_highest=np.float32(np.inf) if theta is None else theta.highest,
        refractory=neurons.refractory_steps,
        one_winner=neurons.one_winner,
    )


def _inhibiting(network: PlasticNetwork, strength: Any) -> Inhibiting:
    rule, volts = network.inhibition, _format(network, "membranes")
    return Inhibiting(
        strength=strength,
        delay=rule.delay_steps,
        layer=rule.kind == "layer",
        drive=code(rule.neurons.drive_mv, volts),
        v_threshold=code(rule.neurons.v_threshold_mv, volts),
        v_reset=code(rule.neurons.v_reset_mv, volts),
        refractory=rule.neurons.refractory_steps,
    )


def _leaks(network: PlasticNetwork) -> Leaks:
    units = network.neurons.leak, network.stdp.pre_leak, network.stdp.post_leak, network.inhibition.neurons.leak
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


def _rounding(network: PlasticNetwork, keys: Mapping[str, int]) -> Rounding | None:
    formats = network.formats
    if formats is None:
        return None
    weight_bits = formats["weights"].fraction_bits
    return Rounding(
        weights=_ROUNDINGS.index(formats["weights"].rounding),
        membranes=_ROUNDINGS.index(formats["membranes"].rounding),
        traces=_ROUNDINGS.index(formats["traces"].rounding),
        delta_shift=RATE_BITS + formats["traces"].fraction_bits - weight_bits,
        current_shift=weight_bits - formats["membranes"].fraction_bits,
        keys=np.array([keys[name] for name in _KERNEL_STREAMS], np.uint64),
    )
