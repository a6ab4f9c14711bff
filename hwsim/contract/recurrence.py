"""Networks that read the timestep before, and what cannot be done with them."""

from __future__ import annotations

from hwsim.errors import ArchitectureError
from hwsim.traces.network.layers import Network, is_delayed


def refuse_delayed(network: Network, key: str, why: str) -> None:
    """Raise ArchitectureError about a key of the file for the first layer that reads the timestep before."""
    for layer in filter(is_delayed, network):
        raise ArchitectureError(f"{key}: layer '{layer.name}' reads '{layer.inputs[0]}' of the timestep before; {why}")


def refuse_one_pass(network: Network) -> None:
    """The same for a baseline: without spikes there is one pass, and none before it."""
    refuse_delayed(network, "baseline", "a network without spikes runs in one pass, and there is none before it")
