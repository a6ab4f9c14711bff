"""A trace file with all there is to say of it: what `hwsim trace info` shows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hwsim.traces.codings import describe
from hwsim.traces.description.parts import Activity, Description, LayerFigures, SampleSet
from hwsim.traces.io import member_bytes, read_trace
from hwsim.traces.manifest import trace_record
from hwsim.traces.trace import AnyTrace

MOST_BINS = 100
"""Rates by step are given in at most so many bins."""


@dataclass(frozen=True, slots=True)
class Info:
    """A file, the trace in it, and what there is to say of that."""

    path: Path
    file_bytes: int
    array_bytes: dict[str, int]  # of every array, npy header included, after inflating
    trace: AnyTrace
    description: Description

    @property
    def parameter_bytes(self) -> int:
        """Weights at their bits, and other parameters as they are stored."""
        return sum(layer.parameter_bytes for layer in self.description.layers)

    @property
    def state_bytes(self) -> int:
        """Membranes and the like of one sample, at their bits."""
        return sum(layer.state_bytes for layer in self.description.layers)

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON: the manifest, and figures of layers, sets and sizes."""
        inputs = self.description.inputs
        return {
            "file": {"name": self.path.name, "bytes": self.file_bytes, "sha256": self.trace.sha256},
            "manifest": trace_record(self.trace),
            "arrays": self.array_bytes,
            "network": {"parameter_bytes": self.parameter_bytes, "state_bytes": self.state_bytes},
            "inputs": None if inputs is None else asdict(inputs),
            "sets": [_set_record(found) for found in self.description.sets],
            "layers": [_layer_record(layer) for layer in self.description.layers],
            "steps": self.description.steps,
        }


def look_into(path: Path) -> Info:
    """Read a trace file, checked, and describe it without running anything.  Raises TraceError."""
    trace, arrays = read_trace(path), member_bytes(path)
    return Info(path, path.stat().st_size, arrays, trace, describe(trace))


def _set_record(found: SampleSet) -> dict[str, Any]:
    known = {"accuracy": list(found.accuracy), "standard_error": found.standard_error}
    return {"name": found.name, "samples": found.samples, "split": found.split} | known


def _layer_record(layer: LayerFigures) -> dict[str, Any]:
    record = {name: getattr(layer, name) for name in layer.__slots__}
    return record | {"shape": list(layer.shape), "activity": _activity_record(layer.activity)}


def _activity_record(found: Activity | None) -> dict[str, Any] | None:
    if found is None:
        return None
    steps = {"steps": len(found.by_step), "by_step": found.in_bins(MOST_BINS)}
    return {name: getattr(found, name) for name in ("neurons", "rate", "dead", "saturated")} | steps
