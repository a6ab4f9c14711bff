"""From a spiking LSTM, or one that it stands in for, and sequences to a trace: integers, and floats beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hwsim import arguments, make
from hwsim.doors.asked import Asked
from hwsim.doors.drift import check_drift, drift_of_counts
from hwsim.doors.entry import SAMPLES_COMPARED
from hwsim.doors.spool import Spool
from hwsim.doors.torch.batches import gathered
from hwsim.doors.torch.lstm.integers import Lattice, logit_scale, network_of
from hwsim.doors.torch.lstm.network import Shape, SpikingLSTM
from hwsim.doors.torch.lstm.reading import OrdinaryLSTM, cells_of, read
from hwsim.doors.torch.lstm.standing_in import Line, stand_in
from hwsim.errors import UsageError
from hwsim.traces.planes import unpack_channels
from hwsim.traces.sequence.trace import HIDDEN, SequenceSpikes, SequenceTrace
from hwsim.traces.trace import MAX_TIMESTEPS

_FITTED = 64
"""Samples on which gates are fitted; our choice."""
_AT_ONCE = 256


class Sequences(NamedTuple):
    """Raw integers int8 [sample, element, feature], what 1 is worth, and labels."""

    values: NDArray[np.int8]
    unit: float
    labels: NDArray[np.int64]


def is_lstm(model: nn.Module) -> bool:
    """Whether a model is a spiking LSTM, or has an LSTM within."""
    return isinstance(model, SpikingLSTM) or bool(cells_of(model))


def captured_sequence(model: nn.Module, inputs: Any, asked: Asked) -> tuple[SequenceTrace, str]:
    """The trace of an LSTM, and what is to be told of it; see `hwsim.doors.capture`."""
    input_bits = arguments.within("input_bits", asked.input_bits, 2, 8)
    weight_bits = arguments.within("weight_bits", asked.weight_bits, 2, 8)
    found = sequences(inputs, asked.labels, input_bits)
    network, original, told = _spiking(model, found, asked.timesteps)
    lattice = Lattice(found.unit, _rms(found.values), weight_bits, input_bits)
    known = {"name": type(model).__name__, "framework": f"torch {torch.__version__}", "notes": told} | dict(asked.about)
    integers = network_of(network, lattice)
    trace = make.sequence(integers, found.values, found.labels, network.timesteps, asked.recorded, **known)
    scale = logit_scale(network, lattice)
    trace = replace(trace, logits={name: replace(each, scale=scale) for name, each in trace.logits.items()})
    warning = _compared(trace, network, original, found, asked.allow_drift)
    return trace, "; ".join(filter(None, (warning, told)))


def sequences(inputs: Any, labels: Any, bits: int) -> Sequences:
    """Whole numbers of some bits, as they are or with the largest magnitude as the largest number."""
    found = gathered(inputs, labels, Spool())
    if found.raw.ndim != 3:
        raise UsageError(f"inputs: wanted sequences [sample, element, feature] for an LSTM, found {found.raw.shape}")
    top = (1 << (bits - 1)) - 1
    whole = found.whole and -top - 1 <= found.least and found.most <= top
    unit = 1.0 if whole else max(found.most, -found.least) / top
    values = np.rint(found.raw.astype(np.float64) / unit).astype(np.int8)
    return Sequences(values, unit, found.labels)


def _spiking(model: nn.Module, found: Sequences, timesteps: int | None) -> tuple[SpikingLSTM, OrdinaryLSTM | None, str]:
    """The network itself, or what stands in for the one in the model, that one, and what is to be told of it."""
    if isinstance(model, SpikingLSTM):
        if timesteps not in (None, model.timesteps):
            raise UsageError(f"timesteps: wanted {model.timesteps}, those of the network, got {timesteps}")
        wanted = (model.shape.n_elements, model.shape.n_features)
        if found.values.shape[1:] != wanted:
            raise UsageError(f"inputs: wanted [sample, {wanted[0]}, {wanted[1]}], found {found.values.shape}")
        return model, None, ""
    if timesteps is None:
        raise UsageError("timesteps: wanted how many spikes may stand for a value of an LSTM; 8 or 16 come near it")
    network, original, lines = stood_in(model, _real(found, slice(_FITTED), next(model.parameters())), timesteps)
    errors = ", ".join(f"{name} {line.error:.3f}" for name, line in lines.items())
    told = f"module '{original.name}' ({type(original.module).__name__}): a spiking LSTM stands in for it, errors of "
    told += f"its gates {errors} (root mean square)"
    if not original.remembers:
        told += "; as snnTorch runs it, it forgets its state at every call: input_size is not hidden_size"
    return network, original, told


def stood_in(model: nn.Module, x: torch.Tensor, timesteps: int) -> tuple[SpikingLSTM, OrdinaryLSTM, Mapping[str, Line]]:
    """A spiking LSTM for that of a model, fitted on sequences [sample, element, feature]; it may be trained on.

    With it what was found in the model, and how near each gate is.  Raises TraceError as `read` does.
    """
    original = read(model, x)
    n, features = x.shape[1:]
    shape = Shape(n, features, original.weights.recurrent.shape[1], original.readout.out_features, original.over)
    steps = arguments.within("timesteps", timesteps, 1, MAX_TIMESTEPS)
    network, lines = stand_in(original.weights, original.readout, shape, x, steps, original.remembers)
    return network, original, lines


def _real(found: Sequences, of: slice, like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(found.values[of].astype(np.float64) * found.unit).to(like)


def _rms(values: NDArray[np.int8]) -> float:
    return max(float(np.sqrt(np.square(values[:_AT_ONCE].astype(np.float64)).mean())), 1.0)


@torch.no_grad()
def _compared(
    trace: SequenceTrace,
    network: SpikingLSTM,
    original: OrdinaryLSTM | None,
    found: Sequences,
    allow_drift: float | None,
) -> str:
    """Spikes of the first samples beside those in floats, and what is right of all in integers and in the model."""
    first = min(SAMPLES_COMPARED, trace.n_samples)
    played = network.play(_real(found, slice(first), network.bias))
    counts = {}
    for name, steps in {**played.spikes, HIDDEN: played.hidden}.items():
        wanted = torch.stack(steps).permute(2, 0, 1, 3).cpu().numpy()  # [sample, element, timestep, unit]
        signs = signs_of(trace.spikes[f"lstm1/{name}"])[:first]
        counts[f"lstm1/{name}"] = int(np.abs(wanted - signs).sum()), int(np.abs(wanted).sum())
    right = 0
    for start in range(0, len(found.labels), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        x = _real(found, part, network.bias if original is None else original.weights.own)
        logits = network.logits(x).sum(0) if original is None else original.logits(x)
        right += int((logits.argmax(1).cpu().numpy() == found.labels[part]).sum())
    accuracy = float(trace.logits["test"].accuracy()[-1])
    return check_drift(drift_of_counts(counts, accuracy, right / len(found.labels)), allow_drift)


def signs_of(spikes: SequenceSpikes) -> NDArray[np.int8]:
    """Spikes -1, 0, 1 of a recording: [sample, element, timestep, unit]."""
    planes = unpack_channels(spikes.words, spikes.n_units).astype(np.int8)
    fired: NDArray[np.int8] = planes[..., 0, :]
    return fired * (1 - 2 * planes[..., 1, :]) if planes.shape[-2] == 2 else fired
