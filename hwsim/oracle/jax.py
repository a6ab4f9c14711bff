"""The same term for JAX: a host callback forward, slopes of every spike backward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from hwsim.errors import UsageError
from hwsim.oracle.oracle import Oracle

__all__ = ["loss"]


def loss(oracle: Oracle, spikes: Mapping[str, Any], inputs: Any = None) -> Any:
    """What a batch costs, in the oracle's objective: a float32 scalar with gradients to its spikes, under `jit` too.

    `spikes` are arrays by layer as the oracle takes them, [timestep, sample, channel, y, x]; `inputs` likewise.  Raises
    UsageError for another network than one of timesteps; what is wrong with spikes is raised when they are there.
    """
    if not oracle.over_time:
        raise UsageError("loss: JAX has a term for networks of timesteps alone")
    names = list(spikes)

    def value_of(given: list[Any], raw: Any) -> NDArray[np.float32]:
        return np.float32(oracle(_named(names, given), _array(raw)).value)  # type: ignore[return-value]

    def slopes_of(given: list[Any], raw: Any) -> tuple[Any, list[NDArray[np.float32]]]:
        arrays = _named(names, given)
        cost, slopes = oracle.slopes(arrays, _array(raw))
        each = [_as_given(oracle, name, slopes.get(name), array) for name, array in arrays.items()]
        return np.float32(cost.value), each

    number = jax.ShapeDtypeStruct((), np.float32)

    @jax.custom_vjp  # type: ignore[untyped-decorator]
    def cost(given: list[Any], raw: Any) -> Any:
        return jax.pure_callback(value_of, number, given, raw)

    def forward(given: list[Any], raw: Any) -> Any:
        shapes = [jax.ShapeDtypeStruct(each.shape, np.float32) for each in given]
        return jax.pure_callback(slopes_of, (number, shapes), given, raw)

    def backward(slopes: list[Any], gradient: Any) -> Any:
        return [each * gradient for each in slopes], None

    cost.defvjp(forward, backward)
    return cost([jax.numpy.asarray(spikes[name], np.float32) for name in names], inputs)


def _named(names: list[str], given: list[Any]) -> dict[str, NDArray[Any]]:
    return {name: np.asarray(each) for name, each in zip(names, given, strict=True)}


def _array(raw: Any) -> NDArray[Any] | None:
    return None if raw is None else np.asarray(raw)


def _as_given(oracle: Oracle, name: str, slopes: Any, given: NDArray[Any]) -> NDArray[np.float32]:
    """Slopes [sample, timestep, place, channel] of the mean over samples, in the axes of what was given."""
    if slopes is None:
        return np.zeros(given.shape, np.float32)
    height, width, _ = oracle.shape(name)
    maps = slopes.reshape(*slopes.shape[:2], height, width, slopes.shape[3]).transpose(1, 0, 4, 2, 3)
    first = oracle.axes == "time, sample"
    whole = maps if first else maps.swapaxes(0, 1)
    shape = given.shape if given.ndim == 5 else (*given.shape, 1, 1)
    spread = np.broadcast_to(whole, shape).reshape(given.shape)
    return (spread / np.float32(given.shape[1 if first else 0])).astype(np.float32)
