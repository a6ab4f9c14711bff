"""Calls of compiled kernels: all kinds of arguments arrive, all kinds of results come back, none is run as another."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import product
from typing import NamedTuple

import numpy as np
import pytest
from numba import config, typeof

from hwsim.kernels.compiled import kernel
from hwsim.kernels.words import described, layout, spread

compiled_only = pytest.mark.skipif(config.DISABLE_JIT, reason="interpreted kernels are called as they are")

INTEGERS = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]
FLOATS = [np.float32, np.float64]


class Inner(NamedTuple):
    values: np.ndarray
    factor: int


class Outer(NamedTuple):
    first: Inner
    flag: bool
    rest: tuple


class Other(NamedTuple):
    values: np.ndarray
    factor: int


@kernel
def same(value):
    return value


@kernel
def weighed(values):
    total = 0.0
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            total += values[y, x] * np.float64(10 * y + x + 1)
    return total


@kernel
def written(target, value):
    for i in range(target.shape[0]):
        target[i] = value


@kernel
def nested(before, outer, nothing, after):
    total = int(before) * 1000 + int(after)
    for i in range(outer.first.values.size):
        total += int(outer.first.values[i]) * outer.first.factor
    if nothing is None and outer.flag:
        total += outer.rest[0] * outer.rest[1].size
    return total


@kernel
def of_record(records):
    records[1]["b"] = records[0]["a"] + 1


@kernel
def divided(one, other):
    return one // other


@kernel
def sine(angle):
    return math.sin(angle)


@kernel
def increased(value, step):
    return value + step


@kernel
def increased_twice(value):
    return increased(increased(value, 1), value)


@kernel
def squares(n):
    total = 0
    for square in [i * i for i in range(n)]:
        total += square
    return total


@kernel
def by_closure(n):
    def step(value):
        return value + n

    return step(step(1))


@kernel
def guarded(n):
    try:
        return 1 // n
    except Exception:
        return -1


@kernel
def once_or_twice(values, first, n):
    """A variable that is assigned before a loop, in one of two branches, in the loop, and used after it."""
    if first:
        chosen = values[0]
    else:
        chosen = values[1]
    last = chosen
    while n > 0:
        before = last
        last = chosen + before
        n -= 1
        if n == 2:
            continue
        chosen = before
    return 1000 * last + chosen


@kernel
def used_before(n):
    """A variable that a round of a loop uses before it assigns it for the next."""
    total, seen = 0, 7
    for i in range(n):
        if i > 0:
            total += seen
        seen = i * i
    return total


@kernel(allocates=True)
def doubled(values):
    return values * 2


@pytest.mark.parametrize("kind", [bool, np.bool_, int, float, *INTEGERS, *FLOATS])
def test_numbers_come_back(kind):
    limits = np.iinfo(np.int64 if kind is int else kind) if kind in (int, *INTEGERS) else None
    for value in (0, 1) if limits is None else (limits.min + 1, limits.max, 3):
        assert same(kind(value)) == kind(value)
    if kind in (float, *FLOATS):
        assert [same(kind(value)) for value in ("-0.1", "inf")] == [kind("-0.1"), kind("inf")]


def test_integers_of_64_bits_are_unsigned():
    assert same(2**64 - 1) == 2**64 - 1


@pytest.mark.parametrize("kind", [np.int8, np.uint64, np.float32, np.bool_])
@pytest.mark.parametrize("order", ["C", "F", "steps", "backwards", "read-only", "one row", "none"])
def test_arrays_of_any_order_arrive(kind, order):
    values = np.arange(24).reshape(4, 6).astype(kind)
    values = {
        "C": values,
        "F": np.asfortranarray(values),
        "steps": values[::2, 1::3],
        "backwards": values[::-1, ::-1],
        "read-only": values.copy(),
        "one row": values[:1],
        "none": values[:0],
    }[order]
    values.flags.writeable = order != "read-only"
    weights = 10 * np.arange(values.shape[0])[:, None] + np.arange(values.shape[1]) + 1
    assert weighed(values) == (values.astype(np.float64) * weights).sum()


@pytest.mark.parametrize("kind", [*INTEGERS, *FLOATS])
def test_arrays_are_written_in_place(kind):
    target = np.zeros(7, kind)
    written(target[1:6:2], kind(5))
    assert target.tolist() == [0, 5, 0, 5, 0, 5, 0]


def test_tuples_within_tuples_arrive():
    values = np.array([1, 2, 3], np.int16)
    outer = Outer(Inner(values, 7), True, (11, np.zeros(5, np.float32)))
    assert nested(np.int8(-3), outer, None, np.uint32(2)) == -3000 + 2 + 42 + 55
    assert nested(np.int8(-3), outer._replace(flag=False), None, np.uint32(2)) == -3000 + 2 + 42


def test_records_arrive():
    records = np.zeros(2, [("a", np.int64), ("b", np.int16)])
    records[0]["a"] = 41
    of_record(records)
    assert records[1]["b"] == 42


@compiled_only
def test_what_fails_within_a_kernel_raises():
    assert divided(7, 2) == 3
    with pytest.raises(RuntimeError, match="divided"):
        divided(7, 0)


@compiled_only
def test_what_a_kernel_calls_is_compiled_once_for_numbers_that_are_known_and_that_are_not():
    assert increased_twice(5) == 11
    increased_twice.build((5,))  # which it was not if its code was kept
    assert len(increased.made.overloads) == 1


@compiled_only
def test_what_needs_other_functions_goes_through_numba():
    assert sine(0.5) == math.sin(0.5)


@pytest.mark.parametrize(("function", "expected"), [(squares, 30), (by_closure, 11), (guarded, 0)])
def test_what_these_kernels_cannot_be_made_of_goes_through_numba(function, expected):
    assert function(5) == expected


@compiled_only
def test_an_error_that_is_caught_within_is_caught():
    assert guarded(0) == -1


@pytest.mark.parametrize("n", range(6))
@pytest.mark.parametrize("first", [False, True])
def test_variables_have_the_values_of_plain_python(first, n):
    values = np.array([3, 5])
    plain = getattr(once_or_twice, "__wrapped__", once_or_twice), getattr(used_before, "__wrapped__", used_before)
    assert once_or_twice(values, first, n) == plain[0](values, first, n)
    assert used_before(n) == plain[1](n)


def test_what_makes_arrays_goes_through_numba():
    assert doubled(np.arange(3)).tolist() == [0, 2, 4]


@compiled_only
@pytest.mark.parametrize("value", [{}, "text", [1], 1j, np.datetime64(0, "s"), object()])
def test_other_arguments_are_refused(value):
    with pytest.raises(TypeError, match="a kernel takes arrays, numbers and tuples"):
        same(value)


def of(*values):
    kinds, words = [], []
    spread(values, kinds, words)
    assert len(layout(tuple(kinds))) == len(words)
    return tuple(kinds), described(tuple(kinds))


def test_arguments_share_code_only_if_they_are_of_one_type():
    whole = np.zeros((2, 3), np.int32)
    read_only = whole.copy()
    read_only.flags.writeable = False
    packed = np.zeros(2, [("a", np.int64), ("b", np.int16)])
    unaligned = np.zeros(17, np.uint8)[1:].view(np.int64)
    aligned = np.zeros(2, np.dtype([("a", np.int64), ("b", np.int16)], align=True))
    values = [
        *(kind(1) for kind in (bool, int, float, np.bool_, *INTEGERS, *FLOATS, np.longlong)),
        *(2**63 - 1, -(2**63) + 1, 2**63, 2**64 - 1),
        *(np.zeros(shape, kind) for shape, kind in product([(2,), (2, 3), (1, 3)], [np.bool_, *INTEGERS, *FLOATS])),
        *(whole, whole.T, whole[:, ::2], whole[:1], whole[:, :1], whole[0], whole[:, 0], read_only, whole.copy()),
        *(packed, aligned, packed.view([("a", np.int64), ("c", np.int16)]), unaligned, None),
        *(packed["a"], aligned["a"]),
        *((), (1,), (1, 2), (1, 2.0), ((1,), 2), (1, (2,)), (None, whole), (whole, None)),
        *(Inner(whole[0], 1), Inner(whole, 1), Other(whole[0], 1), Outer(Inner(whole[0], 1), True, (1,))),
    ]
    types, found = [typeof(value) for value in values], [of(value) for value in values]
    texts: dict[str, object] = {}
    for kind, (kinds, text) in zip(types, found, strict=True):
        assert texts.setdefault(text, kind) == kind, text
        assert all((kinds == other) == (text == as_text) for other, as_text in found)
    assert len(set(types)) == len(texts)  # nor is anything compiled twice for one type


@compiled_only
def test_threads_may_call_at_once():
    code = """
import sys, threading
import numpy as np
from hwsim.kernels.bits import popcount, trailing_zeros
found = []
def count(start):
    start.wait()
    for i in range(500):
        found.append(popcount(np.uint64(i)) == i.bit_count() and trailing_zeros(np.uint64(1 << i % 64)) == i % 64)
start = threading.Barrier(4)
threads = [threading.Thread(target=count, args=(start,)) for _ in range(4)]
for each in threads: each.start()
for each in threads: each.join()
assert len(found) == 2000 and all(found)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
