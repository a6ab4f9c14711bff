"""Neurons that fire once, executed as the trace format prescribes, with gradients through spike times.

A layer works on arrivals a = window - t of spikes at t, 0 for silence: what a spike has added per unit of weight when
the window of its layer ends.  All values are integers held exactly by floats below 2**24; nothing here saturates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hwsim.doors.torch.rounding import straight_through

FIRED_FIRST = 2.0**40
"""An earlier tick outweighs every potential (below 2**31) when output neurons are compared in double precision."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When the neurons of a layer may fire, and from what potential: see `hwsim.traces.ttfs.trace`."""

    window: int
    start: int
    ramp: int

    @property
    def v_threshold(self) -> int:
        """With windows one after another this makes an arrival the sum rounded to the nearest multiple of `ramp`."""
        return self.ramp * self.window + self.ramp // 2

    def lateness(self) -> Tensor:
        """For each tick from `start` on at which inputs still come, and the last: ticks left before they end [tick]."""
        n = max(1, self.window - self.start)
        return torch.arange(n - 1, -1, -1, dtype=torch.float32)


class Firing(NamedTuple):
    """Neurons at the tick at which they fire, or would if their window went on; all of one shape."""

    tick: Tensor  # counted from the start of the window, past its end for those that stay silent
    potential: Tensor
    slope: Tensor  # what the potential rose by at that tick, at least `ramp`

    def arrival(self, timing: Timing) -> Tensor:
        """Exact arrivals 0 to `window`; backwards an arrival moves with the potential, over the slope it rises by.

        Silent neurons that were close to firing (less than one tick late) and neurons that fired pass a gradient,
        those that would have fired before their window pass none: the derivative of the spike time, straight through
        its rounding to a tick.
        """
        hard = (timing.window - self.tick).clamp(min=0)
        clipped = (self.tick == 0) & (self.potential.detach() - self.slope >= timing.v_threshold)
        near = (self.tick <= timing.window) & ~clipped
        moving = torch.where(near, self.potential / self.slope, self.potential.detach() / self.slope)
        return hard + (moving - moving.detach())

    def continuous(self, timing: Timing) -> Tensor:
        """Arrivals before rounding to ticks, of silent neurons too: what the output is trained on."""
        return timing.window - self.tick + (self.potential - timing.v_threshold) / self.slope


def first_crossing(sums: Tensor, timing: Timing) -> Firing:
    """When potentials first reach the threshold, from sums of weight times post-synaptic potential plus bias.

    sums [tick, ...] for the ticks of `Timing.lateness`; after the last only `ramp` is added.
    """
    ticks = len(sums)
    steps = torch.arange(1, ticks + 1, device=sums.device, dtype=sums.dtype).reshape(-1, *[1] * (sums.dim() - 1))
    potentials = sums + timing.ramp * steps
    crossed = potentials.detach() >= timing.v_threshold
    first = crossed.to(torch.uint8).argmax(0, keepdim=True)
    last = sums[-1]
    late = (torch.ceil((timing.v_threshold - last.detach()) / timing.ramp) - 1).clamp(min=ticks - 1)
    early = crossed.any(0)
    tick = torch.where(early, first[0].to(sums.dtype), late)
    potential = torch.where(early, potentials.gather(0, first)[0], last + timing.ramp * (late + 1))
    with torch.no_grad():
        before = potentials.gather(0, (first - 1).clamp(min=0))[0]
        inside = early & (first[0] > 0)
        slope = torch.where(inside, potential - before, torch.full_like(last, timing.ramp)).clamp(min=timing.ramp)
    return Firing(tick, potential, slope)


class TimedLayer(nn.Module):
    """A convolution or a linear layer of fire-once neurons; real weights and biases are trained, integers executed."""

    def __init__(self, op: nn.Conv2d | nn.Linear, timing: Timing, bits: int, step: float, unit: float) -> None:
        """`step` is the real value of a weight step, `unit` that of an input arrival of 1."""
        super().__init__()
        self.op, self.timing, self.bits = op, timing, bits
        self.step, self.unit = step, unit

    @property
    def out_unit(self) -> float:
        """The real value of an arrival of 1 at the output."""
        return self.timing.ramp * self.step * self.unit

    def integer_weight(self) -> Tensor:
        """Weights in steps, as torch has them [out, in, ...]."""
        top = (1 << (self.bits - 1)) - 1
        return straight_through((self.op.weight / self.step).clamp(-top, top))

    def integer_bias(self) -> Tensor:
        """Initial potentials [out]."""
        return straight_through(self._real_bias())

    def _real_bias(self) -> Tensor:
        assert self.op.bias is not None
        return self.op.bias / (self.step * self.unit)

    def forward(self, arrivals: Tensor, rounded: bool = True) -> Firing:
        """Firing of every neuron [sample, ...] from arrivals of its inputs; of real weights where not `rounded`."""
        lateness = self.timing.lateness().to(arrivals.device)
        ramps = functional.relu(arrivals - lateness.reshape(-1, *[1] * arrivals.dim()))
        weight, bias = self.op.weight / self.step, self._real_bias()
        if rounded:
            weight, bias = self.integer_weight(), self.integer_bias()
        if isinstance(self.op, nn.Conv2d):
            sums = functional.conv2d(ramps.flatten(0, 1), weight, bias, self.op.stride, self.op.padding)
        else:
            sums = functional.linear(ramps.flatten(2).flatten(0, 1), weight, bias)
        return first_crossing(sums.reshape(*ramps.shape[:2], *sums.shape[1:]), self.timing)


class TimedNetwork(nn.Module):
    """Layers of fire-once neurons in a chain, from pixels to what the first output spike decides on."""

    def __init__(self, layers: list[TimedLayer], input_arrivals: Tensor) -> None:
        """`input_arrivals` [2 ** bits] gives the arrival of each raw input."""
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.register_buffer("input_arrivals", input_arrivals, persistent=False)

    @property
    def input_bits(self) -> int:
        """Of raw inputs."""
        table = self.input_arrivals
        assert isinstance(table, Tensor)
        return len(table).bit_length() - 1

    def timed(self) -> list[TimedLayer]:
        """The layers from input to output."""
        return [layer for layer in self.layers if isinstance(layer, TimedLayer)]

    def firings(self, pixels: Tensor, rounded: bool = True) -> list[Firing]:
        """Of every layer, for raw inputs [sample, ...], such as pixels 0..255 [sample, c, h, w]."""
        table = self.input_arrivals
        assert isinstance(table, Tensor)
        arrivals, out = table[pixels.long()], []
        for layer in self.timed():
            out.append(layer(arrivals, rounded))
            arrivals = out[-1].arrival(layer.timing)
        return out

    def forward(self, pixels: Tensor) -> Tensor:
        """Scores [1, sample, class]: in training real logits with gradients, else what decides, exactly.

        The highest score is then the neuron that fires first, of several the one of the highest potential, and of
        silent ones the highest at the end.
        """
        firing, timing = self.firings(pixels)[-1], self.timed()[-1].timing
        if self.training:
            return firing.continuous(timing).unsqueeze(0) * self.timed()[-1].out_unit
        arrival = (timing.window - firing.tick).clamp(min=0).double()
        at_end = firing.potential.double() + timing.ramp * (timing.window - 1 - firing.tick.double()).clamp(max=0)
        return (arrival * FIRED_FIRST + at_end).unsqueeze(0)

    def project(self) -> None:
        """Nothing to keep in range: weights beyond theirs are clipped where they are rounded."""
