"""The traces that ship with the project."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import hwsim

_FOLDER = Path(__file__).resolve().parents[2] / "traces"

TraceT = TypeVar("TraceT")


def shipped(kind: type[TraceT], pattern: str) -> dict[str, TraceT]:
    """Traces of one type by name, of the files that match a pattern, in the order of their names."""
    loaded = {path.stem: hwsim.load_trace(path) for path in sorted(_FOLDER.glob(f"{pattern}.npz"))}
    return {name: trace for name, trace in loaded.items() if isinstance(trace, kind)}
