"""Validation errors in the words of the file: place, key, rule, value and a guess, in one line."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hwsim.arch.nodes import Node
from hwsim.errors import guess

_SHOWN = 60
_RULES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "string_pattern_mismatch": "text that is not empty",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "left out",
}
_LIMITS = {
    "greater_than": ("gt", "more than {}"),
    "greater_than_equal": ("ge", "at least {}"),
    "less_than": ("lt", "less than {}"),
    "less_than_equal": ("le", "at most {}"),
    "multiple_of": ("multiple_of", "a multiple of {}"),
    "literal_error": ("expected", "{}"),
    "union_tag_invalid": ("expected_tags", "one of {}"),
    "too_short": ("min_length", "a list of at least {}"),
    "too_long": ("max_length", "a list of at most {}"),
}


def explain(error: ValidationError, root: Node, spec: type[BaseModel]) -> str:
    """The first problem with its place, and how many more there are.

    Unknown keys come first, the outermost of them: a misspelt key is also a missing one, and what is below it is not at
    fault, so only the first message shows the way out.
    Several complaints about one value are the branches of a union and read as one rule.
    """
    problems: dict[tuple[str, ...], list[ErrorDetails]] = {}
    for detail in map(_of_the_tag, error.errors(include_url=False)):
        problems.setdefault(_path(root, detail)[0], []).append(detail)
    order = sorted(problems.values(), key=lambda details: _rank(details[0]))
    others = len(order) - 1
    more = f" (and {others} other fault{'s' * (others > 1)})" if others else ""
    return _sentence(order[0], root, spec) + more


def shown(value: object) -> str:
    """A value as an error message shows it: short, on one line, quoted if it is text."""
    if isinstance(value, Mapping | BaseModel):
        return "a mapping"
    if isinstance(value, tuple | list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _of_the_tag(detail: ErrorDetails) -> ErrorDetails:
    """A wrong or absent tag of a union is a wrong or absent value of the key that holds it, not of the mapping."""
    if detail["type"] not in ("union_tag_invalid", "union_tag_not_found"):
        return detail
    key = detail["ctx"]["discriminator"].strip("'")
    loc, found = (*detail["loc"], key), detail["input"].get(key)
    if found is None:
        return {**detail, "type": "missing", "loc": loc}
    return {**detail, "loc": loc, "input": found}


def _rank(detail: ErrorDetails) -> tuple[int, int]:
    if detail["type"] == "extra_forbidden":
        return 0, len(detail["loc"])
    return 2 if detail["type"] == "missing" else 1, 0


def _path(root: Node, detail: ErrorDetails) -> tuple[tuple[str, ...], Node]:
    """Keys that lead to the value, and the value or the mapping it should be in.

    Steps of pydantic's location that are no key of the file (a union's branches, a plain number's parts) are left out.
    """
    node, path = root, []
    for depth, step in enumerate(detail["loc"]):
        absent = detail["type"] == "missing" and depth == len(detail["loc"]) - 1
        if isinstance(node.value, Mapping) and (step in node.value or absent):
            path.append(str(step))
            node = node if absent else node.value[str(step)]
        elif isinstance(node.value, tuple) and isinstance(step, int) and step < len(node.value):
            path.append(str(step))
            node = node.value[step]
    return tuple(path), node


def _sentence(details: list[ErrorDetails], root: Node, spec: type[BaseModel]) -> str:
    detail = details[0]
    path, node = _path(root, detail)
    dotted, parent, key = ".".join(path), ".".join(path[:-1]), path[-1] if path else ""
    at_parent = f"{node.place}: {parent}: " if parent else f"{node.place}: "
    if detail["type"] == "missing":
        return f"{at_parent}missing key '{key}'"
    if detail["type"] == "extra_forbidden":
        fields = {name: ".".join((*path[:-1], name)) for name in _fields(spec, path[:-1]) if name != key}
        return f"{node.place}: unknown key '{dotted}'{guess(key, fields, fields)}"
    at = f"{node.place}: {dotted}: " if dotted else f"{node.place}: "
    rules = [_rule(each) for each in details]
    if None in rules:
        own = details[rules.index(None)]
        return at + " ".join(own["msg"].removeprefix("Value error, ").split())
    unique = list(dict.fromkeys(rule for rule in rules if rule))
    return f"{at}must be {' or '.join(unique)}, got {shown(detail['input'])}"


def _rule(detail: ErrorDetails) -> str | None:
    """What a value must be, or None where the message is a sentence of its own."""
    kind = detail["type"]
    if kind == "model_type" and detail.get("ctx", {}).get("class_name") == "Bounded":
        return "a number or {value, low, high}"
    if kind in _LIMITS:
        name, rule = _LIMITS[kind]
        limit = detail["ctx"][name]
        words = f"{limit:g}" if isinstance(limit, float) else str(limit)
        return rule.format(words.replace("True", "true").replace("False", "false"))
    return _RULES.get(kind)


def _fields(spec: type[BaseModel], path: tuple[str, ...]) -> list[str]:
    """Keys that a mapping at `path` may have, by the annotations on the way."""
    models: list[type[BaseModel]] = [spec]
    for step in path:
        inner = [model.model_fields[step].annotation for model in models if step in model.model_fields]
        models = [found for annotation in inner for found in _models(annotation)] or models
    return [name for model in models for name in model.model_fields]


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Annotated, Union, types.UnionType, dict, tuple, list):
        return [found for inner in get_args(annotation) for found in _models(inner)]
    return []
