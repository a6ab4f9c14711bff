"""How the statements of a kernel are written down for LLVM: in few instructions, on values.

Numba writes all that an array or a loop is into memory to read a word of it.  LLVM removes that again, which takes more
time than what is left.  Items of arrays, their shapes and sizes, loops over ranges, and least and largest integers are
most of all kernels, and are written as values here; the rest is left to Numba.
"""

from __future__ import annotations

import functools
import operator
from collections import Counter
from typing import Any

from llvmlite.ir import Constant
from numba.core import analysis, cgutils, errors, ir, lowering, types

from hwsim.kernels import indexing

_POWERS = (operator.pow, operator.ipow)
"""Operators that Numba writes otherwise where one side is known."""
_FIELDS = {"shape": "shape", "size": "nitems"}
"""What an array says of itself, and what Numba calls it."""


class Lower(lowering.Lower):
    """Writes a function down without references to count: what is assigned once is a value and needs no memory."""

    def init(self) -> None:
        """Refuse what is kept between calls."""
        if self.generator_info is not None:
            raise errors.UnsupportedError("a kernel that is a generator")
        super().init()

    def _find_singly_assigned_variable(self) -> None:
        blocks = self.func_ir.blocks
        found = [(each.target.name, at) for at, block in blocks.items() for each in block.find_insts(ir.Assign)]
        times = Counter(name for name, _ in found)
        single = {name: at for name, at in found if times[name] == 1}
        dominators = analysis.compute_cfg_from_blocks(blocks).dominators()
        for block, names in analysis.compute_use_defs(blocks).usemap.items():
            for name in names:  # used before anything in the block assigns it
                at = single.get(name, block)
                if at >= block or at not in dominators[block]:  # not written down before, or not on every way there
                    single.pop(name, None)
        self._singly_assigned_vars, self._blk_local_varmap = set(single), {}

    def storevar(self, value: Any, name: str, argidx: int | None = None) -> None:
        """Assign, whatever was there before."""
        if name in self._singly_assigned_vars:
            self._blk_local_varmap[name] = value
        else:
            self.builder.store(value, self.getvar(name))

    def delvar(self, name: str) -> None:
        """Let a variable be."""

    def lower_expr(self, resty: Any, expr: Any) -> Any:
        """The value of an expression of a type."""
        lower = _EXPRESSIONS.get(expr.op)
        value = lower(self, expr, resty) if lower else None
        return super().lower_expr(resty, expr) if value is None else value

    def lower_binop(self, resty: Any, expr: Any, op: Any) -> Any:
        """What an operator makes of two numbers, whose types are known; or of whatever else."""
        signature = self.fndesc.calltypes[expr]
        if op in _POWERS or not all(isinstance(kind, (types.Number, types.Boolean)) for kind in signature.args):
            return super().lower_binop(resty, expr, op)
        typing = self.context.typing_context
        function = typing.resolve_value_type(op)
        given = [
            self.context.cast(self.builder, self.loadvar(each.name), self.typeof(each.name), kind)
            for each, kind in zip((expr.lhs, expr.rhs), signature.args, strict=True)
        ]
        found = typing.resolve_function_type(function, signature.args, {})
        result = self.context.get_function(function, found)(self.builder, given)
        return self.context.cast(self.builder, result, signature.return_type, resty)

    def lower_setitem(self, target_var: Any, index_var: Any, value_var: Any, signature: Any) -> Any:
        """Write a number to what an index chooses of an array; or whatever else is assigned so."""
        given, array = self.typeof(value_var.name), self.typeof(target_var.name)
        found = self.indexed(target_var, index_var) if isinstance(given, (types.Number, types.Boolean)) else None
        if found is None:
            return super().lower_setitem(target_var, index_var, value_var, signature)
        return found.fill(self.context.cast(self.builder, self.loadvar(value_var.name), given, array.dtype))

    def _lower_call_normal(self, fnty: Any, expr: Any, signature: Any) -> Any:
        lower, of = _FUNCTIONS.get(getattr(fnty, "typing_key", None), (None, ()))
        if lower is None or expr.vararg or not all(isinstance(kind, of) for kind in signature.args):
            return super()._lower_call_normal(fnty, expr, signature)
        value = lower(self, signature, self.fold_call_args(fnty, signature, expr.args, None, expr.kws))
        return super()._lower_call_normal(fnty, expr, signature) if value is None else value

    def indexed(self, base: Any, index: Any) -> indexing.Indexed | None:
        """What an index chooses of an array."""
        array, kind = self.typeof(base.name), self.typeof(index.name)
        kinds = kind.types if isinstance(kind, types.BaseTuple) else (kind,)
        if self.context.enable_boundscheck or not indexing.is_plain(array, kinds):
            return None
        value, given = self.loadvar(base.name), self.loadvar(index.name)
        indices = [given] if kinds == (kind,) else cgutils.unpack_tuple(self.builder, given)
        return indexing.Indexed(self.context, self.builder, array, value, list(zip(kinds, indices, strict=True)))


def _attribute(self: Lower, expr: Any, _: Any) -> Any:
    kind = self.typeof(expr.value.name)
    if expr.attr not in _FIELDS or not isinstance(kind, types.Array):
        return None
    return indexing.field(self.context, self.builder, kind, self.loadvar(expr.value.name), _FIELDS[expr.attr])


def _item(self: Lower, expr: Any, kind: Any) -> Any:
    index = expr.index if expr.op == "getitem" else expr.index_var
    found = None if index is None else self.indexed(expr.value, index)
    if found is None:
        return None
    value, array = found.loaded(), self.typeof(expr.value.name)
    return value if isinstance(kind, types.Array) else self.context.cast(self.builder, value, array.dtype, kind)


def _iterator(self: Lower, expr: Any, _: Any) -> Any:
    """Of a range: where its next number is, its end and its step."""
    kind, signature = self.typeof(expr.value.name), self.fndesc.calltypes[expr]
    if not isinstance(kind, types.RangeType) or signature.args != (kind,):
        return None
    start, stop, step = cgutils.unpack_tuple(self.builder, self.loadvar(expr.value.name))
    with self.builder.goto_entry_block():
        place = self.builder.alloca(start.type)
    self.builder.store(start, place)
    return cgutils.make_anonymous_struct(self.builder, [place, stop, step, place])


def _next(self: Lower, expr: Any, _: Any) -> Any:
    """The next number of a range, and whether it is one of its numbers."""
    kind, builder = self.typeof(expr.value.name), self.builder
    if not isinstance(kind, types.RangeIteratorType):
        return None
    place, stop, step, _ = cgutils.unpack_tuple(builder, self.loadvar(expr.value.name))
    number = builder.load(place)
    builder.store(builder.add(number, step, flags=["nsw"]), place)
    compared = builder.icmp_signed if kind.yield_type.signed else builder.icmp_unsigned
    falls = builder.icmp_signed("<", step, step.type(0)) if kind.yield_type.signed else cgutils.false_bit
    within = builder.select(falls, compared(">", number, stop), compared("<", number, stop))
    return cgutils.make_anonymous_struct(builder, [number, within])


def _range(self: Lower, signature: Any, given: Any) -> Any:
    kind = signature.return_type.dtype
    zero, one = (self.context.get_constant(kind, each) for each in (0, 1))
    start, stop, step = {1: (zero, *given, one), 2: (*given, one), 3: given}[len(given)]
    if not isinstance(step, Constant) or not step.constant:
        cgutils.guard_null(self.context, self.builder, step, (ValueError, "range() arg 3 must not be zero"))
    return cgutils.make_anonymous_struct(self.builder, [start, stop, step])


def _length(self: Lower, signature: Any, given: Any) -> Any:
    return indexing.field(self.context, self.builder, signature.args[0], given[0], "shape", 0)


def _slice(self: Lower, signature: Any, given: Any) -> Any:
    """One without a step; without an end it has the largest number, which is beyond any array."""
    if len(given) != 2:
        return None
    none = [self.context.get_constant(types.intp, each) for each in (0, 2 ** (types.intp.bitwidth - 1) - 1, 1)]
    ends = [end if kind is types.none else value for kind, value, end in zip(signature.args, given, none, strict=False)]
    return cgutils.make_anonymous_struct(self.builder, [*ends, none[-1]])


def _chosen(self: Lower, signature: Any, given: Any, greater: bool) -> Any:
    compared = self.builder.icmp_signed if signature.return_type.signed else self.builder.icmp_unsigned
    return functools.reduce(
        lambda one, other: self.builder.select(compared(">" if greater else "<", other, one), other, one), given
    )


def _same(_: Lower, __: Any, given: Any) -> Any:
    return given[0]


_EXPRESSIONS = {
    "getattr": _attribute,
    "getitem": _item,
    "static_getitem": _item,
    "getiter": _iterator,
    "iternext": _next,
}
_FUNCTIONS: dict[Any, tuple[Any, Any]] = {
    range: (_range, types.Integer),
    len: (_length, types.Array),
    slice: (_slice, (types.Integer, types.NoneType)),
    int: (_same, types.Integer),
    max: (functools.partial(_chosen, greater=True), types.Integer),
    min: (functools.partial(_chosen, greater=False), types.Integer),
}
"""Functions, and what their arguments must be."""
