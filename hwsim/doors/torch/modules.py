"""What each module of PyTorch, snnTorch, SpikingJelly and Norse is in a float graph; the guide has a table of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from hwsim.doors.graph import Floats
from hwsim.errors import TraceError

Traits = Mapping[str, Any]
"""Fields of `hwsim.doors.graph.Neurons` but for name, inputs and shape."""


def floats(value: Any) -> Floats:
    """A tensor or number as 64-bit floats in one axis."""
    found: Floats = torch.as_tensor(value).detach().cpu().double().numpy().reshape(-1)
    return found


def refuse(name: str, module: object, what: str) -> None:
    """Raise TraceError about a module, by the name that it has in the model."""
    raise TraceError(f"module '{name}' ({type(module).__name__}): {what}")


def _leaky(name: str, module: Any) -> Traits:
    if module.inhibition:
        refuse(name, module, "inhibition within a layer cannot be said in a trace: leave it out")
    if float(torch.as_tensor(module.graded_spikes_factor).detach().reshape(-1)[0]) != 1:
        refuse(name, module, "graded spikes cannot be said in a trace: wanted a factor of 1")
    reset = {"subtract": "soft", "zero": "hard", "none": "none"}[module.reset_mechanism]
    return {
        "leak": floats(module.beta).clip(0, 1),
        "threshold": floats(module.threshold),
        "reset": reset,
        "delayed_reset": bool(module.reset_delay) and reset != "none",
    }


def _if_node(name: str, module: Any) -> Traits:
    return {"leak": np.ones(1), **_of_jelly(name, module)}


def _lif_node(name: str, module: Any) -> Traits:
    return _with_tau(name, module, float(module.tau))


def _parametric_node(name: str, module: Any) -> Traits:
    return _with_tau(name, module, 1 / float(module.w.detach().sigmoid()))


def _with_tau(name: str, module: Any, tau: float) -> Traits:
    gain = 1 / tau if module.decay_input else 1.0
    return {"leak": np.full(1, 1 - 1 / tau), "gain": gain, **_of_jelly(name, module)}


def _of_jelly(name: str, module: Any) -> Traits:
    if module.v_reset not in (None, 0, 0.0):
        refuse(name, module, f"membranes begin at 0 in a trace, not at v_reset = {module.v_reset}: set it to 0")
    return {
        "threshold": floats(module.v_threshold),
        "reset": "soft" if module.v_reset is None else "hard",
        "fires_at_threshold": True,
    }


def _lif_box(name: str, module: Any) -> Traits:
    """Norse's v + dt / tau (v_leak - v + x), with membranes counted from v_leak, at which they begin."""
    share = floats(module.dt * module.p.tau_mem_inv)
    if share.size != 1:
        refuse(name, module, f"wanted one tau_mem_inv for all neurons, found {share.size} values")
    return {"leak": 1 - share, "gain": float(share[0]), **_of_norse(name, module, "v_leak")}


def _iaf(name: str, module: Any) -> Traits:
    return {"leak": np.ones(1), **_of_norse(name, module, "v_reset")}


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


NEURONS: dict[str, Callable[[str, Any], Traits]] = {
    "snntorch.Leaky": _leaky,
    "spikingjelly.IFNode": _if_node,
    "spikingjelly.LIFNode": _lif_node,
    "spikingjelly.ParametricLIFNode": _parametric_node,
    "norse.LIFBoxCell": _lif_box,
    "norse.IAFCell": _iaf,
}
"""Neurons by library and class."""

WHOLE = {
    "Conv1d": "padded by zeros",
    "Conv2d": "padded by zeros",
    "ConvTranspose1d": "padding at least output_padding, less than the window",
    "ConvTranspose2d": "padding at least output_padding, less than the window",
    "Linear": "",
    "BatchNorm1d": "in eval mode, after weights: folded into them",
    "BatchNorm2d": "in eval mode, after weights: folded into them",
    "AvgPool1d": "with one divisor for all windows, so with count_include_pad if padded",
    "AvgPool2d": "with one divisor for all windows, so with count_include_pad if padded",
    "MaxPool1d": "without dilation",
    "MaxPool2d": "without dilation",
    "AdaptiveAvgPool1d": "to 1",
    "AdaptiveAvgPool2d": "to 1 x 1",
    "Flatten": "to a vector",
    "VotingLayer": "SpikingJelly's, as the last layer",
    "Dropout": "in eval mode: nothing",
    "Dropout2d": "in eval mode: nothing",
    "Identity": "nothing",
}
"""Other modules that are taken as a whole, by class, whichever library they are of."""

FUNCTIONS = {
    "flatten": "to a vector",
    "reshape": "to a vector",
    "view": "to a vector",
    "max_pool1d": "as the module",
    "max_pool2d": "as the module",
    "avg_pool1d": "as the module",
    "avg_pool2d": "as the module",
    "add": "of two branches",
    "iadd": "of two branches",
    "__add__": "of two branches",
    "__radd__": "of two branches",
}
"""Functions between modules."""

HINTS = {
    "Synaptic": "a synaptic current is not in the format yet: train with Leaky",
    "Alpha": "two synaptic currents are not in the format yet: train with Leaky",
    "RLeaky": "recurrence is not in the format yet: train with Leaky",
    "RSynaptic": "recurrence is not in the format yet: train with Leaky",
    "LIFCell": "a synaptic current is not in the format yet: train with LIFBoxCell",
    "LIF": "a synaptic current is not in the format yet: loop over LIFBoxCell",
    "LIFBox": "has its loop over time within: loop over LIFBoxCell",
    "ReLU": "is no spiking neuron: a trace is of spikes",
    "LayerNorm": "cannot be folded into weights: use batch norm",
    "GroupNorm": "cannot be folded into weights: use batch norm",
    "Upsample": "is not in the format yet",
}


def neuron_key(module: nn.Module) -> str | None:
    """The key of a module of neurons, or None for other modules."""
    for kind in type(module).__mro__:
        library = kind.__module__.partition(".")[0]
        if f"{library}.{kind.__name__}" in NEURONS:
            return f"{library}.{kind.__name__}"
    return None


def class_of(module: nn.Module) -> str | None:
    """The class of a module that is taken as a whole, perhaps of a library's subclass; None for others."""
    return next((kind.__name__ for kind in type(module).__mro__ if kind.__name__ in WHOLE), None)


def is_whole(module: nn.Module) -> bool:
    """Whether a module is one call: neurons, known layers, and whatever else has no modules within."""
    return neuron_key(module) is not None or class_of(module) is not None or not any(True for _ in module.children())
