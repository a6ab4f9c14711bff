"""The macro of Jia et al.: energy of a product in array and converters at both supplies, and their areas."""

from __future__ import annotations

import numpy as np

from validation import arrays
from validation.figures import Chip, Figure
from validation.played import design, product, simulated

FILE = "jia.yaml"
ROWS, COLUMNS = 2304, 256
POINTS = {  # supply in V -> pJ a column of the array with its drivers, and of a conversion; settings
    0.85: (9.7, 1.79, ()),
    1.2: (
        20.4,
        3.56,
        (
            "technology.vdd_v=1.2",
            "crossbar.precharge_v=1.2",
            "crossbar.swing_v=1.2",
            "crossbar.read_ns=540",
            "clock.frequency_mhz=100",
            "adc.sample_rate_mhz=1.8519",
        ),
    ),
}
ADC_MM2, ARRAY_MM2 = 0.497, 2.91
_ARRAY, _ADC = ("crossbar", "row_driver"), ("adc",)


def chip() -> Chip:
    """One product at each supply, all rows driven, and areas."""
    figures: list[Figure] = []
    every_row = product(np.ones(ROWS, np.uint8), COLUMNS, 1, 1)
    for volts, (array_pj, convert_pj, settings) in POINTS.items():
        report = simulated(FILE, every_row, settings)
        array, adc = (arrays.product_pj(report, parts) for parts in (_ARRAY, _ADC))
        both = arrays.product_pj(report, _ARRAY + _ADC)
        published = (array_pj + convert_pj) * COLUMNS
        figures += [
            arrays.energy(
                f"a product at {volts:g} V, array and converters", published, "typed", both, "", headline=volts == 0.85
            ),
            arrays.energy(f"of it the array, {volts:g} V", array_pj * COLUMNS, "typed", array, _CAPACITORS),
            arrays.energy(f"of it conversions, {volts:g} V", convert_pj * COLUMNS, "typed", adc, _RATE),
        ]
    file = design(FILE)
    figures += [
        arrays.area(
            "array, converters",
            ARRAY_MM2 + ADC_MM2,
            "typed",
            file,
            {"crossbar": 1, "row_driver": ROWS, "adc": COLUMNS},
            "",
            headline=True,
        ),
        arrays.area("of it the array", ARRAY_MM2, "typed", file, {"crossbar": 1, "row_driver": ROWS}, _CELLS),
        arrays.area("of it converters", ADC_MM2, "typed", file, {"adc": COLUMNS}, _BOUND),
    ]
    return Chip("Jia", "Jia et al., 65 nm, charge-domain SRAM array of 2304 x 256", FILE, figures, notes=_NOTES)


_CAPACITORS = (
    "the capacitor of each cell is not known: the class's cell has a junction of 0.18 fF and its wire in its place, "
    "and the lines that switch it are missing"
)
_RATE = "at 0.74 and 1.85 MS/s a converter that is built for its rate takes less than this one"
_CELLS = "a cell of the class, without a capacitor and without the local logic of each"
_BOUND = "a lower bound of the law is this chip"
_NOTES = (
    "All rows are driven, the most that they can be; how many were is not known. The chip's figures hold array, "
    "drivers and converters, and so does this. The time of a product is given in the file and is no prediction.",
)
