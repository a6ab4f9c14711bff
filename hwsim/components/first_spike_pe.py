"""A processing element that owns one neuron: a slope, a potential, a threshold and a spike time."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing import logic
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Priced
from hwsim.components.pricing.technology import Technology

_TOKEN_BITS = 2  # a spike, the end of a tick, or nothing


class FirstSpikePeReference(Reference):
    """Geometry of given prices."""

    slope_bits: int
    potential_bits: int
    time_bits: int


class FirstSpikePeGiven(Given):
    """Given prices of a processing element."""

    at: FirstSpikePeReference
    forward_pj: Cost
    load_pj: Cost
    accumulate_pj: Cost
    update_pj: Cost
    check_pj: Cost
    fire_pj: Cost
    integrate_pj: Cost
    compare_pj: Cost
    reset_pj: Cost


class FirstSpikePe(PricedSpec):
    """One neuron at a time.

    `forward`: pass a token (a spike or the end of a tick) on to the next element. `load`: take the next neuron's bias,
    clear its slope. For first spikes: `accumulate` adds a weight to the slope, `update` adds the slope to the potential
    and compares it with the threshold, `check` compares it with the lowest that can still get there, `fire` stores the
    time. For rates: `integrate` adds a weight to the potential, `compare` compares it with the threshold, `reset`
    subtracts the threshold and stores the spike.
    Registers: slope, potential, threshold, time and token.
    """

    slope_bits: int = Field(ge=2, le=31)
    potential_bits: int = Field(ge=2, le=31)
    time_bits: int = Field(ge=1, le=12)
    law: Literal["logic", "given"]
    given: FirstSpikePeGiven | None = None

    @property
    def register_bits(self) -> int:
        """Slope, potential, threshold, time and token."""
        return self.slope_bits + 2 * self.potential_bits + self.time_bits + _TOKEN_BITS

    def by_law(self, technology: Technology) -> Priced:
        """Sum of the operators (see `logic`), each there once; registers are written where something changes."""

        def register(bits: int) -> logic.Operator:
            return logic.register(technology, bits)

        slope, potential, time = register(self.slope_bits), register(self.potential_bits), register(self.time_bits)
        steepen, rise = logic.add(technology, self.slope_bits), logic.add(technology, self.potential_bits)
        compare, token = logic.compare(technology, self.potential_bits), register(_TOKEN_BITS)
        whole = logic.total(steepen, rise, compare, register(self.register_bits))
        actions = {
            "forward": token,
            "load": logic.total(slope, potential),
            "accumulate": logic.total(steepen, slope),
            "update": logic.total(rise, compare, potential),
            "check": compare,
            "fire": time,
            "integrate": logic.total(rise, potential),
            "compare": compare,
            "reset": logic.total(rise, potential, time),
        }
        return logic.priced(actions, whole)
