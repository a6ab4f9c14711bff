"""From what bits of maps that layers read cost to what spikes cost: back through pools, sums and what arranges maps.

A spike that turns changes the integers that pools and sums make of it, and every digit of those that changes costs what
it does by itself.  So what one spike costs is exact where a layer's costs are in proportion to its bits, whatever lies
between; where a layer is read along several paths at once each is taken by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.contract.arrays import IntArray
from hwsim.contract.marginal import Marginals
from hwsim.traces.direct.encode import Activations
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import Add, Concat, Flatten, Input, Layer, Pool, Upsample, is_delayed
from hwsim.traces.network.window import Window
from hwsim.traces.planes import unpack_channels

Reals = NDArray[np.float32]
Change = Callable[[IntArray], Reals]
"""What it costs if each integer of a map alone changes by so much: [sample, timestep, place, channel] both."""


def by_spike(trace: Trace, marginals: Marginals) -> Mapping[str, Reals]:
    """What every spike costs: float32 [sample or 1, timestep or 1, place, channel or 1] by layer with neurons."""
    chain = _Chain(trace)
    for name, found in marginals.items():
        layer = trace.network[name]
        chain.read(layer.inputs[0], _early(found, trace.timesteps) if is_delayed(layer) else found)
    return chain.found


def _early(found: Reals, timesteps: int) -> Reals:
    """Of what was read one timestep later, when it was given."""
    whole = np.broadcast_to(found, (*found.shape[:2], timesteps, *found.shape[3:]))
    early = np.zeros_like(whole)
    early[:, :, :-1] = whole[:, :, 1:]
    return early


class _Chain:
    """Costs of spikes, added up over all who read them."""

    def __init__(self, trace: Trace) -> None:
        self._trace, self._network = trace, trace.network
        self._values: dict[str, IntArray] = {}
        self.found: dict[str, Reals] = {}

    def read(self, name: str, planes: Reals) -> None:
        """Add what the digits of a map cost that a layer reads: [plane or 1, sample, timestep, place, channel]."""
        layer = self._network[name]
        if name in self._trace.spikes:
            self._add(name, planes[0])
        elif isinstance(layer, Flatten) and layer.inputs[0] in self._trace.spikes:
            self._add(layer.inputs[0], _unflattened(planes[0], self._network[layer.inputs[0]].shape, layer.shape[2]))
        elif not isinstance(layer, Input):
            self._back(layer, self._digits(name, planes))

    def _add(self, name: str, each: Reals) -> None:
        self.found[name] = self.found[name] + each if name in self.found else each

    def _digits(self, name: str, planes: Reals) -> Change:
        """Costs of changed integers from those of their digits."""
        bits, values = self._network.bits(name), self.integers(name)
        if len(planes) < bits and self._network.signed(name):
            return lambda change: planes[0] * change.astype(np.float32)  # by value, as of signed spikes

        def change_of(change: IntArray) -> Reals:
            after, total = values + change, np.zeros(values.shape, np.float32)
            for p in range(bits):
                total += planes[p % len(planes)] * ((after >> p & 1) - (values >> p & 1)).astype(np.float32)
            return total

        return change_of

    def _back(self, layer: Layer, cost: Change) -> None:
        """Go on to what a layer without neurons is made of."""
        for source, change in self._sources(layer, cost):
            packed = self._trace.spikes.get(source)
            if packed is not None:
                fires = unpack_channels(packed.words, packed.shape[2]) > 0
                sign = 1 if packed.negative is None else 1 - 2 * self._negative(source)
                turned = np.where(fires, -sign, 1).astype(np.int64)
                self._add(source, change(turned) * turned.astype(np.float32))
            elif not isinstance(self._network[source], Input):
                self._back(self._network[source], change)

    def _negative(self, name: str) -> IntArray:
        packed = self._trace.spikes[name]
        assert packed.negative is not None
        return unpack_channels(packed.negative, packed.shape[2]).astype(np.int64)

    def _sources(self, layer: Layer, cost: Change) -> Iterator[tuple[str, Change]]:
        """What a layer reads, and what it costs if that changes."""
        first = layer.inputs[0]
        match layer:
            case Flatten():
                yield first, _flattened(cost)
            case Concat():
                yield from self._beside(layer, cost)
            case Upsample():
                yield first, _upsampled(cost, self._network[first].shape, layer.factor)
            case Add():
                for source, gain in zip(layer.inputs, layer.gains, strict=True):
                    yield source, _scaled(cost, gain)
            case Pool():
                yield first, self._pooled(layer, cost)

    def _beside(self, layer: Concat, cost: Change) -> Iterator[tuple[str, Change]]:
        first, channels = 0, layer.shape[2]
        for source in layer.inputs:
            yield source, _part(cost, slice(first, first + self._network[source].shape[2]), channels)
            first += self._network[source].shape[2]

    def _pooled(self, layer: Pool, cost: Change) -> Change:
        """Each place changes every window over it."""
        shape, frame = self._network[layer.inputs[0]].shape, _Frame(layer, self._network[layer.inputs[0]].shape[:2])
        before = self.integers(layer.name)
        lowest = np.iinfo(np.int64).min >> 1  # in the padding, never the most

        def change_of(change: IntArray) -> Reals:
            total = frame.room(change.shape[:2], shape[2])
            changes = frame.views(frame.framed(change))
            if layer.kind == "avg":
                outcomes = iter(changes)
            else:
                values = frame.framed(self.integers(layer.inputs[0]), lowest)
                outcomes = _outcomes([*frame.views(values)], [*changes], _picture(before, layer.shape[:2]))
            for into, outcome in zip(frame.views(total), outcomes, strict=True):
                found = cost(outcome.reshape(before.shape).astype(np.int64))
                into[...] += _picture(found, layer.shape[:2])
            return frame.inside(total).reshape(change.shape)

        return change_of

    def integers(self, name: str) -> IntArray:
        """The integers of a map: int64 [sample, timestep, place, channel]."""
        if name not in self._values:
            planes = Activations(self._trace, slice(None)).planes(name)
            digits, signed = unpack_channels(planes, self._network[name].shape[2]), self._network.signed(name)
            worth = np.left_shift(1, np.arange(len(digits), dtype=np.int64))
            if signed:
                worth[-1] *= -1
            steps = max(digits.shape[2], self._trace.timesteps)
            found = np.tensordot(worth, digits.astype(np.int64), axes=(0, 0))
            self._values[name] = np.broadcast_to(found, (len(found), steps, *found.shape[2:]))
        return self._values[name]


def _outcomes(values: list[NDArray[Any]], changes: list[NDArray[Any]], before: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """How much a maximum changes if one of its places does: for each place the most of all others, and itself."""
    for tap, (value, change) in enumerate(zip(values, changes, strict=True)):
        others = [each for i, each in enumerate(values) if i != tap]
        after = value + change
        for other in others:
            after = np.maximum(after, other)
        yield after - before


def _unflattened(each: Reals, shape: tuple[int, int, int], channels: int) -> Reals:
    whole = np.broadcast_to(each, (*each.shape[:3], channels))
    return whole.reshape(*each.shape[:2], shape[0] * shape[1], shape[2])


def _flattened(cost: Change) -> Change:
    def change_of(change: IntArray) -> Reals:
        return cost(change.reshape(*change.shape[:2], 1, -1)).reshape(change.shape)

    return change_of


def _upsampled(cost: Change, shape: tuple[int, int, int], factor: tuple[int, int]) -> Change:
    (height, width, channels), (down, right) = shape, factor

    def change_of(change: IntArray) -> Reals:
        picture = change.reshape(*change.shape[:2], height, width, channels)
        total = np.zeros(picture.shape, np.float32)
        for row in range(down):  # each copy by itself: they are under windows of their own
            for column in range(right):
                only = np.zeros((*change.shape[:2], height, down, width, right, channels), np.int64)
                only[:, :, :, row, :, column] = picture
                found = cost(only.reshape(*change.shape[:2], -1, channels))
                total += found.reshape(only.shape)[:, :, :, row, :, column]
        return total.reshape(change.shape)

    return change_of


def _scaled(cost: Change, gain: int) -> Change:
    return lambda change: cost(change * gain)


def _part(cost: Change, own: slice, channels: int) -> Change:
    def change_of(change: IntArray) -> Reals:
        whole = np.zeros((*change.shape[:3], channels), np.int64)
        whole[..., own] = change
        return cost(whole)[..., own]

    return change_of


class _Frame:
    """A map with the padding of a pool around it."""

    def __init__(self, layer: Pool, size: tuple[int, int]) -> None:
        moves = layer.window
        self._window = Window(moves.kernel, moves.stride, (0, 0, 0, 0), moves.dilation)
        self._outputs, self._size, self._padding = layer.shape[:2], size, moves.padding

    def room(self, leading: tuple[int, int], channels: int) -> Reals:
        """Zeros for a padded map."""
        top, bottom, left, right = self._padding
        return np.zeros((*leading, self._size[0] + top + bottom, self._size[1] + left + right, channels), np.float32)

    def framed(self, values: NDArray[Any], lowest: int = 0) -> NDArray[Any]:
        """Values [sample, timestep, place, channel] as a padded map."""
        picture = _picture(values, self._size)
        sides = [(0, 0), (0, 0), self._padding[:2], self._padding[2:], (0, 0)]
        return np.pad(picture, sides, constant_values=lowest)

    def views(self, framed: NDArray[Any]) -> Iterator[NDArray[Any]]:
        """What each tap of all windows meets, to be read or added to."""
        return self._window.views(framed, self._outputs)

    def inside(self, framed: Reals) -> Reals:
        """The map without its padding."""
        (top, _, left, _), (height, width) = self._padding, self._size
        return np.ascontiguousarray(framed[:, :, top : top + height, left : left + width])


def _picture(values: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    return values.reshape(*values.shape[:2], *size, values.shape[-1])
