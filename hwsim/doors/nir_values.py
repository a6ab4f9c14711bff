"""What the parameters of NIR's nodes say, and what their metadata do."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwsim.doors.graph import Floats, Shape, Steps, Widths
from hwsim.errors import TraceError
from hwsim.traces.network.weights import MOST_BITS, weight_range
from hwsim.traces.network.window import Pair

SAYS = "hwsim."
"""What the names of metadata begin with that `nir_export` writes."""


def legal(name: str) -> str:
    """A name that a layer may have."""
    kept = "".join(letter if letter.isalnum() or letter in "_-." else "_" for letter in name)
    return kept if kept[:1].isalnum() else f"n{kept}"


def hwc(name: str, shape: Any) -> Shape:
    """Sizes of NIR, channels first, as height, width and channels; raises TraceError for others."""
    sizes = [int(size) for size in shape]
    if len(sizes) == 1:
        return 1, 1, sizes[0]
    if len(sizes) in (2, 3):
        return sizes[1], sizes[2] if len(sizes) == 3 else 1, sizes[0]
    raise TraceError(f"node '{name}': wanted a shape of 1 to 3 sizes, found {sizes}")


def bias(node: Any) -> Floats | None:
    """The bias of a node, None where it is nothing."""
    bias = np.asarray(node.bias, np.float64)
    return bias if bias.any() else None


def pair(name: str, key: str, value: Any) -> Pair:
    """A number for both directions, or one of each; of padding by name 0, as it follows later.

    Raises TraceError for other names, and for another number of them.
    """
    if isinstance(value, str):
        if key == "padding" and value in ("same", "valid"):
            return 0, 0
        raise TraceError(f"node '{name}': wanted {key} as numbers, found '{value}'")
    numbers = np.ravel(value).tolist()
    if len(numbers) not in (1, 2):
        raise TraceError(f"node '{name}': wanted {key} as one number or two, found {len(numbers)}")
    return int(numbers[0]), int(numbers[-1])


def said(node: Any, key: str, otherwise: Any) -> Any:
    """What the metadata of a node say, where hwsim wrote them."""
    return (getattr(node, "metadata", None) or {}).get(f"{SAYS}{key}", otherwise)


def steps(node: Any, shape: Shape, weight: Floats | None = None) -> Steps | None:
    """The steps that weights, or a sum before a node, are known to be of; None where weights have changed since."""
    step = np.asarray(said(node, "step", ()), np.float64)
    bits = int(said(node, "bits", 0))
    if step.shape != shape[2:] or not (np.isfinite(step) & (step > 0)).all():
        return None
    if weight is not None:
        whole = weight / step
        low, high = weight_range(bits) if 1 <= bits <= MOST_BITS else (0, -1)
        rounded = np.rint(whole)
        if (np.abs(whole - rounded) > 1e-6).any() or not ((rounded >= low) & (rounded <= high)).all():
            return None
    return Steps(step, bits)


def widths(node: Any) -> Widths | None:
    """The fixed point of neurons, where the metadata have it."""
    keys = ("fraction_bits", "membrane_bits", "leak_bits", "synapse_leak_bits")
    found = [said(node, key, None) for key in keys]
    return None if None in found else Widths(*map(int, found))


def one(name: str, key: str, value: Any) -> float:
    """A value that is the same for all neurons; raises TraceError where it is not."""
    found = np.unique(np.asarray(value, np.float64))
    if found.size != 1:
        raise TraceError(f"node '{name}': wanted one {key} for all neurons, found {found.size} values")
    return float(found[0])


def by_channel(name: str, key: str, value: Any) -> Floats:
    """A value of each channel, float64 [channel] or one; raises TraceError where positions have values of their own."""
    values = np.asarray(value, np.float64)
    if values.ndim <= 1:
        return values.reshape(-1)
    flat = values.reshape(len(values), -1)
    if (flat != flat[:, :1]).any():
        raise TraceError(f"node '{name}': wanted one {key} a channel, found others by position")
    return flat[:, 0]
