"""Names of units that stages share, as long as there is room for them."""

from __future__ import annotations

from hwsim.printable import cut, layer_called


def unit_name(name: str, length: int) -> str:
    """At most so many characters of `neurons of a, b, c`, or `neurons of a and 2 more`, or `neurons of 3 layers`.

    Layers of a PyTorch Sequential are called by numbers, which say nothing alone: `layer 0`.
    """
    kind, _, layers = name.partition(" of ")
    first, *others = layers.split(", ")
    if others:
        shorter = name, f"{kind} of {first} and {len(others)} more", f"{kind} of {len(others) + 1} layers"
        name = next((each for each in shorter if len(each) <= length), shorter[-1])
    return cut(layer_called(name), length)
