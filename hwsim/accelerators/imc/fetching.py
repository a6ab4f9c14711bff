"""How often the buffers of activations and kept currents are accessed for one row of a step."""

from __future__ import annotations

from math import ceil

import numpy as np

from hwsim.accelerators.imc.plan.pipeline import Step
from hwsim.accelerators.imc.plan.plan import Plan
from hwsim.accelerators.imc.plan.replication import shares
from hwsim.accelerators.imc.plan.sites import read_of
from hwsim.accelerators.imc.plan.traffic import masks, words
from hwsim.contract.arrays import IntArray
from hwsim.contract.maps import Piece, pieces
from hwsim.distinct import distinct
from hwsim.traces.network.geometry import input_shape, window
from hwsim.traces.network.layers import Add, Conv2d, Layer, Linear, Pool, Readout, neuron_of
from hwsim.traces.network.raw_input import multiplies_input


def window_fetches(plan: Plan, step: Step, port_bits: int) -> IntArray:
    """Buffer reads for one output row: each input row of the window once, the window slides in registers.

    Every tile of a layer with weights fetches the rows for its own crossbars.
    """
    layer = step.layer
    fetched = np.zeros(layer.shape[0], np.int64)
    for piece in pieces(plan.network, layer.inputs[0]):
        if isinstance(layer, Pool):
            per_row = _read_here(plan, layer, piece, port_bits)
        else:
            bits = plan.network.bits(piece.map)
            per_row = _columns(plan, layer, piece) * ceil(plan.network[piece.map].shape[2] * bits / port_bits)
        fetched += _rows(plan, layer, piece) * per_row
    return plan.runs(step) * fetched


def _rows(plan: Plan, layer: Layer, piece: Piece) -> IntArray:
    """Rows of a map that the taps of each output row meet: int64 [output row]."""
    if piece.flat:
        return np.full(layer.shape[0], piece.height)
    met = window(layer).places(0, layer.shape[0], input_shape(layer, plan.network)[0])
    own = np.sort(np.where(met < 0, -1, met // piece.repeats[0]), axis=1)
    found: IntArray = (np.diff(own, axis=1, prepend=-1) > 0).sum(axis=1, dtype=np.int64)
    return found


def _columns(plan: Plan, layer: Layer, piece: Piece) -> int:
    """Columns of a map's row that the tiles of a layer with weights fetch: of each copy those under its windows."""
    width = input_shape(layer, plan.network)[1]
    if layer.name not in plan.placement.layers:  # beside the crossbars, at one tile
        return piece.columns((0, width))[1] - piece.columns((0, width))[0]
    placed, per_tile = plan.placement.layers[layer.name], plan.placement.pes_per_tile
    met = window(layer).places(1, placed.window.out_width, width)
    columns = 0
    for copy, (first, end) in enumerate(shares(placed.window.out_width, placed.copies)):
        low = np.where(met[first:end] < 0, width, met[first:end]).min() if copy else 0
        high = met[first:end].max() + 1 if copy < placed.copies - 1 else width
        tiles = distinct(placed.pe_of[copy] // per_tile).size
        own = piece.columns((int(low), int(max(high, low))))
        columns += (own[1] - own[0]) * tiles
    return columns


def residual_fetches(plan: Plan, layer: Layer) -> int:
    """Buffer reads of one row of activations that are added or counted; currents arrive from the accumulators.

    A readout of membranes needs no spike.
    """
    assert isinstance(layer, Add | Readout)
    if isinstance(layer, Readout) and layer.of_membrane:
        return 0
    port_bits = plan.spec.spike_buffer.port_bits
    activations = [name for name in layer.inputs if not plan.network.gives_currents(name)]
    read = (piece for name in activations for piece in pieces(plan.network, name))
    return sum(_read_here(plan, layer, piece, port_bits) for piece in read)


def _read_here(plan: Plan, layer: Layer, piece: Piece, port_bits: int) -> int:
    """Buffer reads of one row of a map by a layer that works channel by channel, at all its tiles."""
    network, bits = plan.network, plan.network.bits(piece.map)
    low, high = piece.channels
    shape = (1, 1, high - low) if piece.flat else network[piece.map].shape
    parts = (read_of(network, layer, piece, part) for part in plan.traffic.sites.parts[layer.name])
    found = masks(parts, shape).values()
    return sum(words(mask.sum(axis=1, dtype=np.int64), bits, port_bits) for mask in found)


def row_words(layer: Layer, bits: int, port_bits: int) -> int:
    """Accesses for one row of values of a layer, position by position."""
    _, width, channels = layer.shape
    return width * ceil(channels * bits / port_bits)


def row_writes(plan: Plan, layer: Layer) -> int:
    """Buffer writes of one row of activations over all tiles that keep it."""
    bits, port_bits = plan.network.bits(layer.name), plan.spec.spike_buffer.port_bits
    return sum(words(values, bits, port_bits) for values in plan.traffic.kept[layer.name].values())


def psum_accesses(plan: Plan, layer: Layer) -> IntArray:
    """Accesses for each row of direct-coded currents that are kept over the timesteps: int64 [row].

    Those are what a layer with weights gives, or what a sum, its neurons or a pool take: a pool all rows of its window.
    """
    network, spec = plan.network, plan.spec
    taken = [layer] if isinstance(layer, Conv2d | Linear) else _given(plan, layer)
    direct = [one for one in taken if neuron_of(one) is None or one is layer]
    return _rows_met(plan, layer) * sum(
        row_words(one, spec.psum_bits, spec.psum_buffer.port_bits) for one in direct if multiplies_input(network, one)
    )


def _given(plan: Plan, layer: Layer) -> list[Layer]:
    """The stored maps that a layer reads."""
    return [plan.network[piece.map] for name in layer.inputs for piece in pieces(plan.network, name)]


def _rows_met(plan: Plan, layer: Layer) -> IntArray:
    """Rows of what it reads under each row of a pool, one of anything else: int64 [row]."""
    if not isinstance(layer, Pool):
        return np.ones(layer.shape[0], np.int64)
    height = input_shape(layer, plan.network)[0]
    rows: IntArray = (window(layer).places(0, layer.shape[0], height) >= 0).sum(axis=1, dtype=np.int64)
    return rows


def psum_writes(plan: Plan, step: Step) -> dict[tuple[str, str], IntArray]:
    """Writing currents of a step that are kept: those of the direct-coded input, and those that a later pass reads."""
    spec, stored = plan.spec, plan.crossing_currents
    if not (spec.keeps_currents or stored):
        return {}
    rows = np.zeros(step.rows, np.int64)
    if step.name in stored:
        rows += row_words(step.layer, spec.psum_bits, spec.psum_buffer.port_bits)
    elif spec.keeps_currents and isinstance(step.layer, Conv2d | Linear):
        rows += psum_accesses(plan, step.layer)
    return {("psum_buffer", "write"): plan.runs(step) * rows}


def psum_reads(plan: Plan, step: Step) -> dict[tuple[str, str], IntArray]:
    """Reading currents that are kept, of the direct-coded input at timesteps that do not compute them.

    Those of an earlier pass are read at every timestep.
    """
    spec, stored, passes = plan.spec, plan.crossing_currents, plan.placement.passes
    if not (spec.keeps_currents or stored):
        return {}
    again = (1 - plan.input_runs())[:, None]
    reads = again * psum_accesses(plan, step.layer) if spec.keeps_currents else np.zeros((1, step.rows), np.int64)
    own = [one for one in _given(plan, step.layer) if one.name in stored and not passes.among(one.name, step.name)]
    for one in () if isinstance(step.layer, Conv2d | Linear) else own:
        words = _rows_met(plan, step.layer) * row_words(one, spec.psum_bits, spec.psum_buffer.port_bits)
        known = again if spec.keeps_currents and multiplies_input(plan.network, one) else 0
        reads = reads + (1 - known) * words
    return {("psum_buffer", "read"): reads}
