"""What no network of a trace may exceed, and how one is refused."""

from __future__ import annotations

import re
from typing import NoReturn

from hwsim.errors import TraceError
from hwsim.traces.network.layers import Layer

MAX_INT = 2**31 - 1
"""Activations, currents and membranes fit in 32 bits, so no sum of the golden semantics leaves 64."""
MAX_INPUT_BITS = 16
MAX_SIZE = 2**20
MAX_VALUES = 2**28
"""Outputs, and weights, of one layer."""
MAX_FRAMED = 2**30
"""Values under the windows of a layer, with padding and what a map is spread by."""
MAX_LAYERS = 4096
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def check_name(name: str) -> None:
    """Raise TraceError unless `name` may name a layer or a set of logits."""
    if not _NAME.fullmatch(name):
        raise TraceError(
            f"name {name[:80]!r}: wanted 1 to 64 letters, digits, '_', '-' or '.', the first a letter or digit"
        )


def refuse(layer: Layer, message: str) -> NoReturn:
    """Raise TraceError, naming the layer."""
    raise TraceError(f"layer '{layer.name}': {message}")
