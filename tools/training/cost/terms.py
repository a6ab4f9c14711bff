"""Terms of a loss for what spikes cost, each in shares of what the recorded samples of the start cost.

A machine's is `hwsim.oracle.torch.loss`.  Two proxies are spikes, and synaptic operations: spikes times fan-out, the
spiking synaptic penalty of Suetake et al. (arXiv 2302.01500) with p = 1, here with the exact fan-out of each neuron.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

import hwsim
import hwsim.oracle.torch as costs
from hwsim.errors import UsageError
from hwsim.oracle.objective import FIGURES, FIXED
from hwsim.traces.direct.trace import Trace
from hwsim.traces.planes import unpack_channels
from training.dietsnn.quantise import QuantNetwork

PROXIES = ("spikes", "synapses")
NONE = "none"
Spikes = Mapping[str, Tensor]
"""By layer, [timestep, sample, channel, y, x] or [timestep, sample, neuron]."""
Term = Callable[[Spikes, Tensor], Tensor]
"""Of spikes and raw pixels [sample, c, h, w]: a scalar."""


def check_term(name: str) -> str:
    """The name of a term: a proxy, or MACHINE:FIGURE; raises UsageError for a figure that no spike changes."""
    machine, colon, figure = name.partition(":")
    wanted = [each for each in FIGURES if each not in FIXED]
    if name not in PROXIES and not (machine and colon and figure in wanted):
        raise UsageError(
            f"--terms {name}: wanted {', '.join(PROXIES)} or MACHINE:FIGURE with one of {', '.join(wanted)}"
        )
    return name


def oracle_of(name: str, start: Trace) -> hwsim.Oracle:
    """The oracle of a term MACHINE:FIGURE."""
    machine, _, figure = name.partition(":")
    return hwsim.Oracle(machine, start, objective=figure)


def term_of(name: str, start: Trace, network: QuantNetwork, every: int) -> Term:
    """The term of that name."""
    if name in PROXIES:
        fan_out = fan_outs(network) if name == "synapses" else None
        unit = float(counted({layer: recorded(start, layer) for layer in start.spikes}, fan_out))
        return lambda spikes, _pixels: counted(spikes, fan_out) / unit
    oracle = oracle_of(name, start)
    return lambda spikes, pixels: costs.loss(oracle, spikes, pixels, every=every, relative=True)


def counted(spikes: Spikes, fan_out: Mapping[str, Tensor] | None) -> Tensor:
    """Spikes of a sample in the mean, or synaptic operations where a fan-out is given."""
    each = [
        values.sum() / values.shape[1]
        if fan_out is None
        else (values.sum((0, 1)) * fan_out[name]).sum() / values.shape[1]
        for name, values in spikes.items()
    ]
    return torch.stack(each).sum()


def recorded(start: Trace, layer: str) -> Tensor:
    """Recorded spikes of a layer [timestep, sample, channel, y, x], or [timestep, sample, neuron] of a flat one."""
    packed = start.spikes[layer]
    height, width, channels = packed.shape
    values = torch.from_numpy(unpack_channels(packed.words, channels)).float()  # [sample, timestep, place, channel]
    flat = values.permute(1, 0, 3, 2)
    return flat.unflatten(3, (height, width)) if height * width > 1 else flat[..., 0]


def fan_outs(network: QuantNetwork) -> dict[str, Tensor]:
    """Synapses that a spike of each neuron reaches, [channel, y, x] or [neuron]: at borders fewer."""
    blocks, maps, found = network.spiking(), network.geometry.maps(), {}
    for name, block, (height, width, channels) in zip(names(network), blocks[1:], maps, strict=False):
        ones = torch.ones(1, channels, height, width, requires_grad=True)
        weight = torch.ones_like(block.weight)
        if block.stride:
            reached = functional.conv2d(ones, weight, None, block.stride, padding=1)
        else:
            reached = functional.linear(ones.flatten(1), weight)
        found[name] = torch.autograd.grad(reached.sum(), ones)[0][0]
    found[names(network)[-1]] = torch.full((network.geometry.channels[-1],), float(network.geometry.n_classes))
    return found


def names(network: QuantNetwork) -> list[str]:
    """Names of the spiking layers, as traces of this tool have them."""
    n = len(network.spiking())
    return [*(f"conv{k + 1}" for k in range(n - 1)), "fc1"]


@contextmanager
def watched(network: QuantNetwork) -> Iterator[dict[str, Tensor]]:
    """Spikes by layer of the last forward pass."""
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[Any, Sequence[Any], Tensor], None]:
        def hook(_block: Any, _given: Sequence[Any], spikes: Tensor) -> None:
            seen[name] = spikes

        return hook

    pairs = zip(names(network), network.spiking(), strict=True)
    hooks = [block.register_forward_hook(keep(name)) for name, block in pairs]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
