"""A mesh of tiles and the links that flits cross on X-first routes.

Tiles are numbered row by row on the smallest square that holds them, less its empty rows.  Places of the last row that
have no tile have a router, since routes may turn there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isqrt

Link = tuple[int, int]
"""From one place to a neighbour of it: the two directions between them are two links."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """Places row by row, `width` in a row."""

    width: int
    height: int

    @classmethod
    def of(cls, tiles: int) -> Mesh:
        """The mesh of so many tiles: ceil(sqrt(tiles)) wide and as high as they need."""
        width = isqrt(tiles - 1) + 1 if tiles > 1 else 1
        return cls(width, -(-tiles // width))

    @property
    def routers(self) -> int:
        """One at every place."""
        return self.width * self.height

    @property
    def links(self) -> int:
        """Links of the whole mesh, both directions."""
        return 2 * (self.height * (self.width - 1) + self.width * (self.height - 1))

    def hops(self, source: int, destination: int) -> int:
        """Links from one place to another."""
        (y, x), (to_y, to_x) = divmod(source, self.width), divmod(destination, self.width)
        return abs(to_y - y) + abs(to_x - x)

    def tree(self, source: int, destinations: Iterable[int]) -> list[Link]:
        """Links of the X-first routes from one place to several, each once: a flit is copied where routes part."""
        y, x = divmod(source, self.width)
        columns: dict[int, tuple[int, int]] = {}  # column -> the lowest and highest row gone to in it
        for destination in destinations:
            to_y, to_x = divmod(destination, self.width)
            low, high = columns.get(to_x, (y, y))
            columns[to_x] = min(low, to_y), max(high, to_y)
        links = _line(source, min(columns, default=x) - x, max(columns, default=x) - x, 1)
        for column, (low, high) in sorted(columns.items()):
            links += _line(y * self.width + column, low - y, high - y, self.width)
        return links


def _line(start: int, low: int, high: int, stride: int) -> list[Link]:
    """The links along one line from `start` to `low` places before it and to `high` after it."""
    after = [(start + step * stride, start + (step + 1) * stride) for step in range(high)]
    return after + [(start - step * stride, start - (step + 1) * stride) for step in range(-low)]
