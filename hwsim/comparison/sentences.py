"""A comparison in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from hwsim.comparison.found import Compared, Payer, Versus

_MOST_PAYERS = 3
_WHOLE_CHIP = "what is of no layer"


def sentences(versus: Versus, this: Compared, first: Compared) -> tuple[str, ...]:
    """What one of them comes to beside the first, who pays for it, and how far they are alike."""
    found = [_ratios(versus), *_sure(versus)]
    found += _paid("component", versus.components) + _paid("layer", versus.layers)
    if versus.unlike:
        found.append(f"They differ in more than a design file: {'; '.join(versus.unlike)}.")
    return (*found, *_of_accuracy(versus, this, first))


def _ratios(versus: Versus) -> str:
    if _is_one(versus):
        return f"{versus.name} takes what {versus.reference} does, whatever the prices are."
    parts = [
        f"{times(figure.value)} the {what}"
        for what, figure in (("energy", versus.energy), ("latency", versus.latency), ("area", versus.area))
        if figure is not None
    ]
    listed = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0] if parts else "nothing"
    return f"{versus.name} takes {listed} of {versus.reference}."


def _is_one(versus: Versus) -> bool:
    known = [figure for figure in (versus.energy, versus.latency, versus.area) if figure is not None]
    return all(figure.low == figure.value == figure.high == 1.0 for figure in known)


def _sure(versus: Versus) -> Iterator[str]:
    """What bounds of prices allow, and whether they leave it open which takes less."""
    energy = versus.energy
    if not energy.low < energy.high:
        return
    share = f"{100 * versus.shared:.0f} %" if versus.shared else "none"
    shared = f"{share} of their energy is of prices that both have" + (", which move together" if versus.shared else "")
    open_ = (
        ": which takes less energy depends on them"
        if energy.low < 1 < energy.high
        else f": it is {'less' if energy.high <= 1 else 'more'} for all of them"
    )
    yield f"Prices within their bounds allow {energy.low:.3g} to {energy.high:.3g} x the energy{open_}; {shared}."


def _paid(what: str, payers: Sequence[Payer]) -> list[str]:
    total = math.fsum(payer.difference_pj for payer in payers)
    most = [payer for payer in payers if payer.difference_pj][:_MOST_PAYERS]
    if not most:
        return []
    listed = ", ".join(f"{payer.name or _WHOLE_CHIP} {signed(payer.difference_pj)}" for payer in most)
    return [f"Of the difference of {signed(total)} an inference, by {what}: {listed}."]


def _of_accuracy(versus: Versus, this: Compared, first: Compared) -> list[str]:
    if this.accuracy is None or first.accuracy is None:
        unknown = [each.name for each in (this, first) if each.accuracy is None]
        return [f"The accuracy of {' and '.join(unknown)} is not known, so nothing is said at equal accuracy."]
    if this.accuracy == first.accuracy and versus.equal_accuracy is None:
        return []
    said = [
        f"{this.name} is right in {100 * this.accuracy:.2f} %, {first.name} in {100 * first.accuracy:.2f} %: "
        "all above is at each one's own accuracy."
    ]
    equal = versus.equal_accuracy
    if equal is not None:
        chosen = [
            f"{name} at threshold {threshold:.4g} ({100 * reached:.2f} %)"
            for name, threshold, reached in (
                (versus.name, equal.threshold, equal.reached),
                (versus.reference, equal.reference_threshold, equal.reference_reached),
            )
            if threshold is not None
        ]
        latency = "" if equal.latency is None else f" and {times(equal.latency)} the latency"
        said.append(
            f"At {100 * equal.accuracy:.2f} % or more, with {' and '.join(chosen)}, it takes "
            f"{times(equal.energy)} the energy{latency}."
        )
    elif versus.no_equal_accuracy:
        said.append(f"At equal accuracy they cannot be compared: {versus.no_equal_accuracy}.")
    else:
        said.append("The exact networks are as accurate as each other, so no threshold is chosen for it.")
    return said


def times(value: float) -> str:
    """A ratio."""
    return f"{value:.3g} x" if value < 1000 else f"{value:,.0f} x"


def signed(pj: float) -> str:
    """A difference of energies with its sign; nothing has none."""
    if not pj:
        return "0 J"
    for factor, unit in ((1e12, "J"), (1e9, "mJ"), (1e6, "uJ"), (1e3, "nJ"), (1.0, "pJ"), (1e-3, "fJ")):
        if abs(pj) >= factor:
            return f"{pj / factor:+.3g} {unit}"
    return f"{pj * 1e3:+.3g} fJ"
