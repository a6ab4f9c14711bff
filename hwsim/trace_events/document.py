"""The whole document: a process for each sample of each run, and one for a stream of samples."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hwsim import arguments
from hwsim.api import Simulated
from hwsim.contract.run import RunName
from hwsim.errors import UsageError
from hwsim.report.power import power
from hwsim.report.price import PricedRun
from hwsim.run.replay import Replay, replay, stream
from hwsim.trace_events.counters import buffer_counters, most_events, power_counter
from hwsim.trace_events.events import Clock, Event, named
from hwsim.trace_events.tracks import stage_tracks, unit_tracks
from hwsim.traces.file.content import check_unchanged
from hwsim.version import VERSION

MOST_EVENTS = 1 << 20
"""Of one document: some 150 MB of text that viewers still open; our choice."""
_BINS = 256


def trace_events(simulated: Simulated, samples: int = 1) -> dict[str, Any]:
    """The first samples of every run as trace events: a document for `json`, times in microseconds.

    Raises UsageError for fewer samples than one, where nothing is timed, and for more events than a document holds.
    """
    if arguments.whole("timeline_samples", samples) < 1:
        raise UsageError(f"timeline_samples: must be at least 1, got {samples}")
    events: list[Event] = []
    for pid, (run, name, played, on_cycles) in enumerate(_played(simulated, samples), start=1):
        if len(events) + most_events(played.schedule) > MOST_EVENTS:
            raise UsageError(
                f"timeline_samples: {samples} are more than {MOST_EVENTS} events; take fewer samples or timesteps"
            )
        clock = Clock(run.clock_mhz)
        events += named(pid, None, name)
        for part in (stage_tracks, unit_tracks, buffer_counters):
            events += part(played, clock, pid)
        events += power_counter(power(run, played, on_cycles, _BINS), clock, pid)
    check_unchanged(simulated.trace)
    design, trace = simulated.report.architecture, simulated.report.trace
    said = {
        "hwsim": VERSION,
        "design": design["file"],
        "design sha256": design["sha256"],
        "settings": " ".join(design["overrides"]),
        "trace": trace["name"],
        "trace sha256": trace["sha256"],
    }
    return {"traceEvents": events, "displayTimeUnit": "ns", "otherData": said}


def _played(simulated: Simulated, samples: int) -> Iterator[tuple[PricedRun, str, Replay, int]]:
    """Each process: its run, its name, what was played and until when the machine is on."""
    for run in simulated.runs:
        workload = run.workload
        if not workload.timed:
            raise UsageError("timeline: this design is an equation of energy, which has no time")
        few = min(samples, run.n_samples)
        if run.name is RunName.STREAMED:
            played = stream(workload, few, engine=simulated.engine)
            yield run, f"{run.name}, the first {few} samples by themselves", played, played.timeline.makespan_cycles
            continue
        leaves = simulated.report.run(run.name).samples.timesteps
        for sample in range(few):
            played = replay(workload, run.name, sample, leaves[sample], simulated.engine)
            on = int(run.on_cycles[sample, leaves[sample] - 1])
            yield run, f"{run.name}, sample {sample}", played, on


def written(document: Mapping[str, Any], path: Path) -> bytes:
    """A document as a file of that name holds it: JSON, an event a line, gzip where it ends in `.gz`.

    The same document gives the same bytes.
    """
    events = ",\n".join(json.dumps(event, separators=(",", ":")) for event in document["traceEvents"])
    rest = json.dumps({key: value for key, value in document.items() if key != "traceEvents"}, indent=1)
    text = f'{{\n"traceEvents": [\n{events}\n],{rest[1:]}\n'.encode()
    return gzip.compress(text, mtime=0) if path.suffix == ".gz" else text
