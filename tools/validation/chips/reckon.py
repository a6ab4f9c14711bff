"""ReckOn: energy of a synaptic operation while it decides, cycles of an event, area, power."""

from __future__ import annotations

from hwsim.contract.run import RunName
from validation import cores
from validation.figures import Chip
from validation.played import simulated, spiking_core

FILE = "reckon.yaml"
PJ_PER_SOP, AREA_MM2 = 5.3, 0.45  # doc/README.md
EVENT_CYCLES = 256  # src/srnn.v, state EVT: two cycles a word of two neurons
ACCESSES = {  # src/srnn.v: two neurons a word, 16 weights a word
    ("neuron_memory", "read"): 1 / 2,
    ("neuron_memory", "write"): 1 / 2,
    ("weight_memory", "read"): 1 / 16,
}


def chip() -> Chip:
    """All that can be compared while it decides."""
    report = simulated(FILE, spiking_core())
    deciding = report.run(RunName.INFER)
    figures = [
        cores.energy_of_an_operation(deciding, "energy of a synaptic operation", PJ_PER_SOP, "read", True, ""),
        cores.cycles_of_a_spike(deciding, EVENT_CYCLES, "read", "follows from one port for read and write"),
        cores.area(report, AREA_MM2, "read", ""),
        *cores.accesses(deciding, ACCESSES, 256, "read"),
    ]
    table = cores.parts_table("Energy of a synaptic operation, pJ", {"deciding": deciding})
    return Chip("ReckOn", "ReckOn, 28 nm, 0.5 V, 256 recurrent neurons", FILE, figures, (table,))
