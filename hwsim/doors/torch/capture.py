"""From a trained model and its inputs to a trace: its graph, its own spikes, and its integers beside them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hwsim.doors.entry import SAMPLES_COMPARED, enter
from hwsim.doors.float_run import FloatRun, run_floats
from hwsim.doors.graph import Graph, Neurons, Source, Votes, Weighted
from hwsim.doors.lattice import Precision
from hwsim.doors.torch.build import Building
from hwsim.doors.torch.calls import Call, tensors, written_down
from hwsim.doors.torch.modules import (
    NEURONS,
    has_memory,
    hint,
    is_in_time,
    is_neurons,
    is_whole,
    neuron_key,
    refuse,
)
from hwsim.doors.torch.steps import one_timestep
from hwsim.errors import TraceError, UsageError
from hwsim.printable import one_line
from hwsim.traces.direct.trace import Trace

_TOP = 255


def captured(
    model: nn.Module,
    inputs: Any,
    labels: Any,
    timesteps: int | None,
    over_time: bool,
    weight_bits: int,
    per_channel: bool,
    readout: str,
    recorded: int | None,
    allow_drift: float | None,
    about: Mapping[str, Any],
) -> Trace:
    """See `hwsim.doors.capture`."""
    if not isinstance(model, nn.Module):
        raise UsageError(f"model: wanted a torch.nn.Module, got {type(model).__name__}")
    if readout not in ("spikes", "membrane"):
        raise UsageError(f"readout: wanted spikes or membrane, got {readout!r}")
    values, right = _collected(inputs, labels)
    integers, unit = _integers(values)
    training = model.training
    model.eval()
    try:
        steps = integers.shape[1] if over_time else timesteps
        run = _Forward(model, unit, over_time, steps)
        graph = run.graph(integers[:1], readout)
        floats = run.floats(graph, integers[:SAMPLES_COMPARED], readout)
    finally:
        model.train(training)
        _reset(model)
    framework = ", ".join(sorted({type(m).__module__.partition(".")[0] for m in model.modules() if neuron_key(m)}))
    known = {"name": type(model).__name__, "framework": f"{framework}, torch {torch.__version__}", **about}
    precision = Precision(weight_bits, per_channel=per_channel)
    placed = _channels_last(integers, graph.source)
    entered = enter(graph, placed, right, run.timesteps, precision, recorded, allow_drift, floats, known)
    if entered.warning:
        warnings.warn(entered.warning, stacklevel=3)
    return entered.trace


class _Forward:
    """One way of running a model: a call a timestep, a loop inside, or an axis of time."""

    def __init__(self, model: nn.Module, unit: float, over_time: bool, timesteps: int | None) -> None:
        self.model, self.unit, self.over_time = model, unit, over_time
        self.multi = any(map(is_in_time, model.modules()))
        self.timesteps = timesteps or 0
        self.stepwise = True

    def graph(self, one: NDArray[np.uint8], readout: str) -> Graph:
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
        bits = 8 if not self.over_time else max(1, int(one.max(initial=1)).bit_length())
        source = Source("input", (), shape, self.unit, bits, self.over_time)
        calls, entries, timed = self._written_down(tensor)
        timestep = one_timestep(calls, entries, timed, self.multi, _fires)
        return Building(source, entries, timestep).graph(readout)

    def _written_down(self, tensor: torch.Tensor) -> tuple[list[Call], list[torch.Tensor], bool]:
        """Calls of a forward pass, or of two of one timestep each; what they were given; whether that is timed."""
        if self.over_time and not self.multi:
            sequence = [tensor.transpose(0, 1)]
            calls, _ = self._called(sequence)
            if calls and _times(calls) == self.timesteps > 1:  # it has a loop of its own
                self.stepwise = False
                return calls, sequence, True
            steps = [tensor[:, t] for t in range(min(2, self.timesteps))]
            calls, error = self._called(steps)
            if error and self.timesteps == 1 and (again := self._called(sequence)[0]):
                self.stepwise = False
                return again, sequence, True
            return self._checked(calls, steps, error), steps, False
        calls, error = self._called([tensor])
        times = _times(self._checked(calls, [tensor], error))
        if times > 1 and not self.multi:
            self.stepwise, self.timesteps = False, times
        if not self.timesteps:
            raise UsageError("timesteps: wanted how many, for a model that does one timestep a call")
        if self.stepwise and self.timesteps > 1:  # what comes back is seen at the second timestep
            calls, _ = self._called([tensor, tensor])
        return calls, [tensor], self.multi

    def _called(self, given: Sequence[torch.Tensor]) -> tuple[list[Call], str]:
        """Calls of forward passes one after another, or no calls and why that failed."""
        calls: list[Call]
        _reset(self.model)
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

    def floats(self, graph: Graph, few: NDArray[np.uint8], readout: str) -> FloatRun:
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
        spikes = {name: (found > 0) & (name not in silent) for name, found in arranged.items()}
        if isinstance(last, Weighted):
            logits = self._arranged(currents, last.shape)[:, :, 0, 0]
        elif isinstance(last, Votes) and last.of == "spikes":
            fired = spikes[last.inputs[0]][:, :, 0, 0].astype(np.float64)
            logits = fired.reshape(*fired.shape[:2], last.shape[2], -1).sum(axis=-1)
        else:  # no module gives them by the timestep
            placed = _channels_last(few, graph.source)
            logits = run_floats(graph, placed, self.timesteps).logits
        return FloatRun(spikes, np.asarray(logits, np.float64))

    def _run(self, few: NDArray[np.uint8]) -> None:
        _reset(self.model)
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
            self.model(tensor.transpose(0, 1) if self.over_time else tensor)

    def _arranged(self, found: list[NDArray[Any]], shape: tuple[int, int, int]) -> NDArray[Any]:
        """[sample, timestep, y, x, channel], of one call with an axis of time, or of one a timestep."""
        steps = np.stack(found).reshape(self.timesteps, -1, shape[2], shape[0], shape[1])
        arranged: NDArray[Any] = steps.transpose(1, 0, 3, 4, 2)
        return arranged

    def _tensor(self, integers: NDArray[np.uint8]) -> torch.Tensor:
        weights = next((p for p in self.model.parameters()), None)
        kind = {"dtype": torch.float32} if weights is None else {"dtype": weights.dtype, "device": weights.device}
        tensor: torch.Tensor = torch.as_tensor(integers).to(**kind) * self.unit
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


def _reset(model: nn.Module) -> None:
    """Membranes and what containers keep back to where they begin, in the way of either library."""
    for module in filter(has_memory, model.modules()):
        for name in ("reset_mem", "reset"):
            if callable(getattr(module, name, None)):
                getattr(module, name)()
                break


def _collected(inputs: Any, labels: Any) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """All samples and labels, from a batch or from batches with labels."""
    if isinstance(inputs, torch.Tensor | np.ndarray):
        values = np.asarray(inputs.detach().cpu() if isinstance(inputs, torch.Tensor) else inputs)
        if labels is None:
            raise UsageError("labels: wanted the right class of each sample")
        return values, np.asarray(labels.cpu() if isinstance(labels, torch.Tensor) else labels, np.int64)
    if not isinstance(inputs, Iterable):
        raise UsageError(f"inputs: wanted a batch or batches, got {type(inputs).__name__}")
    parts = [(np.asarray(x), np.asarray(y, np.int64)) for x, y in _pairs(inputs)]
    if not parts:
        raise UsageError("inputs: wanted one batch or more, found none")
    return np.concatenate([x for x, _ in parts]), np.concatenate([np.atleast_1d(y) for _, y in parts])


def _pairs(batches: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    for batch in batches:
        if not isinstance(batch, list | tuple) or len(batch) != 2:
            raise UsageError("inputs: wanted batches of inputs and labels")
        yield batch[0], batch[1]


def _integers(values: NDArray[Any]) -> tuple[NDArray[np.uint8], float]:
    """Inputs as whole numbers, and what one is worth."""
    least, most = float(values.min()), float(values.max())
    if least < 0:
        raise TraceError(f"inputs: wanted them from 0 up, found {least:g}: put what shifts them into the first layer")
    if (values == np.rint(values)).all() and most <= _TOP:
        return values.astype(np.uint8), 1.0
    if most > 1:
        raise TraceError(f"inputs: wanted them from 0 to 1, or integers to {_TOP}, found {most:g}")
    return np.rint(values * _TOP).astype(np.uint8), 1 / _TOP


def _channels_last(integers: NDArray[np.uint8], source: Source) -> NDArray[np.uint8]:
    lead = integers.shape[: 2 if source.over_time else 1]
    height, width, channels = source.shape
    maps = integers.reshape(*lead, channels, height, width)
    return np.ascontiguousarray(np.moveaxis(maps, -3, -1))
