"""Neurons of a trace as NIR nodes: IF, LIF, or CubaLIF with a synaptic current, and what their metadata say."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwsim.doors.graph import Floats
from hwsim.doors.nir_values import SAYS
from hwsim.traces.network.layers import Leak, Neuron

SLOWEST = 2.0**-40
"""What neurons without leak lose in a timestep where a time constant must be given, which is finite."""


def in_words(neuron: Neuron) -> str:
    """What NIR does not say of neurons."""
    later = " a timestep later" * neuron.delayed_reset + ", after the sum" * neuron.reset_after_sum
    return f"{neuron.reset} reset{later}, fires {_fires(neuron)} its threshold"


def neuron_node(nir: Any, neuron: Neuron, step: Floats, shape: tuple[int, ...], dt_s: float) -> Any:
    """The node of neurons [channel, y, x] or [channel] in which a current's 1 is worth a `step` of the channel.

    Forward Euler with the timestep gives a node the integers' equations: r and w_in undo the shares that it takes.
    """
    unit = step / (1 << neuron.fraction_bits)

    def spread(values: Floats | float) -> Floats:
        """[channel] or one value, of every neuron."""
        channels = np.broadcast_to(np.asarray(values, np.float64), shape[0])
        return np.broadcast_to(channels.reshape(-1, *[1] * (len(shape) - 1)), shape).copy()

    given = {
        "r": spread(1.0),
        "v_threshold": spread(neuron.v_threshold * unit),
        "v_reset": spread(neuron.v_reset * unit),
        "metadata": _metadata(neuron) | {f"{SAYS}step": step, f"{SAYS}dt": dt_s},
    }
    synapse = neuron.synapse
    if not neuron.leaks and synapse is None:
        return nir.IF(**given)
    share = _share(neuron.leak, neuron.leak_bits)
    given |= {"r": spread(1 / share), "v_leak": spread(0.0)}
    if synapse is None:
        return nir.LIF(tau=spread(dt_s / share), **given)
    of_current = _share(synapse.leak, synapse.leak_bits)
    taus = {"tau_mem": spread(dt_s / share), "tau_syn": spread(dt_s / of_current)}
    return nir.CubaLIF(w_in=spread(1 / of_current), **taus, **given)


def _metadata(neuron: Neuron) -> dict[str, Any]:
    return {
        f"{SAYS}reset": neuron.reset,
        f"{SAYS}fires": _fires(neuron),
        f"{SAYS}delayed_reset": int(neuron.delayed_reset),
        f"{SAYS}reset_after_sum": int(neuron.reset_after_sum),
        f"{SAYS}fraction_bits": neuron.fraction_bits,
        f"{SAYS}membrane_bits": neuron.membrane_bits,
        f"{SAYS}leak_bits": neuron.leak_bits,
        f"{SAYS}synapse_leak_bits": 0 if neuron.synapse is None else neuron.synapse.leak_bits,
    }


def _fires(neuron: Neuron) -> str:
    return "at" if neuron.fires_at_threshold else "above"


def _share(leak: Leak, bits: int) -> Floats:
    """What a timestep is of a time constant."""
    return np.maximum(1 - np.asarray(leak) / (1 << bits), SLOWEST)
