"""Items and views of arrays, written on the values that an array is."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

from numba.core import cgutils, types
from numba.np import arrayobj


class Indexed(NamedTuple):
    """What an index chooses of an array: one item, or a view with some axes."""

    place: Any  # address of the first item
    lengths: list[Any]  # of its axes
    strides: list[Any]  # of its axes, in bytes


def is_plain(array: Any, kinds: Sequence[Any]) -> bool:
    """Whether an array is indexed by integers and slices without steps alone."""
    plain = all(
        isinstance(kind, types.Integer) or (isinstance(kind, types.SliceType) and not kind.has_step) for kind in kinds
    )
    return isinstance(array, types.Array) and len(kinds) <= array.ndim and plain


def field(context: Any, builder: Any, kind: Any, value: Any, name: str, *within: int) -> Any:
    """A field of the value of an array."""
    return builder.extract_value(value, (context.data_model_manager[kind].get_field_position(name), *within))


def indexed(context: Any, builder: Any, array: Any, value: Any, indices: Sequence[tuple[Any, Any]]) -> Indexed:
    """What indices, each of a type, choose of an array."""
    shape = [field(context, builder, array, value, "shape", axis) for axis in range(array.ndim)]
    strides = [field(context, builder, array, value, "strides", axis) for axis in range(array.ndim)]
    starts, lengths, kept = [], [], []
    for axis, length in enumerate(shape):
        kind, index = indices[axis] if axis < len(indices) else (None, None)
        if isinstance(kind, types.Integer):
            starts.append(_from_start(context, builder, kind, index, length))
            continue
        first, chosen = (length.type(0), length) if kind is None else _span(builder, index, length)
        starts.append(first)
        lengths.append(chosen)
        kept.append(strides[axis])
    data = field(context, builder, array, value, "data")
    place = cgutils.get_item_pointer2(context, builder, data, shape, strides, array.layout, starts)
    return Indexed(place, lengths, kept)


def view(context: Any, builder: Any, array: Any, value: Any, found: Indexed, kind: Any) -> Any:
    """The value of a view, an array of a type."""
    owner, parent, item_bytes = (
        field(context, builder, array, value, each) for each in ("meminfo", "parent", "itemsize")
    )
    size = functools.reduce(lambda one, other: builder.mul(one, other, flags=["nsw"]), found.lengths)
    axes = [cgutils.pack_array(builder, each) for each in (found.lengths, found.strides)]
    fields = [owner, parent, size, item_bytes, found.place, *axes]
    return cgutils.make_anonymous_struct(builder, fields, context.get_value_type(kind))


def fill(context: Any, builder: Any, array: Any, found: Indexed, value: Any) -> None:
    """Write a number to all that an index chooses."""
    place, kind = found.place, found.place.type
    with contextlib.ExitStack() as loops:
        for length, stride in zip(found.lengths, found.strides, strict=True):
            at = loops.enter_context(cgutils.for_range(builder, length)).index
            first = builder.bitcast(place, cgutils.voidptr_t)
            place = builder.bitcast(builder.gep(first, [builder.mul(at, stride)]), kind)
        arrayobj.store_item(context, builder, array, value, place)


def _from_start(context: Any, builder: Any, kind: Any, index: Any, length: Any) -> Any:
    """An index that may count from the end."""
    if isinstance(kind, types.IntegerLiteral) and kind.literal_value >= 0:
        return context.cast(builder, index, kind, types.intp)
    return arrayobj.fix_integer_index(context, builder, kind, index, length)


def _span(builder: Any, chosen: Any, length: Any) -> tuple[Any, Any]:
    """The first index of a slice, and how many it has."""
    none = length.type(0)

    def within(end: Any) -> Any:
        end = builder.select(builder.icmp_signed("<", end, none), builder.add(end, length), end)
        end = builder.select(builder.icmp_signed("<", end, none), none, end)
        return builder.select(builder.icmp_signed(">", end, length), length, end)

    first, end = (within(builder.extract_value(chosen, i)) for i in range(2))
    some = builder.icmp_signed(">", end, first)
    return first, builder.select(some, builder.sub(end, first), none)
