"""A sweep as a YAML file: designs, traces, axes and what is asked of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwsim.arch.files import read_file
from hwsim.arch.nodes import Node, Plain, plain
from hwsim.errors import ArchitectureError, UsageError, guess
from hwsim.sweep.axis import Axis, make_axis, split
from hwsim.sweep.figures import Constraint, known_figure, parse_constraint

KEYS = ("designs", "traces", "set", "vary", "constraints", "minimize", "maximize", "samples", "timesteps", "accuracy")


@dataclass(frozen=True, slots=True)
class Written:
    """What a file says; paths count from the file's own folder."""

    designs: tuple[str, ...]
    traces: tuple[Path, ...]
    overrides: tuple[str, ...]
    axes: tuple[Axis, ...]
    constraints: tuple[Constraint, ...]
    minimize: tuple[str, ...]
    maximize: tuple[str, ...]
    samples: int | None
    timesteps: int | None
    accuracy: bool


def read_space(path: Path) -> Written:
    """What a file of a sweep says.

    Raises UsageError in one line, with the file's name and the line, for anything wrong with it.
    """
    try:
        root = read_file(path, "sweep", dotted=True)
    except ArchitectureError as error:
        raise UsageError(str(error)) from None
    assert isinstance(root.value, Mapping)
    for key, node in root.value.items():
        if key not in KEYS:
            raise UsageError(f"{node.place}: unknown key '{key}', known: {', '.join(KEYS)}{guess(key, KEYS)}")
    for key in ("designs", "traces", "vary"):
        if key not in root.value:
            raise UsageError(f"{root.place}: missing key '{key}'")
    found = {key: root.value.get(key) for key in KEYS}
    return Written(
        designs=tuple(_beside(path, name) for name, _ in _texts("designs", found["designs"])),
        traces=tuple(path.parent / name for name, _ in _texts("traces", found["traces"])),
        overrides=tuple(_settings(found["set"])),
        axes=tuple(_axes(found["vary"])),
        constraints=tuple(
            parse_constraint(text, f"{place}: constraints")
            for text, place in _texts("constraints", found["constraints"])
        ),
        minimize=tuple(known_figure(name, f"{at}: minimize") for name, at in _texts("minimize", found["minimize"])),
        maximize=tuple(known_figure(name, f"{at}: maximize") for name, at in _texts("maximize", found["maximize"])),
        samples=_typed("samples", found["samples"], int, "a whole number"),
        timesteps=_typed("timesteps", found["timesteps"], int, "a whole number"),
        accuracy=_typed("accuracy", found["accuracy"], bool, "true or false") or False,
    )


def _beside(path: Path, name: str) -> str:
    """A design beside the file, or else the name as it stands."""
    return str(path.parent / name) if (path.parent / name).is_file() else name


def _texts(key: str, node: Node | None) -> list[tuple[str, str]]:
    """One text or a list of them, each with its place."""
    if node is None:
        return []
    items = node.value if isinstance(node.value, tuple) else (node,)
    for item in items:
        if not isinstance(item.value, str):
            raise UsageError(f"{item.place}: {key}: must be text or a list of texts")
    if not items:
        raise UsageError(f"{node.place}: {key}: is an empty list")
    return [(str(item.value), item.place) for item in items]


def _typed(key: str, node: Node | None, kind: type, rule: str) -> Any:
    if node is None:
        return None
    if type(node.value) is not kind:
        raise UsageError(f"{node.place}: {key}: must be {rule}")
    return node.value


def _leaves(key: str, node: Node, prefix: str = "") -> list[tuple[str, Node]]:
    """Dotted keys of a nested mapping."""
    if not isinstance(node.value, Mapping):
        raise UsageError(f"{node.place}: {key}: must be a mapping of keys such as adc.bits")
    found = []
    for name, child in node.value.items():
        dotted = f"{prefix}{name}"
        found += _leaves(key, child, f"{dotted}.") if isinstance(child.value, Mapping) else [(dotted, child)]
    return found


def _settings(node: Node | None) -> list[str]:
    return [] if node is None else [f"{key}={_as_set(plain(child))}" for key, child in _leaves("set", node)]


def _axes(node: Node | None) -> list[Axis]:
    assert node is not None
    found = []
    for key, child in _leaves("vary", node):
        place = f"{child.place}: vary: {key}"
        if isinstance(child.value, tuple):
            parts = [_as_set(plain(item)) for item in child.value]
        else:
            parts = split(_as_set(plain(child)))
        found.append(make_axis(key, parts, place))
        if not found[-1].values:
            raise UsageError(f"{place}: is an empty list")
    return found


def _as_set(value: Plain) -> str:
    """A value as `--set` takes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_as_set(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_as_set, value)) + "]"
    return json.dumps(value)
