"""Does a direct-coded trace hold what its network really does, bit for bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.memory import require
from hwsim.traces.direct.record import direct_arrays, direct_record
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.footprint import executed_bytes
from hwsim.traces.network.layers import Shape
from hwsim.traces.planes import unpack_channels
from hwsim.traces.trace import RawValues
from hwsim.traces.verification import Mismatch, Verification, compare_logits, compare_redrawn


def verify_direct(trace: Trace, encode: Callable[[RawValues, int], NDArray[np.int32]] | None = None) -> Verification:
    """Execute a real network again from its raw inputs, draw a synthetic trace again from its recipe.

    `encode` says what the input layer gives at a timestep where that is not the raw input itself.

    Raises TraceError for a trace that has nothing to execute or to draw from.
    """
    if trace.provenance.recipe is not None:
        return _verify_recipe(trace)
    if trace.inputs is None:
        raise TraceError("trace: wanted raw inputs to execute or a recipe to draw again, found neither")
    from hwsim.traces.direct.golden import execute

    n_inputs = len(trace.inputs.labels)
    require(executed_bytes(trace.network, n_inputs, trace.timesteps), f"executing {n_inputs} samples again")
    run = execute(trace.network, trace.inputs.values, trace.timesteps, encode=encode)
    arrays = {
        f"{name}/{field}": _compare_words(words, run.spikes[name].arrays()[field][: trace.n_samples], packed.shape)
        for name, packed in trace.spikes.items()
        for field, words in packed.arrays().items()
    }
    arrays |= compare_logits(trace.logits, trace.provenance.split, run.logits, trace.inputs.sample_ids)
    return Verification("execution", len(trace.inputs.labels), arrays)


def _verify_recipe(trace: Trace) -> Verification:
    from hwsim.traces.direct.synth import draw

    recipe = trace.provenance.recipe
    assert recipe is not None
    again = draw(recipe)
    same = (direct_record(again), again.provenance) == (direct_record(trace), trace.provenance)
    return compare_redrawn(trace.n_samples, direct_arrays(trace), direct_arrays(again), same)


def _compare_words(words: NDArray[np.uint64], wanted: NDArray[np.uint64], shape: Shape) -> Mismatch:
    """Compare words first, so that bits are unpacked only where something is wrong."""
    height, width, channels = shape
    differing = words ^ wanted
    compared = differing.shape[0] * differing.shape[1] * height * width * channels
    if not differing.any():
        return Mismatch(compared, 0, None)
    sample, t, position, _ = (int(i) for i in np.argwhere(differing)[0])
    channel = int(unpack_channels(differing[sample, t, position], channels).argmax())
    first = (sample, t, position // width, position % width, channel)
    return Mismatch(compared, int(np.bitwise_count(differing).sum()), first)
