"""The macro of Sinangil et al. at 0.8 V: a product, and areas."""

from __future__ import annotations

import numpy as np

from validation import arrays
from validation.figures import Bounds, Chip
from validation.played import design, product, simulated

FILE = "sinangil.yaml"
PRODUCT_PJ = 5.84  # 351 TOPS/W, at a mean output of 6 of 15
ARRAY_MM2, CONVERTERS_MM2, CAPACITORS_MM2 = 800e-6, 1596e-6, 160e-6
INPUTS, OUTPUTS, COLUMNS = 64, 16, 64
_ARRAY, _ADC = {"crossbar": 1, "row_driver": INPUTS}, {"adc": OUTPUTS}


def chip() -> Chip:
    """One product of inputs drawn evenly, with a conversion an output as on the chip."""
    values = np.random.default_rng(5).integers(0, 16, INPUTS).astype(np.uint8)
    report = simulated(FILE, product(values, OUTPUTS, 4, 4))
    lines, converted = (arrays.product_pj(report, parts) for parts in (("crossbar", "row_driver"), ("adc",)))
    share = OUTPUTS / COLUMNS
    whole: Bounds = (
        lines[0] + share * converted[0],
        lines[1] + share * converted[1],
        lines[2] + share * converted[2],
    )
    file, macro = design(FILE), ARRAY_MM2 + CONVERTERS_MM2 + CAPACITORS_MM2
    figures = [
        arrays.energy("a product, whole macro", PRODUCT_PJ, "read", whole, _ENERGY, headline=True),
        arrays.area(
            "whole macro",
            macro,
            "typed",
            file,
            _ARRAY | _ADC,
            "array and converters err against each other",
            headline=True,
        ),
        arrays.area("of it the array", ARRAY_MM2, "typed", file, _ARRAY, _CELLS),
        arrays.area("of it converters", CONVERTERS_MM2, "typed", file, _ADC, "flash converters on the chip"),
    ]
    return Chip("Sinangil", "Sinangil et al., 7 nm, 0.8 V, SRAM array of 64 x 64", FILE, figures, notes=_NOTES)


_ENERGY = (
    "inputs are not the chip's; word lines are driven for each pulse, on cells as tall and wide in F as in older nodes"
)
_CELLS = "F is the name of the node here: no cell of 7 nm has sides of 28 and 10 times 7 nm"
_NOTES = (
    "One conversion an output, as on the chip, where this machine makes one a column. The chip's figure is at a mean "
    "output of 6; which inputs that takes is not known, and these are drawn evenly.",
)
