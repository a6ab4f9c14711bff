"""What an architecture file may say about an in-memory-computing machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from hwsim import units
from hwsim.accelerators.imc.assumptions import AS_IT_WORKS, Assumptions
from hwsim.accelerators.imc.devices import IDEAL, Devices, refused_errors
from hwsim.arch.schema import ComponentSpec
from hwsim.components.accumulator import Accumulator
from hwsim.components.adc import Adc
from hwsim.components.clock import refuse_chosen
from hwsim.components.column_mux import ColumnMux
from hwsim.components.crossbar import Crossbar
from hwsim.components.htree import HTree
from hwsim.components.mac import Mac
from hwsim.components.memory import Sram
from hwsim.components.neuron import Neuron
from hwsim.components.offset_corrector import OffsetCorrector
from hwsim.components.reference_buffer import ReferenceBuffer
from hwsim.components.router import Router
from hwsim.components.row_driver import RowDriver
from hwsim.components.sigma_e import SigmaE
from hwsim.components.silence_detector import SilenceDetector
from hwsim.contract.spec import MachineSpec

if TYPE_CHECKING:
    from hwsim.traces.network.layers import Network


class Chip(ComponentSpec):
    """Tiles of PEs of crossbars; `packing` says how layers take them, `as_needed` adds whole tiles.

    With `overflow: reprogram` a network that a number of tiles does not hold runs in passes (see `plan.passes`).

    `replicate` says how many copies of a layer share out the positions of its rows; `auto` copies the slowest layer as
    long as all copies take no more than `crossbar_budget` crossbars and the chip has room; `spare` as long as what is
    left on the tiles that one copy of each layer needs has room for more.
    """

    tiles: Annotated[int, Field(ge=1)] | Literal["as_needed"]
    pes_per_tile: int = Field(ge=1)
    crossbars_per_pe: int = Field(ge=1)
    replicate: dict[str, Annotated[int, Field(ge=1)]] | Literal["none", "auto", "spare"] = "none"
    crossbar_budget: int | None = Field(default=None, ge=1)

    _of_today = model_validator(mode="before")(refuse_chosen)


class Signs(ComponentSpec):
    """How negative weights are stored, and how what that adds is taken out again."""

    encoding: Literal["offset", "differential"]
    correction: Literal["popcount", "reference_column"] = "popcount"
    subtraction: Literal["analog", "digital"] = "digital"


class Dac(ComponentSpec):
    """Input digits: each drives its row for as many unit pulses as its value (`pulse_width`, 2**bits - 1 at most).

    With `amplitude` it is one pulse whose voltage is the value; heat is then not in proportion to the value, so it goes
    only with prices of whole arrays.
    """

    bits: int = Field(ge=1, le=8)
    coding: Literal["pulse_width", "amplitude"] = "pulse_width"


class Delayed(Accumulator):
    """An adder with the cycles until its result is visible."""

    cycles: int = Field(ge=0)


class DelayedTree(HTree):
    """A tree with the cycles that a word takes through it."""

    cycles: int = Field(ge=0)


class DelayedRouter(Router):
    """A router with the cycles that a flit takes through it and over its link; a link takes a flit every cycle."""

    cycles: int = Field(ge=0)


class DelayedNeuron(Neuron):
    """Neuron lanes of one PE with the cycles until a spike is written."""

    cycles: int = Field(ge=0)


class FirstLayerMac(Mac):
    """Multipliers that take the raw input in the place of crossbars, each a product a cycle."""

    lanes: int = Field(ge=1)


class EarlyExit(ComponentSpec):
    """When a sample may leave before the last timestep, and the unit that decides.

    `calibrated` takes the threshold with the fewest mean timesteps among those that keep the static accuracy on the
    trace's calibration samples; a trace without them runs all timesteps.  With `overlap` a run is added to the report
    in which later timesteps start before the decision, and run in vain where it says exit.
    """

    threshold: Annotated[float, Field(gt=0, le=1)] | Literal["never", "always", "calibrated"]
    metric: Literal["entropy", "confidence"]
    logits: Literal["sum", "mean"]
    overlap: bool
    unit: SigmaE


class Baseline(ComponentSpec):
    """The network without spikes that this machine is compared with: the bits of its activations, `--baseline ann`.

    Those of `--baseline qann` follow from the timesteps of a trace.
    """

    ann_bits: int = Field(ge=1, le=16)


class ImcSpec(MachineSpec):
    """An in-memory-computing machine: crossbars with ADCs, LIF units, and a decision unit for early exit."""

    machine: Literal["imc"]
    chip: Chip
    placement: Literal["im2col", "kernel_split"]
    packing: Literal["none", "layers"] = "none"
    overflow: Literal["refuse", "reprogram"] = "refuse"
    loop_order: Literal["timestep_outer", "layer_outer"]
    pipelining: Literal["rows", "none"]
    mesh: Literal["links", "ideal"]
    buffer_slack_rows: int = Field(ge=1)
    direct_input: Literal["every_step", "once", "digital"]
    skip: Literal["none", "silent_rows"]
    sensing: Literal["sample_hold", "current"]
    read_energy: Literal["value", "mean", "array"]
    convert: Literal["used", "all"] = "used"
    rows_per_read: Annotated[int, Field(ge=1)] | Literal["all"]
    signs: Signs
    dac: Dac
    crossbar: Crossbar
    row_driver: RowDriver | Literal["none"]
    adc: Adc
    adc_reference: ReferenceBuffer | Literal["none"]
    column_mux: ColumnMux
    shift_add: Delayed
    accumulator: Accumulator
    offset_corrector: OffsetCorrector
    silence_detector: SilenceDetector
    htree: DelayedTree
    noc: DelayedRouter
    spike_buffer: Sram
    membrane: Sram
    psum_buffer: Sram
    global_buffer: Sram
    first_layer_mac: FirstLayerMac | Literal["none"] = "none"
    first_layer_weights: Sram | Literal["none"] = "none"
    neuron: DelayedNeuron
    pooling: Delayed
    early_exit: EarlyExit
    baseline: Baseline
    assumptions: Assumptions = AS_IT_WORKS
    devices: Devices = IDEAL

    @model_validator(mode="after")
    def _parts_agree(self) -> ImcSpec:
        if self.chip.crossbar_budget is not None and self.chip.replicate != "auto":
            raise ValueError(
                "chip.crossbar_budget: bounds the copies that chip.replicate: auto makes, and replicate is "
                f"{self.chip.replicate}"
            )
        rows = self.crossbar.rows
        if self.rows_at_once > rows:
            raise ValueError(f"rows_per_read must be at most crossbar.rows = {rows}, got {self.rows_per_read}")
        if self.dac.coding == "amplitude" and self.read_energy != "array":
            raise ValueError(f"dac.coding: amplitude needs read_energy: array, got {self.read_energy}")
        popcount = self.signs.encoding == "differential" or self.signs.correction == "popcount"
        if self.devices.off_current == "after_adc" and not popcount:
            raise ValueError(
                "devices.off_current: after_adc needs the count of driven rows, so signs.correction: popcount or "
                f"signs.encoding: differential, got {self.signs.correction}"
            )
        if fault := refused_errors(self.devices, self.crossbar.device, self.assumptions.conversion, self.dac.coding):
            raise ValueError(fault)
        if self.assumptions.conversion == "pe" and self.placement != "kernel_split":
            raise ValueError(f"assumptions.conversion: pe needs placement: kernel_split, got {self.placement}")
        if self.assumptions.by_pe and self.skip != "none":
            raise ValueError(f"assumptions: conversion: pe and peripherals: pe_read need skip: none, got {self.skip}")
        if self.direct_input == "digital":
            if "none" in (self.first_layer_mac, self.first_layer_weights):
                raise ValueError(
                    "direct_input: digital multiplies on first_layer_mac with weights from first_layer_weights, and "
                    "one of them is none"
                )
            if self.assumptions.switched_on != "none":
                raise ValueError(
                    "direct_input: digital goes with no assumptions, as estimates have all on crossbars, "
                    f"got {self.assumptions.switched_on}"
                )
        if self.assumptions.by_pe and self.packing != "none":
            raise ValueError(
                "assumptions: conversion: pe and peripherals: pe_read count whole PEs, so they need packing: none, got "
                f"{self.packing}"
            )
        if self.overflow == "reprogram":
            self._can_reprogram()
        if self.loop_order == "layer_outer" and self.early_exit.threshold != "never":
            raise ValueError(
                "loop_order: layer_outer runs all timesteps of a row before the next, so no sample can leave early: "
                f"early_exit.threshold must be never, got {self.early_exit.threshold}"
            )
        return self

    def _can_reprogram(self) -> None:
        if self.crossbar.write is None:
            raise ValueError("overflow: reprogram writes crossbars, and crossbar.write does not say how: it is missing")
        if self.assumptions.switched_on != "none":
            raise ValueError(
                "overflow: reprogram goes with no assumptions, as estimates have the whole network on the chip, "
                f"got {self.assumptions.switched_on}"
            )

    @property
    def keeps_currents(self) -> bool:
        """Whether the raw input is multiplied once and what came of it is kept over the timesteps."""
        return self.direct_input != "every_step"

    def digital_layers(self, network: Network) -> frozenset[str]:
        """Names of the layers with weights that are beside the crossbars."""
        if self.direct_input != "digital":
            return frozenset()
        from hwsim.traces.network.raw_input import multiplies_input

        return frozenset(layer.name for layer in network if multiplies_input(network, layer))

    @property
    def rows_at_once(self) -> int:
        """Rows of a crossbar that one read phase drives."""
        return self.crossbar.rows if self.rows_per_read == "all" else self.rows_per_read

    @property
    def reference_columns(self) -> int:
        """Columns of each crossbar that hold the offset."""
        return int(self.signs.encoding == "offset" and self.signs.correction == "reference_column")

    @property
    def psum_bits(self) -> int:
        """Width of partial sums."""
        return self.accumulator.bits

    @property
    def mux_phases(self) -> int:
        """Conversions that one ADC makes after another for one read."""
        return min(self.adc.columns_per_adc, self.crossbar.columns)

    @property
    def read_cycles(self) -> int:
        """Cycles of one unit pulse on the crossbar."""
        return units.cycles_from_ns(self.crossbar.read_ns, self.clock.frequency_mhz)

    @property
    def convert_cycles(self) -> int:
        """Cycles of one conversion."""
        convert_ns = self.adc.priced_as("adc", self.technology).times_ns["convert"]
        return units.cycles_from_ns(convert_ns, self.clock.frequency_mhz)


spec_type = ImcSpec
