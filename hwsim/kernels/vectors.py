"""What functions in LLVM's vectors are written of: numbers, vectors of them, and where arrays lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hwsim.kernels.compiled import Later

if TYPE_CHECKING:
    from llvmlite import ir
else:
    ir = Later("llvmlite.ir")

cgutils: Any = Later("numba.core.cgutils")
indexing: Any = Later("hwsim.kernels.indexing")
types: Any = Later("numba.types")


def index() -> ir.IntType:
    """An integer of 64 bits, as places in arrays are."""
    return ir.IntType(64)


def number(value: int) -> ir.Constant:
    """Such an integer."""
    return index()(value)


def vector(bits: int, lanes: int) -> ir.VectorType:
    """Integers of so many bits side by side."""
    return ir.VectorType(ir.IntType(bits), lanes)


def all_lanes(kind: ir.VectorType, value: int) -> ir.Constant:
    """The same integer in every lane."""
    return ir.Constant(kind, [value] * kind.count)


def pointers(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """The arguments, arrays as pointers to their first elements."""
    return [
        indexing.field(context, builder, kind, argument, "data") if isinstance(kind, types.Array) else argument
        for kind, argument in zip(signature.args, arguments, strict=True)
    ]


def load(builder: Any, pointer: Any, at: Any, kind: ir.VectorType) -> Any:
    """Neighbouring elements from a place on, aligned as elements are."""
    first = builder.bitcast(builder.gep(pointer, [at]), kind.as_pointer())
    return builder.load(first, align=kind.element.width // 8)


def store(builder: Any, value: Any, pointer: Any, at: Any) -> None:
    """Write neighbouring elements from a place on, aligned as elements are."""
    first = builder.bitcast(builder.gep(pointer, [at]), value.type.as_pointer())
    builder.store(value, first, align=value.type.element.width // 8)


def widened(builder: Any, values: Any, kind: ir.VectorType) -> Any:
    """Signed integers in lanes of a kind that is as wide, or wider."""
    return values if values.type == kind else builder.sext(values, kind)


def call(builder: Any, name: str, result: ir.Type, argument: Any) -> Any:
    """What a function of LLVM makes of an argument."""
    function = ir.FunctionType(result, [argument.type])
    return builder.call(cgutils.get_or_insert_function(builder.module, function, name), [argument])


def pair_products(builder: Any, one: Any, other: Any) -> Any:
    """Products of lanes in 32 bits, neighbours added: processors do so with 16-bit integers in one instruction."""
    lanes = one.type.count
    wide = vector(32, lanes)
    product = builder.mul(builder.sext(one, wide), builder.sext(other, wide))
    even, odd = (
        builder.shuffle_vector(product, product, ir.Constant(vector(32, lanes // 2), list(range(low, lanes, 2))))
        for low in range(2)
    )
    return builder.add(even, odd)


def total(builder: Any, sums: Sequence[Any]) -> Any:
    """The sum of all lanes of vectors of 64-bit integers."""
    total = sums[0]
    for more in sums[1:]:
        total = builder.add(total, more)
    return call(builder, f"llvm.vector.reduce.add.v{total.type.count}i64", index(), total)


def spread(builder: Any, scalar: Any, lanes: int) -> Any:
    """A vector of equal lanes."""
    one = builder.insert_element(vector(scalar.type.width, lanes)(ir.Undefined), scalar, ir.IntType(32)(0))
    return builder.shuffle_vector(one, one, all_lanes(vector(32, lanes), 0))
