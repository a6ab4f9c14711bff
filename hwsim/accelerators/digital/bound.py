"""What a layer moves to and from DRAM in blocks, beside the least that it could, in words for the reader."""

from __future__ import annotations

from math import prod, sqrt

from hwsim.accelerators.digital.blocked import geometry_of
from hwsim.accelerators.digital.cells import Cells
from hwsim.accelerators.digital.footprint import repeated
from hwsim.accelerators.digital.geometry import Geometry
from hwsim.accelerators.digital.mover import Traffic
from hwsim.accelerators.digital.plan import Plan
from hwsim.accelerators.digital.spec import DigitalSpec
from hwsim.accelerators.digital.storage import Storage


def described(plan: Plan, storage: Storage, place: int, moved: Traffic) -> str:
    """The blocking of a task, how often what it reads comes from DRAM, what it moves, and the least."""
    task = plan.tasks[place]
    assert plan.spec.dram != "none"
    bits = int(moved.dram_reads.sum() + moved.dram_writes.sum()) * plan.spec.dram.burst_bits
    text = "whole" if task.cells is None else _named(task.cells)
    return f"{text}; DRAM {_megabytes(bits)}, at least {_megabytes(least_bits(plan, storage, place))}"


def _named(cells: Cells) -> str:
    block, geometry = cells.block, cells.geometry
    trips = geometry.trips(block)
    parts = [f"{block.rows} x {block.columns} positions", f"{sum(geometry.widths[: block.channels])} channels"]
    parts.append(f"{block.inputs} inputs")
    parts += [f"{block.timesteps} timesteps"] * (geometry.timesteps > 1)
    parts += [f"{block.images} images"] * (geometry.images > 1)
    loops = " > ".join(loop for loop in block.order if trips.of(loop) > 1) or "one block"
    moved = [f"{kind} {repeated(geometry, block, kind)} x" for kind in ("inputs", "weights")]
    moved += [f"{kind} in {home}" for kind, home in (("sums", cells.sums), ("states", cells.states)) if home != "none"]
    return f"blocks of {', '.join(parts)} ({loops}): {', '.join(moved)}"


def _megabytes(bits: float) -> str:
    return f"{bits / 8e6:.3g} MB"


def least_bits(plan: Plan, storage: Storage, place: int) -> float:
    """The least that a task moves: what must move anyway, or more where the chip is too small for its products.

    The second holds where inputs come from DRAM and results go there.
    """
    task = plan.tasks[place]
    once = task.only_first or task.keeps_sums
    again = 1 if plan.layer_outer or once else plan.timesteps  # weights are not kept from one timestep to the next
    weights = task.layer.shape[2] * task.weight_bits_per_channel
    written = 0
    if storage.homes["map", task.name] == "dram":
        steps = 1 if task.only_first else plan.timesteps
        written = prod(task.layer.shape) * plan.map_bits[task.name] * steps * plan.images
    if all(storage.homes["map", name] != "dram" for name in task.reads):
        return again * weights + written
    geometry = geometry_of(plan, storage, place)
    places = sum(_places(geometry, i) * sum(s.bits) for i, s in enumerate(geometry.sources) if s.in_dram)
    anyway = again * (weights + places * geometry.reading * plan.images) + written
    if not written:
        return anyway
    products = geometry.positions * sum(geometry.widths) * geometry.window.taps * geometry.input_channels
    widths = plan.map_bits[task.pieces[0].map], geometry.weight_bits, plan.map_bits[task.name]
    times = geometry.reading * again * plan.images
    return max(anyway, communication_bits(products * times, reuse_of(geometry), on_chip_bits(plan.spec), widths))


def _places(geometry: Geometry, source: int) -> int:
    """Places of a map that windows meet at all."""
    rows, columns = (geometry.places(source, axis)[0][geometry.outputs[axis]] for axis in (0, 1))
    return int(rows * columns)


def reuse_of(geometry: Geometry) -> float:
    """Windows that an input place is under, on average: 9 of a 3 x 3 kernel with stride 1."""
    return max(1.0, min(geometry.window.taps, geometry.window.taps * geometry.positions / prod(geometry.read)))


def on_chip_bits(spec: DigitalSpec) -> int:
    """Bits of buffer, scratchpads and sums in the PEs."""
    pads = 0 if spec.scratchpad == "none" else spec.scratchpads * spec.scratchpad.total_bits
    buffer = 0 if spec.global_buffer == "none" else spec.global_buffer.total_bits
    return buffer + pads + spec.array.rows * spec.array.columns * max(spec.mac.sum_bits, spec.ac.bits)


def communication_bits(products: int, reuse: float, on_chip: int, widths: tuple[int, int, int]) -> float:
    """The least for P products on a chip that holds S words, 2 P / sqrt(R S) words: bits.

    Chen, Han & Wang, Communication Lower Bound in Convolution Accelerators, arXiv 1911.05662; the formula is recalled,
    not read.  For inputs of i bits, weights of w and results of o it is taken as 2 P sqrt(i w o / (R S)) with S in
    bits, which is the same where all are as wide; that is our choice.
    """
    return float(2 * products * sqrt(prod(widths) / (reuse * on_chip)))
