"""From what bits of maps that layers read cost to what spikes cost: back through pools, sums and what arranges maps.

A spike that turns changes the integers that a pool or a sum makes of it, and every digit that changes counts: what is
made of spikes alone is exact.  Further back it is what one more and one less cost in the mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.contract.marginal import Marginals
from hwsim.traces.direct.encode import Activations
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import Add, Concat, Flatten, Layer, Pool, Upsample, is_delayed
from hwsim.traces.network.window import Window
from hwsim.traces.planes import unpack_channels

Reals = NDArray[np.float32]
_Step = Callable[[int], Reals]
"""What a change by so much costs."""


def by_spike(trace: Trace, marginals: Marginals) -> Mapping[str, Reals]:
    """What every spike costs: float32 [sample or 1, timestep or 1, place, channel or 1] by layer with neurons."""
    chain = _Chain(trace)
    for name, found in marginals.items():
        layer = trace.network[name]
        chain.digits(layer.inputs[0], _early(found, trace.timesteps) if is_delayed(layer) else found)
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
        self.found: dict[str, Reals] = {}

    def digits(self, name: str, planes: Reals) -> None:
        """Add what the digits of a map cost: [plane or 1, sample, timestep, place, channel]."""
        layer = self._network[name]
        if name in self._trace.spikes:
            self._add(name, planes[0])
        elif isinstance(layer, Flatten | Concat | Upsample):
            for source, part in self._arranged(layer, planes):
                self.digits(source, part)
        elif isinstance(layer, Pool) and layer.kind == "max":
            self._maximum(layer, planes[0])
        elif isinstance(layer, Pool | Add):
            more, less = self._steps(layer, planes)
            for source, gain in zip(layer.inputs, _gains(layer), strict=True):
                self._summed(layer, source, more(gain), less(gain))

    def values(self, name: str, each: Reals) -> None:
        """Add what 1 more of the integers of a map costs: [sample, timestep, place, channel]."""
        layer = self._network[name]
        if name in self._trace.spikes:
            self._add(name, each)
        elif isinstance(layer, Flatten | Concat | Upsample):
            for source, part in self._arranged(layer, each[None]):
                self.values(source, part[0])
        elif isinstance(layer, Pool) and layer.kind == "max":
            self._maximum(layer, each)
        elif isinstance(layer, Pool | Add):
            for source, gain in zip(layer.inputs, _gains(layer), strict=True):
                self._summed(layer, source, each * np.float32(gain), each * np.float32(gain))

    def _add(self, name: str, each: Reals) -> None:
        self.found[name] = self.found[name] + each if name in self.found else each

    def _arranged(self, layer: Layer, planes: Reals) -> Iterator[tuple[str, Reals]]:
        """What each source of a layer that only arranges gets of its costs."""
        channels = layer.shape[2]
        if isinstance(layer, Flatten):
            (name,) = layer.inputs
            height, width, own = self._network[name].shape
            whole = np.broadcast_to(planes, (*planes.shape[:4], channels))
            yield name, whole.reshape(*planes.shape[:3], height * width, own)
        elif isinstance(layer, Concat):
            whole, first = np.broadcast_to(planes, (*planes.shape[:4], channels)), 0
            for name in layer.inputs:
                own = self._network[name].shape[2]
                yield name, whole[: self._network.bits(name), ..., first : first + own]
                first += own
        elif isinstance(layer, Upsample):
            (name,), (down, right) = layer.inputs, layer.factor
            height, width, _ = self._network[name].shape
            parts = planes.reshape(*planes.shape[:3], height, down, width, right, planes.shape[-1])
            yield name, parts.sum(axis=(4, 6)).reshape(*planes.shape[:3], height * width, planes.shape[-1])

    def _steps(self, layer: Layer, planes: Reals) -> tuple[_Step, _Step]:
        """What so many more, and so many less, of a map's integers cost."""
        name = layer.name
        bits, values = self._network.bits(name), self._integers(name)
        if len(planes) == 1 and self._network.signed(name):  # by value

            def by_value(gain: int) -> Reals:
                return planes[0] * np.float32(gain)

            return by_value, by_value

        def digits(integers: NDArray[np.int64], digit: int) -> Reals:
            return (integers >> digit & 1).astype(np.float32)

        def between(low: NDArray[np.int64], high: NDArray[np.int64]) -> Reals:
            changes = (planes[p % len(planes)] * (digits(high, p) - digits(low, p)) for p in range(bits))
            total: Reals = sum(changes, np.zeros(1, np.float32))
            return total

        return lambda gain: between(values, values + gain), lambda gain: between(values - gain, values)

    def _integers(self, name: str) -> NDArray[np.int64]:
        """The integers of a map: int64 [sample, timestep, place, channel]."""
        planes = Activations(self._trace, slice(None)).planes(name)
        digits, signed = unpack_channels(planes, self._network[name].shape[2]), self._network.signed(name)
        worth = np.left_shift(1, np.arange(len(digits), dtype=np.int64))
        if signed:
            worth[-1] *= -1
        return np.tensordot(worth, digits.astype(np.int64), axes=(0, 0))

    def _summed(self, layer: Layer, source: str, more: Reals, less: Reals) -> None:
        """Hand on what one more and one less of a source costs in each integer that it is added to."""
        spikes = self._trace.spikes.get(source)
        if spikes is None:
            each = (more + less) / np.float32(2)
            self.values(source, self._under(layer, source, each, each, None))
            return
        fires = unpack_channels(spikes.words, spikes.shape[2]) > 0
        self._add(source, self._under(layer, source, more, less, fires))

    def _under(self, layer: Layer, source: str, more: Reals, less: Reals, fires: NDArray[np.bool_] | None) -> Reals:
        """Added up over the windows that cover each place; of an `Add` each place has one."""
        if not isinstance(layer, Pool):
            return more if fires is None else np.where(fires, less, more)
        shape, channels = self._network[source].shape, layer.shape[2]
        samples, steps = (max(more.shape[i], 1 if fires is None else fires.shape[i]) for i in (0, 1))
        frame = _Frame(layer, shape[:2])
        total = frame.room((samples, steps), channels)
        pictures = [_picture(each, layer.shape[:2]) for each in (more, less)]
        bits = frame.views(frame.framed(fires)) if fires is not None else None
        for view in frame.views(total):
            view[...] += pictures[0] if bits is None else np.where(next(bits), pictures[1], pictures[0])
        return frame.inside(total).reshape(samples, steps, -1, channels)

    def _maximum(self, layer: Pool, each: Reals) -> None:
        """Of a maximum the one that alone reaches it pays; where all are 0, each would."""
        (source,) = layer.inputs
        values, shape = self._integers(source), self._network[source].shape
        frame, channels = _Frame(layer, shape[:2]), shape[2]
        framed = frame.framed(values, lowest=np.iinfo(np.int64).min)
        highest = np.full((*values.shape[:2], *layer.shape), np.iinfo(np.int64).min)
        for view in frame.views(framed):
            np.maximum(highest, view, out=highest)
        ties = np.zeros(highest.shape, np.int64)
        for view in frame.views(framed):
            ties += view == highest
        total = frame.room(values.shape[:2], channels)
        picture = _picture(each, layer.shape[:2])
        for into, view in zip(frame.views(total), frame.views(framed), strict=True):
            alone = (view == highest) & ((ties == 1) | (highest == 0))
            into[...] += picture * alone
        self.values(source, frame.inside(total).reshape(*values.shape[:2], -1, channels))


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


def _gains(layer: Pool | Add) -> tuple[int, ...]:
    return layer.gains if isinstance(layer, Add) else (1,)
