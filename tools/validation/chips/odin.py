"""ODIN: energy and memory accesses of a synaptic operation, cycles of a spike, area."""

from __future__ import annotations

from validation import cores
from validation.figures import Chip
from validation.played import simulated, spiking_core

FILE = "odin.yaml"
PJ_PER_SOP, AREA_MM2 = 12.7, 0.086  # abstract of arXiv 1804.07858
SPIKE_CYCLES = 512  # doc/README.md, 2.2.1
ACCESSES = {  # a synaptic operation: src/controller.v, state POP_NEUR, and README 3.1
    ("neuron_memory", "read"): 1.0,
    ("neuron_memory", "write"): 1.0,
    ("weight_memory", "read"): 1 / 8,
}
WRITTEN = {("weight_memory", "write"): 1 / 8}


def chip() -> Chip:
    """All that can be compared, with its neurons in memory as the chip has them, and in registers for the parts."""
    memory, registers = (
        simulated(FILE, spiking_core(), (f"neuron_state={state}",)) for state in ("memory", "registers")
    )
    learning, deciding = memory.run("train"), memory.run("infer")
    energy = cores.energy_of_an_operation
    figures = [
        energy(learning, "energy of a synaptic operation, learning", PJ_PER_SOP, "read", _LEARNING, headline=True),
        energy(deciding, "energy of a synaptic operation, deciding", PJ_PER_SOP, "read", _DECIDING),
        cores.cycles_of_a_spike(deciding, SPIKE_CYCLES, "read", cores.FROM_ONE_PORT),
        cores.area(memory, AREA_MM2, "read", "buses, control and the logic of its rule are missing"),
        *cores.accesses(deciding, ACCESSES, 256, "read"),
        *cores.accesses(learning, WRITTEN, 256, "read", ", learning", _WRITTEN),
    ]
    columns = {
        "state in memory, learning": learning,
        "in memory, deciding": deciding,
        "in registers, learning": registers.run("train"),
        "in registers, deciding": registers.run("infer"),
    }
    table = cores.parts_table("Energy of a synaptic operation, pJ", columns)
    return Chip("ODIN", "ODIN, 28 nm, 0.55 V, 256 neurons that learn", FILE, figures, (table,), _NOTES)


_LEARNING = (
    "for each operation the chip updates the whole word of the neuron (57 bits are in use, here 17) and evaluates its"
    " own rule; the supply of its memories is not known, and at 1.0 V these would take three times as much"
)
_WRITTEN = "its rule writes beside the spike's own row what it depresses and potentiates"
_DECIDING = "the same, and the chip writes the weights of every spike back, which only learning does here"
_NOTES = (
    "The chip's figure is its least, at 0.55 V. Learning counts, as only there a word of weights is read and written "
    "for eight operations, which is what the chip's code does. Two samples of 256 pixels with 48 steps each; neurons "
    "leak once a step, which is in the energies. Cycles and accesses are of the chip's code and README, not measured.",
)
