"""Chipmunk: operations a joule, a second and area of an ordinary LSTM that fills its memory."""

from __future__ import annotations

from hwsim.contract.run import RunName
from validation import cores
from validation.figures import Chip, Figure
from validation.played import lstm, simulated

FILE = "chipmunk.yaml"
GOP_PER_S_PER_MW, MILLIWATT, CORE_MM2 = 3.08, 1.24, 0.9  # title and abstract
UNITS, ELEMENTS = 96, 16


def chip() -> Chip:
    """96 hidden units on 96 inputs, sixteen elements of a sequence."""
    report = simulated(FILE, lstm(UNITS, UNITS, ELEMENTS), baselines=("ann",))
    run = report.run(RunName.ANN)
    operations = 2 * run.operations["MAC"]
    energy = run.energy_pj
    published_pj = 1 / GOP_PER_S_PER_MW  # of an operation
    each = [bound / operations for bound in (energy.value, energy.low, energy.high)]
    rate = operations / (run.makespan_ns or 0.0)
    power = [bound * rate for bound in each]
    figures = [
        Figure("energy of an operation", "energy", "pJ", published_pj, "read", *each, "", True),
        Figure("power at its work", "energy", "mW", MILLIWATT, "read", *power, "", False),
        Figure("rate", "time", "Gop/s", GOP_PER_S_PER_MW * MILLIWATT, "derived", rate, rate, rate, _CLOCK),
        cores.area(report, CORE_MM2, "read", ""),
    ]
    table = cores.components_table("Energy of an operation, pJ", run, operations)
    return Chip("Chipmunk", "Chipmunk, 65 nm, 0.75 V, an ordinary LSTM of 96 units", FILE, figures, (table,))


_CLOCK = "the clock is derived from this figure, so only the share of cycles in which its units multiply is predicted"
