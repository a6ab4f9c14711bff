"""Spike rates as a user writes them: one for all layers, some for single ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwsim.errors import UsageError
from hwsim.traces.network.drawn import drawn_network
from hwsim.traces.sequence.synth import PREFIX, recorded_names


def layer_rates(geometry: str, written: Sequence[str], seed: int = 0) -> float | Mapping[str, float]:
    """`RATE` and `LAYER=RATE` texts as `synthesize` takes them; a single layer's rate wins over that of all.

    Raises UsageError for a text that is no rate.
    """
    common: float | None = None
    single: dict[str, float] = {}
    for text in written:
        layer, _, number = text.rpartition("=")
        try:
            rate = float(number)
        except ValueError:
            raise UsageError(f"rate: wanted RATE or LAYER=RATE with a number from 0 to 1, found '{text}'") from None
        if layer:
            single[layer] = rate
        else:
            common = rate
    if not single:
        return common if common is not None else single
    if geometry.startswith(PREFIX):
        names = recorded_names(geometry)
    else:
        names = [layer.name for layer in drawn_network(geometry, seed).spiking()]
    everywhere = dict.fromkeys(names, common) if common is not None else {}
    return everywhere | single
