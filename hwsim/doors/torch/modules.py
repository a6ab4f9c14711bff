"""What each module of PyTorch, snnTorch, SpikingJelly and Norse is in a float graph; the guide has a table of it."""

from __future__ import annotations

from torch import nn

from hwsim.doors.torch.neurons import norse, snntorch, spikingjelly
from hwsim.doors.torch.neurons.traits import Reads

NEURONS: Reads = {**snntorch.NEURONS, **spikingjelly.NEURONS, **norse.NEURONS}
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
