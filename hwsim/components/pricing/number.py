"""What arithmetic units compute with, integers of some width or 32-bit floats, and parts that are told so later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from hwsim.components.pricing import logic
from hwsim.components.pricing.given import PricedSpec
from hwsim.components.pricing.logic import Operator
from hwsim.components.pricing.price import Priced
from hwsim.components.pricing.technology import Technology
from hwsim.errors import ArchitectureError

_FLOAT_BITS = 32
_SELECT_GATES = 2  # a bit: an AND for each of two sources; the OR behind them is left out
_SpecT = TypeVar("_SpecT", bound="NumberedSpec")


@dataclass(frozen=True, slots=True)
class Number:
    """Integers of `bits`, or floats, which have 32.

    Raises ValueError: floats of another width, which have no prices.
    """

    bits: int
    floating: bool = False

    def __post_init__(self) -> None:
        if self.floating and self.bits != _FLOAT_BITS:
            raise ValueError(f"floats have {_FLOAT_BITS} bits, got {self.bits}")

    def add(self, technology: Technology) -> Operator:
        """An addition or subtraction."""
        return logic.float_add(technology) if self.floating else logic.add(technology, self.bits)

    def multiply(self, technology: Technology, other_bits: int) -> Operator:
        """A product with an integer of another width, or with a float if this is one."""
        if self.floating:
            return logic.float_multiply(technology)
        return logic.multiply(technology, self.bits, other_bits)

    def compare(self, technology: Technology) -> Operator:
        """A comparison; IEEE 754 orders floats as their bits are ordered, so it is one of integers."""
        return logic.compare(technology, self.bits)

    def select(self, technology: Technology) -> Operator:
        """One of two values, by gates (our choice of circuit)."""
        return logic.logic_and(technology, _SELECT_GATES * self.bits)

    def divide(self, technology: Technology, cycles: int) -> Operator:
        """A quotient: of integers a subtraction and a register in each of its cycles (our choice of circuit)."""
        if self.floating:
            return logic.float_divide(technology)
        return logic.total(self.add(technology), self.register(technology)).times(cycles)

    @property
    def pipeline_bits(self) -> int:
        """Flip-flops between the stages of a unit: a word a stage, of floats, as integers take one cycle."""
        return (logic.FLOAT_STAGES - 1) * self.bits if self.floating else 0

    def register(self, technology: Technology) -> Operator:
        """One access of a register."""
        return logic.register(technology, self.bits)


class NumberedSpec(PricedSpec):
    """A part that a machine fills the widths of its numbers in for, so that a file need not repeat them."""

    def priced(self, technology: Technology) -> Priced:
        """Prices of all lanes in a technology.

        Raises ArchitectureError where the numbers have not been filled in, and as all parts do.
        """
        if self.given is not None:
            for name in type(self.given.at).model_fields.keys() & type(self).model_fields.keys():
                filled(getattr(self, name))
        return super().priced(technology)


def filled_in(part: _SpecT, **widths: int | bool) -> _SpecT:
    """A part with the widths of the numbers that it computes with.

    Raises ArchitectureError where the part has given prices, and those are for others, or where the file states
    another width itself.
    """
    for name, width in widths.items():
        stated = getattr(part, name)
        if stated is not None and stated != width:
            raise ArchitectureError(f"{name} is {stated}, but the machine computes with {width}: leave it out")
    try:
        return type(part).model_validate(part.model_dump() | widths)
    except ValueError:
        found = ", ".join(f"{name} {width}" for name, width in widths.items())
        raise ArchitectureError(
            f"given prices are for other numbers than {found}: restate them, or choose a law"
        ) from None


def filled(width: int | None) -> int:
    """A width that has been filled in.

    Raises ArchitectureError where it has not.
    """
    if width is None:
        raise ArchitectureError("the machine has not said what numbers this part computes with")
    return width
