"""Neurons of SpikingJelly."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwsim.doors.graph import Synapse
from hwsim.doors.torch.neurons.traits import Reads, Traits, floats, refuse


def _if_node(name: str, module: Any) -> Traits:
    return {"leak": np.ones(1), **_of_jelly(name, module)}


def _lif_node(name: str, module: Any) -> Traits:
    return _with_tau(name, module, float(module.tau))


def _ternary_if_node(name: str, module: Any) -> Traits:
    return {**_if_node(name, module), "signed": True}


def _ternary_lif_node(name: str, module: Any) -> Traits:
    return {**_lif_node(name, module), "signed": True}


def _parametric_node(name: str, module: Any) -> Traits:
    return _with_tau(name, module, 1 / float(module.w.detach().sigmoid()))


def _with_tau(name: str, module: Any, tau: float) -> Traits:
    gain = 1 / tau if module.decay_input else 1.0
    return {"leak": np.full(1, 1 - 1 / tau), "gain": gain, **_of_jelly(name, module)}


def _cuba_node(name: str, module: Any) -> Traits:
    leak, synapse = floats(module.v_decay), Synapse(floats(module.c_decay))
    return {"leak": leak, "synapse": synapse, **_of_jelly(name, module)}


def _of_jelly(name: str, module: Any) -> Traits:
    if module.v_reset not in (None, 0, 0.0):
        refuse(name, module, f"membranes begin at 0 in a trace, not at v_reset = {module.v_reset}: set it to 0")
    return {
        "threshold": floats(module.v_threshold),
        "reset": "soft" if module.v_reset is None else "hard",
        "fires_at_threshold": True,
    }


NEURONS: Reads = {
    "spikingjelly.IFNode": _if_node,
    "spikingjelly.SimpleIFNode": _if_node,
    "spikingjelly.LIFNode": _lif_node,
    "spikingjelly.SimpleLIFNode": _lif_node,
    "spikingjelly.ParametricLIFNode": _parametric_node,
    "spikingjelly.OTTTLIFNode": _lif_node,
    "spikingjelly.SLTTLIFNode": _lif_node,
    "spikingjelly.CUBALIFNode": _cuba_node,
    "spikingjelly.TernaryIFNode": _ternary_if_node,
    "spikingjelly.TernaryLIFNode": _ternary_lif_node,
}
