"""Recordings of event sensors: as inputs, on a NIR network, or on the network of a trace."""

from __future__ import annotations

import os
import shlex
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hwsim import make
from hwsim.doors.entry import Entered, enter
from hwsim.doors.events.inputs import Form, Recordings, paths_of
from hwsim.doors.events.sources import Kind
from hwsim.doors.events.stored import EventInputs
from hwsim.doors.graph import Graph, Neurons, Weighted
from hwsim.doors.nir_file import Discrete, Fires, Reset, read_nir
from hwsim.doors.precision import Precision
from hwsim.errors import TraceError
from hwsim.traces.direct.events import EventTrace
from hwsim.traces.direct.trace import Trace

AnyPath = str | os.PathLike[str]


def trace_from_nir(
    network: Path,
    inputs: Sequence[Path],
    labels: Path | None = None,
    *,
    timesteps: int | None = None,
    bin_us: int | None = None,
    bin_events: int | None = None,
    dt: float | None = None,
    reset: Reset | None = None,
    fires: Fires | None = None,
    weight_bits: int = 8,
    recorded: int | None = None,
    allow_drift: float | None = None,
    name: str = "",
) -> Entered:
    """Read a network and its inputs, quantise and execute.

    Raises TraceError or UsageError, with the file or node, for what cannot be taken.
    """
    discrete = Discrete(dt, reset, fires)
    size = read_nir(network, discrete, 1).source.shape
    if bin_us is None and bin_events is None:
        bin_us = max(1, round((dt or 1e-3) * 1e6))
    read = Recordings(inputs, labels, Form(timesteps, bin_us, bin_events, size), Kind())
    values = read.whole()
    graph = read_nir(network, discrete, max(1, int(values.max(initial=0)).bit_length()))
    about = {
        "name": name or network.stem,
        "dataset": "recordings" if labels is not None else "not said",
        "framework": f"NIR, {network.name}",
        "command": _command(),
        "notes": _notes(graph, dt, weight_bits),
    }
    precision = Precision(weight_bits)
    entered = enter(
        graph, values, read.labels, read.timesteps, precision, recorded, allowed_drift=allow_drift, about=about
    )
    return replace(entered, late=read.late)


def _notes(graph: Graph, dt: float | None, weight_bits: int) -> str:
    """How neurons and weights were read, in the words of the command."""
    neurons = [node for node in graph if isinstance(node, Neurons)]
    kinds = {
        f"{each.reset} reset, fires {'at' if each.fires_at_threshold else 'above'} its threshold" for each in neurons
    }
    step = "timestep as the file has it" if dt is None else f"timestep {dt:g} s"
    known = any(isinstance(node, Weighted) and node.steps for node in graph)
    bits = "weights as the file has them" if known else f"weights of {weight_bits} bits"
    return ", ".join((step, *kinds, bits))


def left_out(late: int) -> str:
    """What is to be told of events after the last timestep, empty where there are none."""
    return f"; {late} events came after the last timestep and are left out" if late else ""


def from_nir(
    network: AnyPath, inputs: AnyPath | Sequence[AnyPath], labels: AnyPath | None = None, **options: Any
) -> Trace:
    """The trace of a NIR network on recordings, or on one .npz of `values` and `labels`; options as `trace_from_nir`.

    Warns of a drift of over 1 % of the spikes.  Raises as `trace_from_nir` does.
    """
    where = None if labels is None else Path(labels)
    entered = trace_from_nir(Path(network), paths_of(inputs), where, **options)
    if entered.warning:
        warnings.warn(entered.warning, stacklevel=2)
    return entered.trace


def from_events(
    recordings: AnyPath | Sequence[AnyPath],
    labels: AnyPath | None = None,
    *,
    timesteps: int | None = None,
    bin_us: int | None = None,
    bin_events: int | None = None,
    size: Sequence[int] | None = None,
    polarities: int = 2,
    clip: int | None = None,
    samples: int | None = None,
    raster: bool = False,
    group: str | None = None,
    first_timestep: int = 1,
) -> EventInputs:
    """Recordings as inputs over time, with their labels.

    Args:
        recordings: a file or several: events of a camera (.bin of N-MNIST, .npy, .npz), spikes of units (SHD's or
            NIR's .h5, SANA-FE's .csv), or counts (.npy, .npz).
        labels: a CSV file with columns `file` and `label`, for recordings that have none of their own.
        timesteps: T; of counts their own unless fewer are asked for.
        bin_us: microseconds of a timestep, or
        bin_events: events of one.
        size: (height, width) of the camera, (units,), or (height, width, channels); as large as what is found unless
            given.
        polarities: 2, a channel for each, or 1, both in one.
        clip: what counts above it become; they are refused above 255 unless given.
        samples: the first ones only.
        raster: whether a .npy [timestep, 4] holds counts and not events.
        group: which neurons of a spike file, or which node of NIR's data.
        first_timestep: what spike files call the first.

    Raises:
        UsageError: an argument is none of these, or a library is not there.
        TraceError: a file, by its name, that is none of these or does not fit the others.

    """
    form = Form(timesteps, bin_us, bin_events, size, polarities, clip, samples)
    where = None if labels is None else Path(labels)
    read = Recordings(paths_of(recordings), where, form, Kind(raster, group, first_timestep))
    return EventInputs(read.whole(), read.labels, read.late)


def run_on(trace: Trace, inputs: EventInputs, recorded: int | None = None, **about: Any) -> Trace:
    """The network of a trace of events, executed exactly on other inputs over time, as a new trace.

    `recorded` samples keep their spikes, all unless given; `about` are fields of `hwsim.traces.Provenance`.
    Raises TraceError for a trace of another coding, and for inputs of another shape or of too many bits.
    """
    if not isinstance(trace, EventTrace):
        raise TraceError(f"network: wanted a trace of coding events, found {trace.coding}: its input does not change")
    origin = trace.provenance
    known = {
        "name": f"{origin.name}, on other recordings"[:200],
        "framework": origin.framework,
        "command": _command(),
        "seed": origin.seed,
        "notes": f"the network of the trace with SHA-256 {trace.sha256 or 'not known'}",
        **about,
    }
    made = make.events(trace.network, inputs.values, inputs.labels, recorded, **known)
    scale = next(iter(trace.logits.values())).scale if trace.logits else 1.0
    return replace(made, logits={name: replace(each, scale=scale) for name, each in made.logits.items()})


def _command() -> str:
    """The command that is running, where it is hwsim's."""
    return shlex.join(["hwsim", *sys.argv[1:]])[:2000] if Path(sys.argv[0]).stem == "hwsim" else ""
