"""A spiking network in floats, as frameworks have it: what all doors read, before anything is rounded.

Shapes are height, width, channels; a vector is (1, 1, n).  Weights are [kernel y, x, in / groups, out].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.traces.network.layers import ReadOf
from hwsim.traces.network.window import Window

Floats = NDArray[np.float64]
Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Node:
    """A step of the network, under the name that its module or node has."""

    name: str
    inputs: tuple[str, ...]
    shape: Shape


@dataclass(frozen=True, slots=True)
class Source(Node):
    """The input: integers, of which one is worth `unit`; over time or the same at every timestep."""

    unit: float
    bits: int
    over_time: bool
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Steps:
    """The integers that weights, or sums of currents, are known to be of: the real value of 1 in each channel."""

    step: Floats  # [channel]
    bits: int = 0  # of a weight


@dataclass(frozen=True, slots=True)
class Widths:
    """The fixed point that neurons are known to have."""

    fraction_bits: int
    membrane_bits: int
    leak_bits: int
    synapse_leak_bits: int


@dataclass(frozen=True, slots=True)
class Weighted(Node):
    """A convolution, or a fully connected layer over (1, 1, n)."""

    weight: Floats
    bias: Floats | None  # [channel]
    window: Window = Window()  # noqa: RUF009, it is frozen
    groups: int = 1
    linear: bool = False
    delayed: bool = False  # it reads what neurons, at any place of the graph, gave one timestep before
    steps: Steps | None = None


@dataclass(frozen=True, slots=True)
class Pooled(Node):
    """Sum, over a divisor, or maximum of windows; padding adds nothing and is never the maximum."""

    kind: Literal["sum", "max"]
    window: Window
    divisor: int = 1


@dataclass(frozen=True, slots=True)
class Flattened(Node):
    """(h, w, c) read in that order as a vector."""


@dataclass(frozen=True, slots=True)
class Joined(Node):
    """Maps of one height and width side by side, the channels of each after those before it."""


@dataclass(frozen=True, slots=True)
class Upsampled(Node):
    """Every place `factor` (rows, columns) times beside itself."""

    factor: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Added(Node):
    """The sum of what it reads."""

    steps: Steps | None = None


@dataclass(frozen=True, slots=True)
class Synapse:
    """A synaptic current of each neuron, i = leak i + x; the membrane takes i, or i as it was before if `delayed`."""

    leak: Floats  # [channel] or [1]
    delayed: bool = False


@dataclass(frozen=True, slots=True)
class Neurons(Node):
    """v = leak v + gain x + drive, then a comparison with the threshold; see docs/guides/neurons.md.

    Where a neuron fired in the timestep before, x has `feedback` more; with a `synapse` v takes its current for x.
    Those whose threshold is infinite never fire: they are read out.
    """

    leak: Floats  # [channel] or [1]
    threshold: Floats  # [channel] or [1]
    gain: Floats | float = 1.0  # [channel], [1] or one
    drive: Floats | float = 0.0  # added at every timestep
    reset: Literal["soft", "hard", "none"] = "soft"
    v_reset: float = 0.0
    fires_at_threshold: bool = False
    delayed_reset: bool = False
    reset_after_sum: bool = False  # of a delayed hard reset: what arrives in its timestep is lost
    synapse: Synapse | None = None
    feedback: Floats | None = None  # [channel] or [1]
    signed: bool = False  # they fire -1 below minus their threshold
    widths: Widths | None = None


@dataclass(frozen=True, slots=True)
class Votes(Node):
    """Decision by counts of spikes, `votes` neighbouring channels a class, by membranes or by their mean over time."""

    votes: int
    of: ReadOf


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which each comes after those that it reads, unless `delayed`; the first is the Source."""

    nodes: tuple[Node, ...]

    def __getitem__(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    @property
    def source(self) -> Source:
        """The input."""
        first = self.nodes[0]
        assert isinstance(first, Source)
        return first

    def readers(self, name: str) -> list[Node]:
        """Who reads a node."""
        return [node for node in self.nodes if name in node.inputs]


def fail(node: Node, what: str) -> None:
    """Raise TraceError about a node, by its name."""
    raise TraceError(f"'{node.name}' ({type(node).__name__.lower()}): {what}")
