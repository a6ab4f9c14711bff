"""The macro of Wang et al. at 1 V: array, conversions and their areas; not its converters of inputs."""

from __future__ import annotations

from collections.abc import Mapping

from hwsim import api
from validation import arrays
from validation.figures import Bounds, Chip
from validation.played import design

FILE = "wang.yaml"
PRODUCT_PJ, AREA_MM2, OUTPUTS, DEPTH = 125.0, 0.124, 16, 8
ARRAY_PJ, ADC_PJ = PRODUCT_PJ * 0.40, PRODUCT_PJ * 0.34
ARRAY_MM2, ADC_MM2 = AREA_MM2 * 0.46, AREA_MM2 * 0.13
_READ, _CONVERT = {("crossbar", "read"): 1}, {("adc", "convert"): OUTPUTS}
_CELLS, _ADCS = {"crossbar": DEPTH}, {"adc": OUTPUTS}


def chip() -> Chip:
    """Prices of the parts, as often as a product of the chip takes them."""
    file, both = design(FILE), ARRAY_MM2 + ADC_MM2
    whole = ARRAY_PJ + ADC_PJ
    figures = [
        arrays.energy(
            "a product, array, converters", whole, "derived", _pj(_READ | _CONVERT), "the array", headline=True
        ),
        arrays.energy("of it the array", ARRAY_PJ, "derived", _pj(_READ), _LADDERS),
        arrays.energy("of it 16 conversions", ADC_PJ, "derived", _pj(_CONVERT), _SEEN),
        arrays.area("array, converters", both, "derived", file, _CELLS | _ADCS, "the array", headline=True),
        arrays.area("of it the array", ARRAY_MM2, "derived", file, _CELLS, _LADDERS),
        arrays.area("of it converters", ADC_MM2, "derived", file, _ADCS, _SEEN),
    ]
    return Chip("Wang", "Wang et al., 22 nm, 1 V, SRAM array of 64 x 128 with ladders", FILE, figures, notes=_NOTES)


def _pj(counts: Mapping[tuple[str, str], int]) -> Bounds:
    parts = api.components(design(FILE))
    value, low, high = (
        sum(n * getattr(parts[name].actions[action], bound) for (name, action), n in counts.items())
        for bound in ("value", "low", "high")
    )
    return value, low, high


_LADDERS = "the capacitors of the ladders, which are most of this array, are not known and no part of the class's cell"
_SEEN = "this converter was in sight when the limit of area behind the law was chosen"
_NOTES = (
    "One conversion an output, as on the chip, where this machine makes one a column. Shares are of the published "
    "breakdown at 1 V. Not compared: the chip's converters of inputs (22 % of energy, 30 % of area), which this "
    "machine has not.",
)
