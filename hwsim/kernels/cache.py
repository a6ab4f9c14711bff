"""Whether any kernels have been compiled on this machine before; it compiles nothing."""

from __future__ import annotations

from pathlib import Path

from numba import config

from hwsim.kernels.crossbar import word_rows


def is_empty() -> bool:
    """Whether the next kernel call has to compile, which takes seconds and is done once."""
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        return False
    folder = Path(word_rows.weigh_rows.stats.cache_path)  # type: ignore[attr-defined]
    return not any(folder.glob("*.nbi"))
