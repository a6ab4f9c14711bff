"""How fast crossbars read the positions of a row: cycles from unit speeds and counts.

One digit step of one position takes `interval` cycles a read phase:
    sample_hold   max(read, mux * convert): the next read runs while the held columns are converted
    current       mux * (read + convert): the rows are driven again in every mux phase
A read takes as many pulses as the largest digit can have.  Row blocks and column blocks work side by side, so the row
block with the most phases sets the pace; so do copies of a layer, each with its share of the positions.
"""

from __future__ import annotations

from math import ceil

from hwsim.accelerators.imc.plan.placed_layer import LayerPlacement
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.arrays import IntArray
from hwsim.kept import kept_with


def read_interval_cycles(spec: ImcSpec, placed: LayerPlacement) -> int:
    """Cycles from one read phase of a crossbar to the next."""
    return kept_with(spec).once(("read interval", placed.pulses), lambda: _read_interval_cycles(spec, placed.pulses))


def _read_interval_cycles(spec: ImcSpec, pulses: int) -> int:
    read = spec.read_cycles * pulses
    if spec.sensing == "current":
        return spec.mux_phases * (read + spec.convert_cycles)
    return max(read, spec.mux_phases * spec.convert_cycles)


def dense_row_cycles(spec: ImcSpec, placed: LayerPlacement) -> int:
    """Cycles of an output row when nothing is skipped: those of the largest share of its positions."""
    positions = ceil(placed.window.out_width / placed.copies)
    return positions * placed.digits * placed.phases * read_interval_cycles(spec, placed)


def row_cycles(spec: ImcSpec, placed: LayerPlacement, serial: IntArray, silent: IntArray) -> IntArray:
    """Cycles of output rows when silence is skipped, from phases one after another and silent digit steps."""
    return serial * read_interval_cycles(spec, placed) + silent * spec.silence_detector.cycles
