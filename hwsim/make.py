"""Traces made in memory, one call a coding: the network is executed in its exact integers, and all rules are checked.

Networks are values of `hwsim.traces.network.layers`, `hwsim.traces.ttfs.trace`, `hwsim.traces.sequence.trace` and
`hwsim.traces.plastic.trace`.  What a call gives is what a file of it would give: `hwsim.simulate` plays it,
`hwsim.traces.write_trace` stores it.  Whoever has spikes and logits of his own fills in a trace type himself and has
it checked by `check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from hwsim import arguments
from hwsim.errors import TraceError
from hwsim.traces.direct.events import EventTrace
from hwsim.traces.direct.golden import Execution, execute
from hwsim.traces.direct.rate import RateTrace, encoder
from hwsim.traces.direct.trace import Trace
from hwsim.traces.io import check_trace
from hwsim.traces.network.layers import Network
from hwsim.traces.provenance import Provenance, check_about
from hwsim.traces.trace import MAX_EVENT_TIMESTEPS, MAX_TIMESTEPS, Inputs, Logits, PackedSpikes, RawValues
from hwsim.version import VERSION

if TYPE_CHECKING:
    from hwsim.traces.plastic.trace import PlasticNetwork, PlasticTrace
    from hwsim.traces.sequence.trace import SequenceNetwork, SequenceTrace
    from hwsim.traces.ttfs.trace import FirstSpikeNetwork, FirstSpikeTrace

__all__ = ["check", "direct", "events", "first_spike", "plastic", "rate", "sequence"]

check = check_trace


def direct(
    network: Network, inputs: ArrayLike, labels: ArrayLike, timesteps: int, recorded: int | None = None, **about: Any
) -> Trace:
    """A direct-coded trace: the raw input is presented unchanged at every timestep.

    Args:
        network: its first layer an `Input`, its last one gives logits.
        inputs: [sample, height, width, channel], of the bits of the input layer: uint8, of more than 8 bits uint16, and
            int8 or int16 where it is signed.
        labels: [sample], the right class of each.
        timesteps: T.
        recorded: samples whose spikes are kept, the first ones; all unless given.  Logits are kept of all.
        about: fields of `hwsim.traces.provenance.Provenance`: `name`, `dataset`, `split`, `licence`, `notes` ...

    Raises:
        TraceError: network or inputs break a rule of the format.

    """
    values, right, n = samples_of(inputs, network.input.dtype, labels, recorded)
    run = execute(network, values, arguments.within("timesteps", timesteps, 1, MAX_TIMESTEPS))
    trace = of_run(network, timesteps, run, values, right, n, about)
    check(trace)
    return trace


def events(
    network: Network, inputs: ArrayLike, labels: ArrayLike, recorded: int | None = None, **about: Any
) -> EventTrace:
    """A trace whose inputs change over time: [sample, timestep, height, width, channel]; all else as `direct`.

    The input layer of `network` is `over_time`; of one bit its values are spikes, of more small counts.
    """
    values, right, n = samples_of(inputs, network.input.dtype, labels, recorded)
    if values.ndim != 5 or not network.input.over_time:
        wanted = "inputs (samples, timesteps, height, width, channels) and an Input with over_time=True"
        raise TraceError(f"inputs: wanted {wanted}, found {values.shape} and over_time={network.input.over_time}")
    run = execute(network, values, arguments.within("timesteps", values.shape[1], 1, MAX_EVENT_TIMESTEPS))
    trace = of_run(network, values.shape[1], run, values, right, n, about)
    check(trace)
    assert isinstance(trace, EventTrace)
    return trace


def of_run(
    network: Network,
    timesteps: int,
    run: Execution,
    inputs: NDArray[np.uint8],
    labels: NDArray[np.int64],
    recorded: int,
    about: Mapping[str, Any],
) -> Trace:
    """The trace of what a network did on all inputs, direct-coded or of events as its input is; not checked."""
    kind = EventTrace if network.input.over_time else Trace
    return kind(network, timesteps, *_recorded(run, inputs, labels, recorded, about))


def rate(
    network: Network, inputs: ArrayLike, labels: ArrayLike, timesteps: int, recorded: int | None = None, **about: Any
) -> RateTrace:
    """A rate-coded trace: inputs fire as often as they are large; all else as `direct`."""
    values, right, n = samples_of(inputs, network.input.dtype, labels, recorded)
    steps = arguments.within("timesteps", timesteps, 1, MAX_TIMESTEPS)
    run = execute(network, values, steps, encode=encoder(network))
    trace = RateTrace(network, timesteps, *_recorded(run, values, right, n, about))
    check(trace)
    return trace


def first_spike(
    network: FirstSpikeNetwork, inputs: ArrayLike, labels: ArrayLike, recorded: int | None = None, **about: Any
) -> FirstSpikeTrace:
    """A trace of first spikes, over the windows of its network; all else as `direct`."""
    from hwsim.traces.ttfs.golden import execute_first_spike
    from hwsim.traces.ttfs.trace import Decisions, FirstSpikeTrace

    values, right, n = samples_of(inputs, np.uint8, labels, recorded)
    run = execute_first_spike(network, values)
    origin, ids = _provenance(about, ((run.classes == right).mean(),)), np.arange(len(right))
    decisions = {
        name: Decisions(run.classes[:m], right[:m], ids[:m], origin.split)
        for name, m in {"recorded": n, "test": len(right)}.items()
    }
    times = {name: each[:n] for name, each in run.times.items()}
    trace = FirstSpikeTrace(network, times, Inputs(values, right, ids), decisions, origin)
    check(trace)
    return trace


def sequence(
    network: SequenceNetwork,
    inputs: ArrayLike,
    labels: ArrayLike,
    timesteps: int,
    recorded: int | None = None,
    **about: Any,
) -> SequenceTrace:
    """A trace of a spiking LSTM; `inputs` are int8 [sample, element, feature], all else as `direct`."""
    from dataclasses import replace

    from hwsim.traces.sequence.golden import execute_sequence
    from hwsim.traces.sequence.trace import SequenceInputs, SequenceTrace

    values, right, n = samples_of(inputs, np.int8, labels, recorded)
    run = execute_sequence(network, values, arguments.within("timesteps", timesteps, 1, MAX_TIMESTEPS))
    logits, origin = _logits(run.logits, right, n, about)
    spikes = {name: replace(each, words=each.words[:n]) for name, each in run.spikes.items()}
    raw = SequenceInputs(values, right, np.arange(len(right)))
    trace = SequenceTrace(network, timesteps, spikes, raw, logits, origin)
    check(trace)
    return trace


def plastic(
    network: PlasticNetwork,
    train: tuple[ArrayLike, ArrayLike],
    test: tuple[ArrayLike, ArrayLike],
    **about: Any,
) -> PlasticTrace:
    """A network that learns where it is run, from uint8 [sample, pixel] with labels [sample], to train and to test.

    Raises TraceError for parameters that break a rule of the coding, and for samples of another form.
    """
    from hwsim.traces.plastic.check import check_plastic
    from hwsim.traces.plastic.encode import encoder_digests
    from hwsim.traces.plastic.trace import PlasticSamples, PlasticTrace
    from hwsim.traces.plastic.verify import record_plastic

    check_plastic(network)
    parts: dict[str, PlasticSamples] = {}
    for name, (values, labels) in {"train": train, "test": test}.items():
        pixels, right, _ = samples_of(values, np.uint8, labels, None)
        if pixels.ndim != 2 or pixels.shape[1] != network.pixels:
            raise TraceError(f"{name}: wanted uint8 (samples, {network.pixels}), found {pixels.dtype} {pixels.shape}")
        ids = np.arange(len(right))
        parts[name] = PlasticSamples(pixels, right, ids, *encoder_digests(network, name, ids, pixels))
    responses = record_plastic(network, parts["train"].values, parts["train"].sample_ids)
    classes = 1 + max(int(part.labels.max()) for part in parts.values())
    origin = _provenance({"split": "train and test", **about}, ())
    trace = PlasticTrace(network, classes, parts, responses, origin)
    check(trace)
    return trace


def samples_of(
    inputs: ArrayLike, dtype: DTypeLike, labels: ArrayLike, recorded: int | None
) -> tuple[NDArray[Any], NDArray[np.int64], int]:
    """Inputs and labels as arrays of a trace, and how many samples to record.

    Raises TraceError for values that the type has not, and for labels of another number of samples.
    """
    given, right = np.asarray(inputs), np.asarray(labels)
    values = np.ascontiguousarray(given, dtype)
    if given.dtype != values.dtype and not np.array_equal(given, values):
        raise TraceError(f"inputs: wanted integers of {np.dtype(dtype)}, found {given.dtype} with values beyond them")
    if right.ndim != 1 or len(right) != len(values) or not len(right) or right.dtype.kind not in "iu":
        raise TraceError(f"labels: wanted {len(values)} integers, 1 or more, found {right.dtype} {right.shape}")
    n = len(right) if recorded is None else arguments.within("recorded", recorded, 1, len(right))
    return values, right.astype(np.int64), n


def _recorded(
    run: Execution, values: RawValues, labels: NDArray[np.int64], n: int, about: Mapping[str, Any]
) -> tuple[Mapping[str, PackedSpikes], Inputs, Mapping[str, Logits], Provenance]:
    """What follows network and timesteps in traces of layers."""
    spikes = {name: packed.first(n) for name, packed in run.spikes.items()}
    return spikes, Inputs(values, labels, np.arange(len(labels))), *_logits(run.logits, labels, n, about)


def _logits(
    values: NDArray[np.int32], labels: NDArray[np.int64], n: int, about: Mapping[str, Any]
) -> tuple[Mapping[str, Logits], Provenance]:
    """Logits of the recorded samples and of all, and the provenance with their accuracy."""
    split, ids = str(about.get("split", "test")), np.arange(len(labels))
    sizes = {"recorded": n, "test": len(labels)}
    sets = {name: Logits(values[:m], 1.0, labels[:m], ids[:m], split) for name, m in sizes.items()}
    return sets, _provenance(about, tuple(float(each) for each in sets["test"].accuracy()))


def _provenance(about: Mapping[str, Any], accuracy: tuple[float, ...]) -> Provenance:
    """What the caller says, and for the rest that nobody said it."""
    known: dict[str, Any] = {
        "name": "made in memory",
        "dataset": "not said",
        "split": "test",
        "licence": "not said",
        "framework": f"hwsim {VERSION}",
        "command": "",
        "seed": 0,
        "synthetic": False,
        "accuracy": tuple(float(each) for each in accuracy),
    }
    check_about(about)
    return Provenance(**{**known, **about})
