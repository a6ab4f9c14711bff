"""A trace of a learning network against a second execution, and a shorter one from a longer; it repairs nothing."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import UsageError
from hwsim.traces.direct_slice import count_of
from hwsim.traces.plastic import PlasticNetwork, PlasticSamples, PlasticTrace
from hwsim.traces.verification import Verification, compare


def record_plastic(
    network: PlasticNetwork, values: NDArray[np.uint8], sample_ids: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Spikes of all neurons while `network` learns on training samples uint8 [sample, pixel] in order: [sample]."""
    from hwsim.traces.plastic_encode import input_spikes
    from hwsim.traces.plastic_golden import LearningCore

    core = LearningCore(network)
    responses = np.empty(len(values), np.int32)
    for n, (sample_id, sample) in enumerate(zip(sample_ids.tolist(), values, strict=True)):
        spikes = input_spikes(network, "train", sample_id, sample)
        responses[n] = core.present(spikes, "train", sample_id, learn=True).sum(dtype=np.int64)
    return responses


def verify_plastic(trace: PlasticTrace) -> Verification:
    """Draw the input spikes of every sample again, and learn again on the training samples."""
    from hwsim.traces.plastic_encode import encoder_digests

    arrays = {}
    for name, part in trace.parts.items():
        counts, digests = encoder_digests(trace.network, name, part.sample_ids, part.values)
        arrays[f"{name}/input_spikes"] = compare(part.input_spikes, counts)
        arrays[f"{name}/digests"] = compare(part.digests, digests)
    train = trace.parts["train"]
    arrays["train/responses"] = compare(trace.responses, record_plastic(trace.network, train.values, train.sample_ids))
    return Verification("execution", sum(len(part.labels) for part in trace.parts.values()), arrays)


def first_of_plastic(trace: PlasticTrace, samples: int | None, timesteps: int | None) -> PlasticTrace:
    """The first samples of the training part, and of the test part at most as many.

    Raises UsageError when there are fewer than asked for, and for fewer timesteps: shorter presentations learn others.
    """
    n = count_of("samples", samples, trace.n_samples)
    if timesteps not in (None, trace.timesteps):
        raise UsageError(f"--timesteps: a learning network has presentations of {trace.timesteps}, got {timesteps}")
    if n == trace.n_samples:
        return trace
    parts = {name: _first(part, n) for name, part in trace.parts.items()}
    return replace(trace, parts=parts, responses=trace.responses[:n])


def _first(part: PlasticSamples, n: int) -> PlasticSamples:
    return PlasticSamples(*(getattr(part, field.name)[:n] for field in fields(part)))
