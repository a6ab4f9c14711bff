"""How often the buffers of activations and kept currents are accessed for one row of a step."""

from __future__ import annotations

from math import ceil

import numpy as np

from hwsim.accelerators.imc.plan.pipeline import Step
from hwsim.accelerators.imc.plan.replication import shares
from hwsim.accelerators.imc.plan.sites import read_by
from hwsim.accelerators.imc.plan.traffic import masks, words
from hwsim.accelerators.imc.work import Work
from hwsim.contract.arrays import IntArray
from hwsim.contract.maps import origin
from hwsim.traces.network.geometry import window_rows
from hwsim.traces.network.layers import Add, Conv2d, Layer, Linear, Pool, neuron_of
from hwsim.traces.network.raw_input import multiplies_input


def window_fetches(work: Work, step: Step, port_bits: int) -> IntArray:
    """Buffer reads for one output row: each input row of the window once, the window slides in registers.

    Every tile of a layer with weights fetches the rows for its own crossbars.
    """
    layer = step.layer
    height, _, channels = work.network[origin(work.network, layer.inputs[0])].shape
    bits = work.network.max_value(layer.inputs[0]).bit_length()
    rows = np.array([[0, height]]) if isinstance(layer, Linear) else window_rows(layer, work.network)
    if isinstance(layer, Pool):
        per_row = _read_here(work, layer, layer.inputs[0], bits, port_bits)
    else:
        per_row = _columns(work, layer) * ceil(channels * bits / port_bits)
    fetched: IntArray = (rows[:, 1] - rows[:, 0]) * per_row
    return work.runs(step) * fetched


def _columns(work: Work, layer: Layer) -> int:
    """Columns of an input row that the tiles of a layer with weights fetch: of each copy those under its windows."""
    placed, per_tile = work.placement.layers[layer.name], work.placement.pes_per_tile
    width = work.network[origin(work.network, layer.inputs[0])].shape[1]
    kernel, stride, padding = placed.window.kernel, placed.window.stride, placed.window.padding
    pes, columns = placed.pes // placed.copies, 0
    for copy, (first, end) in enumerate(shares(placed.window.out_width, placed.copies)):
        low = max(first * stride - padding, 0) if copy else 0
        high = min((end - 1) * stride - padding + kernel, width) if copy < placed.copies - 1 else width
        first_pe = placed.first_pe + copy * pes
        tiles = (first_pe + pes - 1) // per_tile - first_pe // per_tile + 1
        columns += max(high - low, 0) * tiles
    return columns


def residual_fetches(work: Work, layer: Layer) -> int:
    """Buffer reads of one row of an Add's activations; currents arrive from the accumulators."""
    assert isinstance(layer, Add)
    port_bits, largest = work.spec.spike_buffer.port_bits, work.network.max_value
    activations = [name for name in layer.inputs if not work.network.gives_currents(name)]
    return sum(_read_here(work, layer, name, largest(name).bit_length(), port_bits) for name in activations)


def _read_here(work: Work, layer: Layer, source: str, bits: int, port_bits: int) -> int:
    """Buffer reads of one row of an input of a layer that works channel by channel, at all its tiles."""
    parts = (read_by(work.network, layer, part) for part in work.traffic.sites.parts[layer.name])
    found = masks(parts, work.network[source]).values()
    return sum(words(mask.sum(axis=1, dtype=np.int64), bits, port_bits) for mask in found)


def row_words(layer: Layer, bits: int, port_bits: int) -> int:
    """Accesses for one row of values of a layer, position by position."""
    _, width, channels = layer.shape
    return width * ceil(channels * bits / port_bits)


def row_writes(work: Work, layer: Layer) -> int:
    """Buffer writes of one row of activations over all tiles that keep it."""
    bits, port_bits = work.network.max_value(layer.name).bit_length(), work.spec.spike_buffer.port_bits
    return sum(words(values, bits, port_bits) for values in work.traffic.kept[layer.name].values())


def psum_accesses(work: Work, layer: Layer) -> int:
    """Accesses for one row of direct-coded currents that are kept over the timesteps.

    Those are what a layer with weights gives, or what a sum or its neurons take.
    """
    network, kept = work.network, int(multiplies_input(work.network, layer))
    if not isinstance(layer, Conv2d | Linear):
        given = [network[name] for name in layer.inputs]
        kept = sum(neuron_of(one) is None and multiplies_input(network, one) for one in given)
    return kept * row_words(layer, work.spec.psum_bits, work.spec.psum_buffer.port_bits)


def psum_reads(work: Work, step: Step) -> dict[tuple[str, str], IntArray]:
    """Reading the currents kept of the direct-coded input, at the timesteps that do not compute them."""
    if work.spec.direct_input != "once":
        return {}
    return {("psum_buffer", "read"): ((1 - work.input_runs()) * psum_accesses(work, step.layer))[:, None]}
