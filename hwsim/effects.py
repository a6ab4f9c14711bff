"""Which settings of a design change nothing in this configuration: found by leaving each out, not from a list."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np

from hwsim import accelerators, arch
from hwsim.arch.loader import Architecture
from hwsim.contract.dense import BaselineKind
from hwsim.errors import HwsimError
from hwsim.traces.slicing import first
from hwsim.traces.trace import AnyTrace


def without_effect(architecture: Architecture[Any], trace: AnyTrace, baselines: Sequence[BaselineKind]) -> list[str]:
    """Overrides without which counts, times, prices, exits and arithmetic of a trace's first sample are the same.

    A machine that learns is left out: what one sample changes says nothing of it.
    """
    machine = accelerators.machine(architecture.machine)(architecture.spec)
    if not architecture.overrides or machine.decides(trace) == "as it learned":
        return []
    short = first(trace, samples=1)
    settings = architecture.overrides
    found, whole = [], _outcome(architecture, short, baselines)
    for i, setting in enumerate(settings):
        try:
            others = arch.load(architecture.path, accelerators.spec_type, [*settings[:i], *settings[i + 1 :]])
            if _outcome(others, short, baselines) == whole:
                found.append(setting)
        except HwsimError:
            continue  # without it there is no design
    return found


def _outcome(architecture: Architecture[Any], trace: AnyTrace, baselines: Sequence[BaselineKind]) -> str:
    """A digest of everything that a design does with a sample and that it costs."""
    unsized = accelerators.machine(architecture.machine)(architecture.spec)
    machine = unsized.sized_for(trace)
    workload = machine.lower(trace)
    digest = hashlib.sha256(repr((machine.clock_mhz, workload.runs, workload.timesteps)).encode())
    _add(digest, _use(architecture.spec))
    machines = [machine, *(unsized.sized_for(trace, kind) for kind in baselines)]
    dense = (other.baseline(trace, kind) for other, kind in zip(machines[1:], baselines, strict=True))
    for own, each in zip(machines, (workload, *dense), strict=True):
        batch = each.batches.lower(range(1))
        parts = own.components(each)
        priced = {name: (part.actions, part.area_um2, part.leakage_uw, part.flip_flops) for name, part in parts.items()}
        hardware = each.hardware
        installed = hardware.instances, hardware.clocked, hardware.storage
        leaving = each.exits and (each.exits, each.exits.outcomes)
        _add(digest, (batch.ledger.postings, batch.runs, priced, installed, leaving, each.count_units, each.together))
    if machine.decides(trace) == "in its own way" and getattr(trace, "inputs", None) is not None:
        own = machine.functional(trace, 1).trace
        _add(digest, [getattr(own, name) for name in ("spikes", "times", "logits", "decisions") if hasattr(own, name)])
    return digest.hexdigest()


def _use(spec: Any) -> list[object]:
    """What counts of how a machine is used: without a period nothing idles, and what stays on needs no waking."""
    operating, io = spec.operating, spec.io
    used: list[object] = [
        operating.stream,
        operating.period_ns,
        "" if io == "none" else io.model_dump(exclude={"source"}),
    ]
    if operating.period_ns is not None:
        apart = {"period_ns", "stream", "source"}
        gated = operating.power_gating != "none"
        used.append(operating.model_dump(exclude=apart) if gated else operating.power_gating)
    return used


def _add(digest: Any, value: object) -> None:
    """Add a value to a digest: arrays by their bytes, all else by its parts."""
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif is_dataclass(value) and not isinstance(value, type):
        digest.update(type(value).__name__.encode())
        for field in fields(value):
            if field.name not in ("source", "threshold", "criterion", "chosen_on", "find_outcomes"):
                _add(digest, getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            digest.update(str(key).encode())
            _add(digest, value[key])
    elif isinstance(value, str | Enum) or not isinstance(value, Sequence):
        digest.update(repr(value).encode())
    else:
        digest.update(str(len(value)).encode())
        for item in value:
            _add(digest, item)
