"""What a core for first spikes offers against what limits it."""

from __future__ import annotations

from collections.abc import Iterator

from hwsim.accelerators.ttfs.plan import AnyCoding, network_of
from hwsim.accelerators.ttfs.spec import TtfsSpec
from hwsim.contract.levers import Lever, Limits, faster_clock, fitting, multiplied


def levers(spec: TtfsSpec, trace: AnyCoding, limits: Limits) -> Iterator[Lever]:
    """More elements with the weights that they need, cores, memories that fit, the clock."""
    array, weights = spec.array, spec.weights
    together = {"array.columns": array.columns, "weights.banks": weights.banks}
    yield multiplied("elements and weight banks", together)
    yield Lever("fewer elements", [{key: value // 2 for key, value in together.items()}])
    yield multiplied("weights a bank", {"array.rows": array.rows, "weights.port_bits": weights.port_bits})
    if len(network_of(trace).weighted()) > spec.cores:
        yield multiplied("cores", {"cores": spec.cores})
    for key, storage in (("queue", spec.queue), ("spikes", spec.spikes)):
        if limits.energy.get(key, 0.0) > 0.01:
            yield from fitting(key, storage, limits.used.get(key, 1.0))
    yield from fitting("weights", weights, limits.used.get("weights", 1.0))
    yield from faster_clock(spec.clock.frequency_mhz)
