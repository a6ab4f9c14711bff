"""What an architecture file may say about a learning core."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from hwsim.arch.schema import ComponentSpec
from hwsim.components.accumulator import Accumulator
from hwsim.components.learning_engine import LearningEngine
from hwsim.components.memory import Sram
from hwsim.components.plastic_neuron import PlasticNeuron
from hwsim.components.pricing.number import Number
from hwsim.components.random_source import RandomSource
from hwsim.components.synaptic_adder import SynapticAdder
from hwsim.components.transposable import TransposableSram
from hwsim.contract.spec import MachineSpec
from hwsim.traces.plastic.trace import QUANTITIES, QFormat, RoundingName

_Q_FORMAT = re.compile(r"Q(\d{1,2})\.(\d{1,2})")
FP32 = "FP32"
FP32_BITS = 32


def _known_format(text: str) -> str:
    if text != FP32 and not _Q_FORMAT.fullmatch(text):
        raise ValueError(f"must be {FP32} or a fixed-point format such as Q1.7, got {text!r}")
    return text


class Format(ComponentSpec):
    """How a quantity is stored: `FP32`, or fixed point `Qm.n` of m + n bits without a sign, and how it is rounded."""

    format: Annotated[str, AfterValidator(_known_format)]
    rounding: RoundingName | None = None

    @model_validator(mode="after")
    def _rounds(self) -> Format:
        if self.floating and self.rounding is not None:
            raise ValueError(f"rounding: {FP32} rounds to nearest even: must be null, got {self.rounding}")
        if not self.floating and self.rounding is None:
            raise ValueError(f"rounding: {self.format} needs truncate, nearest or stochastic")
        return self

    @property
    def floating(self) -> bool:
        """Whether it is FP32."""
        return self.format == FP32

    @property
    def fixed(self) -> QFormat | None:
        """The format that a network computes in; None for FP32."""
        found = _Q_FORMAT.fullmatch(self.format)
        if found is None or self.rounding is None:
            return None
        return QFormat(int(found[1]), int(found[2]), self.rounding)

    def number(self, sign: bool = False) -> Number:
        """What arithmetic units of it compute with; fixed point has a bit more with a sign."""
        form = self.fixed
        if form is None:
            return Number(FP32_BITS, floating=True)
        return Number(form.integer_bits + form.fraction_bits + sign, floating=False)


class StdpSpec(MachineSpec):
    """A Poisson encoder, adders, neurons, a learning engine and a readout around memories, one of each.

    `inhibition_storage: dense` keeps a matrix of inhibitory weights, of which a row is read for every spike and
    multiplied by the strength; `sparse` keeps the one strength that they all have.  `skip: none` reads every row at
    every step and sweeps all weights when it learns, as frameworks for dense arrays do; `silent` leaves out what no
    spike and no trace asks for.  `neuron_state: registers` sums the weights of a step's spikes in the adders and visits
    the neuron memory once a step; `memory` reads, changes and writes the neurons for every spike.
    """

    paced = frozenset(
        {
            "input_memory",
            "event_queue",
            "weight_memory",
            "inhibition_memory",
            "current_memory",
            "neuron_memory",
            "trace_memory",
        }
    )
    machine: Literal["stdp"]
    weights: Format
    membranes: Format
    traces: Format
    thresholds: Format
    inhibition: Literal["layer", "direct"]
    inhibition_storage: Literal["dense", "sparse"]
    inhibition_delay_steps: Annotated[int, Field(ge=0, le=4096)] | Literal["trace"]
    adaptive_inhibition: bool
    stdp: Literal["pairwise", "windowed"]
    normalise: bool
    rest_steps: Annotated[int, Field(ge=0, le=4096)] | Literal["trace"]
    repeats: Annotated[int, Field(ge=0, le=100)] | Literal["trace"]
    layout: Literal["pre_major", "post_major", "transposable"]
    skip: Literal["silent", "none"]
    neuron_state: Literal["registers", "memory"]
    passes: int = Field(ge=1, le=1000)
    label_samples: int = Field(ge=1)
    encoder: RandomSource
    input_memory: Sram
    event_queue: Sram
    weight_memory: TransposableSram
    inhibition_memory: Sram
    current_memory: Sram
    neuron_memory: Sram
    trace_memory: Sram
    adder: SynapticAdder
    neuron: PlasticNeuron
    engine: LearningEngine
    rounder: RandomSource
    readout: Accumulator

    @model_validator(mode="after")
    def _all_or_none_in_floats(self) -> StdpSpec:
        floats = [name for name in QUANTITIES if self.format_of(name).floating]
        if floats and len(floats) < len(QUANTITIES):
            fixed = ", ".join(name for name in QUANTITIES if name not in floats)
            raise ValueError(f"formats are all {FP32} or none: {', '.join(floats)} are, {fixed} are not")
        return self

    @model_validator(mode="after")
    def _adds_one_by_one_what_it_adds_as_a_sum(self) -> StdpSpec:
        if self.neuron_state == "memory":
            weights, membranes = self.weights.fixed, self.membranes.fixed
            if weights is None or membranes is None or weights.fraction_bits > membranes.fraction_bits:
                raise ValueError(
                    "neuron_state: memory adds weights one by one, so membranes need fixed point with at least their "
                    f"fraction bits, got weights {self.weights.format}, membranes {self.membranes.format}"
                )
        return self

    def format_of(self, quantity: str) -> Format:
        """The format of one of `QUANTITIES`."""
        form: Format = getattr(self, quantity)
        return form

    def rounds_randomly(self, quantity: str) -> bool:
        """Whether a quantity is rounded stochastically."""
        return self.format_of(quantity).rounding == "stochastic"


spec_type = StdpSpec
