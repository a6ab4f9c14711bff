"""A learning network as frameworks of deep learning run it: every matrix whole, at every step, in NumPy.

Rules and their order are those of docs/formats/trace.md; what differs is that nothing is left out for being zero.
Inhibition is a product with a matrix of N x N, with a layer of inhibitory neurons two of them, and learning changes all
weights by outer products.  It is a yardstick for CPU time, and in FP32 only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.stdp.rules import FACTOR_BITS, RATE_BITS
from hwsim.traces.plastic.encode import InputSpikes
from hwsim.traces.plastic.golden import initial_weights
from hwsim.traces.plastic.trace import LearnedState, PlasticNetwork

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]


class DenseCore:
    """Weights [pixel, neuron], adaptive thresholds [neuron] and strength of inhibition, which presentations change."""

    def __init__(self, network: PlasticNetwork, state: LearnedState | None = None) -> None:
        """Begin as the network does, or with what it has learned."""
        if network.formats is not None:
            raise ValueError("only networks in FP32 are learned densely")
        n = network.neurons.count
        self.network = network
        self.weights: Floats = initial_weights(network) if state is None else state.weights.copy()
        self.theta = np.zeros(n, np.float32) if state is None else state.theta.copy()
        self.strength = network.inhibition.strength_mv if state is None else float(state.strength)
        self._others = np.ones((n, n), np.float32) - np.eye(n, dtype=np.float32)
        self._own = np.eye(n, dtype=np.float32) * np.float32(network.inhibition.neurons.drive_mv)

    def normalise(self) -> None:
        """Scale each neuron's weights to their sum, if there is one."""
        if target := np.float32(self.network.stdp.weight_sum):
            sums = self.weights.sum(axis=0)
            self.weights *= np.divide(target, sums, out=np.zeros_like(sums), where=sums > 0)
            np.minimum(self.weights, np.float32(self.network.stdp.w_highest), out=self.weights)

    def present(self, spikes: InputSpikes, learn: bool) -> NDArray[np.int32]:
        """Present a sample for the first time, and learn from it or leave everything as it is: spikes [neuron]."""
        if learn:
            self.normalise()
            self.theta *= _left(self.network.neurons.theta_leak)
        presentation = _Presentation(self, learn)
        raster = np.zeros((len(spikes.starts) - 1, self.network.pixels), np.float32)
        for t in range(len(raster)):
            raster[t, spikes.pixels[spikes.starts[t] : spikes.starts[t + 1]]] = 1
            presentation.step(t, raster[t])
        if learn:
            self._adapt(presentation.spikes)
        return presentation.spikes

    def inhibited(self, sources: Floats) -> Floats:
        """How much each neuron is held down, by the others that are `sources` [neuron] of 0 and 1."""
        return np.float32(self.strength) * (sources @ self._others)

    def driven(self, fired: Floats) -> Floats:
        """What inhibitory neurons get from the excitatory ones."""
        return np.asarray(fired @ self._own)

    def _adapt(self, spikes: NDArray[np.int32]) -> None:
        rule = self.network.inhibition
        if rule.strength_step_mv:
            grows = np.count_nonzero(spikes) > rule.most_responding
            moved = self.strength + rule.strength_step_mv * (1 if grows else -1)
            self.strength = min(moved, rule.strength_highest_mv) if grows else max(moved, rule.strength_lowest_mv)


class _Presentation:
    """State that a presentation begins with zeros."""

    def __init__(self, core: DenseCore, learn: bool) -> None:
        self.core, self.learn = core, learn
        pixels, n = core.weights.shape
        self.v, self.post, self.u = (np.zeros(n, np.float32) for _ in range(3))
        self.pre = np.zeros(pixels, np.float32)
        self.refractory, self.u_refractory, self.spikes = (np.zeros(n, np.int32) for _ in range(3))
        self.window_pixels, self.window_neurons = np.zeros(pixels, bool), np.zeros(n, bool)
        self.sources: list[Floats] = []  # who inhibits, a step

    def step(self, t: int, inputs: Floats) -> None:
        """One step on inputs [pixel] of 0 and 1."""
        core, net = self.core, self.core.network
        self.v *= _left(net.neurons.leak)
        if self.learn:
            self.pre *= _left(net.stdp.pre_leak)
            self.post *= _left(net.stdp.post_leak)
        self.v += np.where(self.refractory == 0, inputs @ core.weights, np.float32(0))
        fired = self._fire()
        self.sources.append(self._fire_inhibitory(fired) if net.inhibition.kind == "layer" else fired)
        arrived = t - net.inhibition.delay_steps
        if arrived >= 0:
            held = self.v - core.inhibited(self.sources[arrived])
            self.v = np.maximum(held, np.float32(net.neurons.v_lowest_mv))
        if self.learn:
            self._learn(t, inputs > 0, fired > 0)

    def _fire(self) -> Floats:
        rule, core = self.core.network.neurons, self.core
        ready = self.refractory == 0
        fires: Flags = ready & (self.v >= np.float32(rule.v_threshold_mv) + core.theta)
        self.refractory -= ~ready
        if rule.one_winner and fires.any():
            winner = np.argmax(np.where(fires, self.v - core.theta, -np.inf))
            fires = np.zeros_like(fires)
            fires[winner] = True
        self.v[fires] = rule.v_reset_mv
        self.refractory[fires] = rule.refractory_steps
        self.spikes += fires
        if self.learn:
            core.theta[fires] += np.float32(rule.theta_plus_mv)
        return fires.astype(np.float32)

    def _fire_inhibitory(self, fired: Floats) -> Floats:
        rule, core = self.core.network.inhibition.neurons, self.core
        self.u *= _left(rule.leak)
        ready = self.u_refractory == 0
        self.u_refractory -= ~ready
        self.u += np.where(ready, core.driven(fired), np.float32(0))
        fires: Flags = ready & (self.u >= np.float32(rule.v_threshold_mv))
        self.u[fires] = rule.v_reset_mv
        self.u_refractory[fires] = rule.refractory_steps
        return fires.astype(np.float32)

    def _learn(self, t: int, inputs: Flags, fired: Flags) -> None:
        rule = self.core.network.stdp
        self.pre[inputs] = 1
        if rule.rule == "pairwise":
            self._change(inputs, self.post, fired, 1)
            self.post[fired] = 1
            return
        self.post[fired] = 1
        self.window_pixels |= inputs
        self.window_neurons |= fired
        if (t + 1) % rule.window_steps == 0:
            factor = -(-int(self.spikes.max()) // rule.spikes_per_factor)
            self._change(self.window_pixels, np.where(self.window_neurons, 0, self.post), self.window_neurons, factor)
            self.window_pixels[:] = self.window_neurons[:] = False

    def _change(self, lowering: Flags, post: Floats, raised: Flags, factor: int) -> None:
        """All weights: lowered for pixels by traces of neurons, raised for neurons by traces of pixels."""
        rule, weights = self.core.network.stdp, self.core.weights
        down, up = (np.float32(rate / (1 << RATE_BITS)) for rate in (rule.depression, rule.potentiation))
        weights -= np.outer(lowering.astype(np.float32), post.astype(np.float32) * down)
        np.maximum(weights, np.float32(0), out=weights)
        weights += np.outer(self.pre * (up * np.float32(factor)), raised.astype(np.float32))
        np.minimum(weights, np.float32(rule.w_highest), out=weights)


def _left(units: int) -> np.float32:
    """What a step leaves, of units of 2**-FACTOR_BITS."""
    return np.float32(units / (1 << FACTOR_BITS))
