"""What a training run says as it goes."""

from __future__ import annotations

from collections.abc import Sequence


def percent(fractions: Sequence[float]) -> str:
    """Fractions as percentages with two decimals."""
    return " ".join(f"{100 * x:.2f}" for x in fractions)


def say(line: str) -> None:
    """A progress line."""
    print(line, flush=True)
