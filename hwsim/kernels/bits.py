"""Counting of set bits in 64-bit words; it does not know what the bits stand for."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwsim.kernels.compiled import Later, intrinsic, kernel

cgutils: Any = Later("numba.core.cgutils")
types: Any = Later("numba.types")


def _popcount_interpreted(word: np.uint64) -> int:
    return int(word).bit_count()


def _trailing_zeros_interpreted(word: np.uint64) -> int:
    return (int(word) & -int(word)).bit_length() - 1 if word else 64


@intrinsic(interpreted=_popcount_interpreted)
def _ctpop(_typing_context: Any, word: Any) -> Any:
    """LLVM's population count of a 64-bit integer, which becomes one instruction; typed as int64."""

    def codegen(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), codegen


@intrinsic(interpreted=_trailing_zeros_interpreted)
def _cttz(_typing_context: Any, word: Any) -> Any:
    """LLVM's count of trailing zeros of a 64-bit integer (64 for zero); typed as int64."""

    def codegen(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], cgutils.false_bit)

    return types.int64(types.uint64), codegen


@kernel
def popcount(word: np.uint64) -> int:
    """Set bits of a uint64 scalar, as int64."""
    return _ctpop(word)  # type: ignore[no-any-return]


@kernel
def trailing_zeros(word: np.uint64) -> int:
    """Index of the lowest set bit of a uint64 scalar, as int64; 64 for zero."""
    return _cttz(word)  # type: ignore[no-any-return]
