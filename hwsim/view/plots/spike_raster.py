"""Spikes of one sample of a trace, and how often neurons fire in all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from hwsim.errors import UsageError
from hwsim.traces.trace import AnyTrace
from hwsim.view.plots.style import PALETTE, named, page, styled

_MOST_LAYERS = 8
_MOST_NEURONS = 200
_MOST_STEPS = 2000


@dataclass(frozen=True, slots=True)
class Raster:
    """Spikes of one layer: when, by which of its neurons."""

    times: NDArray[np.int64]
    neurons: NDArray[np.int64]
    n_neurons: int
    n_times: int


def spikes(trace: AnyTrace, sample: int = 0, *, style: str | Path | None = None) -> Figure:
    """A raster of each layer for one recorded sample, and below rates of all layers over all recorded samples.

    At most eight layers, of each up to 200 neurons, evenly spread; first-spike traces are drawn by ticks, sequences by
    cell steps, learning networks by the steps of a presentation, whose input alone is known by step.

    Raises UsageError for a sample that is not there.
    """
    if not 0 <= sample < trace.n_samples:
        raise UsageError(f"sample: must be between 0 and {trace.n_samples - 1}, got {sample}")
    found = rasters(trace, sample)
    rates = trace.spike_rates()
    shown, first = list(found)[:_MOST_LAYERS], 0 if trace.coding == "ttfs" else 1
    with styled(style):
        title = f"{named(trace.provenance.name, 36)}, sample {sample}"
        figure = page(1.3 + 0.55 * len(shown) + 0.13 * len(rates), title)
        heights = [*([0.55] * len(shown)), 0.3 + 0.13 * len(rates)]
        panels = figure.subplots(len(shown) + 1, height_ratios=heights)
        for axes, name in zip(panels, shown, strict=False):
            raster = found[name]
            kept, drawn = _evenly(raster)
            marker = "|" if len(kept.times) < 4000 else ","
            axes.plot(kept.times + first, kept.neurons, marker, color=PALETTE[0], ms=1.6, mew=0.5)
            axes.set_xlim(first - 0.5, first + raster.n_times - 0.5)
            axes.set_ylim(-1, drawn)
            axes.set_ylabel(named(name, 14), rotation=0, ha="right", va="center")
            axes.set_yticks([0, drawn - 1], ["1", f"{raster.n_neurons:,}"] if drawn > 1 else ["1", "1"])
            axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
            axes.sharex(panels[0])
            if name != shown[-1]:
                axes.tick_params(labelbottom=False)
        panels[len(shown) - 1].set_xlabel(_step(trace.coding))
        below = panels[-1]
        below.barh(range(len(rates)), list(rates.values()), color=PALETTE[0])
        below.set_yticks(range(len(rates)), [named(name) for name in rates])
        below.set_ylim(len(rates) - 0.4, -0.6)
        below.set_xlabel(f"spike rate over {trace.n_samples:,} samples")
        below.grid(axis="x")
        return figure


def rasters(trace: Any, sample: int) -> Mapping[str, Raster]:
    """Spikes of one sample by layer, as the coding of the trace has them."""
    match trace.coding:
        case "ttfs":
            return {name: _of_times(each[sample].ravel(), trace.network.window) for name, each in trace.times.items()}
        case "sequence":
            return {name: _of_words(each.words[sample, :, :, 0], each.n_units) for name, each in trace.spikes.items()}
        case "plastic":
            return {"input": _drawn_again(trace, sample)}
    return {name: _of_words(each.words[sample], each.shape[2], each.shape) for name, each in trace.spikes.items()}


def _of_times(times: NDArray[np.int16], window: int) -> Raster:
    """First spikes, -1 of neurons that stay silent."""
    fires = times >= 0
    return Raster(times[fires].astype(np.int64), np.flatnonzero(fires), times.size, window)


def _of_words(words: NDArray[np.uint64], channels: int, shape: tuple[int, ...] = ()) -> Raster:
    """Packed spikes [.., word], all axes but those of neurons flattened to time."""
    from hwsim.traces.planes import unpack_channels

    bits = unpack_channels(words, channels)
    steps = bits.shape[0] if shape else bits.shape[0] * bits.shape[1]
    flat = bits.reshape(steps, -1)[:_MOST_STEPS]
    times, neurons = np.nonzero(flat)
    return Raster(times, neurons, flat.shape[1], len(flat))


def _drawn_again(trace: Any, sample: int) -> Raster:
    """Input spikes of a training sample, which a learning trace has a recipe of."""
    from hwsim.traces.plastic.encode import input_spikes
    from hwsim.traces.plastic.trace import TRAIN, Presentation

    part = trace.parts[TRAIN]
    found = input_spikes(trace.network, Presentation(TRAIN, int(part.sample_ids[sample])), part.values[sample])
    times = np.repeat(np.arange(len(found.starts) - 1), np.diff(found.starts))
    return Raster(times, found.pixels.astype(np.int64), trace.network.pixels, trace.timesteps)


def _evenly(raster: Raster) -> tuple[Raster, int]:
    """Spikes of neurons from the first to the last, and how many those are; no step that is one of the channels."""
    chosen = np.unique(np.linspace(0, raster.n_neurons - 1, _MOST_NEURONS).round().astype(np.int64))
    kept = np.isin(raster.neurons, chosen)
    places = np.searchsorted(chosen, raster.neurons[kept])
    return Raster(raster.times[kept], places, raster.n_neurons, raster.n_times), chosen.size


def _step(coding: str) -> str:
    return {"ttfs": "tick of the layer's window", "sequence": "cell step", "plastic": "step"}.get(coding, "timestep")
