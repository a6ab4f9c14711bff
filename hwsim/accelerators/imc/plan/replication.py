"""Copies of a layer's crossbars that share out the positions of each of its rows.

Of n copies each works on neighbouring positions, ceil(width / n) at most, so what is read, converted and updated stays
the same and a row takes as long as its slowest copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from math import ceil

from hwsim.accelerators.imc.plan.pace import dense_row_cycles
from hwsim.accelerators.imc.plan.placed_layer import LayerPlacement
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.errors import ArchitectureError, guess

Layers = Mapping[str, LayerPlacement]


def shares(width: int, copies: int) -> list[tuple[int, int]]:
    """First and one past the last position of each copy: as equal as can be, the larger shares first."""
    size, more = divmod(width, copies)
    return list(pairwise(size * n + min(n, more) for n in range(copies + 1)))


def copies_of(spec: ImcSpec, single: Layers) -> Mapping[str, int]:
    """How often each layer of a network, given as placed once, is on the chip.

    Raises ArchitectureError for a layer that the network does not have or that has too few positions in a row, and for
    a budget that does not hold every layer once.
    """
    wanted = spec.chip.replicate
    if wanted == "auto" or wanted == "spare":
        return _balanced(spec, single)
    copies = dict.fromkeys(single, 1)
    for name, n in {} if wanted == "none" else wanted.items():
        if name not in single:
            raise ArchitectureError(f"chip.replicate: no layer '{name}' with weights on the chip{guess(name, single)}")
        positions = single[name].window.out_width
        if n > positions:
            raise ArchitectureError(
                f"chip.replicate.{name}: copies share out the positions of a row, so at most {positions}, got {n}"
            )
        copies[name] = n
    return copies


def _balanced(spec: ImcSpec, single: Layers) -> Mapping[str, int]:
    """Copies of whichever layer is slowest, as long as the budget lasts and more of it help.

    Slowest is by the closed form of reads at the first timestep, which is known before any spike.  A row of the slowest
    layer paces the pipeline: once that cannot be helped, further copies elsewhere would only shorten the filling.
    """
    copies, crossbars = dict.fromkeys(single, 1), sum(layer.crossbars for layer in single.values())
    budget, left = _budget(spec, single, crossbars)

    def cycles(layer: LayerPlacement) -> int:
        return layer.out_shape[0] * dense_row_cycles(spec, replace(layer, copies=copies[layer.name]))

    while True:
        slowest = max(single.values(), key=cycles)
        positions, now = slowest.window.out_width, copies[slowest.name]
        beat = ceil(positions / now)
        if beat == 1:
            return copies
        more = ceil(positions / (beat - 1)) - now  # the fewest that shorten the largest share
        crossbars += more * slowest.crossbars
        left -= more * _room(spec, slowest)
        if crossbars > budget or left < 0:
            return copies
        copies[slowest.name] += more


def _budget(spec: ImcSpec, single: Layers, crossbars: int) -> tuple[int, float]:
    """Crossbars that all copies may take, and places for crossbars left on the chip for more copies."""
    chip, on_chip = spec.chip, float("inf")
    a_tile, taken = chip.pes_per_tile * chip.crossbars_per_pe, sum(_room(spec, layer) for layer in single.values())
    if chip.tiles != "as_needed":
        on_chip = chip.tiles * a_tile
    elif chip.replicate == "spare":
        on_chip = ceil(taken / a_tile) * a_tile
    elif chip.crossbar_budget is None:
        raise ArchitectureError("chip.replicate: auto needs a chip.crossbar_budget or a number of chip.tiles")
    if chip.crossbar_budget is not None and chip.crossbar_budget < crossbars:
        raise ArchitectureError(
            f"chip.crossbar_budget: every layer once takes {crossbars} crossbars, got {chip.crossbar_budget}"
        )
    every = int(on_chip) if chip.crossbar_budget is None else chip.crossbar_budget
    return every, on_chip - taken


def _room(spec: ImcSpec, layer: LayerPlacement) -> int:
    """Places for crossbars that a copy takes: its own, or with `packing: none` those of whole PEs."""
    if spec.packing == "layers":
        return layer.crossbars_of_copy
    per_pe = spec.chip.crossbars_per_pe
    pes = layer.sums_of_copy if spec.assumptions.conversion == "pe" else ceil(layer.crossbars_of_copy / per_pe)
    return pes * per_pe
