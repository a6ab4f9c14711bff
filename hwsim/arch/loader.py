"""An architecture file to a typed specification."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from hwsim.arch.files import find, resolve_file, shown_path
from hwsim.arch.nodes import Node, places, plain
from hwsim.arch.overrides import override
from hwsim.arch.schema import Spec
from hwsim.arch.spec_errors import explain
from hwsim.errors import ArchitectureError

SpecT = TypeVar("SpecT", bound=Spec)


@dataclass(frozen=True)
class Architecture(Generic[SpecT]):
    """A specification and where each of its values was written."""

    spec: SpecT
    machine: str
    files: tuple[Path, ...]  # those that it extends, the first one extended first, and its own
    sha256: str  # of the values of the file and those it extends, before overrides; comments and order do not count
    overrides: tuple[str, ...]
    tree: Node  # all values and where each was written

    def __repr__(self) -> str:
        """Its file, machine and overrides."""
        settings = f", {', '.join(self.overrides)}" if self.overrides else ""
        return f"<Architecture {self.path.name}, machine {self.machine}{settings}>"

    @cached_property
    def places(self) -> Mapping[str, str]:
        """Dotted key -> "arch/imc.yaml:8"; a key left to its default has none."""
        return places(self.tree)

    @property
    def path(self) -> Path:
        """Its own file."""
        return self.files[-1]

    @cached_property
    def overridden(self) -> Mapping[str, str]:
        """Keys whose value was changed after the source beside it was written, and where: it speaks of another value.

        A child file that restates the `source` of a part speaks for all values of that part.
        """
        order = {shown_path(file): rank for rank, file in enumerate(self.files)}
        mappings = {key.rpartition(".")[0] for key in self.places}
        found = {}
        mappings = {key[:dot] for key in self.places for dot, letter in enumerate(key) if letter == "."}
        for key, place in self.places.items():
            parts = key.split(".")
            if key in mappings or {"source", "description", "extends", "machine"} & set(parts):
                continue
            levels = (".".join([*parts[:depth], "source"]) for depth in range(len(parts) - 1, -1, -1))
            source = next((self.places[level] for level in levels if level in self.places), None)
            ranks = (order.get(_file(one), len(order)) for one in (place, source or place))
            if next(ranks) > next(ranks):
                found[key] = place
        return found

    def place(self, key: str = "") -> str:
        """Where a key was written; for one left to its default, where the nearest mapping above it was."""
        while key and key not in self.places:
            key = key.rpartition(".")[0]
        return self.places.get(key, shown_path(self.path))


def load(
    name_or_path: str | Path, spec_for: Callable[[str], type[SpecT]], overrides: Sequence[str] = ()
) -> Architecture[SpecT]:
    """Read, merge, override and check one architecture.

    Args:
        name_or_path: a file, or the name of a shipped design.
        spec_for: gives the specification of a machine by the file's key `machine`; for a name it does not know it
            raises ArchitectureError (the place is put in front) or LookupError.
        overrides: `KEY=VALUE` settings, applied in order.

    Raises:
        ArchitectureError: anything wrong with the file, its parents or the overrides, in one line.

    """
    path = find(str(name_or_path))
    base, files = resolve_file(path)
    root = base
    for setting in overrides:
        root = override(root, setting)
    machine, spec_type = _machine(root, spec_for)
    spec = _checked(root, spec_type, {})
    return Architecture(spec, machine, files, digest(base), tuple(overrides), root)


def varied(design: Architecture[SpecT], overrides: Sequence[str]) -> Architecture[SpecT]:
    """The same design with further overrides; sections that they do not touch are taken over and not checked again.

    Raises ArchitectureError as `load` with all overrides does.
    """
    root = design.tree
    for setting in overrides:
        root = override(root, setting)
    assert isinstance(root.value, Mapping)
    assert isinstance(design.tree.value, Mapping)
    before, known = design.tree.value, type(design.spec).model_fields
    kept = [key for key, node in root.value.items() if node is before.get(key) and key in known]
    spec = _checked(root, type(design.spec), {key: getattr(design.spec, key) for key in kept})
    return Architecture(spec, design.machine, design.files, design.sha256, (*design.overrides, *overrides), root)


def _checked(root: Node, spec_type: type[SpecT], same: Mapping[str, Any]) -> SpecT:
    """The specification of a tree, of which some sections were checked before."""
    assert isinstance(root.value, Mapping)
    values = {key: same[key] if key in same else plain(node) for key, node in root.value.items()}
    if "machine" not in spec_type.model_fields:
        del values["machine"]
    try:
        return spec_type.model_validate(values)
    except ValidationError as error:
        raise ArchitectureError(explain(error, root, spec_type)) from None


def _file(place: str) -> str:
    """A place without its line."""
    return place.rpartition(":")[0] if place.rpartition(":")[2].isdigit() else place


def digest(root: Node) -> str:
    """SHA-256 of a tree's values as canonical JSON: sorted keys, no spaces, UTF-8."""
    text = json.dumps(plain(root), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _machine(root: Node, spec_for: Callable[[str], type[SpecT]]) -> tuple[str, type[SpecT]]:
    named = root.value.get("machine") if isinstance(root.value, Mapping) else None
    if named is None:
        raise ArchitectureError(f"{root.place}: missing key 'machine', which says what kind of accelerator this is")
    if not isinstance(named.value, str) or not named.value.isidentifier():
        raise ArchitectureError(f"{named.place}: machine: must be a name such as imc")
    try:
        return named.value, spec_for(named.value)
    except ArchitectureError as error:
        raise ArchitectureError(f"{named.place}: machine: {error}") from None
    except LookupError:
        raise ArchitectureError(f"{named.place}: machine: unknown machine '{named.value}'") from None
