"""The capture of a model by what it is: an LSTM, neurons that fire once, or neurons of timesteps."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from hwsim import arguments
from hwsim.doors.torch.capture import captured_timesteps
from hwsim.doors.torch.first_spike.capture import captured_first_spikes
from hwsim.doors.torch.first_spike.timed import TimedNetwork
from hwsim.doors.torch.lstm.capture import captured_sequence, is_lstm
from hwsim.errors import UsageError
from hwsim.files import check_outputs
from hwsim.traces.direct.trace import Trace
from hwsim.traces.io import write_trace
from hwsim.traces.sequence.trace import SequenceTrace
from hwsim.traces.ttfs.trace import FirstSpikeTrace


def captured(
    model: nn.Module,
    inputs: Any,
    labels: Any,
    timesteps: int | None,
    over_time: bool,
    weight_bits: int,
    input_bits: int,
    per_channel: bool,
    readout: str,
    recorded: int | None,
    allow_drift: float | None,
    coding: str | None,
    out: Path | None,
    about: Mapping[str, Any],
) -> Trace | SequenceTrace | FirstSpikeTrace:
    """See `hwsim.doors.capture`."""
    if not isinstance(model, nn.Module):
        raise UsageError(f"model: wanted a torch.nn.Module, got {type(model).__name__}")
    if out is not None:
        check_outputs([out])
    trace: Trace | SequenceTrace | FirstSpikeTrace
    first_spikes = coding == "ttfs" or isinstance(model, TimedNetwork)
    with _evaluating(model):
        if first_spikes or is_lstm(model):
            arguments.meaningless(
                "first spikes" if first_spikes else "LSTMs",
                over_time=(over_time, False),
                per_channel=(per_channel, True),
                readout=(readout, "spikes"),
            )
            capture = captured_first_spikes if first_spikes else captured_sequence
            trace, warning = capture(
                model, inputs, labels, timesteps, weight_bits, input_bits, recorded, allow_drift, about
            )
            if out is not None:
                write_trace(out, trace)
        else:
            trace, warning = captured_timesteps(
                model,
                inputs,
                labels,
                timesteps,
                over_time,
                weight_bits,
                input_bits,
                per_channel,
                readout,
                recorded,
                allow_drift,
                out,
                about,
            )
    if warning:
        warnings.warn(warning, stacklevel=3)
    return trace


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Run a model as it decides, and leave it training if it was."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
