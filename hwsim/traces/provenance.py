"""Where a trace comes from: who trained the network on what, or from which recipe it was drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from hwsim.errors import UsageError, guess


@dataclass(frozen=True, slots=True)
class Recipe:
    """The arguments from which a synthetic trace is drawn again, bit for bit (see `hwsim.traces.direct.synth`)."""

    geometry: str
    timesteps: int
    samples: int
    rates: Mapping[str, float]  # per layer: probability of a spike, or of a set bit in the raw input
    seed: int
    steady: bool


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a trace comes from; every field is shown by `hwsim trace info`."""

    name: str
    dataset: str
    split: str
    licence: str
    framework: str
    command: str
    seed: int
    synthetic: bool
    accuracy: tuple[float, ...]  # recorded fraction right at T = 1, 2, ...; empty for synthetic traces
    float_accuracy: tuple[float, ...] = ()  # of the network before quantisation
    notes: str = ""
    recipe: Recipe | None = None  # of synthetic traces that this program can draw again


def check_about(about: Iterable[str], others: Iterable[str] = ()) -> None:
    """Raise UsageError for a word that is no field of a provenance, with a guess among these and `others`."""
    known = [field.name for field in fields(Provenance)]
    for name in about:
        if name not in known:
            raise UsageError(f"{name}: is no argument here{guess(name, [*others, *known])}")
