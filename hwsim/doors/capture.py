"""`hwsim.capture`, without PyTorch until it is called."""

from __future__ import annotations

import inspect
import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwsim import arguments
from hwsim.doors.asked import Asked
from hwsim.doors.events.stored import EventInputs, channels_first, read_inputs
from hwsim.errors import UsageError
from hwsim.files import check_apart
from hwsim.traces.provenance import check_about

if TYPE_CHECKING:
    from hwsim.traces.direct.trace import Trace
    from hwsim.traces.plastic.parameters import Learner
    from hwsim.traces.plastic.trace import PlasticTrace
    from hwsim.traces.sequence.trace import SequenceTrace
    from hwsim.traces.ttfs.trace import FirstSpikeTrace

    Captured = Trace | SequenceTrace | FirstSpikeTrace | PlasticTrace


def capture(
    model: Any,
    inputs: Any,
    *,
    labels: Any = None,
    timesteps: int | None = None,
    over_time: bool = False,
    weight_bits: int = 8,
    input_bits: int = 8,
    per_channel: bool = True,
    readout: str = "spikes",
    recorded: int | None = None,
    allow_drift: float | None = None,
    coding: str | None = None,
    test: Any = None,
    out: str | os.PathLike[str] | None = None,
    **about: Any,
) -> Captured:
    """The trace of a spiking network trained in snnTorch, SpikingJelly or Norse, or of one of another coding.

    Args:
        model: a torch module whose forward pass takes a batch: one timestep of it, or all of them in a loop or in
            SpikingJelly's multi-step mode.  A model of one LSTM becomes a trace of coding `sequence`, as does
            `hwsim.doors.torch.lstm.SpikingLSTM`; one of ReLU with `coding` one of first spikes.  The parameters
            of a network that learns, `hwsim.Learner`, become one of coding `plastic`.
        inputs: a batch [sample, ...], or batches of it with labels, such as a DataLoader; from 0 to 1, or integers of
            up to 16 bits; with some below 0 any, as the largest magnitude is then the largest number.  With
            `over_time`, [sample, timestep, ...] of spikes or small counts.  What `hwsim.from_events` gives, or the file
            that `hwsim trace from-events` writes, is over time and has labels.
        labels: [sample], where the batches bring none.
        timesteps: T; needed where the model does one timestep a call and the input does not change.  Of a model of an
            LSTM how many spikes stand for a value, of first spikes the ticks of a window.
        over_time: whether the input changes from timestep to timestep; the trace is then of coding `events`.  A model
            with a loop of its own is given [timestep, sample, ...], or as they are if it runs over the second axis.
        weight_bits: 1 to 16; of 1 bit weights keep their signs.
        input_bits: 1 to 16, of inputs that are no integers; those below 0 are signed, and the notes of the trace say
            what 1 is worth.
        per_channel: whether each output channel has a weight step of its own.
        readout: what the last neurons decide by, `spikes`, `membrane` or `mean_membrane`, its mean over time.
        recorded: samples whose spikes are kept, the first ones; all unless given.
        allow_drift: share of spikes that may differ from the model's own; 5 % unless given.
        coding: `ttfs` for first spikes of a network of ReLU; all else follows from the model.
        test: (inputs, labels) on which a network decides that has learned; of no other.
        out: a trace file to write as samples are executed, so that memory does not grow with their number; batches are
            taken one at a time.  What is given back is mapped from it.
        about: fields of `hwsim.traces.Provenance`, such as name and dataset.

    The trace holds the exact integer network and is executed by it.  A drift of over 1 % of the spikes warns.  Of
    first spikes, and of LSTMs, the drift is that from the same network with weights that are not rounded, and the
    accuracy beside it that of the model.  Sequences and first spikes lie in memory also where `out` is written.

    Raises:
        UsageError: PyTorch is not installed, an argument is none of these, or `out` cannot be written.
        TraceError: a module, by its name, that a trace cannot say, or a drift of more than is allowed.

    """
    from hwsim.traces.plastic.parameters import Learner

    check_about(about, inspect.signature(capture).parameters)
    place = None if out is None else Path(out)
    settings = timesteps, over_time, weight_bits, input_bits, per_channel, readout, recorded, allow_drift, coding
    asked = Asked(labels, *settings, place, about)
    if isinstance(model, Learner):
        return _learned(model, inputs, test, asked)
    if test is not None:
        raise UsageError("test: has a meaning for networks that learn alone, the parameters of which are a Learner")
    try:
        import torch  # noqa: F401 - only whether it is there
    except ImportError:
        raise UsageError("model: capturing needs PyTorch: pip install 'hwsim[torch]'") from None
    if coding not in (None, "ttfs"):
        raise UsageError(f"coding: wanted ttfs, or none for what follows from the model, got {coding!r}")
    from hwsim.doors.torch.captured import captured

    if isinstance(inputs, str | os.PathLike):
        check_apart([Path(inputs)], [] if place is None else [place])
        inputs = read_inputs(inputs)
    if isinstance(inputs, EventInputs):
        asked = replace(asked, labels=inputs.labels if labels is None else labels, over_time=True)
        inputs = channels_first(inputs.values)
    return captured(model, inputs, asked)


def _learned(learner: Learner, inputs: Any, test: Any, asked: Asked) -> PlasticTrace:
    from hwsim.doors.learning import captured_learner

    arguments.meaningless(
        f"a {type(learner).__name__}",
        timesteps=(asked.timesteps, None),
        recorded=(asked.recorded, None),
        coding=(asked.coding, None),
        over_time=(asked.over_time, False),
        readout=(asked.readout, "spikes"),
        per_channel=(asked.per_channel, True),
        weight_bits=(asked.weight_bits, 8),
        input_bits=(asked.input_bits, 8),
    )
    learned, told = captured_learner(learner, inputs, test, asked)
    if told:
        warnings.warn(told, stacklevel=3)
    return learned
