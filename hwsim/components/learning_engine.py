"""The unit that changes weights and traces."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing import logic
from hwsim.components.pricing.given import Given, Reference
from hwsim.components.pricing.number import Number, NumberedSpec, filled, filled_in
from hwsim.components.pricing.price import Priced
from hwsim.components.pricing.technology import Technology

_SUM_BITS = 16  # more than a weight has: sums of up to 65,536 of them


class LearningEngineReference(Reference):
    """Geometry of given prices."""

    lanes: int
    divide_cycles: int
    weight_bits: int
    trace_bits: int
    floating: bool
    rate_bits: int
    factor_bits: int


class LearningEngineGiven(Given):
    """Given prices of all lanes."""

    at: LearningEngineReference
    update_pj: Cost
    decay_pj: Cost
    scale_pj: Cost
    sum_pj: Cost
    divide_pj: Cost


class LearningEngine(NumberedSpec):
    """`lanes` weights or traces a cycle, or as many divisions in `divide_cycles`.

    `update`: a rate times a trace, added to a weight that is held within two limits, each a comparison and a choice.
    `decay`: a trace times its leak. `scale`: a weight times a factor, held below its limit. `sum`: a weight added to a
    neuron's sum. All of them end in a register. `divide`: a quotient of sums (see `Number.divide`), on the adder of the
    sums, or on the multiplier where they are floats.
    """

    lanes: int = Field(ge=1, le=65_536)
    divide_cycles: int = Field(ge=1, le=1000)
    weight_bits: int | None = Field(default=None, ge=1, le=64)
    trace_bits: int | None = Field(default=None, ge=1, le=64)
    rate_bits: int | None = Field(default=None, ge=1, le=32)  # of a learning rate
    factor_bits: int | None = Field(default=None, ge=1, le=32)  # of a leak, and of a factor for weights
    floating: bool | None = None
    law: Literal["logic", "given"]
    given: LearningEngineGiven | None = None

    def of(self, weights: Number, traces: Number, rate_bits: int, factor_bits: int) -> LearningEngine:
        """The same unit for some numbers, of which weights and traces are both floats or none."""
        constants = {"rate_bits": rate_bits, "factor_bits": factor_bits}
        return filled_in(self, weight_bits=weights.bits, trace_bits=traces.bits, floating=weights.floating, **constants)

    @property
    def register_bits(self) -> int:
        """Of all lanes: a weight or a trace, and a sum; more in a pipeline of floats."""
        return self.lanes * self._lane_bits

    @property
    def _lane_bits(self) -> int:
        floating, weight_bits = bool(self.floating), filled(self.weight_bits)
        sums = Number(weight_bits if floating else weight_bits + _SUM_BITS, floating)
        result = max(weight_bits, filled(self.trace_bits))
        return result + sums.bits + Number(weight_bits, floating).pipeline_bits + sums.pipeline_bits

    def by_law(self, technology: Technology) -> Priced:
        """Sums of the operators (see `logic`); a lane holds those of an update, and the wider of its multipliers."""
        floating = bool(self.floating)
        weight, trace = Number(filled(self.weight_bits), floating), Number(filled(self.trace_bits), floating)
        sums = weight if floating else Number(weight.bits + _SUM_BITS)
        stored, adder = weight.register(technology), weight.add(technology)
        limit = logic.total(weight.compare(technology), weight.select(technology))
        summing = logic.total(sums.add(technology), sums.register(technology))
        factor_bits = filled(self.factor_bits)
        rate, leak = (trace.multiply(technology, bits) for bits in (filled(self.rate_bits), factor_bits))
        factor = weight.multiply(technology, factor_bits)
        update = logic.total(rate, adder, limit.times(2), stored)
        actions = {
            "update": update,
            "decay": logic.total(leak, trace.register(technology)),
            "scale": logic.total(factor, limit, stored),
            "sum": summing,
            "divide": sums.divide(technology, self.divide_cycles),
        }
        widest = max((rate, factor, leak), key=lambda operator: operator.area_um2.value)
        registers = logic.register(technology, self._lane_bits)
        lane = logic.total(widest, adder, limit.times(2), sums.add(technology), registers)
        return logic.priced(actions, lane, self.lanes)
