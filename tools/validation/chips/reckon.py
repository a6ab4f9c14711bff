"""ReckOn: energy of a synaptic operation while it decides, cycles of an event, accesses, area."""

from __future__ import annotations

from hwsim.report.report import Report
from validation import cores
from validation.figures import Chip
from validation.played import simulated, spiking_core

FILE = "reckon.yaml"
PJ_PER_SOP, AREA_MM2 = 5.3, 0.45  # doc/README.md
LEARNING_UW = 150  # the most that it takes: open-neuromorphic's page of the chip
EVENT_CYCLES = 256  # src/srnn.v, state EVT: two cycles a word of two neurons
ACCESSES = {  # src/srnn.v: two neurons a word, 16 weights a word
    ("neuron_memory", "read"): 1 / 2,
    ("neuron_memory", "write"): 1 / 2,
    ("weight_memory", "read"): 1 / 16,
}


def chip() -> Chip:
    """All that can be compared while it decides."""
    report = simulated(FILE, spiking_core())
    deciding = report.run("infer")
    energy = cores.energy_of_an_operation
    figures = [
        energy(deciding, "energy of a synaptic operation", PJ_PER_SOP, "read", _ENERGY, headline=True),
        cores.cycles_of_a_spike(deciding, EVENT_CYCLES, "read", cores.FROM_ONE_PORT),
        cores.area(report, AREA_MM2, "read", _AREA),
        *cores.accesses(deciding, ACCESSES, 256, "read"),
    ]
    table = cores.parts_table("Energy of a synaptic operation, pJ", {"deciding": deciding})
    notes = (*_NOTES, power_note(report))
    return Chip("ReckOn", "ReckOn, 28 nm, 0.5 V, 256 recurrent neurons", FILE, figures, (table,), notes)


def power_note(report: Report) -> str:
    """Power while learning, as if all of the chip's area were more of what the file has."""
    grown, learning = AREA_MM2 / report.area_mm2.value, report.run("train")
    assert learning.power_uw is not None
    found, leaks = learning.power_uw * grown, report.leakage_uw.high * grown
    return (
        f"It learns at less than {LEARNING_UW} uW (typed by others). Here it takes {found:.0f} uW while it learns, "
        f"grown to the chip's area, and by the upper bound of leakage leaks {leaks:.0f} uW."
    )


_ENERGY = (
    "whether the chip's figure is of deciding alone is not known; the supply of its memories is not known either, and"
    " its flip-flops are counted in the published code, from which blocks were removed"
)
_AREA = "the logic of e-prop (32 stochastic updates, products of 16 errors) and 8 KB of output weights are missing"
_NOTES = (
    "The same samples as ODIN's. The matrix of inhibition stands for the recurrent weights. Cycles and accesses are "
    "of the chip's code, not measured.",
)
