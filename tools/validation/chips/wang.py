"""The macro of Wang et al. at 1 V: array, a conversion, and their areas; not its converters of inputs."""

from __future__ import annotations

from hwsim import api
from validation import arrays
from validation.figures import Chip
from validation.played import design

FILE = "wang.yaml"
PRODUCT_PJ, AREA_MM2, OUTPUTS, DEPTH = 125.0, 0.124, 16, 8
ARRAY, ADC = (0.40, 0.46), (0.34, 0.13)  # shares of energy and of area


def chip() -> Chip:
    """Prices of the parts, as often as a product of the chip takes them."""
    file = design(FILE)
    parts = api.components(file)

    def energy(counts: dict[tuple[str, str], int]) -> tuple[float, float, float]:
        value, low, high = (
            sum(n * getattr(parts[name].actions[action], bound) for (name, action), n in counts.items())
            for bound in ("value", "low", "high")
        )
        return value, low, high

    read, convert = {("crossbar", "read"): 1}, {("adc", "convert"): OUTPUTS}
    figures = [
        arrays.energy(
            "a product, array and converters",
            PRODUCT_PJ * (ARRAY[0] + ADC[0]),
            "derived",
            energy(read | convert),
            "",
            True,
        ),
        arrays.energy("of it the array", PRODUCT_PJ * ARRAY[0], "derived", energy(read)),
        arrays.energy("of it 16 conversions", PRODUCT_PJ * ADC[0], "derived", energy(convert)),
        arrays.area(
            "array, converters",
            AREA_MM2 * (ARRAY[1] + ADC[1]),
            "derived",
            file,
            {"crossbar": DEPTH, "adc": OUTPUTS},
            headline=True,
        ),
        arrays.area("of it the array", AREA_MM2 * ARRAY[1], "derived", file, {"crossbar": DEPTH}),
        arrays.area("of it converters", AREA_MM2 * ADC[1], "derived", file, {"adc": OUTPUTS}),
    ]
    return Chip("Wang", "Wang et al., 22 nm, SRAM array of 64 x 128 with ladders, 1 V", FILE, figures, notes=_NOTES)


_NOTES = ()
