"""The capture of a model by what it is: an LSTM, neurons that fire once, or neurons of timesteps."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from hwsim import arguments
from hwsim.doors.asked import Asked
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


def captured(model: nn.Module, inputs: Any, asked: Asked) -> Trace | SequenceTrace | FirstSpikeTrace:
    """See `hwsim.doors.capture`."""
    if not isinstance(model, nn.Module):
        raise UsageError(f"model: wanted a torch.nn.Module, got {type(model).__name__}")
    if asked.out is not None:
        check_outputs([asked.out])
    trace: Trace | SequenceTrace | FirstSpikeTrace
    first_spikes = asked.coding == "ttfs" or isinstance(model, TimedNetwork)
    with _evaluating(model):
        if first_spikes or is_lstm(model):
            arguments.meaningless(
                "first spikes" if first_spikes else "LSTMs",
                over_time=(asked.over_time, False),
                per_channel=(asked.per_channel, True),
                readout=(asked.readout, "spikes"),
            )
            capture = captured_first_spikes if first_spikes else captured_sequence
            trace, warning = capture(model, inputs, asked)
            if asked.out is not None:
                write_trace(asked.out, trace)
        else:
            trace, warning = captured_timesteps(model, inputs, asked)
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
