"""Neurons of Norse."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwsim.doors.graph import Synapse
from hwsim.doors.torch.neurons.traits import BACK, INTO, Reads, Traits, floats, linear, refuse


def _lif_box(name: str, module: Any) -> Traits:
    """Norse's v + dt / tau (v_leak - v + x), with membranes counted from v_leak, at which they begin."""
    share = floats(module.dt * module.p.tau_mem_inv)
    return {"leak": 1 - share, "gain": share, **_of_norse(name, module, "v_leak")}


def _lif(name: str, module: Any) -> Traits:
    """The same with a current that first takes x and then leaks, so that the membrane takes it before it has leaked."""
    return {**_lif_box(name, module), "synapse": _norse_synapse(module)}


def _lif_recurrent(name: str, module: Any) -> Traits:
    layers = {INTO: linear(module.input_weights), BACK: linear(module.recurrent_weights)}
    return {**_lif(name, module), **layers}


def _iaf(name: str, module: Any) -> Traits:
    return {"leak": np.ones(1), **_of_norse(name, module, "v_reset")}


def _li_box(_name: str, module: Any) -> Traits:
    """A leaky integrator, which is read out: what it leaks to is the same for all classes."""
    share = floats(module.dt * module.p.tau_mem_inv)
    return {"leak": 1 - share, "gain": share, "threshold": np.full(1, np.inf), "reset": "none"}


def _li(name: str, module: Any) -> Traits:
    return {**_li_box(name, module), "synapse": _norse_synapse(module)}


def _norse_synapse(module: Any) -> Synapse:
    return Synapse(1 - floats(module.dt * module.p.tau_syn_inv))


def _of_norse(name: str, module: Any, begins: str) -> Traits:
    p = module.p
    start, threshold, v_reset = (floats(getattr(p, key)) for key in (begins, "v_th", "v_reset"))
    if v_reset.size != 1 or start.size != 1:
        refuse(name, module, f"wanted one v_reset and one {begins} for all neurons")
    method = getattr(getattr(p, "reset_method", None), "__name__", "reset_value")
    if method not in ("reset_value", "reset_subtract") or (method == "reset_subtract" and start[0]):
        refuse(name, module, f"wanted a reset to a value, or by subtraction with v_leak 0, found {method}")
    soft = method == "reset_subtract"
    reset = {"reset": "soft"} if soft else {"reset": "hard", "v_reset": float(v_reset[0] - start[0])}
    return {"threshold": threshold - start[0], **reset}


NEURONS: Reads = {
    "norse.LIFBoxCell": _lif_box,
    "norse.LIFCell": _lif,
    "norse.LIF": _lif,
    "norse.LIFRecurrentCell": _lif_recurrent,
    "norse.LIFRecurrent": _lif_recurrent,
    "norse.IAFCell": _iaf,
    "norse.IAF": _iaf,
    "norse.LIBoxCell": _li_box,
    "norse.LICell": _li,
    "norse.LI": _li,
}
