"""Explanations on a terminal: terms of energy and area with their sources, and the critical path."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hwsim import units
from hwsim.explanation.explanation import Explanation, LatencyPath
from hwsim.explanation.path import Fold, PathRun
from hwsim.explanation.terms import AreaTerm, EnergyTerm, summed
from hwsim.printable import cut
from hwsim.report.shares import sums
from hwsim.view.terminal import number
from hwsim.view.terminal.plain_table import bare_table, fitted_table
from hwsim.view.terminal.plain_text import headed
from hwsim.view.terminal.sources import print_sources
from hwsim.view.terminal.unit_name import unit_name

_MOST_LINES = 16
_ENOUGH = 0.999  # of an energy or area, which the first table goes through
_LONGEST_NAME, _LONGEST_PART, _LONGEST_LAYER = 26, 19, 14
_MANY = 1e8
_WHOLE_CHIP = "(whole chip)"
_MARKS = {"buffer full": "*", "shared unit": "+"}
Term = TypeVar("Term")


def print_energy(explained: Explanation, name: str | None, run: str | None, every: bool, console: Console) -> None:
    """Count times price of every action, where each price is from, and what layers come to."""
    terms = explained.energy(name, run)
    this = explained.report.run(run) if run else explained.report.runs[-1]
    whole = math.fsum(term.energy_pj for term in terms)
    low, high = (math.fsum(getattr(term, bound) for term in terms) for bound in ("low_pj", "high_pj"))
    of = f", {number.percent(whole / this.energy_pj.value)} of all" if name and this.energy_pj.value else ""
    console.print(_head(explained, f"energy of {name}" if name else "energy", f"run {this.name}", console.width))
    _differs(explained, console)
    bounds = f"{number.energy(low)} to {number.energy(high)} by the bounds of prices"
    console.print(f"{number.energy(whole)} an inference{of}; {bounds}")
    console.print()
    sources: dict[str, int] = {}
    each = terms if name else summed(terms)
    shown = _most(each, [term.share for term in each], every or name is not None)
    console.print(_energy_table(shown, name is not None, sources, console.width))
    _rest(each[len(shown) :], math.fsum(term.energy_pj for term in each[len(shown) :]), console)
    if name is None and len({term.layer for term in terms}) > 1:
        console.print()
        console.print(_layers(terms, whole, console.width))
    print_sources(sources, console)


def _most(terms: Sequence[Term], shares: Sequence[float], every: bool) -> Sequence[Term]:
    """The first terms, largest first, up to what is nothing, or without much left."""
    total, covered = math.fsum(shares), 0.0
    for place, share in enumerate(shares):
        if not share or (not every and covered >= _ENOUGH * total):
            return terms[:place]
        covered += share
    return terms


def _rest(left: Sequence[EnergyTerm], pj: float, console: Console) -> None:
    if left:
        takes = f"take {number.energy(pj)}" + (" (--all)" if pj else "")
        console.print(f"and {len(left)} more, which {takes if pj else 'take nothing'}")


def _energy_table(terms: Sequence[EnergyTerm], with_layer: bool, sources: dict[str, int], width: int) -> Table:
    columns = ("component", "action", *(["layer"] if with_layer else []))
    numbers = ("count", "x price", "= energy", "share", "price allows", "from")
    rows = []
    for term in terms:
        layer = [cut(term.layer or _WHOLE_CHIP, _LONGEST_LAYER)] if with_layer else []
        cells = (
            cut(term.component, _LONGEST_LAYER if with_layer else _LONGEST_PART),
            cut(term.action, _LONGEST_LAYER),
            *layer,
            _count(term.count),
            number.energy(term.price) if term.for_ns is None else number.power(term.price),
            number.energy(term.energy_pj),
            number.percent(term.share),
            _bounds(term.price, term.price_low, term.price_high),
            _place(term.source, sources),
        )
        rows.append(cells)
    told = [column for column, *cells in zip(columns, *rows, strict=False) if len(set(cells)) == 1]
    return fitted_table((*columns, *numbers), rows, columns, width, ("share", *told))


def _layers(terms: Sequence[EnergyTerm], whole: float, width: int) -> Table:
    rows = []
    for layer, pj in sums((term.layer, term.energy_pj) for term in terms):
        parts = sums((term.component, term.energy_pj) for term in terms if term.layer == layer)[:3]
        most = ", ".join(f"{cut(part, 16)} {number.percent(each / pj)}" for part, each in parts if each) if pj else ""
        name = cut(layer or _WHOLE_CHIP, _LONGEST_NAME)
        rows.append((name, number.energy(pj), number.percent(pj / whole if whole else 0.0), most))
    return fitted_table(("layer", "energy", "share", "most of it"), rows, ("layer", "most of it"), width, ())


def print_area(explained: Explanation, name: str | None, every: bool, console: Console) -> None:
    """Number times area of every component, and where each is from."""
    terms = explained.area(name)
    total = explained.report.area_mm2
    console.print(_head(explained, f"area of {name}" if name else "area", "", console.width))
    _differs(explained, console)
    if name is None:
        bounds = f"{total.low:.4g} to {total.high:.4g} mm2 by the bounds of areas"
        console.print(f"{total.value:.4g} mm2; {bounds}; leakage {number.power(explained.report.leakage_uw.value)}")
    console.print()
    sources: dict[str, int] = {}
    shown = _most(terms, [term.share for term in terms], every or name is not None) or terms
    console.print(_area_table(shown, sources, name is not None, console.width))
    if left := terms[len(shown) :]:
        um2 = math.fsum(term.area_um2 for term in left)
        console.print(f"and {len(left)} more, which take {_mm2(um2) + ' (--all)' if um2 else 'no area'}")
    print_sources(sources, console)


def _area_table(terms: Sequence[AreaTerm], sources: dict[str, int], both: bool, width: int) -> Table:
    """`both` sources: of the leakage, too."""
    numbers = ("number", "x each", "= area", "share", "area allows", "from", "leakage", *(["from "] if both else []))
    rows = []
    for term in terms:
        cells = (
            cut(term.component, _LONGEST_PART),
            f"{term.instances:,}",
            _um2(term.each_um2),
            _mm2(term.area_um2),
            number.percent(term.share),
            _bounds(term.each_um2, term.each_low_um2, term.each_high_um2),
            _place(term.source, sources),
            number.power(term.leakage_uw),
            *([_place(term.leakage_source, sources)] if both else []),
        )
        rows.append(cells)
    return fitted_table(
        ("component", *numbers), rows, ("component",), width, ("share", *(() if both else ("leakage",)))
    )


def print_latency(explained: Explanation, path: LatencyPath, name: str | None, every: bool, console: Console) -> None:
    """The path by stage and cause, run by run, and what would shorten it."""
    what = f"latency, {name} on its critical path" if name else "latency"
    run = f"run {path.run}, sample {path.sample} of {path.samples:,}"
    console.print(_head(explained, what, run, console.width))
    _differs(explained, console)
    console.print(_sum_of(path))
    if path.wake_ns:
        console.print(f"in its period the machine first wakes for {number.time(path.wake_ns)}, which is on top of that")
    console.print()
    console.print(_by_stage(path, every, console.width))
    console.print()
    for line in _order(path, every, console.width):
        console.print(line)
    if not path.remedies:
        console.print("\nno single change to what is on the path shortens it by 0.5 %")
        return
    console.print()
    console.print(headed("what would shorten it", "each alone, this sample played again with it"))
    table = bare_table()
    for heading, side in (("change", "left"), ("cycles", "right"), ("latency", "right")):
        table.add_column(heading, justify=side)  # type: ignore[arg-type]
    for remedy in path.remedies:
        table.add_row(cut(remedy.what, 60), f"{remedy.latency_cycles:,}", f"{remedy.latency:.3f} x")
    console.print(table)


def _sum_of(path: LatencyPath) -> str:
    ns = path.latency_cycles * 1e3 / path.clock_mhz
    mean = path.mean_cycles * 1e3 / path.clock_mhz
    steps = f"{path.timesteps} timestep{'s' if path.timesteps > 1 else ''}"
    spent = sum(job.cycles for job in path.jobs)
    part = "" if spent == path.latency_cycles else f", of which {spent:,} are below"
    return (
        f"{path.latency_cycles:,} cycles at {path.clock_mhz:g} MHz = {number.time(ns)} for {steps} "
        f"(mean of the recorded samples {number.time(mean)}){part}"
    )


def _by_stage(path: LatencyPath, every: bool, width: int) -> Table:
    texts = ("stage", "layer", "why it is on the path")
    runs = path.by_stage
    shown = runs if every or len(runs) <= _MOST_LINES else runs[: _MOST_LINES - 1]
    rows = []
    for run in shown:
        name, layer = cut(run.stage, _LONGEST_NAME), cut(run.layer or _WHOLE_CHIP, _LONGEST_LAYER)
        rows.append((name, layer, _why(run), *_sums([run], path)))
    if rest := runs[len(shown) :]:
        rows.append((f"{len(rest)} more (--all)", "", "", *_sums(rest, path)))
    numbers = ("jobs", "work", "delay", "cycles", "share")
    return fitted_table((*texts, *numbers), rows, texts, width, ("layer", "delay"))


def _sums(runs: Sequence[PathRun], path: LatencyPath) -> list[str]:
    """Jobs, cycles and their share of the latency, of some runs together."""
    fields = ("jobs", "work_cycles", "delay_cycles", "cycles")
    totals = [sum(getattr(run, field) for run in runs) for field in fields]
    share = totals[-1] / path.latency_cycles if path.latency_cycles else 0.0
    return [*(f"{total:,}" for total in totals), number.percent(share)]


def _why(run: PathRun) -> str:
    """The cause in words."""
    return {
        "work": "has the next job to do",
        "data": "its result is waited for",
        "buffer full": "its buffer is full",
        "shared unit": f"holds {unit_name(run.unit, _LONGEST_NAME)}",
        "decision": "it decides",
        "answer": "gives the answer",
    }[run.cause]


def _order(path: LatencyPath, every: bool, width: int) -> Iterable[Text]:
    """The path in the order of time, a line for each fold."""
    folds = path.folds
    yield headed("in order", "from cycle, cycles, jobs of a stage; * is a full buffer, + a shared unit")
    shown = folds if every or len(folds) <= _MOST_LINES else folds[: _MOST_LINES - 1]
    first, most = (max((len(f"{getattr(f, name):,}") for f in folds), default=1) for name in ("begin_cycle", "cycles"))
    for fold in shown:
        yield Text(cut(f"{fold.begin_cycle:>{first},}  {fold.cycles:>{most},}  {_fold(fold)}", width))
    if rest := folds[len(shown) :]:
        cycles = sum(fold.cycles for fold in rest)
        yield Text(f"{'...':>{first}}  {cycles:>{most},}  {len(rest):,} more lines (--all)")


def _fold(fold: Fold) -> str:
    """What a fold runs through, and how often."""
    steps = " > ".join(
        run.stage + _MARKS.get(run.cause, "") + (f" {_jobs(run.jobs, fold.times)}" if run.jobs > fold.times else "")
        for run in fold.runs
    )
    return f"{fold.times} x ({steps})" if fold.times > 1 else steps


def _jobs(jobs: int, times: int) -> str:
    return f"[{jobs // times}]" if jobs % times == 0 else f"[{jobs / times:.1f} on average]"


def _head(explained: Explanation, what: str, where: str, width: int) -> Text:
    report = explained.report
    design, overrides = report.architecture["file"], report.architecture["overrides"]
    parts = "; ".join([*([where] if where else []), f"{design} on {report.trace['name']}"])
    line = headed(what, cut(parts, max(20, width - len(what) - 2)))
    return Text("\n").join([line, Text(cut(f"with {', '.join(overrides)}", width))]) if overrides else line


def _differs(explained: Explanation, console: Console) -> None:
    if explained.differs:
        console.print(explained.differs)


def _place(source: str, sources: dict[str, int]) -> str:
    return f"[{sources.setdefault(source, len(sources) + 1)}]" if source else ""


def _bounds(value: float, low: float, high: float) -> str:
    """As factors of a price or area."""
    if low == high:
        return ""
    return f"{low / value:.2f} to {high / value:.2f} x" if value else f"{low:.3g} to {high:.3g}"


def _count(value: float) -> str:
    if value >= _MANY:
        return f"{value:.4g}"
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:,.4g}"


def _um2(um2: float) -> str:
    return f"{um2:,.0f} um2" if um2 >= 1000 else f"{number.significant(um2, 4)} um2"


def _mm2(um2: float) -> str:
    return f"{number.significant(um2 / units.UM2_PER_MM2, 4)} mm2"
