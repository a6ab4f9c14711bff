"""The range of a ratio of two energies over the box of prices they share.

Both energies are linear in the prices, so the ratio (sum_k a_k p_k) / (sum_k b_k p_k) with low_k <= p_k <= high_k is a
linear-fractional programme.  Its optimum lies at a corner of the box, and Dinkelbach's iteration finds it: for a guess
r each price goes to the end that favours sum_k (a_k - r b_k) p_k, and the ratio there is the next guess, which only
improves until it repeats.
W. Dinkelbach, On nonlinear fractional programming, Management Science 13 (1967).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

from hwsim.components.pricing.price import Price

Key = TypeVar("Key")


def ratio_interval(
    above: Mapping[Key, float], below: Mapping[Key, float], prices: Mapping[Key, Price]
) -> tuple[float, float]:
    """Smallest and largest ratio of two linear forms in the prices; every key of either has a price."""
    return _extreme(above, below, prices, largest=False), _extreme(above, below, prices, largest=True)


def _extreme(
    above: Mapping[Key, float], below: Mapping[Key, float], prices: Mapping[Key, Price], largest: bool
) -> float:
    keys = sorted(above.keys() | below.keys(), key=str)
    chosen = {key: prices[key].value for key in keys}
    ratio = _ratio(above, below, chosen)
    while True:
        for key in keys:
            gain = above.get(key, 0.0) - ratio * below.get(key, 0.0)
            chosen[key] = prices[key].high if (gain > 0) == largest else prices[key].low
        following = _ratio(above, below, chosen)
        if not (following > ratio if largest else following < ratio):
            return ratio
        ratio = following


def _ratio(above: Mapping[Key, float], below: Mapping[Key, float], prices: Mapping[Key, float]) -> float:
    denominator = math.fsum(factor * prices[key] for key, factor in below.items())
    return math.fsum(factor * prices[key] for key, factor in above.items()) / denominator
