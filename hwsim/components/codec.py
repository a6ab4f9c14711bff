"""Compresses values on their way to a memory and back: zeros are left out, what is left says where it was."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing import logic
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Priced
from hwsim.components.pricing.technology import Technology


class CodecReference(Reference):
    """Geometry of given prices."""

    value_bits: int
    run_bits: int


class CodecGiven(Given):
    """Given prices of a codec; both are of one value."""

    at: CodecReference
    encode_pj: Cost
    decode_pj: Cost


class Codec(PricedSpec):
    """`encode`: one value is taken, zero or not; `decode`: one value is given out, zero or not.

    Encoding compares the value with zero, counts a zero and keeps the value in a register; decoding counts down to the
    next value that is not zero and keeps what it gives (our choice of circuit).  A code of one bit a value, without
    runs, is priced the same.  `lanes` values pass in a cycle, so many units there are.
    """

    value_bits: int = Field(ge=1, le=64)
    run_bits: int = Field(ge=1, le=16)
    lanes: int = Field(ge=1, le=65_536)
    law: Literal["logic", "given"]
    given: CodecGiven | None = None

    @property
    def register_bits(self) -> int:
        """A count and a value, for either direction."""
        return 2 * (self.run_bits + self.value_bits)

    def by_law(self, technology: Technology) -> Priced:
        """A comparison of encoding, a counter and a register of both (see `logic`); the area has both directions."""
        count = logic.add(technology, self.run_bits)
        kept = logic.register(technology, self.run_bits + self.value_bits)
        decode = logic.total(count, kept)
        encode = logic.total(logic.compare(technology, self.value_bits), count, kept)
        return logic.priced({"encode": encode, "decode": decode}, logic.total(encode, decode))
