"""What two designs say differently, key by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwsim.arch.loader import Architecture
from hwsim.arch.nodes import Plain, plain

_SAID_OF_VALUES = frozenset({"source", "description"})


def differences(first: Architecture[Any], second: Architecture[Any]) -> dict[str, tuple[Plain, Plain]]:
    """Dotted key -> values of both, None where one leaves the key out; sources and descriptions are no values."""
    ours, theirs = (_flat(plain(design.tree)) for design in (first, second))
    keys = dict.fromkeys([*ours, *theirs])
    return {key: (ours.get(key), theirs.get(key)) for key in keys if ours.get(key) != theirs.get(key)}


def _flat(value: Plain, path: str = "") -> dict[str, Plain]:
    if not isinstance(value, Mapping):
        return {path: value}
    found: dict[str, Plain] = {}
    for key, child in value.items():
        if key not in _SAID_OF_VALUES:
            found |= _flat(child, f"{path}.{key}" if path else str(key))
    return found
