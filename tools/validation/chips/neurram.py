"""NeuRRAM: energy of a core's product at five widths of input and output, by part, and areas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from validation import arrays
from validation.figures import Chip, Figure
from validation.played import design, product, simulated

FILE = "neurram.yaml"
INPUTS, OUTPUTS, OPERATIONS = 128, 256, 65_536
CORE_MM2, NEURON_SHARE, CELL_SHARE = 1.16, 0.28, 0.12


@dataclass(frozen=True, slots=True)
class Width:
    """A row of the published table: fJ an operation of word lines, neurons with control, and input pulses."""

    output_bits: int
    input_bits: int
    word_lines: float
    neurons: float
    inputs: float
    product_us: float

    @property
    def settings(self) -> tuple[str, ...]:
        """Converters of at least 4 bits at the rate of products, and digits of one phase or, from 6 bits, of two."""
        digit = self.magnitude_bits if self.input_bits < 5 else -(-self.magnitude_bits // 2)
        return (
            f"adc.bits={max(self.output_bits, 4)}",
            f"dac.bits={digit}",
            f"adc.sample_rate_mhz={1 / self.product_us:.4g}",
        )

    @property
    def magnitude_bits(self) -> int:
        """Bits of an input without its sign; of one bit itself."""
        return max(self.input_bits - 1, 1)


WIDTHS = (
    Width(3, 1, 8.99, 10.62, 3.45, 1.48),
    Width(4, 2, 8.27, 12.39, 3.96, 1.75),
    Width(6, 4, 21.76, 29.11, 11.51, 4.23),
    Width(8, 6, 37.22, 52.48, 19.24, 7.53),
    Width(10, 8, 50.52, 75.86, 27.51, 11.9),
)


def chip() -> Chip:
    """Five widths, and areas."""
    figures = [figure for width in WIDTHS for figure in _energies(width)]
    file = design(FILE)
    figures += [
        arrays.area("converters", CORE_MM2 * NEURON_SHARE, "derived", file, {"adc": OUTPUTS}, _NEURONS, headline=True),
        arrays.area(
            "cells", CORE_MM2 * CELL_SHARE, "derived", file, {"crossbar": 1}, "their size is stated in the file"
        ),
    ]
    return Chip("NeuRRAM", "NeuRRAM, 130 nm, a core of 256 x 256 resistive cells", FILE, figures, notes=_NOTES)


def _energies(width: Width) -> list[Figure]:
    values = np.random.default_rng(5).integers(0, 1 << width.magnitude_bits, INPUTS).astype(np.uint8)
    vector = product(values, OUTPUTS, width.magnitude_bits, 4)
    report = simulated(FILE, vector, width.settings)
    lines, adc, whole = (arrays.product_pj(report, parts) for parts in (_LINES, _ADC, _LINES + _ADC))
    first = arrays.product_pj(simulated(FILE, vector, (*width.settings, _FIRST)), _LINES + _ADC)[0]
    of_lines, of_neurons = (fj * OPERATIONS / 1e3 for fj in (width.word_lines + width.inputs, width.neurons))
    name, counts = f"{width.output_bits} bits out, {width.input_bits} in", width is WIDTHS[0]
    why = _WHOLE if counts else "the lines" if width.input_bits > 2 else ""
    published = of_lines + of_neurons
    return [
        arrays.energy(f"a product, {name}", published, "derived", whole, why, headline=counts, first=first),
        arrays.energy(f"of it lines, {name}", of_lines, "typed", lines, _PULSES if width.input_bits > 2 else ""),
        arrays.energy(f"of it neurons, {name}", of_neurons, "typed", adc, _CONTROL if counts else ""),
    ]


_LINES, _ADC, _FIRST = ("crossbar", "row_driver"), ("adc",), "technology.vdd_v=1.3"
_WHOLE = "lines that are too dear and neurons that are too cheap take each other's place"
_PULSES = (
    "here each pulse drives the word lines at 2.2 V; the chip opens them once a phase and pulses the columns at 0.5 V"
)
_CONTROL = "its integrators and their control are not in a price of a converter"
_NEURONS = "the law is of converters; a neuron of the chip is one with its integrator"
_NOTES = (
    "One core of 48. Inputs are drawn evenly, each bit as often 1 as 0, and weights evenly from all. As first "
    "committed the file had 1.3 V, the most that a file could say then, for the 1.8 V of the chip's periphery; it was"
    " changed after the first ratio was known.",
)
