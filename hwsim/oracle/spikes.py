"""A batch's spikes as a training loop has them, packed as traces have them; what is no such thing is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import UsageError, guess
from hwsim.kernels.packing import pack_maps
from hwsim.printable import brief, shortened
from hwsim.traces.network.geometry import n_words
from hwsim.traces.network.layers import Layer, neuron_of
from hwsim.traces.planes import pack_channels
from hwsim.traces.trace import PackedSpikes

Axes = Literal["time, sample", "sample, time"]
"""The order of the first two axes of what is given; channels come next, then rows and columns."""


def packed(spikes: Any, layers: Sequence[Layer], timesteps: int, axes: Axes) -> dict[str, PackedSpikes]:
    """Spikes of some layers, by name, as words: each [timestep, sample, channel, y, x], or a timestep a list's entry.

    Raises UsageError for anything else than all of these layers, and for values that are no spikes.
    """
    by_name = {layer.name: layer for layer in layers}
    given = named(spikes, by_name)
    found = {name: _packed(layer, given[name], timesteps, axes) for name, layer in by_name.items()}
    same_number({name: each.words for name, each in found.items()})
    return found


def _packed(layer: Layer, given: Any, timesteps: int, axes: Axes) -> PackedSpikes:
    if isinstance(given, PackedSpikes):
        wanted = (timesteps, layer.shape[0] * layer.shape[1], n_words(layer.shape[2]))
        if given.words.ndim != 4 or given.words.shape[1:] != wanted or given.words.dtype != np.uint64:
            raise _wrong(layer, f"words [sample, {', '.join(map(str, wanted))}]", given.words.shape)
        return given
    steps = by_timestep(layer, given, timesteps, axes)
    words = np.zeros((len(steps[0]), timesteps, layer.shape[0] * layer.shape[1], n_words(layer.shape[2])), np.uint64)
    neuron = neuron_of(layer)
    if neuron is None or not neuron.signed:
        for t, values in enumerate(steps):
            _pack(layer, values, words[:, t], t)
        return PackedSpikes(words, layer.shape)
    negative = np.zeros_like(words)
    for t, values in enumerate(steps):
        _pack(layer, np.abs(values), words[:, t], t)
        _pack(layer, values < 0, negative[:, t], t)
    return PackedSpikes(words, layer.shape, negative)


def by_timestep(layer: Layer, given: Any, timesteps: int, axes: Axes) -> list[NDArray[Any]]:
    """Each timestep [sample, channel, place] of what is given.

    Raises UsageError for another shape and for what are no numbers.
    """
    height, width, channels = layer.shape
    if isinstance(given, list | tuple):
        parts = [array_of(layer.name, each) for each in given]
        if len({part.shape for part in parts}) > 1:
            raise _wrong(layer, "one shape at all timesteps", sorted({part.shape for part in parts}))
    else:
        whole = array_of(layer.name, given)
        if whole.ndim < 2:
            raise _wrong(layer, _wanted(layer, timesteps, axes), whole.shape)
        parts = list(whole if axes == "time, sample" else np.moveaxis(whole, 1, 0))
    shapes = {(channels, height, width)} | ({(channels,)} if height * width == 1 else set())
    if len(parts) != timesteps or parts[0].ndim < 1 or parts[0].shape[1:] not in shapes:
        found = (len(parts), *parts[0].shape) if parts else (0,)
        raise _wrong(layer, _wanted(layer, timesteps, "time, sample"), found)
    if not len(parts[0]):
        raise _wrong(layer, "one sample or more", (len(parts), *parts[0].shape))
    return [np.ascontiguousarray(part).reshape(len(part), channels, height * width) for part in parts]


def array_of(name: str, given: Any) -> NDArray[Any]:
    """A tensor or an array as an array of numbers, of which it is no copy where it can be none.

    Raises UsageError for what is none.
    """
    if hasattr(given, "detach"):
        given = given.detach()
        given = given.float() if str(given.dtype) in ("torch.bfloat16", "torch.float16") else given
        given = given.cpu().numpy()
    elif not isinstance(given, np.ndarray):
        if not hasattr(given, "__array__"):
            raise UsageError(f"spikes, {name}: wanted a tensor or an array, got {brief(given)}")
        given = np.asarray(given)
    if given.dtype.kind not in "biuf":
        raise UsageError(f"spikes, {name}: wanted numbers that are 0 or 1, found {given.dtype}")
    found: NDArray[Any] = given.view(np.uint8) if given.dtype.kind == "b" else given
    return found.astype(np.float32) if found.dtype == np.float16 else found


def _pack(layer: Layer, values: NDArray[Any], words: NDArray[np.uint64], timestep: int) -> None:
    if values.shape[2] == 1:
        fires = values[:, :, 0] != 0
        words[:, 0] = pack_channels(fires)
        good = bool((fires == values[:, :, 0]).all())
    else:
        good = pack_maps(values.view(np.uint8) if values.dtype == np.bool_ else values, words)
    if not good:
        signed = getattr(neuron_of(layer), "signed", False)
        other = values[(values != 0) & (values != 1)].flat[0]
        wanted = "-1, 0 or 1" if signed else "0 or 1"
        raise UsageError(f"spikes, {layer.name}: wanted {wanted}, found {other:g} at timestep {timestep}")


def _wanted(layer: Layer, timesteps: int, axes: Axes) -> str:
    height, width, channels = layer.shape
    sizes = str(channels) if height * width == 1 else f"{channels}, {height}, {width}"
    first = f"{timesteps}, samples" if axes == "time, sample" else f"samples, {timesteps}"
    return f"[{first}, {sizes}]"


def _wrong(layer: Layer, wanted: str, found: Any) -> UsageError:
    return UsageError(f"spikes, {layer.name}: wanted {wanted}, found {shortened(str(found))}")


def named(given: Any, known: Mapping[str, object]) -> Mapping[str, Any]:
    """What is given by name, of all names and no others.

    Raises UsageError where it is not.
    """
    if not isinstance(given, Mapping):
        raise UsageError(f"spikes: wanted arrays by layer, got {brief(given)}")
    for name in given:
        if name not in known:
            those = f"those are {', '.join(known)}{guess(str(name), known)}"
            raise UsageError(f"spikes: no layer with neurons is called '{shortened(str(name))}', {those}")
    if missing := [name for name in known if name not in given]:
        raise UsageError(f"spikes: wanted those of {', '.join(known)}, found none of {', '.join(missing)}")
    return {name: given[name] for name in known}


def same_number(found: Mapping[str, NDArray[Any]]) -> int:
    """How many samples all have; raises UsageError where they differ."""
    samples = {name: len(each) for name, each in found.items()}
    if len(set(samples.values())) > 1:
        told = ", ".join(f"{n} of {name}" for name, n in samples.items())
        raise UsageError(f"spikes: wanted as many samples of every layer, found {told}")
    return next(iter(samples.values()))
