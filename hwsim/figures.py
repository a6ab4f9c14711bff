"""The report as data: what a simulation found, ready to be printed, stored and compared; it computes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean per inference with its standard error over samples and its interval over the bounds of prices."""

    value: float
    standard_error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """One action of one component for one layer: how often per inference, and what that costs."""

    layer: str
    component: str
    action: str
    count: float
    energy_pj: float
    low_pj: float
    high_pj: float


@dataclass(frozen=True, slots=True)
class StageRow:
    """What one pipeline stage did with the cycles of an inference (means over samples; the five sum to the
    makespan).
    """

    stage: str
    layer: str
    busy_cycles: float
    starved_cycles: float
    blocked_cycles: float
    arbitrating_cycles: float
    idle_cycles: float


@dataclass(frozen=True, slots=True)
class AreaRow:
    """Area and leakage of all instances of one component."""

    component: str
    instances: int
    area_um2: float
    low_um2: float
    high_um2: float
    leakage_uw: float


@dataclass(frozen=True, slots=True)
class StorageRow:
    """One kind of memory: bits the network needs and bits the machine has."""

    storage: str
    used_bits: int
    provided_bits: int


@dataclass(frozen=True, slots=True)
class Samples:
    """Per recorded sample and timestep, cumulated: the figure if the sample left after that timestep."""

    energy_pj: list[list[float]]
    latency_ns: list[list[float]]
    timesteps: list[int]  # after which each recorded sample does leave


@dataclass(frozen=True, slots=True)
class Run:
    """The figures of one way of running the machine: all timesteps, or with early exit."""

    name: str
    timesteps: Figure
    energy_pj: Figure
    dynamic_pj: Figure
    clock_pj: Figure
    leakage_pj: Figure
    latency_ns: Figure
    makespan_ns: float
    edp_pj_ns: Figure  # mean over samples of energy times latency
    edp_of_means_pj_ns: Figure  # mean energy times mean latency
    power_uw: float
    inferences_per_s: float
    operations: dict[str, float]  # per inference: MAC, AC, membrane updates
    pj_per_sop: float
    tops_per_w: float  # an AC is one operation, a MAC two
    accuracy: float | None
    accuracy_standard_error: float | None
    energy_by_timestep_pj: list[float]  # of a sample that runs that timestep
    rows: list[Row]
    stages: list[StageRow]
    samples: Samples


@dataclass(frozen=True, slots=True)
class ExitSummary:
    """The early-exit rule and its outcome."""

    rule: str
    threshold: float
    chosen_on: str
    reported_on: str
    histogram: list[int]
    recorded_timesteps: list[int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One run against another on the same samples: ratios, below 1 where the first is cheaper."""

    run: str
    reference: str
    timesteps: Figure
    energy: Figure
    latency: Figure
    edp: Figure  # of the means of products
    edp_of_means: Figure


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one simulation found."""

    architecture: dict[str, Any]
    trace: dict[str, Any]
    options: dict[str, Any]
    versions: dict[str, str]
    runs: list[Run]
    early_exit: ExitSummary | None
    comparisons: list[Comparison]
    accuracy_by_timestep: list[float]
    area: list[AreaRow]
    area_mm2: Figure
    leakage_uw: Figure
    storage: list[StorageRow]
    notes: dict[str, Any]

    def run(self, name: str) -> Run:
        """The run of a name; KeyError if the simulation had none."""
        for run in self.runs:
            if run.name == name:
                return run
        raise KeyError(name)
