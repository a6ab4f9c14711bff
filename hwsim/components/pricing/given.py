"""Prices that a file gives instead of a law, tied to the geometry they are for."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Self

from pydantic import Field, model_validator

from hwsim.arch.schema import Bounded, ComponentSpec, Cost, Spec
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology
from hwsim.errors import ArchitectureError
from hwsim.kept import kept_with
from hwsim.printable import shortened


class Reference(Spec):
    """Technology and geometry that given prices hold for; subclasses add the geometry."""

    node_nm: int
    vdd_v: float


class Given(Spec):
    """Prices of a part: fields ending in `_pj` are its actions, those in `_ns` their times."""

    at: Reference
    area_um2: Cost
    leakage_uw: Cost


class PricedSpec(ComponentSpec):
    """A part that is priced by a law or by given numbers; subclasses narrow `law` and `given`.

    Raises:
        ValueError: `law: given` without prices, or with prices for another geometry than the part has now. So an
            override can never keep the price of what it replaced.

    """

    law: str
    given: Given | None = Field(default=None)

    @model_validator(mode="after")
    def _given_prices_fit(self) -> PricedSpec:
        if self.law != "given":
            return self
        if self.given is None:
            raise ValueError("law 'given' needs the prices: add the mapping 'given'")
        for name in type(self.given.at).model_fields:
            now = getattr(self, name, None)
            if now is not None:
                _refuse_another(name, now, getattr(self.given.at, name))
        return self

    def sized(self, **sizes: object) -> Self:
        """The same part with sizes that the machine gives it, one object for each, so that its price is kept."""
        return kept_with(self).once(("sized", *sizes.items()), lambda: self.model_copy(update=sizes))

    def completed(self, **sizes: object) -> Self:
        """The same part with those of the machine's sizes that the file does not state."""
        missing = {key: size for key, size in sizes.items() if getattr(self, key) is None}
        return self.sized(**missing) if missing else self

    @property
    def pipelined_cycles(self) -> int:
        """Cycles that its slowest action may take: what the part's key `cycles` says, and at least one."""
        cycles = getattr(self, "cycles", 1)
        return max(cycles, 1) if isinstance(cycles, int) else 1

    @property
    @abstractmethod
    def register_bits(self) -> int:
        """Flip-flops of one instance, which follow from its widths.

        Those of what it gives and keeps, and of the stages of a pipeline; an operand lies in the register of the part
        that it comes from, unless this part hands it on or holds it. Control is not counted.
        """

    def priced(self, technology: Technology) -> Priced:
        """Prices of one instance in a technology.

        Raises:
            ArchitectureError: the law does not reach that technology or geometry, or prices are given for another.

        """

        # Designs of a sweep share the parts that they do not change.
        def price() -> tuple[Technology, Priced]:
            found = self._price(technology)
            return technology, replace(found, flip_flops=self.register_bits)

        return kept_with(self).once(("priced", id(technology)), price)[1]

    def _price(self, technology: Technology) -> Priced:
        if self.law != "given" or self.given is None:
            return self.by_law(technology).over(self.pipelined_cycles)
        for name in type(self.given.at).model_fields:
            if getattr(self, name, None) is None:
                try:
                    now = getattr(technology, name)
                    _refuse_another(f"the technology's {name}", now, getattr(self.given.at, name))
                except ValueError as error:
                    raise ArchitectureError(str(error)) from None
        return given_prices(self.given, self.source)

    def priced_as(self, key: str, technology: Technology) -> Priced:
        """The same for a part under a key of a file, with which an error begins.

        Raises ArchitectureError, also where prices leave the range of numbers.
        """
        try:
            return self.priced(technology)
        except ArchitectureError as error:
            raise ArchitectureError(f"{key}: {error}") from None
        except (OverflowError, ZeroDivisionError, ValueError):
            # Each value alone is one that a part may have.
            raise ArchitectureError(f"{key}: prices leave the range of numbers; a value is out of proportion") from None

    @abstractmethod
    def by_law(self, technology: Technology) -> Priced:
        """Prices by the part's own law."""


def given_prices(given: Given, source: str) -> Priced:
    """The numbers of a `given` mapping as prices."""
    numbers = {name: getattr(given, name) for name in type(given).model_fields}
    actions = {
        name.removesuffix("_pj"): Price.of(number, source)
        for name, number in numbers.items()
        if name.endswith("_pj") and isinstance(number, Bounded)
    }
    times_ns = {name.removesuffix("_ns"): number for name, number in numbers.items() if name.endswith("_ns")}
    area, leakage = Price.of(given.area_um2, source), Price.of(given.leakage_uw, source)
    return Priced(actions, area, leakage, times_ns)


def _refuse_another(name: str, now: object, then: object) -> None:
    if now != then:
        there, here = shortened(str(then)), shortened(str(now))
        raise ValueError(f"{name} is {here}, but the given prices are for {there}: restate them, or choose a law")


def known(key: str, value: int | None) -> int:
    """A size that the file or the machine has to say.

    Raises ArchitectureError where neither does.
    """
    if value is None:
        raise ArchitectureError(f"{key} is missing, and this machine does not count them itself")
    return value
