"""Designs as the papers' tables play them, with what shows later whether they would be found otherwise."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import hwsim
from hwsim import api
from hwsim.designs import Architecture
from hwsim.report.report import Report
from hwsim.traces.trace import AnyTrace

FOLDER = Path(__file__).resolve().parents[2]
TRACES, DATA = FOLDER / "traces", FOLDER / "docs" / "data"

TraceT = TypeVar("TraceT")


@dataclass(slots=True)
class Used:
    """What tables were made from: designs with their settings, traces and files of figures, each with a digest."""

    designs: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)
    traces: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As it is kept in JSON."""
        designs = [[name, list(settings), digest] for (name, settings), digest in sorted(self.designs.items())]
        return {
            "designs": designs,
            "traces": dict(sorted(self.traces.items())),
            "data": dict(sorted(self.data.items())),
        }


_USED: ContextVar[Used | None] = ContextVar("used", default=None)


@contextmanager
def recording() -> Iterator[Used]:
    """Note all designs and traces that are used meanwhile."""
    used = Used()
    token = _USED.set(used)
    try:
        yield used
    finally:
        _USED.reset(token)


def design(name: str, settings: Sequence[str] = ()) -> Architecture:
    """A shipped design with settings."""
    loaded = hwsim.load_architecture(name, settings)
    used = _USED.get()
    if used is not None and (name, tuple(settings)) not in used.designs:
        used.designs[name, tuple(settings)] = digest(loaded)
    return loaded


def play(trace: AnyTrace, name: str, settings: Sequence[str] = (), **options: Any) -> Report:
    """What hwsim says of a trace on a shipped design; the crossbars' own accuracy only where it is asked for."""
    return hwsim.simulate(design(name, settings), trace, **{"engine": "compiled", "accuracy_samples": 0, **options})


def digest(loaded: Architecture) -> str:
    """SHA-256 over the values of a design's file and the prices of its parts: another law gives another one."""
    prices = {
        name: [
            {action: _digits(price.low, price.value, price.high) for action, price in sorted(part.actions.items())},
            _digits(part.area_um2.value, part.leakage_uw.value, part.flip_flops),
        ]
        for name, part in sorted(api.components(loaded).items())
    }
    return hashlib.sha256(json.dumps([loaded.sha256, prices]).encode()).hexdigest()


def shipped(kind: type[TraceT], pattern: str) -> dict[str, TraceT]:
    """Traces of one type by name, of the files that match a pattern, in the order of their names."""
    found: dict[str, TraceT] = {}
    for path in sorted((*TRACES.glob(f"{pattern}.npz"), *TRACES.glob(f"large/{pattern}.npz"))):
        trace = hwsim.load_trace(path)
        if isinstance(trace, kind) and type(trace) is kind:
            found[path.stem] = trace
            if used := _USED.get():
                used.traces[path.relative_to(TRACES).as_posix()] = trace.sha256
    return found


def data(name: str) -> Path:
    """A file of figures that another tool has found, in docs/data."""
    if used := _USED.get():
        used.data[name] = digest_of_data(name)
    return DATA / name


def digest_of_data(name: str) -> str:
    """SHA-256 of such a file, or of nothing where it is not there."""
    path = DATA / name
    return hashlib.sha256(path.read_bytes() if path.exists() else b"").hexdigest()


def _digits(*values: float) -> list[str]:
    """Six digits, which do not depend on how a processor rounds."""
    return [f"{value:.6g}" for value in values]
