"""A machine with a network laid out on it: made once, then asked what one batch's spikes after another cost."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from hwsim import engine as engines
from hwsim import units
from hwsim.components.pricing.price import Priced
from hwsim.contract.machine import Accelerator
from hwsim.contract.operating import operated
from hwsim.contract.run import RunName
from hwsim.contract.workload import Workload
from hwsim.designs import Architecture, check_coding, lowered, machine_for, placed
from hwsim.errors import UsageError
from hwsim.oracle.cost import Floats
from hwsim.report.assemble import area_figure
from hwsim.report.price import PricedRun, area_of, leaving_of
from hwsim.report.statistics import Leaving
from hwsim.run.play import play_batches
from hwsim.run.played import counted
from hwsim.run.tally import Tally, join
from hwsim.traces.file.content import check_unchanged
from hwsim.traces.footprint import check_playable
from hwsim.traces.plastic.session import Session
from hwsim.traces.plastic.trace import PlasticTrace
from hwsim.traces.slicing import first
from hwsim.traces.trace import AnyTrace

THREADS = min(2, os.cpu_count() or 1)
"""That play a batch: those of a small machine, our choice."""


@dataclass(frozen=True)
class LaidOut:
    """A machine, sized for a network, with the plan of that and its prices."""

    machine: Accelerator[Any, Any]
    workload: Workload  # of the recorded samples
    parts: Mapping[str, Priced]
    run: RunName
    engine: engines.EngineName

    @classmethod
    def of(cls, architecture: Architecture, trace: AnyTrace, run: str | None) -> LaidOut:
        """That of a trace's network; `run` is one of a report's, the first unless given.

        Raises HwsimError as `simulate` does.
        """
        check_coding(architecture, trace)
        check_unchanged(trace)
        check_playable(trace)
        if isinstance(trace, PlasticTrace):  # what one sample makes of it says all but what samples cost
            trace = first(trace, 1)
        with placed(architecture, lambda design: lowered(design, trace)):
            machine = machine_for(architecture, trace)
            workload = operated(_lowered(machine, trace), machine.spec.operating)
            parts = machine.components(workload)
        names = [str(each) for each in workload.runs]
        chosen = names[0] if run is None else run
        if chosen not in names:
            raise UsageError(f"run: wanted one of {', '.join(names)}, got {chosen!r}")
        exits = workload.exits
        if exits is not None and chosen in exits.runs and exits.histogram.sum() <= exits.recorded.size:
            raise UsageError(
                f"run: in '{chosen}' samples leave as those of a larger set do, and the trace has none: use 'static'"
            )
        return cls(machine, workload, parts, RunName(chosen), engines.resolve("auto"))

    def lower(self, trace: AnyTrace) -> Workload:
        """The work of another trace of the same network."""
        anew = self.workload.batches.anew
        if anew is None:
            return operated(_lowered(self.machine, trace), self.machine.spec.operating)
        return replace(self.workload, batches=anew(trace, (self.run,)))

    def played(self, workload: Workload) -> PricedRun:
        """What a run costs, its schedule played."""
        tallies = play_batches(replace(workload, runs=(self.run,)), workload.batches, self.engine, THREADS)
        return self.priced(tallies[self.run], workload)

    def counted(self, workload: Workload) -> PricedRun:
        """The same without its times, which are all 0: only what parts do is priced rightly."""
        return self.priced(join([counted(batch, self.run, workload.timesteps) for batch in workload.batches]), workload)

    def priced(self, tally: Tally, workload: Workload) -> PricedRun:
        """What was counted, at the prices of the parts."""
        return PricedRun(self.run, tally, workload, self.parts, self.machine.clock_mhz, self._leaving(tally, workload))

    def _leaving(self, tally: Tally, workload: Workload) -> Leaving:
        """When samples leave: after all timesteps, or where they leave early as a larger set did."""
        exits, n = workload.exits, len(tally.latency_cycles)
        if exits is None or self.run not in exits.runs:
            return leaving_of(self.run, tally, workload)
        return Leaving.by_histogram(exits.histogram, n)

    @cached_property
    def fixed(self) -> Mapping[str, float]:
        """Figures that no spike changes."""
        storage = self.workload.hardware.storage.values()
        bits = sum(kind.used_bits for kind in storage)
        return {"memory_kib": bits / units.BITS_PER_KIB, "area_mm2": self._area_mm2}

    @property
    def _area_mm2(self) -> float:
        nothing = np.zeros((1, 1), np.int64)
        tally = Tally({}, {}, {}, {}, {}, {}, nothing, nothing, nothing[0], nothing[0])
        return area_figure(area_of(self.priced(tally, self.workload))).value


def figures_of(run: PricedRun, wanted: Mapping[str, float]) -> tuple[dict[str, Floats], dict[str, float]]:
    """Figures of every sample [sample], and their means as a report has them."""
    each: dict[str, Floats] = {}
    means: dict[str, float] = {}
    known: dict[str, Floats] = {}

    def energy() -> Floats:
        if "energy" not in known:
            known["energy"] = run.energies("value") + run.leakages("value")
        return known["energy"]

    of: dict[str, Callable[[], Floats]] = {
        "energy_pj": energy,
        "dynamic_pj": lambda: run.energies("value", clock=False),
        "latency_ns": lambda: run.latency_ns,
        "edp_pj_ns": lambda: energy() * run.latency_ns,
    }
    for name in wanted:
        if name in of:
            figure = of[name]()
            each[name] = (run.leaving.weights * figure).sum(axis=1)
            means[name] = run.leaving.mean(figure)
    return each, means


def _lowered(machine: Accelerator[Any, Any], trace: AnyTrace) -> Workload:
    """The work of a trace; of one that is learned from that of learning on its samples."""
    return machine.learn(trace, Session("train")) if isinstance(trace, PlasticTrace) else machine.lower(trace)
