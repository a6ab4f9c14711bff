"""The points of a sweep: designs, traces and axes, and which combination has which number."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, get_args

from hwsim.arch.nodes import Node, Scalar
from hwsim.designs import Architecture
from hwsim.errors import UsageError, guess
from hwsim.sweep.axis import Axis
from hwsim.version import VERSION

MOST_POINTS = 1_000_000
REFERENCE = "as it stands"
"""What a row is called that is a design without any setting of the axes."""


@dataclass(frozen=True, slots=True)
class Source:
    """A trace file as it was when the sweep began."""

    path: Path
    name: str
    sha256: str
    written: str  # the path as it was given


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be found of each point."""

    samples: int | None = None
    timesteps: int | None = None
    run: str | None = None  # of the simulation; None is its last one
    accuracy: bool = False  # in the machine's own arithmetic, where that takes time
    accuracy_samples: int | None = None  # of the raw inputs; None is all
    draws: int = 0  # of all prices within their bounds
    chips: int = 1  # seeds of the devices that draws take turns with


class Point(NamedTuple):
    """One combination: a design, a trace and a place on every axis, no places for a design as it stands."""

    number: int
    design: int
    trace: int
    places: tuple[int, ...]


@dataclass(frozen=True)
class Space:
    """All combinations, numbered: first each design as it stands on each trace, then the grid, last axis fastest."""

    designs: tuple[Architecture, ...]
    names: tuple[str, ...]  # of the designs, as they were asked for
    traces: tuple[Source, ...]
    axes: tuple[Axis, ...]
    asked: Asked = field(default_factory=Asked)

    def __post_init__(self) -> None:
        for i, axis in enumerate(self.axes):
            for other in self.axes[:i]:
                if f"{axis.key}.".startswith(f"{other.key}.") or f"{other.key}.".startswith(f"{axis.key}."):
                    raise UsageError(f"--vary {axis.key}: is the same as, or part of, {other.key}, which is varied too")
        if len(self) > MOST_POINTS:
            raise UsageError(f"--vary: {len(self):,} points, and at most {MOST_POINTS:,} can be run; use --search")
        for axis in self.axes:
            self._check_key(axis.key)

    def _check_key(self, key: str) -> None:
        """Refuse a key that no design has, which would fail at every point."""
        unknown = [_unknown(design.spec, key) for design in self.designs]
        if all(unknown):
            raise UsageError(f"--vary {key}: {unknown[0]}")

    @property
    def n_references(self) -> int:
        """Designs as they stand, on each trace."""
        return len(self.designs) * len(self.traces)

    @property
    def shape(self) -> tuple[int, ...]:
        """Designs, traces, and values of each axis."""
        return len(self.designs), len(self.traces), *(len(axis.values) for axis in self.axes)

    def __len__(self) -> int:
        return self.n_references + (prod(self.shape) if self.axes else 0)

    def point(self, number: int) -> Point:
        """The point of a number."""
        if number < self.n_references:
            return Point(number, *divmod(number, len(self.traces)), ())
        rest, places = number - self.n_references, list[int]()
        for n in reversed(self.shape):
            rest, place = divmod(rest, n)
            places.append(place)
        *axes, trace, design = places
        return Point(number, design, trace, tuple(reversed(axes)))

    def number(self, design: int, trace: int, places: tuple[int, ...]) -> int:
        """The number of a combination."""
        found = 0
        for n, place in zip(self.shape, (design, trace, *places), strict=True):
            found = found * n + place
        return self.n_references + found

    def settings(self, point: Point) -> tuple[str, ...]:
        """The overrides that make a point of its design."""
        return tuple(axis.setting(place) for axis, place in zip(self.axes, point.places, strict=False))

    def named(self, point: Point) -> dict[str, Any]:
        """The columns that say which point a row is."""
        design = self.designs[point.design]
        if point.places:
            values = {axis.key: axis.shown(i) for axis, i in zip(self.axes, point.places, strict=True)}
        else:
            values = {axis.key: own_value(design.tree, axis.key) for axis in self.axes}
        return {
            "point": point.number,
            "design": self.names[point.design],
            "trace": self.traces[point.trace].name,
            "settings": " ".join(self.settings(point)) if point.places else REFERENCE,
            **values,
        }

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """All that rows depend on, as a journal keeps it."""
        return {
            "hwsim": VERSION,
            "designs": {
                name: {"sha256": design.sha256, "overrides": list(design.overrides)}
                for name, design in zip(self.names, self.designs, strict=True)
            },
            "traces": {trace.name: trace.sha256 for trace in self.traces},
            "axes": {axis.key: list(axis.values) for axis in self.axes},
            "asked": {name: getattr(self.asked, name) for name in self.asked.__dataclass_fields__},
        }

    @cached_property
    def sha256(self) -> str:
        """Digest of the identity."""
        return hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()


def own_value(node: Node, key: str) -> Scalar:
    """What a design's own files say for a key, where that is one word or number."""
    for step in key.split("."):
        if isinstance(node.value, Mapping) and step in node.value:
            node = node.value[step]
        elif isinstance(node.value, tuple) and step.isdigit() and int(step) < len(node.value):
            node = node.value[int(step)]
        else:
            return None
    return None if isinstance(node.value, Mapping | tuple) else node.value


def takes_whole(spec: Any, key: str) -> bool:
    """Whether a key of a specification takes whole numbers and no others."""
    *above, last = key.split(".")
    for step in above:
        spec = getattr(spec, step, None)
    field = getattr(type(spec), "model_fields", {}).get(last)
    kinds = set() if field is None else _kinds(field.annotation)
    return int in kinds and float not in kinds


def _kinds(annotation: Any) -> set[Any]:
    """Types that an annotation names, whatever it wraps them in."""
    inner = get_args(annotation)
    return {kind for each in inner for kind in _kinds(each)} if inner else {annotation}


def _unknown(spec: Any, key: str) -> str:
    """Why no key of a specification can be meant, or nothing; what a mapping may hold is for the schema to say."""
    walked = []
    for step in key.split("."):
        fields = getattr(type(spec), "model_fields", None)
        if fields is None:
            return ""
        walked.append(step)
        if step not in fields:
            return f"unknown key '{'.'.join(walked)}'{guess(step, list(fields))}"
        spec = getattr(spec, step)
    return ""
