"""ODIN: energy and memory accesses of a synaptic operation, cycles of a spike, area."""

from __future__ import annotations

from hwsim.contract.run import RunName
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
_MISSING = (
    "for each operation the chip updates the whole word of the neuron (57 bits are in use, here 17) and evaluates its "
    "own rule; the supply of its memories is not known, and at 1.0 V they would take three times as much"
)


def chip() -> Chip:
    """All that can be compared, with its neurons in memory as the chip has them, and in registers for the parts."""
    report = simulated(FILE, spiking_core())
    learning, deciding = (report.run(name) for name in (RunName.TRAIN, RunName.INFER))
    other = simulated(FILE, spiking_core(), ("neuron_state=registers",))
    figures = [
        cores.energy_of_an_operation(
            learning, "energy of a synaptic operation, learning", PJ_PER_SOP, "read", True, _MISSING
        ),
        cores.energy_of_an_operation(
            deciding,
            "energy of a synaptic operation, deciding",
            PJ_PER_SOP,
            "read",
            False,
            "the chip also writes the weights of every spike back, which only learning does here",
        ),
        cores.cycles_of_a_spike(deciding, SPIKE_CYCLES, "read", "follows from one port for read and write"),
        cores.area(report, AREA_MM2, "read", "buses, control and the rule's logic are missing"),
        *cores.accesses(deciding, ACCESSES, 256, "read"),
    ]
    columns = {
        "state in memory, learning": learning,
        "deciding": deciding,
        "in registers, learning": other.run(RunName.TRAIN),
        "in registers, deciding": other.run(RunName.INFER),
    }
    table = cores.parts_table("Energy of a synaptic operation, pJ", columns)
    notes = (
        "The chip's figure is its least; of its conditions the abstract names 0.55 V. Learning counts, as only there a "
        "word of weights is read and written for eight operations, which is what the chip's code does.",
    )
    return Chip("ODIN", "ODIN, 28 nm, 0.55 V, 256 neurons that learn", FILE, figures, (table,), notes)
