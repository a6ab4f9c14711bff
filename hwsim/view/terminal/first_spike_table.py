"""Windows, neurons and histograms of spike times of a first-spike trace on a terminal; it changes nothing."""

from __future__ import annotations

import numpy as np
from rich.table import Table

from hwsim.traces.ttfs.trace import SILENT, FirstSpikeTrace, Times, input_times
from hwsim.view.terminal.plain_table import plain_table

_BARS = " ▁▂▃▄▅▆▇█"
_MOST_BINS = 32


def first_spike_facts(trace: FirstSpikeTrace) -> list[str]:
    """Windows."""
    network = trace.network
    follow = "one after another" if network.barrier else "overlapping"
    return [f"windows: T_w = {network.window} ticks, {follow}, {network.psp} post-synaptic potentials"]


def first_spike_layers(trace: FirstSpikeTrace) -> Table:
    """A row for the input and every layer."""
    bins = min(trace.network.window, _MOST_BINS)
    times = f"times, {bins} bins"
    columns = ("layer", "shape", "threshold", "ramp", "window", "fire", times)
    table = plain_table("Layers", *columns, left=("layer", "shape", times))
    source = trace.network.network.input
    values = trace.inputs.values[: trace.n_samples]
    coded = input_times(values, source.bits, trace.network.window)
    table.add_row(source.name, _shape(source.shape), "", "", _window(0, trace), *_fired(coded, trace.network.window))
    begin = 0
    for layer in trace.network.weighted():
        neurons = trace.network.neurons[layer.name]
        begin += neurons.start
        fired = _fired(trace.times[layer.name], trace.network.window)
        cells = f"{neurons.v_threshold:,}", f"{neurons.ramp:,}", _window(begin, trace)
        table.add_row(layer.name, _shape(layer.shape), *cells, *fired)
    return table


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)


def _window(begin: int, trace: FirstSpikeTrace) -> str:
    """First and last tick of a window, counted from the first of the input."""
    return f"{begin} to {begin + trace.network.window - 1}"


def _fired(times: Times, window: int) -> tuple[str, str]:
    """Share of neurons that fire, and a bar for every group of ticks, the highest of them full."""
    when = times[times != SILENT]
    bins = min(window, _MOST_BINS)
    heights = np.bincount(when.astype(np.int64) * bins // window, minlength=bins)
    steps = np.ceil(heights * (len(_BARS) - 1) / max(1, int(heights.max()))).astype(np.int64)
    return f"{100 * when.size / times.size:.1f} %", "".join(_BARS[step] for step in steps)
