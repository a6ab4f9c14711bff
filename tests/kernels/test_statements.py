"""What kernels make of loops, items, views and choices, beside the same functions run by Python."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
import pytest
from numba import config

from hwsim.kernels.compiled import kernel

compiled_only = pytest.mark.skipif(config.DISABLE_JIT, reason="interpreted kernels are the plain functions")


class Pair(NamedTuple):
    values: np.ndarray
    more: tuple


def plain(function):
    return getattr(function, "__wrapped__", function)


def both(function, *arguments):
    """What a kernel returns and leaves in arrays, which is what the plain function does."""
    copies = [[a.copy("K") if isinstance(a, np.ndarray) else a for a in arguments] for _ in range(2)]
    found, expected = function(*copies[0]), plain(function)(*copies[1])
    assert found == expected
    for one, other in zip(*copies, strict=True):
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, other)
    return found


@kernel
def listed(start, stop, step, numbers):
    n = 0
    for i in range(start, stop, step):
        numbers[n] = i
        n += 1
    return n


@pytest.mark.parametrize(("start", "stop", "step"), list(product((-3, 0, 4), (-4, 0, 5), (-2, -1, 1, 3))))
def test_ranges_have_the_numbers_of_python(start, stop, step):
    assert both(listed, start, stop, step, np.zeros(16, np.int64)) == len(range(start, stop, step))


@pytest.mark.parametrize("kind", [np.int32, np.uint64])
def test_ranges_of_other_integers(kind):
    assert listed(kind(2), kind(7), kind(2), np.zeros(16, np.int64)) == 3


@compiled_only
def test_a_step_of_zero_fails():
    with pytest.raises(RuntimeError, match="listed"):
        listed(0, 3, 0, np.zeros(3, np.int64))


@kernel
def nested(numbers):
    total = 0
    for i in range(len(numbers)):
        for j in range(i, numbers.size):
            if numbers[j] < 0:
                break
            if numbers[j] == 7:
                continue
            total += (i + 1) * numbers[j]
        total = total * 3 + i
    return total


def test_loops_within_loops_that_end_early():
    for seed in range(20):
        both(nested, np.random.default_rng(seed).integers(-1, 9, 12))


@kernel
def items(values, i, j, k):
    values[i, j, k] += 5
    values[-1, 0, k] = values[i, -1, 1]
    return (
        int(values[i, j, k])
        + int(values[0, j, -2]) * 10000
        + values.shape[0] * 1000
        + values.shape[2] * 100
        + values.size
    )


def laid_out(kind):
    """The same numbers, row by row, column by column, and with gaps."""
    values = np.arange(60).reshape(3, 4, 5).astype(kind)
    wide = np.zeros((6, 4, 10), kind)
    wide[::2, :, ::2] = values
    return values, np.asfortranarray(values), wide[::2, :, ::2]


@pytest.mark.parametrize("kind", [np.int16, np.uint8, np.int64, np.float32])
def test_items_are_those_of_numpy_from_either_end(kind):
    for values, (i, j, k) in product(laid_out(kind), product((0, 2, -3), (1, -1), (4, -5))):
        both(items, values, i, j, k)
        both(items, values, np.int32(i), np.int8(j), k)
    both(items, laid_out(kind)[0], np.uint8(2), np.uint64(1), 0)


@kernel
def summed(values, first, end):
    total = 0
    for y in range(values.shape[0]):
        row = values[y]
        part = row[first:end]
        for x in range(part.shape[0]):
            for c in range(part.shape[1]):
                total = (total * 3 + part[x, c] * (x + 1)) % 1000003
        total += 7 * part.size + len(part[1:]) + len(part[:-1]) + values[y, :, 1][first:].size
        total += values[first:end, 1, 2].size * 11 + values[:, end:].shape[1]
    return total


def test_views_are_those_of_numpy():
    for values, (first, end) in product(laid_out(np.int64), product((-9, -2, 0, 1, 3, 9), repeat=2)):
        both(summed, values, first, end)


@kernel
def turned(values, step):
    total = 0
    for row in (values[::-1, 2, 1], values[2:0:-1, 0, -1], values[1, 3:0:step, 2], values[0, ::2, 0]):
        for x in range(row.size):
            total = total * 3 + row[x]
        total += 7 * row.size
    return total


def test_views_with_steps_are_those_of_numpy():
    for values, step in product(laid_out(np.int64), (-1, -2, 2)):
        both(turned, values, step)


@kernel
def filled(values, i, first, end, number):
    values[i, first:end] = number
    values[:, -1] = number + 1
    values[i][0] = 3
    view = values[:, 1:3, first:]
    view[1] = 9
    values[0, 0] = values[2, 3]


def test_what_is_written_to_views_arrives_in_the_array_and_nowhere_else():
    for values, i, (first, end) in product(laid_out(np.int64), (0, -1), product((-9, 0, 2, 9), repeat=2)):
        both(filled, values, i, first, end, 6)
    wide = np.zeros((6, 4, 10), np.int64)
    filled(wide[::2, :, ::2], 0, 0, 4, 6)
    assert not wide[1::2].any()
    assert not wide[:, :, 1::2].any()


@kernel
def chosen(one, other, third):
    return int(max(one, other, third)) * 1000 + int(min(third, one, other))


@kernel
def larger(one, other):
    return max(one, other)


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.uint16])
def test_least_and_largest_integers(kind):
    for values in product((3, 100, 7), repeat=3):
        assert chosen(*map(kind, values)) == max(values) * 1000 + min(values)
        assert chosen(values[0], kind(values[1]), np.int64(-values[2])) == max(values[:2]) * 1000 - values[2]
    assert larger(np.uint64(2**63 + 5), np.uint64(7)) == 2**63 + 5
    assert larger(-2, 0.5) == 0.5


@kernel
def whole(value):
    return int(value) * 2 + int(value > 1)


def test_numbers_become_integers():
    assert [whole(each) for each in (3, np.int8(-3), 2.9, True)] == [7, -6, 5, 2]


@kernel
def powers(value, at):
    return value**2 + value**at + at**3


def test_powers_are_those_of_python():
    assert powers(1.5, 3) == 1.5**2 + 1.5**3 + 27
    assert powers(3, 2) == 26


@kernel
def within(pair, i):
    pair.values[i] += pair.more[0][i] + pair.more[1]
    return pair.values[i] / pair.more[1]


@kernel
def outer(pair, n):
    total = 0.0
    for i in range(n):
        total += within(pair, i)
    return total


@kernel(allocates=True)
def allocating(pair, n):
    room = np.zeros(n, np.int64)
    for i in range(n):
        room[i] = outer(pair, i)
    return room


@kernel
def reaching(pair, n):
    return np.sin(outer(pair, n))


def pair(divisor=4):
    return Pair(np.arange(5), (np.arange(5) * 10, divisor))


def test_kernels_are_called_by_kernels_and_by_what_numba_compiles_its_own_way():
    """Three levels of calls with arrays and tuples in tuples, from code of either convention."""
    one, other = pair(), pair()
    assert outer(one, 5) == sum(plain(within)(other, i) for i in range(5))
    assert one.values.tolist() == other.values.tolist()
    other = pair()
    assert allocating(pair(), 4).tolist() == [int(outer(other, i)) for i in range(4)]
    assert reaching(pair(), 3) == np.sin(outer(pair(), 3))


@compiled_only
def test_what_fails_in_a_kernel_fails_in_all_that_call_it():
    with pytest.raises(RuntimeError, match="outer"):
        outer(pair(0), 2)
    with pytest.raises(ZeroDivisionError):
        allocating(pair(0), 2)


@kernel
def found(values, wanted):
    for i in range(values.size):
        if values[i] == wanted:
            return i
    return None


@kernel
def place(values, wanted):
    at = found(values, wanted)
    return -1 if at is None else at + 1


def test_what_may_be_nothing_comes_back():
    assert [place(np.array([4, 6]), wanted) for wanted in (4, 6, 5)] == [1, 2, -1]


@compiled_only
def test_a_numba_that_works_otherwise_inside_compiles_kernels_its_own_way(monkeypatch):
    from hwsim.kernels import compiler, statements

    @kernel
    def third(values, i):
        return values[i] // 3

    @kernel
    def thirds(values):
        return third(values, 1) + third(values, 0)

    def lower_expr(*_):
        raise AttributeError("another version")

    monkeypatch.setattr(statements.Lower, "lower_expr", lower_expr)
    monkeypatch.setattr(compiler, "_surprises", [])
    assert thirds(np.array([3, 7])) == 3
    assert not compiler.is_as_expected()
    assert allocating(pair(), 3).shape == (3,)
