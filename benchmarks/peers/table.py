"""What was measured as a table in Markdown: medians, and how many times the peer takes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from peers.comparisons import Comparison
from peers.rounds import Measured

HEADER = """\
| | in process, ms: CPU | wall | whole command, s: CPU | wall | peer / hwsim: in process | whole command |
|---|---|---|---|---|---|---|"""


def lines(comparison: Comparison, measured: Sequence[Measured]) -> list[str]:
    """The table of one comparison, an inference each, and below it what was the same and what was not."""
    peer = measured[0]
    same = ", ".join(f"{name.replace('_', ' ')} {peer.answer.work[name][0]:,}" for name in comparison.agree)
    return [
        f"{comparison.title} {peer.answer.version}: {comparison.work}; medians of {len(peer.cpu_s)} rounds, of "
        f"{len(peer.answer.cpu_s) - 1} calls each.",
        "",
        HEADER,
        *(_row(each, peer) for each in measured),
        "",
        f"- Both counted the same for every inference; of the first: {same}. Before its first call {comparison.title} "
        f"takes {median(peer.setup_cpu_s):.2f} s of CPU, once in a process.",
        *(f"- {text}." for text in comparison.differs),
    ]


def _row(each: Measured, peer: Measured) -> str:
    cells = [each.side.label, _milliseconds(each.cpu_s), _milliseconds(each.wall_s)]
    cells += [_seconds(each.whole_cpu_s), _seconds(each.whole_wall_s)]
    if each is peer:
        cells += ["", ""]
    else:
        cells += [_ratio(peer.cpu_s, each.cpu_s), _ratio(peer.whole_cpu_s, each.whole_cpu_s)]
    return f"| {' | '.join(cells)} |"


def _milliseconds(values: Sequence[float]) -> str:
    return f"{1e3 * median(values):.1f}"


def _seconds(values: Sequence[float]) -> str:
    return f"{median(values):.2f}" if values else ""


def _ratio(peer: Sequence[float], ours: Sequence[float]) -> str:
    """Of CPU times, round by round."""
    return f"{median(a / b for a, b in zip(peer, ours, strict=True)):.2g}" if ours else ""
