"""The first screen of `hwsim trace info`: what is in the file, how often neurons fire, how sure accuracy is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hwsim.printable import cut, so_many
from hwsim.traces.description.parts import Activity, LayerFigures, SampleSet
from hwsim.traces.info import Info
from hwsim.traces.manifest import version_of
from hwsim.view.terminal.number import at_timesteps, si
from hwsim.view.terminal.plain_table import plain_table
from hwsim.view.terminal.plain_text import headed

MOST_LINES = 45
_MOST_BARS = 24
_MOST_TIMESTEPS = 5
_FEWEST_BARS = 7  # as wide as the heading
_BETWEEN = 2
_SHORTEST_NAME = 8
_BARS = " ▁▂▃▄▅▆▇█"
_LONGEST_NAME = 20
_TABLE_LINES = 3  # an empty one, title and heads


def print_trace_summary(info: Info, console: Console) -> None:
    """At most 45 lines, none of them wrapped."""
    kind = recorded(info)
    console.print(headed(cut(info.trace.provenance.name, console.width - len(kind) - 2), kind))
    lines = [cut(f"  {line}", console.width) for line in [*_origin(info), *counted(info), *facts(info.trace)]]
    for line in lines:
        console.print(line)
    below = _below(info)
    shown, rest = _fitting(info.description.layers, MOST_LINES - len(lines) - len(below) - _TABLE_LINES - 1)
    console.print(_one_line_each(layers_table(shown, console.width, _LONGEST_NAME)))
    for line in ([f"{rest} more layers: --full"] if rest else []) + below:
        console.print(Text(cut(line, console.width), style="dim"))


def recorded(info: Info) -> str:
    """How much of what kind."""
    trace = info.trace
    return f"{so_many(trace.n_samples, 'sample')} with spikes, T = {trace.timesteps}, {trace.coding} coding"


def facts(trace: Any) -> list[str]:
    """What traces of one coding have, with no more imported than that."""
    match trace.coding:
        case "sequence":
            from hwsim.view.terminal.sequence_table import sequence_facts

            return sequence_facts(trace)
        case "ttfs":
            from hwsim.view.terminal.first_spike_table import first_spike_facts

            return first_spike_facts(trace)
        case "plastic":
            from hwsim.view.terminal.plastic_table import plastic_facts

            return plastic_facts(trace)
    return []


def counted(info: Info, most_timesteps: int = _MOST_TIMESTEPS) -> list[str]:
    """Accuracy, after some timesteps too, sets of samples, raw inputs and sizes."""
    lines, judged = [], info.description.judged
    if judged is not None:
        lines.append(f"accuracy: {_accuracy(judged)}")
        if len(judged.accuracy) > 1:
            after, right = zip(*at_timesteps(judged.accuracy, most_timesteps), strict=True)
            figures = " ".join(f"{100 * fraction:.2f}" for fraction in right)
            lines.append(f"after T = {' '.join(map(str, after))}: {figures} %")
    sets = ", ".join(f"{found.name} {found.samples:,} ({found.split})" for found in info.description.sets)
    lines.append(f"sets: {sets}")
    inputs = info.description.inputs
    if inputs is not None:
        bits = f"{inputs.bits} {'bit' if inputs.bits == 1 else 'bits'}{', signed' * inputs.signed}"
        lines.append(f"raw inputs: {inputs.samples:,} samples of {_shape(inputs.shape)}, {bits}")
    return [*lines, *_sizes(info)]


def _origin(info: Info) -> list[str]:
    origin = info.trace.provenance
    source = "synthetic" if origin.synthetic else f"{origin.dataset}, {origin.split} split"
    lines = [f"data set: {source}" + (f", {origin.licence}" if origin.licence else "")]
    return lines + [
        f"{name}: {text}" for name, text in (("framework", origin.framework), ("notes", origin.notes)) if text
    ]


def _accuracy(judged: SampleSet) -> str:
    error = judged.standard_error
    assert error is not None
    return f"{100 * judged.accuracy[-1]:.2f} ± {100 * error:.2f} % of {judged.samples:,} samples ('{judged.name}')"


def _sizes(info: Info) -> list[str]:
    arrays = si(sum(info.array_bytes.values()), "B", 3)
    state = f", {si(info.state_bytes, 'B', 3)} of membranes" if info.state_bytes else ""
    return [
        f"file: {si(info.file_bytes, 'B', 3)}, {len(info.array_bytes)} arrays of {arrays}, "
        f"format version {version_of(info.trace)}",
        f"network: {si(info.parameter_bytes, 'B', 3)} of parameters{state}",
    ]


def _below(info: Info) -> list[str]:
    """What the words of the table mean."""
    found = [layer.activity for layer in info.description.layers if layer.activity is not None]
    if all(activity.dead is None for activity in found):
        return []
    throughout = "at its first tick" if info.trace.coding == "ttfs" else "at every step"
    return [
        f"dead: silent in all {info.trace.n_samples} samples; sat.: fires {throughout}; bars: {info.description.steps}s"
    ]


def _fitting(layers: Sequence[LayerFigures], room: int) -> tuple[Sequence[LayerFigures], int]:
    """As many layers as there is room for, those with weights or neurons first; and how many are left out."""
    shown = layers
    if len(layers) > room:
        shown = [layer for layer in layers if layer.weights or layer.activity is not None]
        shown = shown if len(shown) < room else shown[: room - 1]
    return shown, len(layers) - len(shown)


def _one_line_each(table: Table) -> Table:
    for column in table.columns:
        column.no_wrap, column.overflow = True, "ellipsis"
    return table


def layers_table(layers: Sequence[LayerFigures], width: int, longest_name: int) -> Table:
    """A row a layer; bars show how the rate goes over the steps, each in proportion to the layer's highest."""
    rows = [_cells(layer, longest_name) for layer in layers]
    heads = ("layer", "kind", "shape", "weights", "zero", "rate", "dead", "sat.")
    widths = [max(map(len, column)) + _BETWEEN for column in zip(heads, *rows, strict=True)]
    steps = max((len(layer.activity.by_step) for layer in layers if layer.activity is not None), default=0)
    room = width - sum(widths)
    bars = min(_MOST_BARS, max(_FEWEST_BARS, room), steps)
    longest = widths[0] - _BETWEEN - max(0, bars - room)  # names give way where bars have no room
    columns = (*heads[:6], "by step", *heads[6:]) if bars else heads
    table = plain_table("Layers", *columns, left=("layer", "kind", "shape", "by step"))
    for layer, (_, *cells) in zip(layers, rows, strict=True):
        over = [_bars(layer.activity, bars)] if bars else []
        table.add_row(_named(layer.name, max(_SHORTEST_NAME, longest)), *cells[:5], *over, *cells[5:])
    return table


def _named(name: str, length: int) -> str:
    """A name of at most so many characters; the middle of a longer one is left out, as layers often end differently."""
    begin = (length - 2) // 2
    return name if len(name) <= length else f"{name[:begin]}..{name[begin + 2 - length :]}"


def _cells(layer: LayerFigures, longest_name: int) -> tuple[str, ...]:
    weights = f"{_short(layer.weights)} x {layer.weight_bits}b" if layer.weights else ""
    zero = "" if not layer.weights else "drawn" if layer.zero_weights is None else _share(layer)
    found = layer.activity
    counts = (None, None) if found is None else (found.dead, found.saturated)
    rate = "" if found is None else f"{found.rate:.4f}"
    known = ("" if count is None else _short(count) for count in counts)
    return _named(layer.name, longest_name), layer.kind, _shape(layer.shape), weights, zero, rate, *known


def _share(layer: LayerFigures) -> str:
    assert layer.zero_weights is not None
    return f"{100 * layer.zero_weights / layer.weights:.1f}%"


def _short(count: int) -> str:
    """A count in at most five characters or so: to three digits where it has more than four."""
    return str(count) if count < 10_000 else si(count, "", 3).replace(" ", "")


def _shape(shape: Sequence[int]) -> str:
    return "x".join(str(n) for n in (shape[2:] if tuple(shape[:2]) == (1, 1) else shape))


def _bars(found: Activity | None, most: int) -> str:
    """The rates in so many bins, the highest of them full."""
    rates = [] if found is None else found.in_bins(most)
    highest = max(rates, default=0.0)
    return "".join(_BARS[math.ceil(rate * (len(_BARS) - 1) / highest) if highest else 0] for rate in rates)
