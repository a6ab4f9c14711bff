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
    figures: list[Figure] = []
    for width in WIDTHS:
        values = np.random.default_rng(5).integers(0, 1 << width.magnitude_bits, INPUTS).astype(np.uint8)
        report = simulated(FILE, product(values, OUTPUTS, width.magnitude_bits, 4), width.settings)
        name = f"{width.output_bits} bits out, {width.input_bits} in"
        fj = OPERATIONS / 1e3
        lines = arrays.product_pj(report, ("crossbar", "row_driver"))
        adc = arrays.product_pj(report, ("adc",))
        whole = arrays.product_pj(report, ("crossbar", "row_driver", "adc"))
        published = (width.word_lines + width.neurons + width.inputs) * fj
        figures += [
            arrays.energy(f"a product, {name}", published, "typed", whole, "", headline=width is WIDTHS[0]),
            arrays.energy(f"of it lines and cells, {name}", (width.word_lines + width.inputs) * fj, "typed", lines),
            arrays.energy(f"of it neurons and control, {name}", width.neurons * fj, "typed", adc),
        ]
    file = design(FILE)
    figures += [
        arrays.area("converters of a core", CORE_MM2 * NEURON_SHARE, "derived", file, {"adc": OUTPUTS}, headline=True),
        arrays.area("cells of a core", CORE_MM2 * CELL_SHARE, "derived", file, {"crossbar": 1}),
    ]
    return Chip("NeuRRAM", "NeuRRAM, 130 nm, resistive cores of 256 x 256", FILE, figures, notes=_NOTES)


_NOTES = ("One core of 48. Inputs are drawn evenly, each bit as often 1 as 0; weights evenly from all.",)
