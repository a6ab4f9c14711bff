"""The first screen of a report: what ran, what it costs, what limits it; at most 45 lines."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from io import StringIO

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from hwsim.advice import Advice
from hwsim.printable import cut, printable
from hwsim.report.report import Report, Run
from hwsim.report.shares import energy_shares
from hwsim.view.terminal import number
from hwsim.view.terminal.plain_table import bare_table
from hwsim.view.terminal.plain_text import PlainConsole, headed
from hwsim.view.terminal.report_table import played, shown_runs
from hwsim.view.terminal.summary_figures import figures, hardware, ratios
from hwsim.view.terminal.summary_parts import parts

MOST_LINES = 45
_LONGEST_UNIT = 24


def print_summary(report: Report, console: Console, advice: Sequence[Advice] = ()) -> None:
    """The first screen, as wide as the console; of the advice as much as there is room for."""
    width = console.width
    blocks: list[RenderableType] = [_head(report, width), figures(report, width)]
    blocks[1] = Group(blocks[1], cut(hardware(report), width))
    if report.comparisons or report.baseline_ratios:
        blocks.append(ratios(report))
    blocks += [_verdict(report, width), parts(report, width)]
    room = MOST_LINES - sum(len(console.render_lines(block)) + 1 for block in blocks)
    if lines := _advice(advice, width, room):
        blocks.append(Group(*lines))
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
    lines = [headed(cut(f"{design['file']}: {design['description']}", width))]
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
    table.add_column("verdict")
    table.add_column("")
    runs = shown_runs(report)
    lines = [
        (f"{label}, {run.name}" if len(runs) > 1 else label, text) for run in runs for label, text in _lines_of(run)
    ]
    room = width - max(len("verdict"), *(len(label) for label, _ in lines)) - 2
    for label, text in lines:
        table.add_row(label, cut(text, room))
    return table


def _lines_of(run: Run) -> list[tuple[str, str]]:
    shares = energy_shares(run)
    lines = []
    if (limit := run.bottleneck) is not None:
        unit, following = (cut(name, _LONGEST_UNIT) for name in (limit.unit, limit.next_unit))
        then = f", next {following} {number.percent(limit.next_share)}" if following else ""
        lines.append(("limit", f"{unit} is busy {number.percent(limit.busy_share)} of the time{then}"))
    parts = ", ".join(f"{name} {number.percent(share)}" for name, share in list(shares.components.items())[:3])
    lines.append(("energy", parts))
    idle = f"leakage {number.percent(shares.leakage)}, gated clock {number.percent(shares.idle - shares.leakage)}"
    lines.append(("idle", f"{number.percent(shares.idle)} of the energy does no work: {idle}"))
    lines.append(("sure", _how_sure(run)))
    return lines


def _how_sure(run: Run) -> str:
    """How far the energy is known: by the samples, and by the sources of the prices."""
    energy, n = run.energy_pj, len(run.samples.timesteps)
    error = "" if energy.standard_error is None else f" ± {number.percent(energy.standard_error / (energy.value or 1))}"
    low, high = (number.significant(bound / (energy.value or 1), 2) for bound in (energy.low, energy.high))
    prices = "prices have no bounds" if low == high else f"sources of prices allow {low} to {high} x"
    return (
        f"energy{error or ' of one sample'} over {_counted(n)}; {prices}"
        if error
        else f"energy of one sample; {prices}"
    )


def _advice(advice: Sequence[Advice], width: int, room: int) -> list[Text]:
    """What would help, as many changes as there is room for, best first."""
    if not advice:
        return []
    lines = [headed("what would help", f"(each alone, on {_counted(advice[0].samples)}; every result stays as it is)")]
    for each in advice:
        own = [Text(cut(_gain(each), width)), *(Text(f"  {line}") for line in _wrapped(each.settings, width - 2))]
        if len(lines) + len(own) > room:
            break
        lines += own
    return lines if len(lines) > 1 else []


def _counted(samples: int) -> str:
    return "1 sample" if samples == 1 else f"{samples:,} samples"


def _gain(advice: Advice) -> str:
    figures = {"energy": advice.energy, "latency": advice.latency, "EDP": advice.edp, "area": advice.area}
    known = ", ".join(f"{name} {value:.2f} x" for name, value in figures.items() if value is not None)
    return f"{advice.what}: {known}"


def _wrapped(settings: Sequence[str], width: int) -> list[str]:
    """Options of the command line, broken between them only."""
    lines: list[str] = []
    for option in (f"--set {shlex.quote(setting)}" for setting in settings):
        if lines and len(f"{lines[-1]} {option}") <= width:
            lines[-1] += f" {option}"
        else:
            lines.append(option)
    return lines
