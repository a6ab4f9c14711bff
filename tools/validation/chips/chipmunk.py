"""Chipmunk: energy of an operation, power, rate and area of an ordinary LSTM that fills its memory."""

from __future__ import annotations

from validation import cores
from validation.figures import Chip, Figure
from validation.played import lstm, simulated

FILE = "chipmunk.yaml"
GOP_PER_S_PER_MW, MILLIWATT, CORE_MM2 = 3.08, 1.24, 0.9  # title and abstract
UNITS, ELEMENTS = 96, 16


def chip() -> Chip:
    """96 hidden units on 96 inputs, sixteen elements of a sequence."""
    report = simulated(FILE, lstm(UNITS, UNITS, ELEMENTS), baselines=("ann",))
    run = report.run("ann")
    operations, found = 2 * run.operations["MAC"], run.energy_pj
    assert run.makespan_ns is not None
    rate = operations / run.makespan_ns
    each = (found.value / operations, found.low / operations, found.high / operations)
    power = (each[0] * rate, each[1] * rate, each[2] * rate)
    pj, gop_per_s = 1 / GOP_PER_S_PER_MW, GOP_PER_S_PER_MW * MILLIWATT
    figures = [
        Figure.of("energy of an operation", "energy", "pJ", pj, "read", each, why=_ENERGY, headline=True),
        Figure.of("power at its work", "energy", "mW", MILLIWATT, "read", power, why=_ENERGY),
        Figure.exact("rate", "time", "Gop/s", gop_per_s, "derived", rate, why=_CLOCK),
        cores.area(report, CORE_MM2, "read", "control and what tiles of an array exchange are missing"),
    ]
    table = cores.components_table("Energy of an operation, pJ", run, operations)
    return Chip("Chipmunk", "Chipmunk, 65 nm, 0.75 V, an ordinary LSTM of 96 units", FILE, figures, (table,), _NOTES)


_ENERGY = "ports of 768 and 192 bits are macros of CACTI side by side; how the chip's memory is built is not known"
_CLOCK = "the clock is derived from this figure, so only the share of cycles in which units multiply is predicted"
_NOTES = (
    "The supply is recalled; the chip's point of best efficiency is compared. No input and no hidden value is 0, as "
    "what was is not known.",
)
