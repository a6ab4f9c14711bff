"""How much LLVM does for a kernel."""

from __future__ import annotations

from typing import NamedTuple


class Effort(NamedTuple):
    """What `hwsim.kernels.compiled.kernel` was told of it."""

    level: int = 2  # how hard LLVM tries
    apart: bool = False  # whether the kernel stays a function of its own beside its entry
