"""Strict YAML: text to a tree of values with their lines, or one error with its line.

Refused, each with its line: duplicate keys, anchors, aliases, tags, merge keys, several documents, directives, tabs as
indentation, keys that are not plain names, empty values, and nesting or sizes that no architecture needs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import yaml

from hwsim.arch.nodes import KeyPath, Node, Scalar
from hwsim.arch.scalars import resolve, text
from hwsim.errors import ArchitectureError

MAX_BYTES = 128 * 1024
MAX_DEPTH = 12
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_DOTTED = re.compile(rf"{_KEY.pattern}(?:\.(?:{_KEY.pattern}|[0-9]{{1,6}}))*")
_READ_OTHERWISE = re.compile(
    r"[?\t\x85\u2028\u2029\ufeff]|[|>][-+0-9]*#"
)  # libyaml takes some of it that PyYAML refuses
_TAB = re.compile(r"^ *\t", re.MULTILINE)

Place = Callable[[int], str]
"""Names a line, counted from 1, for error messages."""


def parse(source: str, place: Place, dotted: bool = False) -> Node:
    """The tree of one YAML document, whose keys may be `dotted` where that is said.

    Raises:
        ArchitectureError: the text is not YAML or breaks a rule of the module docstring.

    """
    if tab := _TAB.search(source):
        raise ArchitectureError(f"{place(_line(source, tab.end() - 1))}: indent with spaces, not tabs")
    keys = _DOTTED if dotted else _KEY
    if yaml.__with_libyaml__ and not _READ_OTHERWISE.search(source):
        with suppress(yaml.YAMLError, ArchitectureError, ValueError, OverflowError):
            return _Reader(yaml.parse(source, Loader=yaml.CSafeLoader), place, keys).document()
    try:  # what is wrong is said by PyYAML's own parser, whatever there is beside it
        return _Reader(yaml.parse(source, Loader=yaml.SafeLoader), place, keys).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ArchitectureError(
            f"{place(line)}: not YAML: {_flat(error.problem or error.context or 'bad syntax')}"
        ) from None
    except yaml.reader.ReaderError as error:
        line = _line(source, error.position)
        raise ArchitectureError(
            f"{place(line)}: not text: character #x{int(error.character):04x} is not allowed"
        ) from None
    except (ValueError, OverflowError):  # PyYAML lets impossible escapes such as "\UFFFFFFFF" through to chr()
        raise ArchitectureError(f"{place(1)}: not YAML: an escape names no character") from None


def _line(source: str, position: int) -> int:
    return source.count("\n", 0, position) + 1


def _flat(problem: str) -> str:
    return " ".join(problem.split()).encode("ascii", "backslashreplace").decode()


class _Reader:
    """Builds nodes from parser events, because events come flat: depth is checked before any recursion."""

    def __init__(self, events: Iterator[yaml.Event], place: Place, keys: re.Pattern[str]) -> None:
        self._events = events
        self._place = place
        self._keys = keys

    def document(self) -> Node:
        next(self._events)  # stream start
        start = next(self._events)
        if not isinstance(start, yaml.DocumentStartEvent):
            raise ArchitectureError(f"{self._place(1)}: the file is empty")
        if start.version or start.tags:
            raise self._error(start, (), "YAML directives (%) are not used here")
        root = self._node(next(self._events), (), None)
        next(self._events)  # document end
        more = next(self._events)
        if not isinstance(more, yaml.StreamEndEvent):
            raise self._error(more, (), "one document a file, found a second")
        return root

    def _node(self, event: yaml.Event, path: KeyPath, key_line: int | None) -> Node:
        line = _line_of(event) if key_line is None else key_line
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            raise self._error(event, path, "aliases (*) are not used here; write the value out")
        if event.anchor is not None:
            raise self._error(event, path, "anchors (&) are not used here; write the value out")
        if event.tag is not None:
            raise self._error(event, path, "tags (!) are not used here")
        if len(path) > MAX_DEPTH:
            raise self._error(event, path[:1], f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.ScalarEvent):
            return Node(self._scalar(event, path), self._place(line))
        if isinstance(event, yaml.MappingStartEvent):
            return Node(self._mapping(path), self._place(line))
        return Node(tuple(self._sequence(path)), self._place(line))

    def _scalar(self, event: yaml.ScalarEvent, path: KeyPath) -> Scalar:
        try:
            return resolve(event.value) if not event.style else text(event.value)
        except ValueError as error:
            raise self._error(event, path, str(error)) from None

    def _mapping(self, path: KeyPath) -> dict[str, Node]:
        children: dict[str, Node] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            inner, line = (*path, key), _line_of(event)
            if key in children:
                raise self._error(event, inner, f"already given in line {lines[key]}")
            value = next(self._events)
            if isinstance(value, yaml.ScalarEvent) and not value.style and not value.value:
                raise self._error(event, inner, "has no value; write null to remove an inherited key")
            children[key], lines[key] = self._node(value, inner, line), line
        return children

    def _key(self, event: yaml.Event, path: KeyPath) -> str:
        if isinstance(event, yaml.ScalarEvent):
            if event.value == "<<":
                raise self._error(event, path, "merge keys (<<) are not used here; use 'extends:'")
            if self._keys.fullmatch(event.value) and event.anchor is None and event.tag is None:
                return event.value
        raise self._error(event, path, "a key is a plain name of letters, digits, '_' and '-'")

    def _sequence(self, path: KeyPath) -> Iterator[Node]:
        count = 0
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, (*path, count), None)
            count += 1

    def _error(self, event: yaml.Event, path: KeyPath, rule: str) -> ArchitectureError:
        where = f"{'.'.join(map(str, path))}: " if path else ""
        return ArchitectureError(f"{self._place(_line_of(event))}: {where}{rule}")


def _line_of(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
