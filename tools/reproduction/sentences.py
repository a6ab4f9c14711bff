"""What documents say in sentences, from the rows of the papers' tables and from the traces that they are made of."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

import hwsim
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.weights import weights_of
from reproduction.designs import TRACES
from reproduction.early_exit.published import VGG
from reproduction.rows import Paper, Row

_WIDTH = 140


def early_exit(papers: Mapping[str, Paper]) -> str:
    """DT-SNN's saving beside ours, and beside that of chips with another first layer."""
    rows = next(each.rows for each in papers["dtsnn"].sections if "its first layer is" in each.title)
    digital, once, every = rows
    published = 100 * (1 - float(VGG.edp))
    text = (
        f"DT-SNN (arXiv 2305.17346) reports {VGG.timesteps} mean timesteps and {published:.0f} % less EDP at the "
        "accuracy of four, on another network and data set. Ours, on ours, is "
        f"{digital.numbers['timesteps']:.2f} timesteps and **{_saved(digital)} less EDP**, on a chip that multiplies "
        "its constant input once, beside the crossbars, before the first timestep. That first layer is then the same "
        f"work for a sample that leaves early, which is why the saving is not the {_saved(every)} of the same chip "
        "with the first layer on its crossbars at every timestep; with that layer there once and its currents kept "
        f"it is {_saved(once)}."
    )
    return _wrapped(text)


def large_networks(_: Mapping[str, Paper]) -> str:
    """What files of `traces/large` hold, from the files."""
    return "\n\n".join(_held(path) for path in sorted((TRACES / "large").glob("*.npz")))


def _held(path: Path) -> str:
    trace = hwsim.load_trace(path)
    assert type(trace) is Trace and trace.inputs is not None
    weights = trace.network.weighted()
    millions = sum(weights_of(each).size for each in weights) / 1e6
    right = ", ".join(f"{100 * each:.2f}" for each in trace.accuracy_by_timestep())
    rates = ", ".join(f"{layer} {rate:.4f}" for layer, rate in trace.spike_rates().items())
    logits = " and ".join(
        f"{each.labels.size:,} (`{name}`)" for name, each in trace.logits.items() if name != "recorded"
    )
    text = (
        f"`large/{path.name}` ({path.stat().st_size / 1e6:.2f} MB): "
        f"{millions:.1f} million weights of {weights[-1].weights.bits} bits on "
        f"{trace.provenance.dataset}. Percent of all {trace.logits['test'].labels.size:,} test images after T = 1 to "
        f"{trace.timesteps}: {right}. Spikes per neuron and timestep: {rates}. Spikes of {trace.n_samples} samples, "
        f"pixels of {trace.inputs.labels.size}, logits of {logits}."
    )
    command = _wrapped(trace.provenance.command, "    ").replace("\n", " \\\n")
    return f"{_wrapped(text)}\n\n```\n{command}\n```"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _saved(row: Row) -> str:
    return f"{100 * (1 - row.numbers['edp']):.1f} ± {100 * row.numbers['error']:.1f} %"
