"""A sweep from names and settings to rows: the space built, its points run where asked, all into one journal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hwsim import arguments
from hwsim.arch.files import shipped_folder
from hwsim.arch.loader import Architecture as Loaded
from hwsim.designs import Architecture, check_coding, load_architecture
from hwsim.errors import UsageError
from hwsim.example import trace_file
from hwsim.files import check_apart
from hwsim.sweep.axis import Axis, parse_axis
from hwsim.sweep.executors import dask, processes
from hwsim.sweep.grid import Told, run_grid
from hwsim.sweep.journal import journal
from hwsim.sweep.row import Row
from hwsim.sweep.runner import Executors
from hwsim.sweep.search import Search, check_search, run_search
from hwsim.sweep.space import Asked, Source, Space, takes_whole
from hwsim.sweep.worker import remember
from hwsim.traces.io import read_trace

Kind = Literal["processes", "dask"]


@dataclass(frozen=True, slots=True)
class Where:
    """On what points are run."""

    jobs: int = field(default_factory=lambda: len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    executor: Kind = "processes"
    scheduler: str | None = None  # address of a cluster of dask that runs already

    def executors(self) -> Executors | None:
        """What runs points; None for this process alone.

        Raises UsageError where dask is asked for and not installed.
        """
        if self.executor == "dask" or self.scheduler is not None:
            return dask(self.jobs, self.scheduler)
        return processes(self.jobs)


def space_of(
    designs: Sequence[str | Path | Architecture],
    traces: Sequence[str | Path],
    vary: Sequence[str | Axis],
    overrides: Sequence[str] = (),
    asked: Asked | None = None,
) -> Space:
    """The space of some designs and trace files over axes such as `adc.bits=4:8`.

    Raises HwsimError in one line for anything wrong with any of them.
    """
    loaded = tuple(load_architecture(design, overrides) for design in designs)
    names = tuple(_name(design) for design in designs)
    _refuse_twice("design", names)
    sources = []
    for given in traces:
        path = trace_file(given)
        trace = read_trace(path)
        source = Source(path.absolute(), path.stem, trace.sha256, str(given))
        sources.append(source)
        remember(source, trace)
        for design in loaded:
            check_coding(design, trace)
    _refuse_twice("trace", [source.name for source in sources])
    axes = tuple(_fitting(axis if isinstance(axis, Axis) else parse_axis(axis), loaded) for axis in vary)
    return Space(loaded, names, tuple(sources), axes, asked or Asked())


def _name(design: str | Path | Architecture) -> str:
    """What a design is called by a command: as it was given, or its shipped name or path."""
    if not isinstance(design, Loaded):
        return str(design)
    return design.path.stem if design.path.parent == shipped_folder() else str(design.path)


def _fitting(axis: Axis, designs: Sequence[Architecture]) -> Axis:
    """An axis whose numbers are whole where `log` or `lin` fell between whole ones and the key takes no others."""
    spaced = axis.spaced and all(takes_whole(design.spec, axis.key) for design in designs)
    return axis.whole() if spaced else axis


def _refuse_twice(what: str, names: Sequence[str]) -> None:
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{what}s: {twice} is given twice, and rows could not be told apart")


def sweep(
    space: Space,
    out: str | Path,
    where: Where | None = None,
    search: Search | None = None,
    told: Told = lambda *_: None,
) -> list[Row]:
    """Run all points of a space, or those that a search proposes, and give their rows by point.

    They are in the journal `out` as soon as they are known; with a journal that has some of them only the others are
    run.

    Raises UsageError for a journal of another sweep, or one that somebody else writes, and where workers are lost.
    """
    path = Path(arguments.instance("out", out, (str, Path), "a path"))
    check_apart([*(source.path for source in space.traces), *(f for d in space.designs for f in d.files)], [path])
    executors = (where or Where()).executors()
    if search is not None:
        check_search(space, search)
    with ExitStack() as stack:
        into = stack.enter_context(journal(path, space))
        running = None if executors is None else stack.enter_context(executors)
        if search is None:
            run_grid(space, into, running, told)
        else:
            run_search(space, search, into, running, told)
        return [into.rows[number] for number in sorted(into.rows)]
