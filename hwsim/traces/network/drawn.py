"""Networks by the name that a recipe has for them: a geometry, and words that change it."""

from __future__ import annotations

from hwsim.traces.network.layers import Network
from hwsim.traces.network.standard import network_of
from hwsim.traces.network.variants import changed

INPUT = "input"
"""What the input layer of every drawn network is called."""
_MOST_WORDS = 32


def drawn_network(name: str, seed: int) -> Network:
    """The network of a name such as `vgg9-cifar` or `vgg9-cifar+events+reset=hard`, its weights seeded by `seed`.

    Words change the network one after another.  Raises UsageError for names and words that are not known.
    """
    geometry, *words = name.split("+", _MOST_WORDS)
    network = network_of(geometry, seed)
    for word in words:
        network = changed(network, word)
    return network
