"""How windows of convolutions and pools move over a map; every size is that of the rows and that of the columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pair = tuple[int, int]
"""Of rows and of columns."""
Sides = tuple[int, int, int, int]
"""Top, bottom, left, right."""


@dataclass(frozen=True, slots=True)
class Window:
    """Taps that lie `dilation` apart and move by `stride` over a map with `padding` places of nothing around it.

    Of a `spread` map neighbours lie so far apart, with nothing in between: so a transposed convolution is one.
    """

    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Sides = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    spread: Pair = (1, 1)

    @classmethod
    def square(cls, kernel: int, stride: int = 1, padding: int = 0) -> Window:
        """One that is the same in both directions, with the same padding on all sides."""
        return cls((kernel, kernel), (stride, stride), (padding,) * 4)

    @property
    def is_square(self) -> bool:
        """Whether `square` can say it."""
        return self == Window.square(self.kernel[0], self.stride[0], self.padding[0])

    @property
    def taps(self) -> int:
        """Places of one window."""
        return prod(self.kernel)

    @property
    def extent(self) -> Pair:
        """Rows and columns from the first tap to the last."""
        rows, columns = (d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))
        return rows, columns

    @property
    def before(self) -> Pair:
        """Padding at the top and at the left, where the first window begins."""
        return self.padding[0], self.padding[2]

    def spread_size(self, height: int, width: int) -> Pair:
        """Height and width of a map when it is spread."""
        return (height - 1) * self.spread[0] + 1, (width - 1) * self.spread[1] + 1

    def framed_size(self, height: int, width: int) -> Pair:
        """Height and width of a map when it is spread, with its padding."""
        (rows, columns), (top, bottom, left, right) = self.spread_size(height, width), self.padding
        return top + rows + bottom, left + columns + right

    def out_size(self, height: int, width: int) -> Pair:
        """Windows that fit: floor((spread size + padding on both sides - extent) / stride) + 1, 0 where none does."""
        rows, columns = (
            max((size - extent) // stride + 1, 0)
            for size, extent, stride in zip(self.framed_size(height, width), self.extent, self.stride, strict=True)
        )
        return rows, columns

    def places(self, axis: int, outputs: int, size: int) -> NDArray[np.int64]:
        """The row (axis 0) or column (axis 1) of `size` that each tap of each output meets, -1 for nothing.

        int64 [output, tap].
        """
        place = self._spread_places(axis, outputs)
        there = (place >= 0) & (place % self.spread[axis] == 0) & (place // self.spread[axis] < size)
        return np.where(there, place // self.spread[axis], -1)

    def asked(self, axis: int, outputs: int) -> NDArray[np.bool_]:
        """Which taps of each output meet a place of the map or of its padding, not what lies between: [output, tap]."""
        meets: NDArray[np.bool_] = self._spread_places(axis, outputs) % self.spread[axis] == 0
        return meets

    def _spread_places(self, axis: int, outputs: int) -> NDArray[np.int64]:
        """Where on the spread map each tap of each output lies, padding below zero or past the end: [output, tap]."""
        first = np.arange(outputs, dtype=np.int64) * self.stride[axis] - self.before[axis]
        return first[:, None] + np.arange(self.kernel[axis], dtype=np.int64) * self.dilation[axis]

    def spread_out(self, values: NDArray[Any]) -> NDArray[Any]:
        """A map [..., y, x, value] with 0 between its places, or itself if they stay neighbours."""
        if self.spread == (1, 1):
            return values
        *more, height, width, n = values.shape
        apart = np.zeros((*more, *self.spread_size(height, width), n), values.dtype)
        apart[..., :: self.spread[0], :: self.spread[1], :] = values
        return apart

    def views(self, values: NDArray[Any], outputs: Pair, nothing: float = 0) -> Iterator[NDArray[Any]]:
        """Tap by tap what all windows of a map [..., y, x, value] meet: [..., output row, column, value].

        In the padding they meet `nothing`.
        """
        values = self.spread_out(values)
        if any(self.padding):
            sides = [self.padding[:2], self.padding[2:], (0, 0)]
            values = np.pad(values, [(0, 0)] * (values.ndim - 3) + sides, constant_values=nothing)
        (rows, columns), (down, right) = outputs, self.stride
        for y in range(0, self.extent[0], self.dilation[0]):
            for x in range(0, self.extent[1], self.dilation[1]):
                yield values[..., y : y + down * (rows - 1) + 1 : down, x : x + right * (columns - 1) + 1 : right, :]
