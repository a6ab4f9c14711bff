"""Whether a network fits a machine: registers as wide and memories as large as it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from hwsim.components.neuron import Neuron
from hwsim.errors import ArchitectureError
from hwsim.printable import layer_called

Width = tuple[str, int, int]
"""Key of the file, and bits (or slots, or entries) that are needed and that are there."""
_KIB_BITS = 8192


def refuse_narrow(owner: str, widths: Iterable[Width]) -> None:
    """Raise ArchitectureError for the first key of the file with fewer bits (or slots) than `owner` needs."""
    for key, needed, there in widths:
        if needed > there:
            name = layer_called(owner)
            raise ArchitectureError(f"{key}: {name} needs {needed}, the machine has {there}; {key}={needed} is enough")


class Leaky(Protocol):
    """Neurons with a leak and a membrane, of whatever coding."""

    @property
    def leaks(self) -> bool:
        """Whether anything leaks."""

    @property
    def leak_bits(self) -> int:
        """Fraction bits of the leak."""

    @property
    def membrane_bits(self) -> int:
        """Width of the membrane."""


def neuron_widths(key: str, wanted: Leaky, there: Neuron) -> Iterator[Width]:
    """Widths of neurons against those of the unit under a key, for `refuse_narrow`; no leak needs no bits."""
    yield f"{key}.membrane_bits", wanted.membrane_bits, there.membrane_bits
    yield f"{key}.leak_bits", wanted.leak_bits if wanted.leaks else 0, there.leak_bits


def refuse_small(memory: str, needs: str, needed_bits: int, there_bits: int, where: str = "") -> None:
    """Raise ArchitectureError where a memory, by its key in the file, is smaller than what lies in it.

    `needs` is who needs it, with the verb ("the network needs"), `where` which of several memories (" in one memory").
    """
    if needed_bits > there_bits:
        raise ArchitectureError(
            f"{memory}.capacity_kib: {needs} {needed_bits / _KIB_BITS:.4g} KiB{where}, "
            f"it has {there_bits / _KIB_BITS:.4g} KiB"
        )
