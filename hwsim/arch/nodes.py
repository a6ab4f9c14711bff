"""The tree that an architecture file becomes: plain values, each with the place it was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hwsim.errors import ArchitectureError

Scalar = str | int | float | bool | None
KeyPath = tuple[str | int, ...]
Plain = Scalar | dict[str, "Plain"] | tuple["Plain", ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a file and where it was written (`arch/imc.yaml:8`, or `--set adc.bits=6`)."""

    value: Scalar | Mapping[str, Node] | tuple[Node, ...]
    place: str


def plain(node: Node) -> Plain:
    """The values alone; lists become tuples, since frozen specifications hold tuples."""
    if isinstance(node.value, Mapping):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, tuple):
        return tuple(plain(child) for child in node.value)
    return node.value


def places(node: Node, prefix: str = "") -> dict[str, str]:
    """The place of every key below a node, by dotted path."""
    found: dict[str, str] = {}
    for key, child in _children(node):
        path = f"{prefix}{key}"
        found[path] = child.place
        found |= places(child, path + ".")
    return found


def merge(base: Node, over: Node, path: str = "") -> Node:
    """`base` with `over` laid on top: mappings merge key by key, all else is replaced, null removes a key.

    Raises:
        ArchitectureError: a null names a key that `base` does not have.

    """
    if not (isinstance(base.value, Mapping) and isinstance(over.value, Mapping)):
        return over
    merged = dict(base.value)
    for key, child in over.value.items():
        inner = f"{path}{key}"
        if child.value is None:
            if key not in merged:
                raise ArchitectureError(f"{child.place}: {inner}: null removes an inherited key, and there is none")
            del merged[key]
        elif key in merged:
            merged[key] = merge(merged[key], child, inner + ".")
        else:
            merged[key] = child
    return replace(over, value=merged)


def refuse_nulls(node: Node, path: str = "") -> None:
    """Raise ArchitectureError at the first null left in a tree: there was nothing that it could remove."""
    if node.value is None:
        where = f": {path}" if path else ""
        raise ArchitectureError(f"{node.place}{where}: null removes an inherited key, and there is none; leave it out")
    for key, child in _children(node):
        refuse_nulls(child, f"{path}.{key}" if path else str(key))


def _children(node: Node) -> list[tuple[str | int, Node]]:
    if isinstance(node.value, Mapping):
        return list(node.value.items())
    if isinstance(node.value, tuple):
        return list(enumerate(node.value))
    return []
