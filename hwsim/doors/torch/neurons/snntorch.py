"""Neurons of snnTorch."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwsim.doors.graph import Synapse
from hwsim.doors.torch.neurons.traits import BACK, Reads, Traits, floats, refuse


def _of_snntorch(name: str, module: Any) -> dict[str, Any]:
    """What all neurons of snnTorch have; a reset in the timestep after, unless they say otherwise."""
    if module.inhibition:
        refuse(name, module, "inhibition within a layer cannot be said in a trace: leave it out")
    if module.state_quant:
        refuse(name, module, "states are quantised as hwsim does not: leave state_quant out")
    if float(floats(module.graded_spikes_factor)[0]) != 1:
        refuse(name, module, "graded spikes cannot be said in a trace: wanted a factor of 1")
    reset = {"subtract": "soft", "zero": "hard", "none": "none"}[module.reset_mechanism]
    return {
        "leak": floats(module.beta).clip(0, 1),
        "threshold": floats(module.threshold),
        "reset": reset,
        "delayed_reset": bool(getattr(module, "reset_delay", True)) and reset != "none",
    }


def _leaky(name: str, module: Any) -> Traits:
    return _of_snntorch(name, module)


def _lost_at_reset(traits: dict[str, Any]) -> dict[str, Any]:
    """The same where a reset to zero takes what arrives with it."""
    return traits | {"reset_after_sum": traits["reset"] == "hard" and traits["delayed_reset"]}


def _lapicque(name: str, module: Any) -> Traits:
    step = floats(module.time_step)
    leak, gain = 1 - step / (floats(module.R) * floats(module.C)), step / floats(module.C)
    return _lost_at_reset(_of_snntorch(name, module)) | {"leak": leak, "gain": gain}


def _synaptic(name: str, module: Any) -> Traits:
    synapse = Synapse(floats(module.alpha).clip(0, 1))
    return _lost_at_reset(_of_snntorch(name, module)) | {"synapse": synapse}


def _alpha(name: str, module: Any) -> Traits:
    """The difference of two currents is the membrane that a current of the timestep before drives."""
    traits = _of_snntorch(name, module)
    if traits["reset"] != "none":
        refuse(name, module, "is reset in its currents, which a trace's neurons keep: wanted reset_mechanism='none'")
    alpha, beta = floats(module.alpha).clip(0, 1), traits["leak"]
    with np.errstate(divide="ignore"):
        tau = np.log(alpha) / (np.log(beta) - np.log(alpha)) + 1
    return traits | {"gain": tau * (alpha - beta), "synapse": Synapse(alpha, delayed=True)}


def _r_leaky(name: str, module: Any) -> Traits:
    return _lost_at_reset(_of_snntorch(name, module)) | _recurrent(module)


def _r_synaptic(name: str, module: Any) -> Traits:
    if not module.reset_delay:
        refuse(name, module, "reset_delay=False resets nothing in snnTorch 1.0: leave it out")
    return {**_synaptic(name, module), **_recurrent(module)}


def _recurrent(module: Any) -> dict[str, Any]:
    """Own spikes by a weight for each neuron, or by a layer of weights."""
    own = module.recurrent
    return {BACK: own} if module.all_to_all else {"feedback": floats(own.V)}


NEURONS: Reads = {
    "snntorch.Leaky": _leaky,
    "snntorch.Lapicque": _lapicque,
    "snntorch.Synaptic": _synaptic,
    "snntorch.Alpha": _alpha,
    "snntorch.RLeaky": _r_leaky,
    "snntorch.RSynaptic": _r_synaptic,
}
