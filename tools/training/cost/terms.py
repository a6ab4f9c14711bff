"""Terms of a loss for what spikes cost, each in shares of what the spikes of the start are worth by its own slopes.

So one weight pushes as hard with each of them.  A machine's is that of `hwsim.oracle.torch`.  Two proxies are spikes,
and synaptic operations: spikes times fan-out, the spiking synaptic penalty of Suetake et al. (arXiv 2302.01500) with
p = 1, here with the exact fan-out of each neuron.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, get_args

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

import hwsim
import hwsim.oracle.torch as costs
from hwsim.errors import UsageError
from hwsim.oracle.gradient import Credit
from hwsim.oracle.objective import FIGURES, FIXED
from hwsim.traces.direct.trace import Trace
from hwsim.traces.planes import unpack_channels
from training.common.loop import as_pixels
from training.dietsnn.quantise import QuantNetwork

PROXIES = ("spikes", "synapses")
NONE = "none"
Spikes = Mapping[str, Tensor]
"""By layer, [timestep, sample, channel, y, x] or [timestep, sample, neuron]."""
Term = Callable[[Spikes, Tensor], Tensor]
"""Of spikes and raw pixels [sample, c, h, w]: a scalar."""


def check_term(name: str) -> str:
    """The name of a term: a proxy, MACHINE:FIGURE or MACHINE:FIGURE:CREDIT, such as `shared`.

    Raises UsageError for a figure that no spike changes, and for a credit that there is not.
    """
    machine, _, rest = name.partition(":")
    figure, colon, credit = rest.partition(":")
    wanted = [each for each in FIGURES if each not in FIXED]
    known = figure in wanted and (not colon or credit in get_args(Credit))
    if name not in PROXIES and not (machine and known):
        raise UsageError(
            f"--terms {name}: wanted {', '.join(PROXIES)} or MACHINE:FIGURE with one of {', '.join(wanted)}, and "
            f"then or not a credit, :{' or :'.join(get_args(Credit))}"
        )
    return name


class MachineTerm:
    """What a batch costs on a machine, in some unit; every few steps a batch is played."""

    def __init__(self, oracle: hwsim.Oracle, unit: float, every: int) -> None:
        self.unit, self._term = unit, costs.Term(oracle, every=every)

    def __call__(self, spikes: Spikes, pixels: Tensor) -> Tensor:
        """The term of a batch."""
        return self._term(spikes, pixels) / self.unit

    @property
    def drift(self) -> float:
        """How far the linear model between two batches that are played was off, in the mean."""
        return self._term.drift.mean


class Terms:
    """Terms by name, in what all recorded spikes of a sample of the start are worth by their slopes."""

    def __init__(self, start: Trace, network: QuantNetwork, every: int) -> None:
        self._start, self._network, self._every = start, network, every
        self._oracles: dict[str, tuple[hwsim.Oracle, float]] = {}

    def __call__(self, name: str) -> Term:
        """A new term: of a machine's, nothing has been played yet."""
        if name not in PROXIES:
            if name not in self._oracles:
                self._oracles[name] = self._oracle(*name.split(":"))  # type: ignore[arg-type]  # see check_term
            return MachineTerm(*self._oracles[name], self._every)
        fan_out = fan_outs(self._network) if name == "synapses" else None
        unit = float(counted(self._recorded(), fan_out))
        return lambda spikes, _pixels: counted(spikes, fan_out) / unit

    def _recorded(self) -> dict[str, Tensor]:
        return {layer: recorded(self._start, layer) for layer in self._start.spikes}

    def _oracle(self, machine: str, figure: str, credit: Credit = "single") -> tuple[hwsim.Oracle, float]:
        oracle = hwsim.Oracle(machine, self._start, objective=figure, credit=credit)
        spikes = {layer: each.requires_grad_() for layer, each in self._recorded().items()}
        pixels = as_pixels(torch.from_numpy(inputs_of(self._start)))
        costs.loss(oracle, spikes, pixels).backward()  # type: ignore[no-untyped-call]
        worth = [float((each.detach() * each.grad).sum()) for each in spikes.values() if each.grad is not None]
        return oracle, sum(worth)


def inputs_of(start: Trace) -> NDArray[Any]:
    """Raw inputs of the samples whose spikes are recorded; raises UsageError where there are none."""
    if start.inputs is None:
        raise UsageError("--start: wanted a trace with raw inputs")
    return start.inputs.values[: start.n_samples].copy()


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
    return flat.reshape(*flat.shape[:3], height, width) if height * width > 1 else flat[..., 0]


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
