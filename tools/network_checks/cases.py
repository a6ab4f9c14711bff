"""A case of each number: a drawn network, its inputs, and how the machines that play it are set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from hwsim import make
from hwsim.kernels.counter_rng import stream_key
from hwsim.traces.direct.rate import RateTrace
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import Network
from hwsim.traces.network.mixed.dice import Dice
from hwsim.traces.network.mixed.network import mixed_network

WIDEST, MOST_STEPS = 32, 7
BITS = ((8, 8), (8, 16), (16, 8))
"""Of the widest weights and inputs, network after network."""
SAMPLES, MOST_TIMESTEPS, RECORDED = 2, 3, 1


@dataclass(frozen=True)
class Case:
    """A network and what it is given; `dice` draws what is still open."""

    name: str
    network: Network
    coding: str
    inputs: NDArray[Any]  # [sample, height, width, channel], with [timestep] after the sample over time
    labels: NDArray[Any]
    timesteps: int
    dice: Dice

    def trace(self) -> Trace | RateTrace:
        """What the network does, of which the first samples are recorded."""
        if self.coding == "events":
            return make.events(self.network, self.inputs, self.labels, RECORDED)
        call = make.rate if self.coding == "rate" else make.direct
        return call(self.network, self.inputs, self.labels, self.timesteps, RECORDED)


def draw(seed: int, number: int) -> Case:
    """The case of a number, the same every time; one in four inputs that stay is coded by rate."""
    own = stream_key(seed, "networks", str(number))
    network, dice = mixed_network(own, WIDEST, MOST_STEPS, *BITS[number % len(BITS)]), Dice(own, "case")
    timesteps, layer = dice.whole(1, MOST_TIMESTEPS), network.input
    steps = (timesteps,) if layer.over_time else ()
    inputs = dice.integers(*layer.values, (SAMPLES, *steps, *layer.shape))
    if dice.once_in(2):  # few of them
        inputs[dice.integers(1, 4, inputs.shape) > 1] = 0
    coding = "events" if layer.over_time else "rate" if dice.once_in(4) and not layer.signed else "direct"
    labels = dice.integers(0, network.n_classes - 1, (SAMPLES,))
    return Case(f"{seed}/{number}", network, coding, inputs.astype(layer.dtype), labels, timesteps, dice)
