"""The pictures of a report as elements of a page, in its colours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from hwsim.errors import UsageError
from hwsim.report.report import Report
from hwsim.view import plots
from hwsim.view.page import text
from hwsim.view.plots.style import INK, PALE
from hwsim.view.terminal.report_table import shown_runs

_SAYS = {
    "energy": "Energy by component, of which what leaks is hatched, and by layer; whiskers are what prices allow.",
    "timesteps": "Energy that staying for each timestep adds.",
    "rates": "Spike rate of layers against their energy.",
    "timeline": "Stages while the first sample runs.",
    "stalls": "What stages do with their cycles, of samples that run to their end.",
    "exit": "Early exit over its threshold; dashed: in use.",
    "roofline": "What layers compute for what they move or convert, under the limits of their units.",
    "floor": "Floor plan: where energy goes on the chip.",
}
_THEME = ((INK, "var(--ink)"), (PALE, "var(--pale)"), ("#dddddd", "var(--line)"), ("#ffffff", "var(--page)"))


def pictures(report: Report) -> Iterator[str]:
    """A figure element for each picture that there is, then a paragraph on those that there are not, and why."""
    missing = []
    for number, (name, of_run, draw) in enumerate(_asked_for(report)):
        try:
            svg = plots.to_svg(draw())
        except UsageError as error:
            missing.append(f"{name}: {str(error).partition(': ')[2]}")
            continue
        says = _SAYS[name] + (f" Run {of_run}." if of_run else "")
        yield (
            f'<figure data-figure="{name}">{_in_the_page(svg, number, says)}'
            f"<figcaption>{text(says)}</figcaption></figure>\n"
        )
    if missing:
        items = "".join(f"<li>{text(each)}</li>" for each in missing)
        yield f'<details class="missing"><summary>{len(missing)} not drawn</summary><ul>{items}</ul></details>\n'


def _asked_for(report: Report) -> Iterator[tuple[str, str, Callable[[], plots.Figure]]]:
    """Names of pictures, the run that they are of where there are several, and what draws them."""
    runs = shown_runs(report)
    for run in runs:
        of = str(run.name) if len(runs) > 1 else ""
        for name in ("energy", "floor", "rates", "roofline", "timeline", "stalls"):
            draw = getattr(plots, name)
            yield name, of, lambda draw=draw, run=run: draw(report, run.name)  # type: ignore[misc]
    yield "timesteps", "", lambda: plots.timesteps(report)
    yield "exit", "", lambda: plots.exit_curve(report)


def _in_the_page(svg: str, number: int, says: str) -> str:
    """An SVG whose names are no other's, which follows light and dark, and says what it is to who cannot see it."""
    body = svg[svg.index(">") + 1 :]
    for part in ("metadata", "style"):
        body = re.sub(rf"<{part}\b.*?</{part}>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r"<[^>]*>", lambda tag: _renamed(tag[0], f"p{number}-"), body)
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert size is not None
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg role="img" aria-label="{text(says)}" viewBox="0 0 {size[1]} {size[2]}" {spaces}>{body}'


def _renamed(tag: str, prefix: str) -> str:
    """A tag with names of this picture and colours of the page; what is written between tags stays as it is."""
    tag = re.sub(r'\b(id="|href="#|clip-path="url\(#)', rf"\1{prefix}", tag)
    tag = re.sub(r"(: url\(#)", rf"\1{prefix}", tag)
    for colour, variable in _THEME:
        tag = re.sub(rf"((?:fill|stroke): ){colour}\b", rf"\1{variable}", tag)
    return tag
