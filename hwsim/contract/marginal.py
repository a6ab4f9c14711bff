"""What one bit more or less in a map that a layer reads would cost, with everything else as it is.

It is the derivative that a training loop gets.  A bit that is set has what taking it away saves, one that is not what
setting it adds: what `simulate` would differ by, where a machine says no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.contract.arrays import IntArray
from hwsim.contract.ledger import Action
from hwsim.traces.network.window import Window

Floats = NDArray[np.float64]
Marginals = Mapping[str, NDArray[np.float32]]
"""By layer that reads a map: [plane or 1, sample or 1, timestep or 1, place, channel or 1] of that map.

Of maps of more than one bit the planes are the digits of their integers; of signed spikes it is by value, in one.
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What costs are wanted in: a weight of each sample's energy, and of each cycle that each job takes."""

    prices: Callable[[Action], float]  # pJ of one count
    energy: Floats  # [sample] weight of 1 pJ of what parts do
    cycles: Mapping[str, Floats]  # stage -> [sample, job] weight of one cycle of service; none where nothing weighs
    memo: dict[str, object]  # what is the same for all batches, kept by who asks
    shared: bool = False  # what several bits keep from being skipped is shared out to them, and not nobody's


def met(window: Window, outputs: tuple[int, int], size: tuple[int, int]) -> tuple[IntArray, IntArray]:
    """Whether each tap of each output meets each place, along rows and along columns: int64 [output, tap, place]."""
    rows, columns = (
        (window.places(axis, outputs[axis], size[axis])[:, :, None] == np.arange(size[axis])).astype(np.int64)
        for axis in (0, 1)
    )
    return rows, columns
