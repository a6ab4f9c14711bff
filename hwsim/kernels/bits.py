"""Counting of set bits in 64-bit words; it does not know what the bits stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import config, njit, types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def _ctpop(_typing_context: Any, word: Any) -> Any:
    """LLVM's population count of a 64-bit integer, which becomes one instruction; typed as int64."""

    def codegen(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), codegen


@intrinsic
def _cttz(_typing_context: Any, word: Any) -> Any:
    """LLVM's count of trailing zeros of a 64-bit integer (64 for zero); typed as int64."""

    def codegen(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], cgutils.false_bit)

    return types.int64(types.uint64), codegen


@njit(cache=True)
def _popcount(word: np.uint64) -> int:
    return _ctpop(word)  # type: ignore[call-arg]


@njit(cache=True)
def _trailing_zeros(word: np.uint64) -> int:
    return _cttz(word)  # type: ignore[call-arg]


def _popcount_interpreted(word: np.uint64) -> int:
    return int(word).bit_count()


def _trailing_zeros_interpreted(word: np.uint64) -> int:
    return (int(word) & -int(word)).bit_length() - 1 if word else 64


# An intrinsic exists only in compiled code; where kernels run as plain Python they call these instead.
_INTERPRETED = bool(config.DISABLE_JIT)  # type: ignore[attr-defined]
popcount = _popcount_interpreted if _INTERPRETED else _popcount
"""Set bits of a uint64 scalar, as int64."""
trailing_zeros = _trailing_zeros_interpreted if _INTERPRETED else _trailing_zeros
"""Index of the lowest set bit of a uint64 scalar, as int64; 64 for zero."""
