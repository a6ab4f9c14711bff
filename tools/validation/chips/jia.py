"""The macro of Jia et al.: energy of a product in array and converters at both supplies, and their areas."""

from __future__ import annotations

import numpy as np

from validation import arrays
from validation.figures import Chip, Figure
from validation.played import design, product, simulated

FILE = "jia.yaml"
ROWS, COLUMNS = 2304, 256
AT_FULL = (
    "technology.vdd_v=1.2",
    "crossbar.precharge_v=1.2",
    "crossbar.swing_v=1.2",
    "crossbar.read_ns=540",
    "clock.frequency_mhz=100",
    "adc.sample_rate_mhz=1.8519",
)
POINTS = {0.85: (9.7, 1.79, ()), 1.2: (20.4, 3.56, AT_FULL)}
"""Supply in V -> pJ a column of the array with its drivers, and of a conversion; settings."""
ADC_MM2, ARRAY_MM2 = 0.497, 2.91
_ARRAY, _ADC = ("crossbar", "row_driver"), ("adc",)


def chip() -> Chip:
    """One product at each supply, all rows driven, and areas."""
    figures: list[Figure] = []
    every_row = product(np.ones(ROWS, np.uint8), COLUMNS, 1, 1)
    fitted = 0.0
    for volts, (array_pj, convert_pj, settings) in POINTS.items():
        report = simulated(FILE, every_row, settings)
        array, adc, both = (arrays.product_pj(report, parts) for parts in (_ARRAY, _ADC, _ARRAY + _ADC))
        published = array_pj * COLUMNS
        whole, name = published + convert_pj * COLUMNS, f"{volts:g} V"
        figures += [
            arrays.energy(
                f"a product, array and converters, {name}", whole, "typed", both, _WHOLE, headline=not fitted
            ),
            arrays.energy(f"of it the array, {name}", published, "typed", array, _CAPACITORS),
            arrays.energy(f"of it conversions, {name}", convert_pj * COLUMNS, "typed", adc, _RATE),
        ]
        if fitted:
            scaled = (array[0] * fitted, array[1] * fitted, array[2] * fitted)
            what = f"the array, {name}, its capacitance times {fitted:.2f}"
            figures.append(arrays.energy(what, published, "typed", scaled, fitted_on="the array at 0.85 V"))
        fitted = published / array[0]
    return Chip(
        "Jia", "Jia et al., 65 nm, charge-domain array of 2304 x 256", FILE, [*figures, *_areas()], notes=_NOTES
    )


def _areas() -> list[Figure]:
    file, array, adc = design(FILE), {"crossbar": 1, "row_driver": ROWS}, {"adc": COLUMNS}
    both = ARRAY_MM2 + ADC_MM2
    return [
        arrays.area("array, converters", both, "typed", file, array | adc, "the array", headline=True),
        arrays.area("of it the array", ARRAY_MM2, "typed", file, array, _CELLS),
        arrays.area("of it converters", ADC_MM2, "typed", file, adc, "the lower bound of the law is this chip"),
    ]


_WHOLE = "the array; see its rows"
_CAPACITORS = (
    "the capacitor of a cell is not known: the class's has a junction of 0.18 fF and wire in its place, and the lines"
    " that switch it and the local logic are missing"
)
_RATE = "built for 0.74 and 1.85 MS/s, a converter of the law takes less than this one"
_CELLS = "a cell of the class, without a capacitor and without logic of its own"
_NOTES = (
    "All rows are driven, the most that they can be; how many were is not known. The chip's figures hold array, "
    "drivers and converters, and so does this. The time of a product is stated in the file and is no prediction.",
)
