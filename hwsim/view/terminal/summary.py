"""The first screen of a report: what ran, what it costs, what limits it; at most 45 lines."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from io import StringIO
from textwrap import wrap

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from hwsim.advice import LEAST_GAIN, Advice
from hwsim.printable import cut, one_line, printable, so_many
from hwsim.report.report import Bottleneck, Report, Run
from hwsim.report.shares import EnergyShares, energy_shares
from hwsim.view.terminal import number
from hwsim.view.terminal.period_table import period_table
from hwsim.view.terminal.plain_table import bare_table
from hwsim.view.terminal.plain_text import PlainConsole, headed
from hwsim.view.terminal.report_table import played, shown_runs
from hwsim.view.terminal.summary_figures import figures, hardware, passes, ratios
from hwsim.view.terminal.summary_parts import parts
from hwsim.view.terminal.unit_name import unit_name

MOST_LINES = 45
_MOST_OF_DESIGN = 2  # lines
_SHORT_UNITS, _LONGEST_LABEL = (30, 20), "accuracy"
_MUCH_WORSE = 0.1  # of all samples: no design is meant to lose that
_FULL = 0.6  # of the time: below it more of the busiest unit alone is little help
_MOST_OF_IT = 0.5


def print_summary(report: Report, console: Console, advice: Sequence[Advice] = ()) -> None:
    """The first screen, as wide as the console; of the advice as much as there is room for."""
    width = console.width
    blocks: list[RenderableType] = [_head(report, width), figures(report, width)]
    blocks[1] = Group(blocks[1], *(cut(line, width) for line in (hardware(report), *passes(report))))
    if report.comparisons or report.baseline_ratios:
        blocks.append(ratios(report))
    if (period := period_table(report)) is not None:
        blocks.append(period)
    blocks += [_verdict(report, width), parts(report, width)]
    room = MOST_LINES - sum(len(console.render_lines(block)) + 1 for block in blocks)
    if lines := _advice(report, advice, width, room):
        blocks.append(Group(*lines))
    _print_apart(blocks, console)


def print_verdict(report: Report, console: Console, advice: Sequence[Advice] = ()) -> None:
    """What limits and what would help alone, as the first screen has them."""
    width = console.width
    lines = _advice(report, advice, width, MOST_LINES)
    console.print()
    _print_apart([_verdict(report, width), *([Group(*lines)] if lines else [])], console)


def _print_apart(blocks: Sequence[RenderableType], console: Console) -> None:
    for place, block in enumerate(blocks):
        if place:
            console.print()
        console.print(block)


def text_of(report: Report, width: int = 100, advice: Sequence[Advice] = ()) -> str:
    """The first screen as text."""
    text = StringIO()
    print_summary(report, PlainConsole(width=width, color_system=None, force_terminal=False, file=text), advice)
    return text.getvalue()


def html_of(report: Report, width: int) -> str:
    """The first screen as HTML for a notebook."""
    console = PlainConsole(width=width, record=True, file=StringIO(), force_jupyter=False)
    print_summary(report, console)
    return console.export_html(inline_styles=True, code_format='<pre style="line-height: 1.2">{code}</pre>')


def _head(report: Report, width: int) -> RenderableType:
    design = report.architecture
    says = one_line(f"{design['file']}: {design['description']}")
    lines = [headed(line) for line in wrap(says, width, max_lines=_MOST_OF_DESIGN, placeholder="...")]
    if design["overrides"]:
        lines.append(Text(cut("with " + ", ".join(design["overrides"]), width)))
    lines.append(Text(cut(played(report), width)))
    if unused := report.options["without_effect"]:
        lines.append(Text(cut(f"without effect in this configuration: {', '.join(unused)}", width)))
    if report.no_early_exit:
        lines.append(Text(printable(f"no early exit: {report.no_early_exit}")))
    return Group(*lines)


def _verdict(report: Report, width: int) -> Table:
    """What limits, what takes energy, how sure that is."""
    table = bare_table()
    runs = shown_runs(report)
    table.add_column("verdict")
    table.add_column(f"of {runs[0].name}" if len(report.runs) > len(runs) else "")
    labels = {run.name: f", {run.name}" if len(runs) > 1 else "" for run in runs}
    room = width - len(_LONGEST_LABEL) - max(map(len, labels.values())) - 2
    for run in runs:
        for label, text in verdict_lines(run, room):
            table.add_row(f"{label}{labels[run.name]}", cut(text, room))
    return table


def verdict_lines(run: Run, room: int) -> list[tuple[str, str]]:
    """What limits a run, what takes its energy and how sure that is: labels and sentences.

    Names of units are as long as leaves the sentence so many characters.
    """
    shares = energy_shares(run)
    lines = []
    if (warning := _fails(run)) is not None:
        lines.append(("accuracy", warning))
    if (limit := run.bottleneck) is not None:
        lines.append(("limit", _limit(limit, room)))
    parts = [f"{name} {_with_leakage(share, shares, name)}" for name, share in list(shares.components.items())[:3]]
    lines.append(("energy", ", ".join(parts)))
    if shares.idle:
        idle = f"leakage {number.percent(shares.leakage)}, ungated clock {number.percent(shares.idle - shares.leakage)}"
        lines.append(("idle", f"{number.percent(shares.idle)} does no work: {idle}"))
    lines.append(("sure", _how_sure(run)))
    return lines


def _fails(run: Run) -> str | None:
    """In words that a network does not work on this hardware, where it loses far more than chance explains."""
    known = run.hardware_accuracy
    if known is None or known.difference > -_MUCH_WORSE or known.difference_standard_error is None:
        return None
    if known.difference + 3 * known.difference_standard_error > -_MUCH_WORSE / 2:
        return None
    here, exact = (f"{100 * value:.1f} %" for value in (known.accuracy, known.accuracy - known.difference))
    return f"{here} here, where the exact network has {exact}: it does not work on this hardware"


def _limit(limit: Bottleneck, room: int) -> str:
    """The busiest unit and the next, in the most words that there is room for: names are the last to go."""
    full = limit.busy_share >= _FULL
    busy, then = number.percent(limit.busy_share), number.percent(limit.next_share)
    says = [("", f": busy {busy} of the time"), ("", f": busy {busy}")]
    if not full:
        says = [(f"nothing is full{more}: ", f" busy {busy}") for more in (", each waits for others", "")]
    for longest in (room, *_SHORT_UNITS):
        unit, following = (unit_name(name, longest) for name in (limit.unit, limit.next_unit))
        for before, after in says:
            text = f"{before}{unit}{after}" + (f"; next {following}, {then}" if following else "")
            if len(text) <= room:
                return text
    return text


def _with_leakage(share: float, shares: EnergyShares, name: str) -> str:
    """A share of the energy, and of it what leaks, where that is most of it."""
    leaks = shares.leaking.get(name, 0.0)
    return number.percent(share) + (f" (leakage {number.percent(leaks)})" if leaks > share / 2 else "")


def _how_sure(run: Run) -> str:
    """How far the energy is known: by the samples, and by the sources of the prices."""
    energy, n = run.energy_pj, len(run.samples.timesteps)
    error = "" if energy.standard_error is None else f" ± {number.percent(energy.standard_error / (energy.value or 1))}"
    low, high = (number.significant(bound / (energy.value or 1), 2) for bound in (energy.low, energy.high))
    prices = "prices are given without bounds" if low == high else f"{low} to {high} x by price bounds"
    return f"energy{error}, {so_many(n, 'sample')}; {prices}" if error else f"energy of one sample; {prices}"


def _advice(report: Report, advice: Sequence[Advice], width: int, room: int) -> list[Text]:
    """What would help, as many changes as there is room for, best first."""
    if not advice:
        return []
    of = f"{advice[0].run}, " if len(report.runs) > 1 else ""
    lines = [
        headed("what would help", f"({of}each alone, on {so_many(advice[0].samples, 'sample')}; results unchanged)")
    ]
    if untouched := _untouched(report, advice):
        room -= 1
    for each in advice:
        own = [Text(cut(gain(each), width)), *(Text(f"  {line}") for line in _wrapped(each, width - 2))]
        if len(lines) + len(own) > room:
            break
        lines += own
    if len(lines) == 1:
        return []
    return lines + ([Text(cut(untouched, width))] if untouched else [])


def _untouched(report: Report, advice: Sequence[Advice]) -> str:
    """That what takes most of the energy is lowered by none of them, where it is so."""
    part, share = next(iter(energy_shares(report.run(advice[0].run)).components.items()))
    if share < _MOST_OF_IT or min(each.energy for each in advice) <= 1 - LEAST_GAIN:
        return ""
    return f"none of them lowers the energy, of which {part} takes {number.percent(share)}"


def gain(advice: Advice) -> str:
    """What a change is and what it does, in one line."""
    figures = {"energy": advice.energy, "latency": advice.latency, "EDP": advice.edp, "area": advice.area}
    known = ", ".join(f"{name} {value:.2f} x" for name, value in figures.items() if value is not None)
    return f"{advice.what}: {known}"


def _wrapped(advice: Advice, width: int) -> list[str]:
    """Options of the command line, broken between them only, and what the key was if there is but one."""
    lines: list[str] = []
    for option in (f"--set {shlex.quote(setting)}" for setting in advice.settings):
        if lines and len(f"{lines[-1]} {option}") <= width:
            lines[-1] += f" {option}"
        else:
            lines.append(option)
    if len(advice.settings) == 1 and advice.before:
        lines[0] += f"  # was {advice.before}"
    return lines
