"""The network without spikes in the place of a trace's: bits of its activations, and which are set.

Neurons become activation functions and all timesteps one pass.  The activations of `qann` are the spike counts of the
trace, so that a neuron that never spikes is a zero; this is the quantised network that a rate over T timesteps stands
for (Yan et al., arXiv 2409.08290).  Those of `ann` are uniform, which leaves hardly a zero: our choice.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.dense import BaselineKind, Dense
from hwsim.errors import ArchitectureError
from hwsim.kernels.counter_rng import random_words, stream_key
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import Layer
from hwsim.traces.planes import Words, sum_planes, widened
from hwsim.traces.trace import PackedSpikes


def activations_of(spec: ImcSpec, kind: BaselineKind, timesteps: int, signed: bool) -> Dense:
    """Those of a kind of baseline, in the place of `signed` spikes or of others.

    Raises ArchitectureError where activations are assumed to lie in the membrane memory.
    """
    if spec.assumptions.activations == "whole_maps":
        raise ArchitectureError(
            "assumptions.activations: whole_maps lie in the memory of membranes, which a network without spikes "
            "does not have; --baseline needs rows"
        )
    return Dense.of(kind, timesteps, spec.baseline.ann_bits, "trace", signed)


def planes_of(dense: Dense, trace: Trace, samples: range) -> Mapping[str, Words]:
    """Bit planes of every layer with an activation function: uint64 [plane, sample, 1, position, word]."""
    bits = dense.activation_bits
    if dense.kind == "ann":
        return {name: _uniform(bits, trace.network[name], packed, samples) for name, packed in trace.spikes.items()}
    return {name: _spike_counts(bits, packed, samples) for name, packed in trace.spikes.items()}


def _spike_counts(bits: int, packed: PackedSpikes, samples: range) -> Words:
    planes = packed.planes(slice(samples.start, samples.stop))
    if packed.negative is not None:
        planes = widened(planes, bits)
    timesteps = planes.shape[2]
    terms = [planes[:, :, t : t + 1] for t in range(timesteps)]
    return sum_planes(terms, [1] * timesteps, bits)


def _uniform(bits: int, layer: Layer, packed: PackedSpikes, samples: range) -> Words:
    """Every bit set with probability 1/2, whatever batch a sample is in."""
    _, _, positions, words = packed.words.shape
    size = bits * positions * words
    counters = np.arange(samples.start * size, samples.stop * size, dtype=np.uint64)
    drawn = random_words(stream_key(0, "ann", layer.name), counters).reshape(-1, bits, positions, words)
    if layer.shape[2] % 64:
        drawn[..., -1] &= np.uint64((1 << layer.shape[2] % 64) - 1)
    return np.ascontiguousarray(drawn.swapaxes(0, 1)[:, :, None])


def in_one_pass(spec: ImcSpec) -> ImcSpec:
    """The machine for a single timestep: no currents need be kept for the next, though a unit beside crossbars does."""
    if spec.direct_input == "digital":
        return spec
    return spec.model_copy(update={"direct_input": "every_step"})
