"""Synthetic traces whose spikes are those of the network itself, run on inputs that are drawn."""

from __future__ import annotations

from hwsim.memory import require
from hwsim.traces.direct.golden import execute
from hwsim.traces.direct.synth import INPUT_RATE, checked_network, draw_inputs, drawn_rates
from hwsim.traces.direct.trace import EventTrace, Trace
from hwsim.traces.network.footprint import executed_bytes
from hwsim.traces.provenance import Provenance, Recipe
from hwsim.traces.trace import Logits


def run_drawn(geometry: str, timesteps: int, samples: int, seed: int = 0, input_rate: float = INPUT_RATE) -> Trace:
    """The trace of a drawn network (see `hwsim.traces.network.drawn`) on drawn inputs, in exact integers.

    Each bit of an input is set with the probability `input_rate`, kept to 2**-16.  Labels are drawn, too, so that the
    network is right by chance alone.  Verification runs it again.  Raises UsageError.
    """
    network = checked_network(geometry, timesteps, samples, seed)
    rates = drawn_rates(network, {network.input.name: input_rate} | {layer.name: 0.0 for layer in network.spiking()})
    require(executed_bytes(network, samples, timesteps), f"running {samples} samples, T = {timesteps},")
    inputs = draw_inputs(Recipe(geometry, timesteps, samples, rates, seed, steady=False), network)
    run = execute(network, inputs.values, timesteps)
    recorded = Logits(run.logits, 1.0, inputs.labels, inputs.sample_ids, "synthetic")
    kind = EventTrace if network.input.over_time else Trace
    origin = _provenance(geometry, timesteps, samples, seed, rates[network.input.name])
    return kind(network, timesteps, run.spikes, inputs, {"recorded": recorded}, origin)


def _provenance(geometry: str, timesteps: int, samples: int, seed: int, input_rate: float) -> Provenance:
    rate = "" if input_rate == INPUT_RATE else f" --rate input={input_rate}"
    return Provenance(
        name=geometry,
        dataset="none",
        split="synthetic",
        licence="CC0-1.0",
        framework="hwsim trace synth, generator 1",
        command=f"hwsim trace synth {geometry} OUT.npz --timesteps {timesteps} --samples {samples}{rate} --seed {seed}",
        seed=seed,
        synthetic=True,
        accuracy=(),
        notes="inputs, weights and labels are drawn; spikes and logits are what the network makes of them",
    )
