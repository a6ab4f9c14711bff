"""The report as data: what a simulation found, ready to be printed, stored and compared."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from hwsim import arguments
from hwsim.contract.run import RunName
from hwsim.errors import UsageError, guess
from hwsim.report.exports import Exports
from hwsim.report.later import on_demand
from hwsim.report.work import LayerLoad, LinkRow, Occupancy, TileRow

VERSION = 4
"""Of the JSON report: it grows whenever a key goes, comes or changes its meaning."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean per inference with its standard error over samples and its interval over the bounds of prices."""

    value: float
    standard_error: float | None  # None of one sample, which does not tell how samples differ
    low: float
    high: float

    def __float__(self) -> float:
        """Its value alone."""
        return self.value


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """The unit that is busy for most of an inference, and the next."""

    unit: str
    busy_share: float
    next_unit: str  # empty where there is no other
    next_share: float

    def __str__(self) -> str:
        """In words."""
        text = f"{self.unit}: busy {100 * self.busy_share:.1f} % of the time"
        return text + (f"; next {self.next_unit}, {100 * self.next_share:.1f} %" if self.next_unit else "")


@dataclass(frozen=True, slots=True)
class Percentiles:
    """The least values that 50, 90 and 99 of a hundred samples do not exceed, at the middle of the prices."""

    p50: float
    p90: float
    p99: float


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


CAUSES = tuple(field.name.removesuffix("_cycles") for field in fields(StageRow)[2:])
"""What a stage does with a cycle, in the order of its row; idle, the last, is what the others leave."""


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit that stages share, or a stage that has its own, and how much of an inference it is busy."""

    unit: str
    slots: int
    busy_cycles: float  # per inference, of one of its slots if all do as much
    busy_share: float  # of the cycles that the machine is on for an inference


@dataclass(frozen=True, slots=True)
class LayerRow:
    """Energy of the actions of one layer, and when its stages begin and end; those of no layer have the empty name."""

    layer: str
    energy_pj: float  # per inference
    begin_ns: float | None  # mean over samples of the first start, of samples that run to their end alone
    end_ns: float | None  # and of the last done; None of both where no stage has the layer or nothing is timed


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
class MacShare:
    """How much of the arithmetic multiplies."""

    of_operations: float  # MAC of MAC and AC
    of_energy: float  # of what the parts spend that multiply and add


@on_demand("edp_of_means_pj_ns", "energy_percentiles_pj", "latency_percentiles_ns")
@dataclass(frozen=True)
class Costs:
    """What samples cost in one way of running the machine, that leave in some way."""

    name: RunName
    energy_pj: Figure
    latency_ns: Figure | None  # None, as all that follows from it, where the design is an equation without time
    edp_pj_ns: Figure | None  # mean over samples of energy times latency
    edp_of_means_pj_ns: Figure | None  # mean energy times mean latency
    energy_percentiles_pj: Percentiles  # over samples
    latency_percentiles_ns: Percentiles | None
    speculative_pj: Figure  # of the energy, what ran in vain: work of timesteps after leaving, and what it kept on


@dataclass(frozen=True, slots=True)
class HardwareAccuracy:
    """Fraction right in the machine's own arithmetic, beside the exact network on the same samples."""

    accuracy: float
    standard_error: float
    difference: float  # this hardware less the exact network, sample by sample
    difference_standard_error: float | None  # of paired samples; None of one
    samples: int


@dataclass(frozen=True, slots=True)
class AccuracyOf:
    """Whose accuracy `Run.accuracy` is: of an exact machine it is both."""

    whose: Literal["exact network", "this hardware", "both"]
    note: str  # in one line, with what is known of this hardware's


@dataclass(frozen=True, slots=True)
class Period:
    """One inference a period: its energy with what flows until the next one, and the mean power."""

    period_ns: float
    power_gating: Literal["none", "retention", "off"]
    energy_pj: Figure  # of a period: the inference and all below
    power_uw: Figure
    idle_leakage_pj: Figure  # after the inference, or while it is switched off
    idle_clock_pj: Figure  # of the gated clock meanwhile
    wake_pj: Figure  # supplies charged, weights loaded, leakage meanwhile
    latency_ns: Figure  # of an inference, with waking
    shortest_ns: float  # period
    idle_equals_active_per_s: float | None  # rate; at lower ones idle time takes more energy than inferences
    gating_pays_from_ns: float | None  # the period from which on switching off saves


@dataclass(frozen=True, slots=True)
class Transfers:
    """What crosses the edge of the chip for one inference, apart from all that the chip itself spends."""

    input_bits: float  # mean over samples
    output_bits: int
    weight_bits: int  # that are written again, of a network larger than the chip
    energy_pj: Figure
    time_ns: float  # at the rate of the interface; no part of the latency


@dataclass(frozen=True, slots=True)
class Programming:
    """Weights written to the cells that hold them: before the first inference, and again in each.

    The former is in no other figure of the report; what is written again is part of each run.
    """

    cells: int  # before the first inference
    energy_pj: Figure
    time_ns: float
    passes: int  # of an inference; with one nothing is written again
    rewritten_cells: int  # in an inference
    rewriting_pj: Figure  # what that takes, without clock and leakage meanwhile
    rewriting_ns: float
    writes_of_a_cell: int  # in an inference, of the one that is written most often
    endurance_writes: Figure | None  # that a cell bears; None where it does not wear out
    inferences_until_worn: Figure | None  # None where nothing wears out


@on_demand(
    *("dynamic_pj", "clock_pj", "leakage_pj", "pipelined_per_s", "busiest", "operations", "mac_share", "pj_per_sop"),
    *("tops_per_w", "energy_by_timestep_pj", "rows", "layers", "loads", "units", "stages", "samples"),
)
@dataclass(frozen=True)
class Run(Costs):
    """The figures of one way of running the machine: all timesteps, or with early exit."""

    timesteps: Figure
    dynamic_pj: Figure
    clock_pj: Figure
    leakage_pj: Figure
    makespan_ns: float | None
    speculative_share: float
    power_uw: float | None
    one_at_a_time_per_s: float | None  # inferences, each from an empty machine: one over the makespan
    pipelined_per_s: float | None  # with the pipeline kept full; None where inferences cannot overlap
    busiest: str  # the stage or shared unit that is busy for most cycles of an inference
    operations: dict[str, float]  # per inference: MAC, AC, membrane updates
    mac_share: MacShare | None  # of machines that multiply and add
    pj_per_sop: float
    tops_per_w: float  # an AC is one operation, a MAC two
    accuracy: float | None
    accuracy_standard_error: float | None
    accuracy_samples: int | None  # that it was found on
    hardware_accuracy: HardwareAccuracy | None  # where it can differ from the exact network's, and was looked at
    energy_by_timestep_pj: list[float]  # what staying for each timestep adds
    rows: list[Row]
    layers: list[LayerRow]
    loads: list[LayerLoad]  # of layers that multiply or add
    units: list[UnitRow]  # the busiest first; none where nothing is timed
    stages: list[StageRow]
    samples: Samples
    with_io_pj: Figure | None  # energy and what crosses the edge of the chip; None where that has no price
    period: Period | None  # where one was asked for that is no shorter than an inference
    occupancy: Occupancy | None  # where it was asked for, of runs whose samples run by themselves

    @property
    def bottleneck(self) -> Bottleneck | None:
        """What limits it; None where nothing is timed."""
        if not self.units:
            return None
        first, second = self.units[0], self.units[1] if len(self.units) > 1 else None
        following = ("", 0.0) if second is None else (second.unit, second.busy_share)
        return Bottleneck(first.unit, first.busy_share, *following)


@dataclass(frozen=True, slots=True)
class UnitShare:
    """How much of the machine the component is that decides."""

    component: str
    energy_pj: dict[RunName, float]  # run -> per inference, leakage included
    dynamic_pj: dict[RunName, float]  # run -> of it, what its decisions cost
    energy_share: dict[RunName, float]
    area_um2: float
    area_share: float


@dataclass(frozen=True, slots=True)
class ExitSummary:
    """The early-exit rule and its outcome."""

    rule: str
    threshold: float
    chosen_on: str
    reported_on: str
    histogram: list[int]
    recorded_timesteps: list[int]
    unit: UnitShare


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One outcome of early exit: all thresholds tried from the lowest to the highest let the same samples leave."""

    lowest_threshold: float
    highest_threshold: float
    in_use: bool  # whether the threshold of the report is among them
    timesteps: Figure
    accuracy: float | None
    accuracy_standard_error: float | None
    histogram: list[int]  # [timestep] samples leaving after each
    runs: list[Costs]


@dataclass(frozen=True, slots=True)
class ExitCurve:
    """The trade-off over all thresholds, each outcome once, by rising threshold."""

    criterion: str  # the rule up to its threshold
    reported_on: str
    accuracy_of: str  # whose the points' accuracies are
    points: list[CurvePoint]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One run against another on the same samples: ratios, below 1 where the first is cheaper."""

    run: RunName
    reference: RunName
    timesteps: Figure
    energy: Figure
    latency: Figure
    edp: Figure  # of the means of products
    edp_of_means: Figure


@dataclass(frozen=True, slots=True)
class BaselineRatio:
    """The same network without spikes on the same machine over one run: above 1 where spikes save."""

    run: RunName
    baseline: RunName
    energy: Figure
    compute_energy: Figure | None  # of the units that multiply and add alone: no memory, clock or leakage
    latency: Figure | None
    edp: Figure | None  # of the means of products


@on_demand(
    *("architecture", "options", "early_exit", "comparisons", "area", "area_mm2", "leakage_uw", "storage"),
    *("programming", "tiles", "links", "spike_rates", "accuracy_by_timestep"),
)
@dataclass(frozen=True, repr=False)
class Report(Exports):
    """Everything one simulation found."""

    report_version: int
    architecture: dict[str, Any]
    trace: dict[str, Any]
    options: dict[str, Any]
    versions: dict[str, str]
    runs: list[Run]
    early_exit: ExitSummary | None
    no_early_exit: str  # why no sample can leave early, on machines that could let them
    exit_curve: ExitCurve | None  # where it was asked for
    comparisons: list[Comparison]
    baselines: list[Run]  # the network without spikes, where it was asked for
    baseline_ratios: list[BaselineRatio]
    accuracy_of: AccuracyOf
    accuracy_by_timestep: list[float]
    area: list[AreaRow]
    area_mm2: Figure
    leakage_uw: Figure
    storage: list[StorageRow]
    io: Transfers | None  # None where it has no price
    programming: Programming | None  # of machines that hold weights in cells, and say how they are written
    spike_rates: dict[str, float]  # layer -> spikes per neuron and timestep
    crossbars: dict[str, int]  # layer -> how many it takes, of machines that have them
    tiles: list[TileRow]  # of machines that have them
    links: list[LinkRow]  # between tiles
    notes: dict[str, Any]  # facts of the mapping for the reader; nothing else reads them

    def run(self, name: str) -> Run:
        """A run or baseline by its name, whatever its case and spaces: "early exit", "EarlyExit", "ann".

        Raises UsageError with a guess if the simulation had none of that name.
        """
        arguments.instance("name", name, str, "the name of a run")
        known = {_bare(run.name): run for run in [*self.runs, *self.baselines]}
        if _bare(name) not in known:
            names = [str(run.name) for run in known.values()]
            raise UsageError(f"run: wanted {' or '.join(map(repr, names))}, got {name!r}{guess(name, names)}")
        return known[_bare(name)]

    @property
    def energy(self) -> Figure:
        """Energy of an inference in pJ, of the last run."""
        return self.runs[-1].energy_pj

    @property
    def latency(self) -> Figure | None:
        """Latency of an inference in ns, of the last run; None where nothing is timed."""
        return self.runs[-1].latency_ns

    @property
    def edp(self) -> Figure | None:
        """Energy times latency in pJ ns, mean of products, of the last run; None where nothing is timed."""
        return self.runs[-1].edp_pj_ns

    @property
    def bottleneck(self) -> Bottleneck | None:
        """What limits the last run; None where nothing is timed."""
        return self.runs[-1].bottleneck


def _bare(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
