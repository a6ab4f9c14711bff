"""Chips of which DT-SNN's tables are, each the same for all rows, and what they play."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from hwsim.report.report import Report
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.direct.trace import Trace
from hwsim.traces.rates import layer_rates
from reproduction.designs import play
from reproduction.early_exit.published import Published

STATIC = "early_exit.threshold=never"
_SEED = 0


@dataclass(frozen=True, slots=True)
class Configuration:
    """A chip that is the same for all rows of a table, but for the name of the first layer that it has copies of."""

    title: str
    architecture: str
    settings: tuple[str, ...] = ()
    copies: int = 1  # of the first layer; no more than its map is wide

    def settings_for(self, trace: Trace) -> tuple[str, ...]:
        """What it changes of its architecture for a network."""
        if self.copies == 1:
            return self.settings
        first = trace.network.weighted()[0]
        return (*self.settings, f"chip.replicate={{{first.name}: {min(self.copies, first.shape[1])}}}")


SPIKESIM = Configuration(
    "SpikeSim's prices, its first layer bit-serial on 32 copies, read once and its currents kept, one timestep "
    "after another",
    "imc_spikesim",
    (
        "dac.bits=1",
        "direct_input=once",
        "pipelining=none",
        "psum_buffer.capacity_kib=64",  # of kept currents, which SpikeSim has not; at 65 nm a larger one is too slow
        "accumulator.bits=17",  # sums of 8-bit pixels; SpikeSim's price is of no width
        "accumulator.given.at.bits=17",
    ),
    copies=32,
)
DEFAULT = Configuration("arch/imc.yaml as it ships", "imc")
ONE_COPY = replace(SPIKESIM, copies=1)


@cache
def synthetic(published: Published, timesteps: int) -> Trace:
    """Four samples of spikes at a rate, of a network of the paper."""
    geometry = published.geometry
    return synthesize(geometry, timesteps, 4, layer_rates(geometry, (published.rate,)), _SEED, False)


def play_on(configuration: Configuration, trace: Trace, *settings: str, accuracy_samples: int = 0) -> Report:
    """What hwsim says of a trace on a configuration."""
    wanted = (*configuration.settings_for(trace), *settings)
    return play(trace, configuration.architecture, wanted, accuracy_samples=accuracy_samples)
