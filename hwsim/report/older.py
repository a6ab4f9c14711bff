"""Reports of older versions, brought to this one; what they did not say is left out, nothing is made up."""

from __future__ import annotations

import math
from typing import Any

from hwsim.errors import UsageError


def upgraded(document: dict[str, Any], version: int) -> dict[str, Any]:
    """A JSON report of an older version with the keys of this one.

    Raises UsageError for a document that none wrote.
    """
    try:
        for step in (_to_1, _to_2, _to_3)[version:]:
            document = step(document)
        return document
    except (AttributeError, KeyError, TypeError) as error:
        raise UsageError(f"not a report of hwsim: {error}") from None


def _to_1(document: dict[str, Any]) -> dict[str, Any]:
    """Version 0 had no number, no times of layers, and of what is busy only the stages."""
    runs = {key: [_run_to_1(run) for run in document.get(key, [])] for key in ("runs", "baselines")}
    return {"report_version": 1, **document, **runs}


def _to_2(document: dict[str, Any]) -> dict[str, Any]:
    """Version 1 did not look beyond the inference: neither at what crosses the edge of the chip nor at idle time."""
    unknown = {"with_io_pj": None, "period": None}
    runs = {key: [{**run, **unknown} for run in document.get(key, [])] for key in ("runs", "baselines")}
    return {**document, "report_version": 2, "io": None, **runs}


def _to_3(document: dict[str, Any]) -> dict[str, Any]:
    """Version 2 did not say what writing weights takes, and wrote none again."""
    io = document.get("io")
    return {**document, "report_version": 3, "io": io and {**io, "weight_bits": 0}, "programming": None}


def _run_to_1(run: dict[str, Any]) -> dict[str, Any]:
    rows, stages = run.get("rows", []), run.get("stages", [])
    energy: dict[str, list[float]] = {}
    for row in rows:
        energy.setdefault(row["layer"], []).append(row["energy_pj"])
    unknown = {"begin_ns": None, "end_ns": None}
    layers = [{"layer": layer, "energy_pj": math.fsum(each), **unknown} for layer, each in energy.items()]
    accounts = ("busy", "starved", "blocked", "arbitrating", "idle")
    units = []
    for stage in stages:
        busy, total = stage["busy_cycles"], math.fsum(stage[f"{account}_cycles"] for account in accounts)
        share = busy / total if total else 0.0
        units.append({"unit": stage["stage"], "slots": 1, "busy_cycles": busy, "busy_share": share})
    timed = run.get("latency_ns") is not None
    run = {"accuracy_samples": None, **run}
    return {**run, "layers": layers, "units": sorted(units, key=lambda unit: -unit["busy_share"]) if timed else []}
