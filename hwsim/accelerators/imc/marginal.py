"""What one spike more or less costs on the machine.

Driven rows and what their cells draw are in proportion to spikes.  A read of a row block that would be silent without a
spike is that spike's, with all its conversions; no other spike pays for it, unless credits are shared: then all that
drive a read pay alike.  Words of the tree are taken in proportion to sums, not rounded up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.imc.counting import LayerCounts, by_digits, cells_of
from hwsim.accelerators.imc.layout import Layout
from hwsim.accelerators.imc.plan.pace import read_interval_cycles
from hwsim.accelerators.imc.plan.placed_layer import LayerPlacement
from hwsim.accelerators.imc.plan.plan import Plan
from hwsim.accelerators.imc.posting import postings
from hwsim.contract.arrays import IntArray
from hwsim.contract.ledger import OPERATIONS, Action, Ledger
from hwsim.contract.marginal import Asked, Floats, Marginals, met
from hwsim.kernels.crossbar.read_marginals import read_marginals
from hwsim.traces.direct.encode import Activations
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.geometry import input_shape, window
from hwsim.traces.network.layers import Conv2d, Layer, Linear
from hwsim.traces.network.raw_input import multiplies_input
from hwsim.traces.planes import unpack_channels

_MANY = 1 << 12  # counts of which a cost is a share, so that rounding up hardly shows
PRICED = ("driven", "active", "levels")
"""Counts of a row that energy follows from."""


def marginals(laid_out: Layout, trace: Trace, asked: Asked) -> Marginals:
    """Those of every layer on crossbars that reads spikes."""
    *_, plan = laid_out.plans.values()
    if "prices" not in asked.memo:
        found_prices = _prices(laid_out, plan, asked)
        asked.memo["prices"], asked.memo["linear"] = found_prices, _linear(plan, found_prices)
    prices, linear = asked.memo["prices"], asked.memo["linear"]
    assert isinstance(prices, dict)
    assert isinstance(linear, dict)
    activations, found = Activations(trace, slice(None)), {}
    for name, placed in plan.placement.layers.items():
        if name in linear:
            layer = plan.network[name]
            each = _reads(plan, placed, activations.met_by(layer), linear[name], prices[name]["active"], asked)
            found[name] = _by_value(plan, placed, activations.read_by(layer), each)
    return found


def _prices(laid_out: Layout, plan: Plan, asked: Asked) -> dict[str, dict[str, Floats]]:
    """PJ of one count of each kind in each row, by layer: float64 [timestep, row], from what is posted for many."""
    n = 1 + len(PRICED)
    probed = {name: _probe(plan, name, n) for name in plan.placement.layers}
    ledger = Ledger.of(n, postings(plan, laid_out.constant, laid_out.forms, probed, n))
    energy: dict[str, Floats] = {}
    for posted in ledger.postings:
        if posted.component != OPERATIONS and posted.stage in probed and len(posted.rows) == n:
            pj = posted.rows * asked.prices(Action(posted.stage, posted.component, posted.action))
            energy[posted.stage] = np.add(energy.get(posted.stage, 0.0), pj)
    found = {}
    for name in probed:
        rows = plan.network[name].shape[0]
        per_count = _grid(plan, rows, (energy[name][1:] - energy[name][0]) / _MANY)
        found[name] = dict(zip(PRICED, per_count, strict=True))
    return found


def _probe(plan: Plan, name: str, n: int) -> LayerCounts:
    """Counts of nothing, then of many of one kind after another."""
    shape = n, plan.timesteps, plan.network[name].shape[0]
    counts = {field.name: np.zeros(shape, np.int64) for field in fields(LayerCounts)}
    for of_copies in ("serial", "silent"):
        counts[of_copies] = counts[of_copies][None]
    for i, kind in enumerate(PRICED):
        counts[kind][1 + i] = _MANY
    return LayerCounts(**counts)


def _grid(plan: Plan, rows: int, of_jobs: Floats) -> Floats:
    """[..., job] of a step as [..., timestep, row]."""
    order = plan.pipeline.order
    timestep, row = order.grid(rows)
    found = np.empty((*of_jobs.shape[:-1], order.timesteps, rows))
    found[..., timestep, row] = of_jobs
    return found


def _linear(plan: Plan, prices: Mapping[str, Mapping[str, Floats]]) -> dict[str, NDArray[np.float32]]:
    """PJ of each bit by the rows that it drives and what they draw: float32 [plane, 1, timestep, place, channel]."""
    cells, found = cells_of(plan.spec, plan.network, plan.placement), {}
    for name, placed in plan.placement.layers.items():
        layer = plan.network[name]
        assert isinstance(layer, Conv2d | Linear)
        if multiplies_input(plan.network, layer):
            continue
        height, width, channels = input_shape(layer, plan.network)
        rows, columns = met(window(layer), layer.shape[:2], (height, width))
        driven = np.einsum("tr,ryi,xaj->tij", prices[name]["driven"], rows, columns)[..., None]
        each = np.broadcast_to(driven, (*driven.shape[:3], channels))
        levels = cells[name].levels
        if levels is not None:
            met_rows = np.einsum("tr,ryi->tyi", prices[name]["levels"], rows)
            each = each + np.einsum("tyi,aj,yac->tijc", met_rows, columns.sum(axis=0), levels)
        pulses = _pulses(plan, placed, layer)
        found[name] = (pulses[:, None, None, None, None] * each.reshape(1, 1, plan.timesteps, -1, channels)).astype(
            np.float32
        )
    return found


def _pulses(plan: Plan, placed: LayerPlacement, layer: Layer) -> IntArray:
    """Unit pulses of the bits of each plane of the map that a layer reads: int64 [plane]."""
    bits = plan.network.bits(layer.inputs[0])
    pulses = np.left_shift(1, np.arange(bits, dtype=np.int64) % plan.spec.dac.bits)
    if placed.signed:
        pulses[-1] = 1
    return pulses


def _reads(
    plan: Plan,
    placed: LayerPlacement,
    planes: NDArray[np.uint64],
    linear: NDArray[np.float32],
    active: Floats,
    asked: Asked,
) -> NDArray[np.float32]:
    """What bits cost by themselves, and what they keep from being silent: [plane, sample, timestep, place, channel]."""
    layer = plan.network[placed.name]
    channels = input_shape(layer, plan.network)[2]
    energy = asked.energy.astype(np.float32)[:, None, None, None]
    skips = plan.spec.skip == "silent_rows"
    n, rows = len(asked.energy), layer.shape[0]
    weight = np.zeros((3, n, plan.timesteps, rows), np.float32)
    weight[0] = asked.energy[:, None, None] * active
    cycles = asked.cycles.get(placed.name)
    if skips and cycles is not None:
        each = _grid(plan, rows, cycles) / placed.copies
        weight[1] = each * read_interval_cycles(plan.spec, placed)
        weight[2] = each * plan.spec.silence_detector.cycles
    found = linear * energy
    if not weight.any():
        return found
    digits = by_digits(planes, placed, plan.spec.dac.bits)
    plain = found.shape == (*digits.shape[:4], channels)
    reads = found if plain else np.zeros((*digits.shape[:4], channels), np.float32)
    read_marginals(digits, placed.window, placed.segments, plan.spec.dac.bits, weight, reads, shared=asked.shared)
    if plain:
        return found
    missing = len(digits) - len(planes)  # of a sign that is a digit of its own
    return found + _folded(plan, layer, np.concatenate([reads[: -1 - missing], reads[-1:]]) if missing else reads)


def _folded(plan: Plan, layer: Layer, wide: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is known of the places of a spread map, at those of the map."""
    moves = window(layer)
    if moves.spread == (1, 1):
        return wide
    size = moves.spread_size(*input_shape(layer, plan.network)[:2])
    picture = wide.reshape(*wide.shape[:3], *size, wide.shape[-1])
    folded = picture[:, :, :, :: moves.spread[0], :: moves.spread[1]]
    found: NDArray[np.float32] = folded.reshape(*wide.shape[:3], -1, wide.shape[-1])
    return found


def _by_value(
    plan: Plan, placed: LayerPlacement, read: NDArray[np.uint64], found: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Of signed spikes those by value: -1 costs what its own digit does; of all else those of its planes."""
    if not placed.by_sign:
        return found
    channels = plan.network[plan.network[placed.name].inputs[0]].shape[2]
    negative = unpack_channels(read[1], channels) > 0
    by_value: NDArray[np.float32] = np.where(negative, -found[1], found[0])
    return by_value[None]
