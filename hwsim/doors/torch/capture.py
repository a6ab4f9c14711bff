"""From a trained model and its inputs to a trace: its graph, its own spikes, and its integers beside them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hwsim.doors.entry import SAMPLES_COMPARED, enter
from hwsim.doors.float_run import FloatRun
from hwsim.doors.graph import Graph, Neurons, Source
from hwsim.doors.lattice import Precision
from hwsim.doors.torch.build import Building
from hwsim.doors.torch.calls import Call, tensors, written_down
from hwsim.doors.torch.modules import HINTS, NEURONS, is_whole, neuron_key, refuse
from hwsim.errors import TraceError, UsageError
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
        self.multi = any(getattr(module, "step_mode", "s") == "m" for module in model.modules())
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
        given = tensor[:, 0] if self.over_time and not self.multi else tensor
        _reset(self.model)
        calls: list[Call]
        with written_down(self.model, is_whole) as calls:
            try:
                self.model(given)
            except (RuntimeError, TypeError, ValueError) as error:
                if not self.over_time or self.multi:
                    raise TraceError(
                        f"model: its forward pass fails on an input {tuple(given.shape)}: {error}"
                    ) from None
                calls.clear()
                given = tensor.transpose(0, 1)
                _reset(self.model)
                self.model(given)
        times = _times(calls)
        if times > 1 and not self.multi:
            self.stepwise, self.timesteps = False, times
        if not self.timesteps:
            raise UsageError("timesteps: wanted how many, for a model that does one timestep a call")
        sizes = one.shape[2 if self.over_time else 1 :]
        shape = (1, 1, sizes[0]) if len(sizes) == 1 else (sizes[1], sizes[2] if len(sizes) == 3 else 1, sizes[0])
        bits = 8 if not self.over_time else max(1, int(one.max(initial=1)).bit_length())
        source = Source("input", (), shape, self.unit, bits, self.over_time)
        building = Building(source, given, time_first=self.multi)
        for call in calls:
            if not building.take(call):
                break
        return building.graph(readout)

    def floats(self, graph: Graph, few: NDArray[np.uint8], readout: str) -> FloatRun:
        """What the model itself gives on some samples: spikes by node, and logits of every timestep."""
        seen: dict[str, list[NDArray[Any]]] = {node.name: [] for node in graph if isinstance(node, Neurons)}
        hooks = []
        modules = dict(self.model.named_modules())
        for name, found in seen.items():
            hooks.append(modules[name].register_forward_hook(_keeping(found)))
        self._last: list[NDArray[Any]] = []
        last = _last_weighted(graph)
        if last is not None:
            hooks.append(modules[last].register_forward_hook(_keeping(self._last)))
        try:
            with torch.no_grad():
                self._run(few)
        finally:
            for hook in hooks:
                hook.remove()
        spikes = {name: self._arranged(found, graph[name].shape) > 0 for name, found in seen.items()}
        if last is not None:
            logits = self._arranged(self._last, graph[last].shape)[:, :, 0, 0]
        else:
            end = graph.nodes[-1]
            fired = spikes[end.inputs[0]][:, :, 0, 0].astype(np.float64)
            logits = fired.reshape(*fired.shape[:2], end.shape[2], -1).sum(axis=-1)
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
        """[sample, timestep, y, x, channel]."""
        steps = found[0] if self.multi else np.stack(found)
        flat = steps.reshape(*steps.shape[:2], shape[2], shape[0], shape[1])
        arranged: NDArray[Any] = flat.transpose(1, 0, 3, 4, 2)
        return arranged

    def _tensor(self, integers: NDArray[np.uint8]) -> torch.Tensor:
        weights = next((p for p in self.model.parameters()), None)
        kind = {"dtype": torch.float32} if weights is None else {"dtype": weights.dtype, "device": weights.device}
        tensor: torch.Tensor = torch.as_tensor(integers).to(**kind) * self.unit
        return tensor


def _keeping(found: list[NDArray[Any]]) -> Any:
    def hook(_module: nn.Module, _args: Any, result: Any) -> None:
        found.append(tensors(result)[0].detach().cpu().numpy())

    return hook


def _last_weighted(graph: Graph) -> str | None:
    """The module that gives logits where the last layer does not fire."""
    last = graph.nodes[-1]
    return last.name if type(last).__name__ == "Weighted" else None


def _times(calls: list[Call]) -> int:
    """How often the neurons that are called most are called."""
    count: dict[int, int] = {}
    for call in calls:
        if call.module is not None and neuron_key(call.module) is not None:
            count[id(call.module)] = count.get(id(call.module), 0) + 1
    if not count:
        for call in calls:
            if call.module is not None and (hint := HINTS.get(type(call.module).__name__)):
                refuse(call.name, call.module, hint)
        raise TraceError(f"model: has no spiking neurons that are known; hwsim knows {', '.join(NEURONS)}")
    return max(count.values())


def _reset(model: nn.Module) -> None:
    """Membranes back to where they begin, in the way of either library."""
    for module in model.modules():
        if neuron_key(module) is None:
            continue
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
