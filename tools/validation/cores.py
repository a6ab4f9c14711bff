"""What is asked of a core whose neurons lie in memory: energy, accesses and time of a synaptic operation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from hwsim.report.price import LEAKAGE
from hwsim.report.report import Report, Run
from validation.figures import Figure, Seen, Table

_OUTSIDE = ("encoder", "input_memory")  # what draws spikes, which chips get from outside
_MEMORIES = ("neuron_memory", "weight_memory", "inhibition_memory")


def energy_of_an_operation(run: Run, what: str, published_pj: float, seen: Seen, headline: bool, why: str) -> Figure:
    """Energy of an inference over its synaptic operations."""
    each = run.operations["AC"]
    found = run.energy_pj
    value, low, high = (bound / each for bound in (found.value, found.low, found.high))
    return Figure(what, "energy", "pJ", published_pj, seen, value, low, high, why, headline)


def area(report: Report, published_mm2: float, seen: Seen, why: str) -> Figure:
    """Area of all parts."""
    found = report.area_mm2
    return Figure("area of the core", "area", "mm2", published_mm2, seen, found.value, found.low, found.high, why, True)


def cycles_of_a_spike(run: Run, published: float, seen: Seen, why: str) -> Figure:
    """Cycles in which an input spike reaches all neurons."""
    busy = sum(stage.busy_cycles for stage in run.stages if stage.stage == "integrate")
    return _exact(
        "cycles of a spike to all neurons", "time", "cycles", published, seen, busy / spikes_of(run), why, True
    )


def accesses(run: Run, published: Mapping[tuple[str, str], float], neurons: int, seen: Seen) -> Sequence[Figure]:
    """Accesses of each memory a synaptic operation.

    Each operation visits a neuron, be it for an input spike or for one that inhibits, and so does each leak of one:
    those of the neurons' memory are shared out to all visits. Words of weights are of input spikes.
    """
    counts, operations = counts_of(run), spikes_of(run) * neurons
    visits = run.operations["AC"] + run.operations["membrane update"]
    found = []
    for (memory, action), each in published.items():
        count = counts[memory, action] / (visits if memory == "neuron_memory" else operations)
        found.append(_exact(f"{memory}, {action}s an operation", "accesses", "accesses", each, seen, count, "", False))
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


def counts_of(run: Run) -> Counter[tuple[str, str]]:
    """How often an inference does each action, over all layers."""
    found: Counter[tuple[str, str]] = Counter()
    for row in run.rows:
        found[row.component, row.action] += row.count  # type: ignore[assignment]  # means over samples
    return found


def _parts_pj(run: Run) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in run.rows:
        found[_part_of(row.component, row.action)] += row.energy_pj / run.operations["AC"]  # type: ignore[assignment]
    return found


def _part_of(component: str, action: str) -> str:
    if action == LEAKAGE:
        return "leakage"
    if component == "clock":
        return "clock"
    if component in _MEMORIES:
        return f"`{component}`, {action}"
    return "spikes drawn, which the chip gets from outside" if component in _OUTSIDE else "everything else"


def _exact(
    what: str, kind: str, unit: str, published: float, seen: Seen, found: float, why: str, headline: bool
) -> Figure:
    return Figure(what, kind, unit, published, seen, found, found, found, why, headline)  # type: ignore[arg-type]


def components_table(title: str, run: Run, over: float) -> Table:
    """Energy by component, leakage apart, over a number of operations."""
    found: Counter[str] = Counter()
    for row in run.rows:
        found["leakage" if row.action == LEAKAGE else f"`{row.component}`"] += row.energy_pj / over  # type: ignore[assignment]
    rows = [[part, f"{pj:.3f}"] for part, pj in found.most_common() if f"{pj:.3f}" != "0.000"]
    return Table(title, ["part", "predicted"], [*rows, ["all", f"{found.total():.3f}"]])
