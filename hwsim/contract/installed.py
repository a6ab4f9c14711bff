"""Machines of other installed packages, found by entry points; a package is imported when its machine is asked for."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

from hwsim.contract.machine import Accelerator
from hwsim.errors import ArchitectureError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "hwsim.accelerators"
_NEEDED = ("spec_type", "trace_type")  # class attributes; what is abstract Python names itself


def names() -> set[str]:
    """Names of all of them; it imports none.

    Raises ArchitectureError where the metadata of an installed package cannot be read.
    """
    return {found.name for found in _entries()}


def load(name: str) -> type[Accelerator[Any, Any]]:
    """The machine of a name.

    Raises ArchitectureError naming the package where it cannot be imported or is no machine, and naming all of them
    where several packages have a machine of that name.
    """
    found = [entry for entry in _entries() if entry.name == name]
    if len(found) != 1:
        owners = " and ".join(f"{_owner(entry)} ({entry.value})" for entry in found)
        raise ArchitectureError(f"machine '{name}' is in more than one package: {owners}; uninstall one")
    try:
        loaded = found[0].load()
        machine = loaded.Machine if isinstance(loaded, ModuleType) else loaded
    except Exception as error:  # whatever a package of others does while it is imported
        raise ArchitectureError(
            f"machine '{name}' of package {_owner(found[0])} cannot be imported: {_one_line(error)}"
        ) from None
    if wrong := _shortcoming(machine):
        raise ArchitectureError(f"machine '{name}' of package {_owner(found[0])}: {found[0].value} {wrong}")
    checked: type[Accelerator[Any, Any]] = machine
    return checked


def _entries() -> list[EntryPoint]:
    from importlib.metadata import entry_points  # what it imports takes longer than most of hwsim

    try:
        return sorted(entry_points(group=GROUP), key=lambda entry: (_owner(entry), entry.value))
    except Exception as error:  # of any package, as one that is broken keeps Python from reading on
        raise ArchitectureError(f"entry points of installed packages cannot be read: {_one_line(error)}") from None


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "of unknown name"


def _shortcoming(machine: object) -> str:
    """What keeps an object from being a machine, '' for nothing."""
    if not (isinstance(machine, type) and issubclass(machine, Accelerator)):
        return "is no subclass of hwsim.contract.machine.Accelerator"
    missing = [*sorted(machine.__abstractmethods__), *(key for key in _NEEDED if not hasattr(machine, key))]
    return f"lacks {', '.join(missing)}" if missing else ""


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
