"""From a trained model and its inputs to a trace: its graph, its own spikes, and its integers beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hwsim import arguments
from hwsim.doors.asked import Asked
from hwsim.doors.entry import SAMPLES_COMPARED, enter
from hwsim.doors.float_run import FloatRun, run_floats
from hwsim.doors.graph import Graph, Neurons, Source, Votes, Weighted
from hwsim.doors.precision import Precision
from hwsim.doors.spool import spooled
from hwsim.doors.torch.batches import Numbers, Samples, channels_last, collected
from hwsim.doors.torch.build import Building
from hwsim.doors.torch.calls import Call, tensors, written_down
from hwsim.doors.torch.modules import NEURONS, hint, is_in_time, is_neurons, is_whole, neuron_key, reset
from hwsim.doors.torch.neurons.traits import refuse
from hwsim.doors.torch.steps import one_timestep
from hwsim.errors import TraceError, UsageError
from hwsim.printable import one_line
from hwsim.traces.direct.trace import Trace
from hwsim.traces.io import read_trace, write_trace
from hwsim.traces.network.layers import ReadOf
from hwsim.traces.network.limits import MAX_INPUT_BITS
from hwsim.traces.trace import RawValues


def captured_timesteps(model: nn.Module, inputs: Any, asked: Asked) -> tuple[Trace, str]:
    """The trace of neurons of timesteps, and what is to be told of it; see `hwsim.doors.capture`."""
    if asked.readout not in (readouts := get_args(ReadOf)):
        raise UsageError(f"readout: wanted one of {', '.join(readouts)}, got {asked.readout!r}")
    precision = Precision(asked.weight_bits, per_channel=asked.per_channel)
    out, bits = asked.out, arguments.within("input_bits", asked.input_bits, 1, MAX_INPUT_BITS)
    with spooled(out) as spool:
        samples = collected(inputs, asked.labels, spool, bits)
        run, graph, floats = _seen(model, samples, asked)
        framework = ", ".join(sorted({type(m).__module__.partition(".")[0] for m in model.modules() if neuron_key(m)}))
        known = {"name": type(model).__name__, "framework": f"{framework}, torch {torch.__version__}"}
        known |= {"notes": samples.numbers.note, **asked.about}
        placed, kept = samples.placed(graph.source), None if out is None else spool
        wanted = run.timesteps, precision, asked.recorded, asked.allow_drift
        entered = enter(graph, placed, samples.labels, *wanted, floats, known, kept)
        if out is not None:
            write_trace(out, entered.trace)
    if out is None:
        return entered.trace, entered.warning
    written = read_trace(out, mapped=True)
    assert isinstance(written, Trace)
    return written, entered.warning


def _seen(model: nn.Module, samples: Samples, asked: Asked) -> tuple[_Forward, Graph, FloatRun]:
    """How the model is run, its graph, and what it does itself on the first samples."""
    few = samples.integers(0, SAMPLES_COMPARED)
    try:
        steps = few.shape[1] if asked.over_time else asked.timesteps
        run = _Forward(model, samples.numbers, asked.over_time, steps)
        graph = run.graph(few[:1], asked.readout)
        return run, graph, run.floats(graph, few)
    finally:
        reset(model)


class _Forward:
    """One way of running a model: a call a timestep, a loop inside, or an axis of time."""

    def __init__(self, model: nn.Module, numbers: Numbers, over_time: bool, timesteps: int | None) -> None:
        self.model, self.numbers, self.over_time = model, numbers, over_time
        self.multi = any(map(is_in_time, model.modules()))
        self.timesteps = timesteps or 0
        self.stepwise = True
        self.axis = 0  # of time, in what a loop is given

    def graph(self, one: RawValues, readout: str) -> Graph:
        """The float graph, from a forward pass of one sample."""
        tensor = self._tensor(one)
        if self.multi:
            self.stepwise = False
            if not self.timesteps:
                raise UsageError("timesteps: wanted how many, for a model in multi-step mode")
            if not self.over_time:
                tensor = tensor.unsqueeze(0).repeat(self.timesteps, *[1] * tensor.dim())
            else:
                tensor = tensor.transpose(0, 1)
        sizes = one.shape[2 if self.over_time else 1 :]
        shape = (1, 1, sizes[0]) if len(sizes) == 1 else (sizes[1], sizes[2] if len(sizes) == 3 else 1, sizes[0])
        numbers = self.numbers
        bits = numbers.fewest if self.over_time else numbers.bits
        source = Source("input", (), shape, numbers.unit, bits, self.over_time, numbers.signed)
        calls, entries, axis = self._written_down(tensor)
        timestep = one_timestep(calls, entries, axis, self.multi, _fires)
        return Building(source, entries, timestep).graph(readout)

    def _written_down(self, tensor: torch.Tensor) -> tuple[list[Call], list[torch.Tensor], int | None]:
        """Calls of a forward pass, or of two of one timestep each; what they were given; and its axis of time."""
        if self.over_time and not self.multi:
            why = ""
            for self.axis in (0, 1):
                sequence = [self._sequence(tensor)]
                calls, failed = self._called(sequence)
                why = why or (failed and f"; on all timesteps {tuple(sequence[0].shape)}: {failed}")
                if calls and _times(calls) == self.timesteps > 1:  # it has a loop of its own
                    self.stepwise = False
                    return calls, sequence, self.axis
            steps = [tensor[:, t] for t in range(min(2, self.timesteps))]
            calls, error = self._called(steps)
            self.axis, sequence = 0, [tensor.transpose(0, 1)]
            if error and self.timesteps == 1 and (again := self._called(sequence)[0]):
                self.stepwise = False
                return again, sequence, 0
            return self._checked(calls, steps, error and error + why), steps, None
        calls, error = self._called([tensor])
        times = _times(self._checked(calls, [tensor], error))
        if times > 1 and not self.multi:
            self.stepwise, self.timesteps = False, times
        if not self.timesteps:
            raise UsageError("timesteps: wanted how many, for a model that does one timestep a call")
        if self.stepwise and self.timesteps > 1:  # what comes back is seen at the second timestep
            calls, _ = self._called([tensor, tensor])
        return calls, [tensor], 0 if self.multi else None

    def _sequence(self, tensor: torch.Tensor) -> torch.Tensor:
        """Inputs [sample, timestep, ...] as a loop takes them."""
        return tensor.transpose(0, 1) if self.axis == 0 else tensor

    def _called(self, given: Sequence[torch.Tensor]) -> tuple[list[Call], str]:
        """Calls of forward passes one after another, or no calls and why that failed."""
        calls: list[Call]
        reset(self.model)
        with written_down(self.model, is_whole) as calls:
            try:
                for tensor in given:
                    self.model(tensor)
            except (RuntimeError, TypeError, ValueError, IndexError) as error:
                return [], one_line(str(error))[:140]
        return calls, ""

    @staticmethod
    def _checked(calls: list[Call], given: Sequence[torch.Tensor], error: str) -> list[Call]:
        if error:
            raise TraceError(f"model: its forward pass fails on an input {tuple(given[0].shape)}: {error}")
        _times(calls)
        return calls

    def floats(self, graph: Graph, few: RawValues) -> FloatRun:
        """What the model itself gives on some samples: spikes by node, and logits of every timestep."""
        seen: dict[str, list[NDArray[Any]]] = {node.name: [] for node in graph if isinstance(node, Neurons)}
        hooks = []
        modules = dict(self.model.named_modules())
        for name, found in seen.items():
            hooks.append(modules[name].register_forward_hook(_keeping(found)))
        currents: list[NDArray[Any]] = []
        last = graph.nodes[-1]
        if isinstance(last, Weighted):
            hooks.append(modules[last.name].register_forward_hook(_keeping(currents)))
        try:
            with torch.no_grad():
                self._run(few)
        finally:
            for hook in hooks:
                hook.remove()
        arranged = {name: self._arranged(found, graph[name].shape) for name, found in seen.items()}
        silent = {node.name for node in graph if isinstance(node, Neurons) and np.isinf(node.threshold).all()}
        spikes = {name: np.sign(found).astype(np.int8) * (name not in silent) for name, found in arranged.items()}
        if isinstance(last, Weighted):
            logits = self._arranged(currents, last.shape)[:, :, 0, 0]
        elif isinstance(last, Votes) and last.of == "spikes":
            fired = spikes[last.inputs[0]][:, :, 0, 0].astype(np.float64)
            logits = fired.reshape(*fired.shape[:2], last.shape[2], -1).sum(axis=-1)
        else:  # no module gives them by the timestep
            placed = channels_last(few, graph.source)
            logits = run_floats(graph, placed, self.timesteps).logits
        return FloatRun(spikes, np.asarray(logits, np.float64))

    def _run(self, few: RawValues) -> None:
        reset(self.model)
        tensor = self._tensor(few)
        if self.multi:
            whole = (
                tensor.transpose(0, 1)
                if self.over_time
                else tensor.unsqueeze(0).repeat(self.timesteps, *[1] * tensor.dim())
            )
            self.model(whole)
        elif self.stepwise:
            for t in range(self.timesteps):
                self.model(tensor[:, t] if self.over_time else tensor)
        else:
            self.model(self._sequence(tensor) if self.over_time else tensor)

    def _arranged(self, found: list[NDArray[Any]], shape: tuple[int, int, int]) -> NDArray[Any]:
        """[sample, timestep, y, x, channel], of one call with an axis of time, or of one a timestep."""
        steps = np.stack(found).reshape(self.timesteps, -1, shape[2], shape[0], shape[1])
        arranged: NDArray[Any] = steps.transpose(1, 0, 3, 4, 2)
        return arranged

    def _tensor(self, integers: RawValues) -> torch.Tensor:
        weights = next((p for p in self.model.parameters()), None)
        kind = {"dtype": torch.float32} if weights is None else {"dtype": weights.dtype, "device": weights.device}
        known = integers if integers.itemsize == 1 else integers.astype(np.int32)  # which all versions of torch have
        tensor: torch.Tensor = torch.as_tensor(known).to(**kind) * self.numbers.unit
        return tensor


def _fires(call: Call) -> bool:
    return call.module is not None and is_neurons(call.module)


def _keeping(found: list[NDArray[Any]]) -> Any:
    def hook(_module: nn.Module, _args: Any, result: Any) -> None:
        found.append(tensors(result)[0].detach().cpu().numpy())

    return hook


def _times(calls: list[Call]) -> int:
    """How often the neurons that are called most are called."""
    count: dict[int, int] = {}
    for call in calls:
        if call.module is not None and neuron_key(call.module) is not None:
            count[id(call.module)] = count.get(id(call.module), 0) + 1
    if not count:
        for call in calls:
            if call.module is not None and (why := hint(call.module)):
                refuse(call.name, call.module, why)
        raise TraceError(f"model: has no spiking neurons that are known; hwsim knows {', '.join(NEURONS)}")
    return max(count.values())
