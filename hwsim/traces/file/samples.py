"""Labels and logits of sets of samples as JSON objects plus named arrays, in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.traces.file.layers import Take
from hwsim.traces.file.record import Record
from hwsim.traces.network.limits import check_name
from hwsim.traces.trace import MAX_SAMPLES, Logits


def logits_record(sets: Mapping[str, Logits]) -> dict[str, object]:
    """Sets of logits without their arrays, ready for JSON."""
    return {
        name: {"samples": len(logits.labels), "scale": logits.scale, "split": logits.split}
        for name, logits in sets.items()
    }


def logits_arrays(sets: Mapping[str, Logits]) -> dict[str, NDArray[Any]]:
    """Arrays of sets of logits as they are stored, narrow where that loses nothing."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, logits in sets.items():
        values = logits.values
        fits = values.dtype == np.int32 and np.array_equal(values, values.astype(np.int16))
        arrays[f"logits/{name}/values"] = values.astype(np.int16) if fits else values
        arrays |= {f"logits/{name}/{field}": getattr(logits, field) for field in ("labels", "sample_ids")}
    return arrays


def read_logits(record: Record, n_classes: int, timesteps: int, take: Take) -> Mapping[str, Logits]:
    """The sets of logits under the key `logits`."""
    sets = record.record("logits")
    logits = {}
    for name in sets:
        check_name(name)
        fields = sets.record(name)
        count = fields.integer("samples", 1, MAX_SAMPLES)
        scale, split = fields.number("scale"), fields.text("split")
        if scale <= 0:
            fields.fail("scale", "a positive number", scale)
        fields.close()
        values = take(f"logits/{name}/values", ("<i4", "<i2"), (count, timesteps, n_classes))
        wide = np.asarray(values, dtype=np.int32)
        wide.flags.writeable = False
        logits[name] = Logits(wide, scale, *read_labels(f"logits/{name}", count, n_classes, take), split)
    return logits


def read_labels(name: str, count: int, n_classes: int, take: Take) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels and sample ids of a set: int64 [sample] each.

    Raises TraceError for classes that there are not, and for an id that is there twice.
    """
    labels = take(f"{name}/labels", ("<i8",), (count,))
    if labels.min() < 0 or labels.max() >= n_classes:
        raise TraceError(f"array '{name}/labels': wanted classes from 0 to {n_classes - 1}, found others")
    ids = take(f"{name}/sample_ids", ("<i8",), (count,))
    if ids.min() < 0 or not np.diff(np.sort(ids)).all():  # np.unique would import what nothing else here needs
        raise TraceError(f"array '{name}/sample_ids': wanted distinct indices from 0, found others")
    return labels, ids
