"""A trace and the outcome of its verification as tables on a terminal; it changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from hwsim.traces.direct.rate import RateTrace
from hwsim.traces.direct.trace import Trace
from hwsim.traces.info import Info
from hwsim.traces.network.geometry import macs
from hwsim.traces.network.layers import Add, Conv2d, Layer, Leak, Linear, Pool, Readout, Upsample, is_delayed, neuron_of
from hwsim.traces.network.window import Window
from hwsim.traces.verification import Verification
from hwsim.view.terminal.number import by_timestep
from hwsim.view.terminal.plain_table import plain_table
from hwsim.view.terminal.plain_text import headed
from hwsim.view.terminal.trace_summary import counted, facts, layers_table, recorded

_MOST_TIMESTEPS = 64
_LONGEST_NAME = 200  # longer than any


def print_trace(info: Info, console: Console) -> None:
    """All that `hwsim trace info` knows: provenance, figures, layers and arrays."""
    trace, origin = info.trace, info.trace.provenance
    console.print(headed(origin.name, recorded(info)))
    for label, value in (
        ("data set", "synthetic" if origin.synthetic else f"{origin.dataset}, {origin.split} split"),
        ("licence", origin.licence),
        ("framework", origin.framework),
        ("command", origin.command),
        ("seed", str(origin.seed)),
        ("notes", origin.notes),
        ("sha256", trace.sha256),
    ):
        if value:
            console.print(f"  {label}: {value}", soft_wrap=True)
    for label, accuracy in (("accuracy when made", origin.accuracy), ("in floats", origin.float_accuracy)):
        if accuracy:
            console.print(f"  {label}: {by_timestep(accuracy)}", soft_wrap=True)
    for line in [*counted(info, _MOST_TIMESTEPS), *facts(trace)]:
        console.print(f"  {line}", soft_wrap=True)
    console.print(layers_table(info.description.layers, console.width, _LONGEST_NAME))
    console.print(_neurons(trace))
    console.print(_arrays(info))


def _neurons(trace: Any) -> Table:
    """What only traces of one coding say of layers, with no more imported than that."""
    match trace.coding:
        case "sequence":
            from hwsim.view.terminal.sequence_table import sequence_layers

            return sequence_layers(trace)
        case "ttfs":
            from hwsim.view.terminal.first_spike_table import first_spike_layers

            return first_spike_layers(trace)
        case "plastic":
            from hwsim.view.terminal.plastic_table import plastic_parts

            return plastic_parts(trace)
    return _layers(trace)


def _arrays(info: Info) -> Table:
    table = plain_table("Arrays", "array", "bytes")
    for name, n_bytes in info.array_bytes.items():
        table.add_row(name, f"{n_bytes:,}")
    return table


def _layers(trace: Trace | RateTrace) -> Table:
    columns = ("layer", "kind", "reads", "MACs", "neuron")
    table = plain_table("Neurons", *columns, left=("layer", "kind", "reads", "neuron"))
    for layer in trace.network:
        n_macs = f"{macs(layer, trace.network):,}" if isinstance(layer, Conv2d | Linear) else ""
        reads = ", ".join(layer.inputs) + ", the step before" * is_delayed(layer)
        table.add_row(layer.name, _kind(layer), reads, n_macs, _neuron(layer))
    return table


def _kind(layer: Layer) -> str:
    match layer:
        case Conv2d():
            grouped = f", groups {layer.groups}" if layer.groups > 1 else ""
            return f"conv {_window(layer.window)}, padding {_sizes(layer.window.padding)}{grouped}"
        case Linear():
            return "linear"
        case Pool():
            padding = f", padding {_sizes(layer.window.padding)}" if any(layer.window.padding) else ""
            return f"{layer.kind} pool {_window(layer.window)}{padding}"
        case Add():
            return "add"
        case Upsample():
            return f"upsample {layer.factor[0]} x {layer.factor[1]}"
        case Readout():
            return f"readout of {layer.of}" + (f", {layer.votes} votes a class" if layer.votes > 1 else "")
    return type(layer).__name__.lower()


def _window(window: Window) -> str:
    apart = {"dilation": window.dilation, "spread": window.spread}
    more = "".join(f", {key} {_sizes(sizes)}" for key, sizes in apart.items() if sizes != (1, 1))
    return f"{window.kernel[0]} x {window.kernel[1]}, stride {_sizes(window.stride)}{more}"


def _sizes(sizes: tuple[int, ...]) -> str:
    """One number where all are alike."""
    return str(sizes[0]) if len(set(sizes)) == 1 else " ".join(map(str, sizes))


def _neuron(layer: Layer) -> str:
    neuron = neuron_of(layer)
    if neuron is None:
        return ""
    low, high = int(neuron.v_threshold.min()), int(neuron.v_threshold.max())
    threshold = str(low) if low == high else f"{low} to {high}"
    kind = f"LIF, leak {_leak(neuron.leak, neuron.leak_bits)}" if neuron.leaks else "IF"
    if (synapse := neuron.synapse) is not None:
        kind += f", synaptic current, leak {_leak(synapse.leak, synapse.leak_bits)}"
    if neuron.feedback is not None:
        kind += ", feedback"
    kind += ", signed spikes" * neuron.signed
    at = "at" if neuron.fires_at_threshold else "above"
    reset = "no reset" if neuron.reset == "none" else f"{neuron.reset} reset" + (" a step later" * neuron.delayed_reset)
    return f"{kind}, {f'fires at {threshold}' if at == 'at' else f'threshold {threshold}'}, {reset}"


def _leak(leak: Leak, bits: int) -> str:
    """What a timestep leaves, as a fraction."""
    left = np.asarray(leak) / (1 << bits)
    return f"{left.min():.4g}" if left.min() == left.max() else f"{left.min():.4g} to {left.max():.4g}"


def print_verification(result: Verification, console: Console) -> None:
    """What was compared and what differs."""
    how = "executed again from raw inputs" if result.method == "execution" else "drawn again from its recipe"
    console.print(f"{how}: {result.samples} samples")
    for name, outcome in result.arrays.items():
        if outcome.differing:
            console.print(f"  {name}: {outcome.differing:,} of {outcome.compared:,} differ, first at {outcome.first}")
        else:
            console.print(f"  {name}: {outcome.compared:,} values equal")
    console.print("equal, bit for bit" if result.ok else "NOT equal")
