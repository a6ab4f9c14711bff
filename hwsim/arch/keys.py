"""The keys that a design has: what each is set to, and what it may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hwsim.arch.loader import Architecture
from hwsim.arch.nodes import plain
from hwsim.arch.schema import json_schema
from hwsim.arch.settings import as_text

_FILE = ("machine", "extends", "description", "source")
_KINDS = {"integer": "whole number", "number": "number", "boolean": "true, false", "string": "text"}
_LIMITS = (
    ("minimum", "from {}"),
    ("exclusiveMinimum", "above {}"),
    ("maximum", "to {}"),
    ("exclusiveMaximum", "below {}"),
)


@dataclass(frozen=True, slots=True)
class Key:
    """A key as `--set` takes it."""

    key: str
    value: str  # as YAML; empty where the design leaves it out
    allowed: str  # in words, empty where its section says what belongs into it


def keys_of(architecture: Architecture[Any]) -> list[Key]:
    """All keys of a design and those that its sections could have too; sources and descriptions are left out."""
    schema = json_schema(type(architecture.spec))
    tree = plain(architecture.tree)
    assert isinstance(tree, Mapping)
    return list(_walk(schema, schema.get("$defs", {}), tree, ""))


def _walk(schema: Mapping[str, Any], defs: Mapping[str, Any], tree: Mapping[str, Any], prefix: str) -> Iterator[Key]:
    branches = [each for each in _branches(schema, defs) if "properties" in each]
    fitting = [each for each in branches if tree.keys() <= each["properties"].keys()] or branches[:1]
    properties = {name: each for branch in fitting for name, each in branch["properties"].items()}
    for name in [*(key for key in tree if key in properties), *(key for key in properties if key not in tree)]:
        if name in _FILE:
            continue
        key, inner = f"{prefix}{name}", properties[name]
        whole = isinstance(inner.get("default"), Mapping)  # a section that is there with its own values
        value = tree.get(name, {} if whole and not prefix else None)
        if isinstance(value, Mapping) and any("properties" in each for each in _branches(inner, defs)):
            yield from _walk(inner, defs, value, f"{key}.")
            continue
        yield Key(key, "" if value is None else as_text(value, key), _allowed(inner, defs))


def _branches(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a schema allows, alternatives and references followed."""
    if "$ref" in schema:
        yield from _branches(defs[schema["$ref"].rpartition("/")[2]], defs)
        return
    alternatives = [each for kind in ("anyOf", "oneOf", "allOf") for each in schema.get(kind, ())]
    for each in alternatives:
        yield from _branches(each, defs)
    if not alternatives:
        yield schema


def _allowed(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    return " or ".join(dict.fromkeys(filter(None, (_words(each) for each in _branches(schema, defs)))))


def _words(schema: Mapping[str, Any]) -> str:
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "properties" in schema:
        return "{" + ", ".join(name for name in schema["properties"] if name not in _FILE) + "}"
    kind = schema.get("type")
    if kind == "array":
        return "a list"
    if kind == "object":
        return "a mapping"
    limits = " ".join(words.format(f"{schema[key]:g}") for key, words in _LIMITS if key in schema)
    return f"{_KINDS.get(str(kind), '')} {limits}".strip()
