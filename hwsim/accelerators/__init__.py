"""The machines, found by name: an architecture file says `machine: NAME`.

Those of hwsim are one module or package each in this folder.  Those of other packages are entry points of the group
`hwsim.accelerators`; a name of hwsim's own is never one of theirs.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

from hwsim.errors import ArchitectureError, guess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.arch.schema import Spec
    from hwsim.components.pricing.price import Priced
    from hwsim.contract.machine import Accelerator


def names() -> list[str]:
    """Names of all machines, none of which is imported for it."""
    from hwsim.contract import installed

    return sorted({*_own(), *installed.names()})


def machine(name: str) -> type[Accelerator[Any, Any]]:
    """The machine of a name.

    Raises ArchitectureError with a guess for a name that none has, and for a machine of another package that cannot be
    imported or is not the only one of its name.
    """
    if name in _own():
        found: type[Accelerator[Any, Any]] = _module(name).Machine
        return found
    from hwsim.contract import installed

    known = names()
    if name not in known:
        raise ArchitectureError(f"unknown machine '{name}', known: {', '.join(known)}{guess(name, known)}")
    return installed.load(name)


def plays(name: str) -> tuple[str, ...]:
    """Codings of the traces that a machine of hwsim's own plays; the machine is not imported for it."""
    found: tuple[str, ...] = _module(name).PLAYS
    return found


def spec_type(name: str) -> type[Spec]:
    """The specification that an architecture file of a machine is checked against."""
    found: type[Spec] = _part(name, "spec_type") or machine(name).spec_type
    return found


def prices(name: str, spec: Any) -> Mapping[str, Priced]:
    """Every component of a machine with such a specification, as its `components` gives them without a workload.

    Raises ArchitectureError where a law does not reach the part's geometry or technology.
    """
    parts_of: Callable[[Any], Mapping[str, Priced]] | None = _part(name, "parts_of")
    return machine(name)(spec).components() if parts_of is None else parts_of(spec)


def _part(name: str, what: str) -> Any:
    """What a package of hwsim's own offers without all that its machine imports to lower traces; None for nothing."""
    return getattr(_module(name), what, None) if name in _own() else None


@functools.cache
def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")


@functools.cache
def _own() -> set[str]:
    return {module.name for module in pkgutil.iter_modules(__path__)}
