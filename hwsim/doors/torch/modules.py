"""What each module of PyTorch, snnTorch, SpikingJelly and Norse is in a float graph; the guide has a table of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np
import torch
from torch import nn

from hwsim.doors.graph import Floats, Synapse
from hwsim.errors import TraceError

Traits = Mapping[str, Any]
"""Fields of `hwsim.doors.graph.Neurons` but for name, inputs and shape, and layers within: `INTO` and `BACK`."""
INTO, BACK = "into", "back"
"""Layers of weights that a module of neurons has within: for its input, and for its spikes of the timestep before."""


def floats(value: Any) -> Floats:
    """A tensor or number as 64-bit floats in one axis."""
    found: Floats = torch.as_tensor(value).detach().cpu().double().numpy().reshape(-1)
    return found


def refuse(name: str, module: object, what: str) -> NoReturn:
    """Raise TraceError about a module, by the name that it has in the model."""
    raise TraceError(f"module '{name}' ({type(module).__name__}): {what}")


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


def linear(weight: torch.Tensor) -> nn.Linear:
    """A layer of weights [out, in]."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
    layer.weight = nn.Parameter(weight.detach())
    return layer


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
    "snntorch.Lapicque": _lapicque,
    "snntorch.Synaptic": _synaptic,
    "snntorch.Alpha": _alpha,
    "snntorch.RLeaky": _r_leaky,
    "snntorch.RSynaptic": _r_synaptic,
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
"""Neurons by library and class."""
_OF_NEURONS = ("snntorch._neurons", "spikingjelly.activation_based.neuron", "norse.torch.module")
_NORSE_IN_TIME = {"SNN", "SNNRecurrent", "Lift"}
_NORSE_CELLS = {"SNNCell", "SNNRecurrentCell", "SNN", "SNNRecurrent"}

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
    "AdaptiveAvgPool1d": "where windows are equal, or places are repeated a whole number of times",
    "AdaptiveAvgPool2d": "where windows are equal, or places are repeated a whole number of times",
    "Upsample": "nearest, whole factors",
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
    "add_": "of two branches",
    "iadd": "of two branches",
    "__add__": "of two branches",
    "__radd__": "of two branches",
    "adaptive_avg_pool2d": "as AdaptiveAvgPool2d",
    "interpolate": "nearest, whole factors",
    "cat": "of channels of maps, or of vectors before a Linear",
    "stack": "of timesteps",
}
"""Functions between modules."""

CONTAINERS = {
    "LinearRecurrentContainer": "SpikingJelly's, around neurons or a Linear and neurons",
    "ElementWiseRecurrentContainer": "SpikingJelly's, whose function is a sum",
    "Lift": "Norse's",
    "SequentialState": "Norse's",
}
"""Modules of libraries that are looked into, as any module is that has others within; with recurrence or time."""

HINTS = {
    "LeakyParallel": "is a recurrent layer of ReLU, whose values it compares: train with Leaky",
    "LinearLeaky": "filters all timesteps at once: train with Leaky and reset_mechanism='none'",
    "StateLeaky": "filters all timesteps at once: train with Leaky and reset_mechanism='none'",
    "AssociativeLeaky": "has states that its inputs write and erase: train with Leaky",
    "DeltaLeaky": "fires where its membrane changes, up or down: train with Leaky",
    "SConv2dLSTM": "is an LSTM of maps, which no trace says: train with RLeaky",
    "HalfThresholdIFNode": "begins at half of its threshold, membranes of a trace at 0: train with IFNode",
    "STBIFNode": "counts what it fires, within bounds, and begins at half of its threshold: use TernaryIFNode",
    "ILIFNode": "fires several spikes a timestep: train with LIFNode",
    "LIAFNode": "gives values and no spikes: train with LIFNode",
    "KLIFNode": "cuts its membrane off below 0: train with LIFNode",
    "GatedLIFNode": "has gates of its own: train with LIFNode",
    "ComplementaryLIFNode": "has a sigmoid in its reset: train with LIFNode",
    "IzhikevichNode": "has a quadratic membrane: train with LIFNode",
    "QIFNode": "has a quadratic membrane: train with LIFNode",
    "EIFNode": "has an exponential membrane: train with LIFNode",
    "MPBNLIFNode": "normalises its membrane: train with LIFNode",
    "NonSpikingIFNode": "gives what it has decoded itself: end with IFNode and readout='membrane'",
    "NonSpikingLIFNode": "gives what it has decoded itself: end with LIFNode and readout='membrane'",
    "SynapseFilter": "filters spikes before weights: train with CUBALIFNode",
    "LIFExCell": "has an exponential membrane: train with LIFCell",
    "LIFAdExCell": "has an exponential membrane: train with LIFCell",
    "LIFRefracCell": "has a refractory time: train with LIFCell",
    "LSNNCell": "has a threshold that adapts: train with LIFCell",
    "IzhikevichCell": "has a quadratic membrane: train with LIFCell",
    "CobaLIFCell": "has conductances: train with LIFCell",
    "ReLU": "is no spiking neuron: a trace is of spikes; coding='ttfs' takes first spikes of a network of ReLU",
    "LayerNorm": "cannot be folded into weights: use batch norm",
    "GroupNorm": "cannot be folded into weights: use batch norm",
}


def _library_class(module: nn.Module) -> tuple[str, type] | None:
    """The library that a module is of, or that its class is derived from, and the class there."""
    for kind in type(module).__mro__:
        if kind.__module__.startswith(_OF_NEURONS):
            return kind.__module__.partition(".")[0], kind
    return None


def neuron_key(module: nn.Module) -> str | None:
    """The key of a module of neurons, or None for other modules, those of neurons that no trace says among them."""
    library, kind = _library_class(module) or ("", type(module))
    key = f"{library}.{kind.__name__}"
    return key if key in NEURONS else None


def hint(module: nn.Module) -> str | None:
    """Why a module is refused, where that is known; Norse's neurons in time are as its cells."""
    names = [kind.__name__ for kind in type(module).__mro__]
    found = (
        HINTS.get(name) or HINTS.get(f"{name.removesuffix('Cell').removesuffix('Recurrent')}Cell") for name in names
    )
    return next((each for each in found if each), None)


def is_neurons(module: nn.Module) -> bool:
    """Whether a module is one of a library's neurons, taken or not."""
    library, kind = _library_class(module) or ("", type(module))
    names = {each.__name__ for each in kind.__mro__}
    return bool(library) and (library != "norse" or bool(names & _NORSE_CELLS))


def is_in_time(module: nn.Module) -> bool:
    """Whether a module takes all timesteps in one call, along the first axis."""
    names = {kind.__name__ for kind in type(module).__mro__ if kind.__module__.startswith("norse.")}
    return getattr(module, "step_mode", "s") == "m" or bool(names & _NORSE_IN_TIME)


def has_memory(module: nn.Module) -> bool:
    """Whether a module of a library keeps something from call to call."""
    return any(kind.__module__.startswith(("snntorch.", "spikingjelly.")) for kind in type(module).__mro__)


def class_of(module: nn.Module) -> str | None:
    """The class of a module that is taken as a whole, perhaps of a library's subclass; None for others."""
    return next((kind.__name__ for kind in type(module).__mro__ if kind.__name__ in WHOLE), None)


def is_whole(module: nn.Module) -> bool:
    """Whether a module is one call: neurons, known layers, and whatever else has no modules within."""
    return is_neurons(module) or class_of(module) is not None or not any(True for _ in module.children())


def reset(model: nn.Module) -> None:
    """Membranes and what containers keep back to where they begin, in the way of either library."""
    for module in filter(has_memory, model.modules()):
        for name in ("reset_mem", "reset"):
            if callable(getattr(module, name, None)):
                getattr(module, name)()
                break
