"""A journal as tables in Markdown: those of docs/guides/cost-in-training.md."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from validation.markdown import table

from hwsim.view.terminal.number import plain
from training.common.progress import say
from training.cost import fronts
from training.cost.fronts import Key, Point, at_accuracy, point, won
from training.cost.journal import Line, of_kind, read
from training.cost.terms import NONE, PROXIES

UNITS = {"energy_pj": ("uJ", 1e6), "latency_ns": ("us", 1e3), "edp_pj_ns": ("pJ s", 1e9)}
WORDS = {"energy_pj": "energy", "latency_ns": "latency", "edp_pj_ns": "energy times latency"}
POINTS = (0.5, 1.0, 2.0)
"""Of held-out accuracy that may be lost."""


def run(options: argparse.Namespace, command: str) -> None:
    """Print all tables of `--table`."""
    say("\n\n".join(tables(read(options.table))))


def tables(lines: Sequence[Line]) -> list[str]:
    """Those that a journal has lines for."""
    found = [floors(lines)]
    if fronts.terms(lines):
        found += [settings(lines), *(equal(lines, points) for points in POINTS)]
    if of_kind(lines, "bits"):
        found.append(widths(lines))
    return found


def floors(lines: Sequence[Line]) -> str:
    """What the start costs, and without a spike."""
    start, silent = of_kind(lines, "start")[0]["costs"], of_kind(lines, "spikeless")[0]["costs"]
    rows = []
    for machine, figures in start.items():
        for name, value in figures.items():
            least = silent[machine][name]
            rows.append(
                (f"`{machine}`", WORDS[name], amount(name, value), amount(name, least), percent(1 - least / value))
            )
    return table(("machine", "", "start", "without a spike", "most that can be won"), rows)


def settings(lines: Sequence[Line]) -> str:
    """Every term and weight in the mean over seeds."""
    chosen = fronts.seeds(lines)
    machines = lines[0]["machines"]
    head = ["term", "weight", "held-out, %", "test, %", "spikes", "synaptic operations"]
    head += [f"`{machine}`, {UNITS[figure][0]}" for machine in machines for figure in ("energy_pj", "latency_ns")]
    rows = [_setting("none", point(of_kind(lines, "start")), machines, "not trained on")]
    rows.append(_setting("none", fronts.front(lines, NONE, chosen)[0], machines))
    for term in fronts.terms(lines):
        rows += [_setting(f"`{term}`", each, machines) for each in fronts.front(lines, term, chosen)[1:]]
    return table(head, rows)


def _setting(term: str, each: Point, machines: Sequence[str], weight: str = "") -> list[str]:
    cells = [term, weight or f"{each.weight:g}", f"{100 * each.held:.2f}", f"{100 * each.test:.2f}"]
    cells += [f"{each.activity[0]:,.0f}", f"{each.activity[1] / 1e6:.3f} M"]
    return cells + [
        bare(name, each.costs[machine, name]) for machine in machines for name in ("energy_pj", "latency_ns")
    ]


def equal(lines: Sequence[Line], points: float) -> str:
    """Costs where so many points of held-out accuracy are lost, and what the machine's own term saves."""
    chosen = fronts.seeds(lines)
    known = fronts.terms(lines)
    floor = point_costs(of_kind(lines, "spikeless")[0])
    head = ["machine", "", "no term", *(f"`{name}`" for name in known)]
    head += ["way to no spike, term of the machine", "the same, better proxy", "saved beyond the better proxy"]
    rows = []
    for machine in lines[0]["machines"]:
        own = [name for name in known if name.startswith(f"{machine}:")]
        for figure in UNITS:
            key = (machine, figure)
            found = {name: _at(lines, name, chosen, points) for name in known}
            base = fronts.front(lines, NONE, chosen)[0]
            cells = [f"`{machine}`", WORDS[figure], amount(figure, base.costs[key])]
            cells += [("≤ " if found[n].last else "") + amount(figure, found[n].costs[key]) for n in known]
            rows.append(cells + _beyond(lines, key, chosen, points, own, floor))
    accuracies = ["", "test accuracy, %", f"{100 * base.test:.2f}", *(f"{100 * found[n].test:.2f}" for n in known)]
    rows.append([*accuracies, "", "", ""])
    return f"At {points:g} points of held-out accuracy less than without a term:\n\n{table(head, rows)}"


def _at(lines: Sequence[Line], term: str, chosen: Sequence[int], points: float) -> Point:
    front = fronts.front(lines, term, chosen)
    return at_accuracy(front, front[0].held - points / 100)


def _beyond(
    lines: Sequence[Line], key: Key, chosen: Sequence[int], points: float, own: list[str], floor: Mapping[Key, float]
) -> list[str]:
    """Shares of the way, and what is saved, with its standard deviation over seeds where there are several."""
    proxies = [name for name in fronts.terms(lines) if name in PROXIES]
    if not own or not proxies:
        return ["", "", ""]
    shares = {name: _way(lines, name, key, chosen, points, floor) for name in (*own, *proxies)}
    mine, better = max(own, key=lambda name: shares[name]), max(proxies, key=lambda name: shares[name])
    of_seeds = [_saved(lines, key, [seed], points, mine, better) for seed in chosen]
    spread = f" ± {100 * stdev(of_seeds):.1f}" if len(of_seeds) > 1 else ""
    saved = _saved(lines, key, chosen, points, mine, better)
    return [percent(shares[mine]), f"{percent(shares[better])} (`{better}`)", f"{100 * saved:+.1f}{spread} %"]


def _way(
    lines: Sequence[Line], term: str, key: Key, chosen: Sequence[int], points: float, floor: Mapping[Key, float]
) -> float:
    front = fronts.front(lines, term, chosen)
    return won(front, floor, key, front[0].held - points / 100)


def _saved(lines: Sequence[Line], key: Key, chosen: Sequence[int], points: float, mine: str, better: str) -> float:
    of_mine, of_better = (_at(lines, name, chosen, points).costs[key] for name in (mine, better))
    return 1 - of_mine / of_better


def point_costs(line: Line) -> dict[Key, float]:
    """Costs of a line by machine and figure."""
    return {(machine, name): value for machine, figures in line["costs"].items() for name, value in figures.items()}


def widths(lines: Sequence[Line]) -> str:
    """Weight bits by layer, learned under a budget or the same in all."""
    found: dict[tuple[object, ...], list[Line]] = {}
    for line in of_kind(lines, "bits"):
        found.setdefault((line["machine"], line["rule"]), []).append(line)
    start = point_costs(of_kind(lines, "start")[0])
    rows = []
    for (machine, rule), each in found.items():
        costs = [line["costs"][machine]["energy_pj"] for line in each]
        share = fmean(costs) / start[str(machine), "energy_pj"]
        shown = sorted({" ".join(str(n) for n in line["bits"].values()) for line in each})
        cells = [f"`{machine}`", str(rule), "; ".join(shown), f"{len(each)}"]
        cells += [f"{100 * fmean(line[name] for line in each):.2f}" for name in ("held_accuracy", "test_accuracy")]
        rows.append([*cells, amount("energy_pj", fmean(costs)), percent(share)])
    head = ("machine", "bits", "by layer", "seeds", "held-out, %", "test, %", "energy", "of the start's")
    return table(head, rows)


def amount(figure: str, value: float) -> str:
    """A figure in its unit."""
    return f"{bare(figure, value)} {UNITS[figure][0]}"


def bare(figure: str, value: float) -> str:
    """The number alone."""
    return plain(value / UNITS[figure][1])


def percent(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.1f} %"
