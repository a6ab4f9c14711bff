"""`--set adc.bits=6`: one value of an architecture replaced from outside its file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from hwsim.arch.nodes import KeyPath, Node, merge, refuse_nulls
from hwsim.arch.scalars import resolve
from hwsim.arch.yaml_text import MAX_DEPTH, parse
from hwsim.errors import ArchitectureError, HwsimError
from hwsim.printable import one_line

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.(?:[A-Za-z_][A-Za-z0-9_-]*|[0-9]{1,6}))*")
_WORD = re.compile(r"[+-]?[0-9][0-9A-Za-z_.+-]*|[A-Za-z_][A-Za-z0-9_]*")
"""Values that YAML, too, takes for one plain word; many designs differ by one of them."""
_FIXED = ("machine", "extends")
_SHOWN = 80


def override(root: Node, setting: str) -> Node:
    """`root` with one `KEY=VALUE` applied; the value follows the file's own rules (flow lists and mappings too).

    A mapping is laid over what is there, null removes a key, a number in the path counts a list's items from 0.

    Raises:
        ArchitectureError: the setting has no `=`, its value is not one, or its path leads through something else.

    """
    place = "--set " + _shown(setting)
    key, equals, value = setting.partition("=")
    if not equals or not KEY.fullmatch(key):
        raise ArchitectureError(f"{place}: write KEY=VALUE, with a key such as adc.bits")
    path: KeyPath = tuple(int(step) if step.isdigit() else step for step in key.split("."))
    if len(path) > MAX_DEPTH:
        raise ArchitectureError(f"{place}: nested deeper than {MAX_DEPTH} levels")
    if path[0] in _FIXED:
        raise ArchitectureError(f"{place}: '{path[0]}' belongs to the file and cannot be set from outside")
    changed = _apply(root, path, (), _value(value, place), place)
    assert isinstance(changed.value, Mapping)
    section = str(path[0])
    if section in changed.value:  # the others were looked through before
        refuse_nulls(changed.value[section], section)
    return changed


def _value(source: str, place: str) -> Node:
    if "\n" in source or "\r" in source:
        raise ArchitectureError(f"{place}: a value is one line")
    if not source.strip():
        raise ArchitectureError(f"{place}: has no value")
    if _WORD.fullmatch(source):
        with suppress(ValueError):  # the parser says what is wrong with it
            return Node(resolve(source), place)
    node = parse(source, lambda _line: place)
    is_flow = source.lstrip()[0] in "[{"
    if isinstance(node.value, Mapping | tuple) and not is_flow:
        raise ArchitectureError(f"{place}: write a mapping as {{key: value}} and a list as [value, value]")
    return node


def _apply(node: Node, path: KeyPath, walked: KeyPath, new: Node, place: str) -> Node:
    """`node` with `new` at `path`; keys that are missing on the way become mappings, which the schema then judges."""
    if not path:
        return merge(node, new, _dotted(walked) + ".")
    step, rest = path[0], path[1:]
    here = (*walked, step)
    if isinstance(node.value, tuple) and isinstance(step, int):
        if step >= len(node.value):
            raise ArchitectureError(f"{place}: {_dotted(walked)} has {len(node.value)} items, counted from 0")
        changed = _apply(node.value[step], rest, here, new, place)
        return replace(node, value=(*node.value[:step], changed, *node.value[step + 1 :]))
    if not isinstance(node.value, Mapping) or isinstance(step, int):
        kind = (
            "a list" if isinstance(node.value, tuple) else "a mapping" if isinstance(node.value, Mapping) else "a value"
        )
        raise ArchitectureError(f"{place}: {_dotted(walked)} is {kind}, so it has no '{step}'")
    if step in node.value and rest:
        changed = _apply(node.value[step], rest, here, new, place)
        return replace(node, value={**node.value, step: changed})
    for missing in reversed(rest):
        new = Node({str(missing): new}, place)
    return merge(node, Node({step: new}, node.place), "".join(f"{key}." for key in walked))


def _dotted(path: KeyPath) -> str:
    return ".".join(map(str, path))


def _shown(setting: str) -> str:
    flat = one_line(setting)
    return flat if len(flat) <= _SHOWN else flat[: _SHOWN - 3] + "..."


@contextmanager
def blamed(settings: Sequence[str], again: Callable[[Sequence[str]], object]) -> Iterator[None]:
    """Name the override that causes an ArchitectureError in front of it, unless it begins with one already.

    That is the one without which `again`, which does the same with other settings, does not fail; where no single one
    is at fault but together they are, all are named.
    """
    try:
        yield
    except ArchitectureError as error:
        if not settings or str(error).startswith("--set "):
            raise
        without = ([*settings[:i], *settings[i + 1 :]] for i in range(len(settings)))
        guilty = [setting for setting, others in zip(settings, without, strict=True) if _works(again, others)]
        if not guilty and _works(again, []):
            guilty = list(settings)
        named = ", ".join(f"--set {_shown(setting)}" for setting in guilty)
        raise ArchitectureError(f"{named}: {error}" if guilty else str(error)) from None


def _works(again: Callable[[Sequence[str]], object], settings: Sequence[str]) -> bool:
    try:
        again(settings)
    except HwsimError:
        return False
    return True
