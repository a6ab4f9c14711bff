"""Parts of one array by name, cut out when they are asked for."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True, eq=False)
class Places(Generic[Key]):
    """Where parts lie in an array, each by what it is indexed with; one of these is equal to itself alone."""

    of: Mapping[Key, Any]


class Named(Mapping[Key, NDArray[Any]]):
    """Parts of an array, which may be as large as all of them together or shared by many."""

    __slots__ = ("array", "places")

    def __init__(self, places: Places[Key], array: NDArray[Any]) -> None:
        self.places, self.array = places, array

    def __getitem__(self, name: Key) -> NDArray[Any]:
        part: NDArray[Any] = self.array[self.places.of[name]]
        return part

    def __iter__(self) -> Iterator[Key]:
        return iter(self.places.of)

    def __len__(self) -> int:
        return len(self.places.of)


def concatenated(parts: Sequence[Mapping[Key, NDArray[Any]]]) -> Mapping[Key, NDArray[Any]]:
    """Arrays [sample, ...] of the same names one after another, of all samples."""
    first = parts[0]
    if isinstance(first, Named):
        arrays = [part.array for part in parts if isinstance(part, Named) and part.places.of == first.places.of]
        if len(arrays) == len(parts):
            return Named(first.places, np.concatenate(arrays, axis=1))
    return {name: np.concatenate([part[name] for part in parts]) for name in first}
