"""A trace of a learning network against a second execution, and a shorter one from a longer."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import UsageError
from hwsim.memory import require
from hwsim.traces.plastic.trace import LearnedState, PlasticNetwork, PlasticSamples, PlasticTrace, Presentation
from hwsim.traces.trace import count_of
from hwsim.traces.verification import Verification, compare

Ints = NDArray[np.int32]
_WEIGHT_BYTES = 24  # its number, a random number, and the weight while it is drawn


def learned_bytes(network: PlasticNetwork) -> int:
    """Memory that learning takes at least: weights, the random numbers that they begin with, and spikes of a sample."""
    steps = network.coding.present_steps + network.coding.rest_steps
    return network.pixels * network.neurons.count * _WEIGHT_BYTES + steps * network.neurons.count


def record_plastic(network: PlasticNetwork, values: NDArray[np.uint8], sample_ids: NDArray[np.int64]) -> Ints:
    """Spikes of all neurons while `network` learns on training samples uint8 [sample, pixel] in order: [sample]."""
    responses, _ = _learned(network, values, sample_ids, len(values))
    return responses


def _learned(
    network: PlasticNetwork, values: NDArray[np.uint8], sample_ids: NDArray[np.int64], samples: int
) -> tuple[Ints, LearnedState]:
    """Learn from the beginning on so many samples, over all passes."""
    from hwsim.traces.plastic.golden import LearningCore
    from hwsim.traces.plastic.run import show

    core, n = LearningCore(network), len(values)
    responses = np.empty(samples, np.int32)
    for step in range(samples):
        shown = Presentation("train", int(sample_ids[step % n]), passed=step // n)
        responses[step] = show(core, shown, values[step % n], learn=True).spikes.sum()
    return responses, core.state(samples)


def verify_plastic(trace: PlasticTrace) -> Verification:
    """Draw the input spikes of every sample again, and learn again from the beginning."""
    from hwsim.traces.plastic.encode import encoder_digests

    require(learned_bytes(trace.network), "learning again")
    arrays = {}
    for name, part in trace.parts.items():
        counts, digests = encoder_digests(trace.network, name, part.sample_ids, part.values)
        arrays[f"{name}/input_spikes"] = compare(part.input_spikes, counts)
        arrays[f"{name}/digests"] = compare(part.digests, digests)
    train = trace.parts["train"]
    responses, state = _learned(trace.network, train.values, train.sample_ids, len(trace.responses))
    arrays["train/responses"] = compare(trace.responses, responses)
    if trace.state is not None:
        arrays["state/weights"] = compare(trace.state.weights, state.weights)
        arrays["state/theta"] = compare(trace.state.theta, state.theta)
        arrays["state/strength"] = compare(np.array([trace.state.strength]), np.array([state.strength]))
    return Verification("execution", sum(len(part.labels) for part in trace.parts.values()), arrays)


def first_of_plastic(trace: PlasticTrace, samples: int | None, timesteps: int | None) -> PlasticTrace:
    """The first samples of the training part, and of the test part at most as many.

    Of a trace that has learned, only the test part: the training samples are those that it learns from.
    Raises UsageError when there are fewer than asked for, and for fewer timesteps: shorter presentations learn others.
    """
    n = count_of("samples", samples, trace.n_samples)
    if timesteps not in (None, trace.timesteps):
        raise UsageError(f"timesteps: a learning network has presentations of {trace.timesteps}, got {timesteps}")
    if n == trace.n_samples:
        return trace
    if trace.state is not None:
        return replace(trace, parts={**trace.parts, "test": _first(trace.parts["test"], n)})
    parts = {name: _first(part, n) for name, part in trace.parts.items()}
    return replace(trace, parts=parts, responses=trace.responses[:n])


def _first(part: PlasticSamples, n: int) -> PlasticSamples:
    return PlasticSamples(*(getattr(part, field.name)[:n] for field in fields(part)))
