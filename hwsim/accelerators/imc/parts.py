"""The priced parts of an imc machine and how many of each are in a tile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil, sqrt

from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.components.cell_write import PulseWrite
from hwsim.components.pricing.price import Price, Priced
from hwsim.contract.parts import priced, priced_parts, with_registers
from hwsim.errors import ArchitectureError
from hwsim.kept import kept_with
from hwsim.units import UM2_PER_MM2

DECISION = "sigma_e"
"""The part that decides when a sample leaves, and its unit in schedules."""


def parts_of(spec: ImcSpec) -> Mapping[str, Priced]:
    """Every component that this machine can have, with the prices of the actions that it takes."""
    return kept_with(spec).once("parts", lambda: _parts_of(spec))


def part_names(spec: ImcSpec) -> frozenset[str]:
    """Their names."""
    return frozenset(parts_of(spec))


def _parts_of(spec: ImcSpec) -> Mapping[str, Priced]:
    rows, outer = spec.rows_at_once, spec.loop_order == "timestep_outer"
    taken = dict.fromkeys(("adc", "column_mux", "shift_add", "accumulator", "htree", "noc", "spike_buffer"), "")
    taken |= {"neuron": "update" if outer else "update hold", "pooling": "", "global_buffer": "read"}
    if outer:
        taken["membrane"] = ""
    if spec.keeps_currents or spec.overflow == "reprogram":
        taken["psum_buffer"] = ""
    if spec.direct_input == "digital":
        taken |= {"first_layer_mac": "", "first_layer_weights": "read"}
    if spec.skip == "silent_rows":
        taken["silence_detector"] = ""
    crossbar, beside = _crossbar(spec), _beside_crossbars(spec)
    tile_um2 = _tile_um2(spec, crossbar, beside)
    sized = {
        "htree": spec.htree.over(tile_um2, per_tile(spec)["crossbar"]),
        "noc": spec.noc.over(sqrt(tile_um2 / UM2_PER_MM2)),
        "silence_detector": spec.silence_detector.reading(rows),
    }
    parts = priced_parts(spec, taken, sized) | beside
    parts["crossbar"] = crossbar
    if isinstance(spec.crossbar.write, PulseWrite):
        parts["adc"] = _verifying(parts["adc"], "convert", spec.crossbar.write)
        if "adc_reference" in parts:
            parts["adc_reference"] = _verifying(parts["adc_reference"], "settle", spec.crossbar.write)
    parts["clock"] = spec.clock.part(spec.technology)
    if spec.signs.encoding == "offset":
        corrector = priced(spec, "offset_corrector", spec.offset_corrector.reading(rows))
        counted = spec.signs.correction == "popcount"
        parts["offset"] = corrector.only("count_rows", "subtract") if counted else corrector.only("subtract")
    if spec.early_exit.threshold not in ("never", "always"):
        parts[DECISION] = priced(spec, "early_exit.unit", spec.early_exit.unit)
    return parts


def _beside_crossbars(spec: ImcSpec) -> dict[str, Priced]:
    """Drivers of rows and references of ADCs, of which a design may have `none` of its own."""
    found = {}
    if spec.row_driver != "none":
        line_ff = spec.crossbar.word_line_ff(spec.technology)
        line_v = spec.crossbar.driver_v or spec.technology.vdd_v
        found["row_driver"] = priced(spec, "row_driver", spec.row_driver.driving(line_ff, line_v))
    if spec.adc_reference != "none":
        found["adc_reference"] = priced(spec, "adc_reference", spec.adc_reference.beside(priced(spec, "adc")))
    return found


def _verifying(part: Priced, action: str, write: PulseWrite) -> Priced:
    """A part that takes an action for each pulse that a cell is written with."""
    price, times = part.actions[action], write.pulses
    how = f"{price.source}, once a pulse of {times.value:g}"
    verify = Price(price.value * times.value, price.low * times.low, price.high * times.high, how)
    return replace(part, writes={"verify": verify})


def _crossbar(spec: ImcSpec) -> Priced:
    part = with_registers(priced(spec, "crossbar"), spec.crossbar, spec.technology, spec.crossbar.rows * spec.dac.bits)
    written = spec.crossbar.writes(spec.technology)
    part = replace(part, writes={f"write_{what}": price for what, price in written.items()})
    cells = {"value": ("read_cell", "read_level"), "mean": ("read_mean",), "array": ("read_array",)}[spec.read_energy]
    lines = () if spec.read_energy == "array" else ("drive_row", "precharge_column")
    if missing := [name for name in (*cells, *lines) if name not in part.actions]:
        raise ArchitectureError(f"crossbar.given: read_energy: {spec.read_energy} needs {missing[0]}_pj")
    if spec.read_energy == "array":
        return part.doing({"read": part.actions["read_array"]})
    actions = {name: part.actions[name] for name in (*cells, "drive_row")}
    columns = spec.crossbar.columns
    actions["read"] = part.actions["precharge_column"].scaled(columns, f"all {columns} columns precharged")
    return part.doing(actions)


def per_tile(spec: ImcSpec) -> Mapping[str, int]:
    """Instances of each component in one tile."""
    crossbars = spec.chip.pes_per_tile * spec.chip.crossbars_per_pe
    pes = spec.chip.pes_per_tile
    converted = pes if spec.assumptions.conversion == "pe" else crossbars
    adcs = converted * ceil(spec.crossbar.columns / spec.adc.columns_per_adc)
    return {
        "crossbar": crossbars,
        "row_driver": crossbars * spec.crossbar.rows,
        "adc": adcs,
        "adc_reference": adcs,
        "column_mux": converted * spec.crossbar.columns,
        "shift_add": adcs,
        "accumulator": adcs,
        "htree": 1,
        "noc": 1,
        "neuron": pes,
        "pooling": 1,
        "silence_detector": crossbars,
        "offset": pes,
    }


def _tile_um2(spec: ImcSpec, crossbar: Priced, beside: Mapping[str, Priced]) -> float:
    """Area of a tile without its wires, from which their length follows."""
    in_tile, names = per_tile(spec), ("adc", "column_mux", "shift_add", "accumulator", "neuron")
    counts = {name: in_tile[name] for name in ("crossbar", *names)}
    counts |= {"spike_buffer": 1, "membrane": spec.chip.pes_per_tile}
    more = sum(in_tile[name] * part.area_um2.value for name, part in beside.items())
    areas = {name: priced(spec, name).area_um2.value for name in counts if name != "crossbar"}
    areas["crossbar"] = crossbar.area_um2.value
    return more + sum(n * areas[name] for name, n in counts.items())
