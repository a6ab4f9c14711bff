"""What is asked of a core whose neurons lie in memory: energy, accesses and time of a synaptic operation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from hwsim.report.price import LEAKAGE
from hwsim.report.report import Report, Run
from validation.figures import Figure, Seen, Table

_OUTSIDE = ("encoder", "input_memory")  # what draws spikes, which chips get from outside
_MEMORIES = ("neuron_memory", "weight_memory", "inhibition_memory")
FROM_ONE_PORT = "follows from one port for read and write, which the file states"


def energy_of_an_operation(run: Run, what: str, published_pj: float, seen: Seen, why: str, **more: Any) -> Figure:
    """Energy of an inference over its synaptic operations."""
    each, found = run.operations["AC"], run.energy_pj
    bounds = (found.value / each, found.low / each, found.high / each)
    return Figure.of(what, "energy", "pJ", published_pj, seen, bounds, why=why, **more)


def area(report: Report, published_mm2: float, seen: Seen, why: str) -> Figure:
    """Area of all parts."""
    found = report.area_mm2
    bounds = (found.value, found.low, found.high)
    return Figure.of("area of the core", "area", "mm2", published_mm2, seen, bounds, why=why, headline=True)


def cycles_of_a_spike(run: Run, published: float, seen: Seen, why: str) -> Figure:
    """Cycles in which an input spike reaches all neurons."""
    each = sum(stage.busy_cycles for stage in run.stages if stage.stage == "integrate") / spikes_of(run)
    what = "cycles of a spike to all neurons"
    return Figure.exact(what, "time", "cycles", published, seen, each, why=why, headline=True)


def accesses(
    run: Run, published: Mapping[tuple[str, str], float], neurons: int, seen: Seen, when: str = "", why: str = ""
) -> Sequence[Figure]:
    """Accesses of each memory a synaptic operation.

    Each operation visits a neuron, be it for an input spike or for one that inhibits, and so does each leak of one:
    those of the neurons' memory are shared out to all visits. Words of weights are of input spikes.
    """
    counts, operations = counts_of(run), spikes_of(run) * neurons
    visits = run.operations["AC"] + run.operations["membrane update"]
    found = []
    for (memory, action), each in published.items():
        count = counts[memory, action] / (visits if memory == "neuron_memory" else operations)
        what = f"{memory}, {action}s an operation{when}"
        found.append(Figure.exact(what, "accesses", "accesses", each, seen, count, why=why))
    return found


def parts_table(title: str, runs: Mapping[str, Run]) -> Table:
    """Energy of a synaptic operation by part, a column a run."""
    parts = {name: _parts_pj(run) for name, run in runs.items()}
    first = next(iter(parts.values()))
    names = sorted(dict.fromkeys(part for each in parts.values() for part in each), key=lambda part: -first[part])
    rows = [[part, *(f"{each[part]:.2f}" for each in parts.values())] for part in names]
    rows.append(["all", *(f"{sum(each.values()):.2f}" for each in parts.values())])
    return Table(title, ["part", *runs], rows)


def spikes_of(run: Run) -> float:
    """Input spikes an inference."""
    return counts_of(run)["event_queue", "read"]


def counts_of(run: Run) -> Mapping[tuple[str, str], float]:
    """How often an inference does each action, over all layers."""
    found: defaultdict[tuple[str, str], float] = defaultdict(float)
    for row in run.rows:
        found[row.component, row.action] += row.count
    return found


def _parts_pj(run: Run) -> Mapping[str, float]:
    found: defaultdict[str, float] = defaultdict(float)
    for row in run.rows:
        found[_part_of(row.component, row.action)] += row.energy_pj / run.operations["AC"]
    return found


def _part_of(component: str, action: str) -> str:
    if action == LEAKAGE:
        return "leakage"
    if component == "clock":
        return "clock"
    if component in _MEMORIES:
        return f"`{component}`, {action}"
    return "spikes drawn, which the chip gets from outside" if component in _OUTSIDE else "everything else"


def components_table(title: str, run: Run, over: float) -> Table:
    """Energy by component, leakage apart, over a number of operations."""
    found: defaultdict[str, float] = defaultdict(float)
    for row in run.rows:
        found["leakage" if row.action == LEAKAGE else f"`{row.component}`"] += row.energy_pj / over
    falling = sorted(found.items(), key=lambda each: -each[1])
    rows = [[part, f"{pj:.3f}"] for part, pj in falling if f"{pj:.3f}" != "0.000"]
    return Table(title, ["part", "predicted"], [*rows, ["all", f"{sum(found.values()):.3f}"]])
