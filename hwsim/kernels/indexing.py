"""Items and views of arrays, written on the values that an array is."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from typing import Any

from numba.core import cgutils, types
from numba.np import arrayobj


def is_plain(array: Any, kinds: Sequence[Any]) -> bool:
    """Whether an array is indexed by integers and slices without steps alone."""
    plain = all(
        isinstance(kind, types.Integer) or (isinstance(kind, types.SliceType) and not kind.has_step) for kind in kinds
    )
    return isinstance(array, types.Array) and len(kinds) <= array.ndim and plain


def field(context: Any, builder: Any, kind: Any, value: Any, name: str, *within: int) -> Any:
    """A field of the value of an array."""
    return builder.extract_value(value, (context.data_model_manager[kind].get_field_position(name), *within))


class Indexed:
    """What indices, each of a type, choose of an array: one item, or a view of some of its axes."""

    def __init__(self, context: Any, builder: Any, array: Any, value: Any, indices: Sequence[tuple[Any, Any]]) -> None:
        self._context, self._builder, self._array, self._value = context, builder, array, value
        self._shape, self._strides = (
            [self._field(name, axis) for axis in range(array.ndim)] for name in ("shape", "strides")
        )
        self._starts: list[Any] = []
        self._lengths: dict[int, Any] = {}  # of the axes that are left
        for axis, length in enumerate(self._shape):
            kind, index = indices[axis] if axis < len(indices) else (None, None)
            if isinstance(kind, types.Integer):
                self._starts.append(_from_start(context, builder, kind, index, length))
            else:
                first, chosen = (length.type(0), length) if kind is None else _span(builder, index, length)
                self._starts.append(first)
                self._lengths[axis] = chosen

    def loaded(self) -> Any:
        """The item, or the value of the view."""
        place = self._place(self._starts)
        if not self._lengths:
            return arrayobj.load_item(self._context, self._builder, self._array, place)
        owner, parent, item_bytes = map(self._field, ("meminfo", "parent", "itemsize"))
        lengths, strides = list(self._lengths.values()), [self._strides[axis] for axis in self._lengths]
        size = functools.reduce(lambda one, other: self._builder.mul(one, other, flags=["nsw"]), lengths)
        axes = [cgutils.pack_array(self._builder, each) for each in (lengths, strides)]
        return cgutils.make_anonymous_struct(self._builder, [owner, parent, size, item_bytes, place, *axes])

    def fill(self, value: Any) -> None:
        """Write a number to all of it."""
        at = list(self._starts)
        with contextlib.ExitStack() as loops:
            for axis, length in self._lengths.items():
                index = loops.enter_context(cgutils.for_range(self._builder, length)).index
                at[axis] = self._builder.add(at[axis], index, flags=["nsw"])
            arrayobj.store_item(self._context, self._builder, self._array, value, self._place(at))

    def _field(self, name: str, *within: int) -> Any:
        return field(self._context, self._builder, self._array, self._value, name, *within)

    def _place(self, at: Sequence[Any]) -> Any:
        """The address of an item."""
        data, layout = self._field("data"), self._array.layout
        return cgutils.get_item_pointer2(self._context, self._builder, data, self._shape, self._strides, layout, at)


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
