"""What only sequence traces say, on a terminal; it changes nothing."""

from __future__ import annotations

from rich.table import Table

from hwsim.traces.sequence.trace import HIDDEN, NEURONS, GateUnits, LstmLayer, SequenceTrace
from hwsim.view.terminal.plain_table import plain_table


def sequence_facts(trace: SequenceTrace) -> list[str]:
    """Size of the sequences, dependencies, readout."""
    network = trace.network
    over = "the last element" if network.readout.over == "last" else "all elements"
    return [
        f"sequences: {network.n_elements} elements of {network.n_features} features, {network.input_bits} bits",
        f"cell steps: {_order(trace)}",
        f"readout: {network.n_classes} classes, hidden spikes of {over}",
    ]


def _order(trace: SequenceTrace) -> str:
    network = trace.network
    if network.wavefront:
        return "a wavefront: membranes begin anew with each element, a state for each timestep"
    why = ["membranes run on from element to element"] * network.membrane_carry
    why += ["one state runs through all timesteps"] * (not network.state_per_step)
    return f"in a row: {', '.join(why)}"


def sequence_layers(trace: SequenceTrace) -> Table:
    """A row for the units of each layer."""
    columns = ("layer", "size", "state", "units", "activation", "spike rate")
    table = plain_table("Layers", *columns, left=columns[:-1])
    rates = trace.spike_rates()
    for layer in trace.network.layers:
        size, state = f"{layer.n_inputs} x {layer.n_hidden}", f"{layer.state_bits} bits"
        for name in (*NEURONS, HIDDEN):
            rate = f"{rates[key]:.4f}" if (key := f"{layer.name}/{name}") in rates else ""
            first = (layer.name, size, state) if name == NEURONS[0] else ("", "", "")
            table.add_row(*first, name, "" if name == HIDDEN else _activation(layer, layer.units[name]), rate)
    return table


def _activation(layer: LstmLayer, units: GateUnits) -> str:
    kind = units.activation.replace("_", " ")
    if not units.spiking:
        return f"{kind}, {layer.fraction_bits + 1} bits"
    leak = units.leak / (1 << units.leak_bits)
    low, high = int(units.v_threshold.min()), int(units.v_threshold.max())
    threshold = str(low) if low == high else f"{low} to {high}"
    return f"{kind}, {'IF' if leak == 1 else f'LIF, leak {leak:.4g}'}, threshold {threshold}, {units.reset} reset"
