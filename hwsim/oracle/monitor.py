"""Hooks on a model's neurons that hand over the spikes of each forward pass, without a copy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hwsim.errors import UsageError, guess
from hwsim.printable import brief
from hwsim.traces.network.layers import Layer

_MOST_PARTS = 64  # of one batch, each in a thread of its own; the oldest is dropped beyond


@dataclass(slots=True)
class _Pass:
    """What a forward pass has given so far, module by module in the order of their first calls."""

    given: Any = None
    seen: dict[str, list[Any]] = field(default_factory=dict)


class Monitor:
    """Hands over the spikes of a model's forward passes; `oracle.monitor(model)` makes one.

    What a pass gave is there until it is taken, or until the next pass begins in the same thread.  Passes of several
    threads are parts of one batch, in the order in which they began: so data-parallel copies of a model hand over the
    whole of it, and a process that has a part of a batch hands over that.
    """

    def __init__(
        self,
        model: Any,
        layers: Sequence[Layer],
        timesteps: int,
        named: Mapping[str, Any] | None,
        inputs: bool | Callable[[Any], Any],
        *,
        whole: bool = True,
    ) -> None:
        self._names, self._timesteps, self._inputs = [layer.name for layer in layers], timesteps, inputs
        self._whole = whole  # whether what came as one tensor over all timesteps is handed over as that
        self._lock = threading.Lock()
        self._passes: dict[int, _Pass] = {}  # by thread
        self._follow = named is None  # whether layers are those of modules in the order of calls
        chosen = _neurons(model) if named is None else self._chosen(model, named)
        self._hooks = [module.register_forward_hook(self._keeping(name)) for name, module in chosen.items()]
        self._hooks.append(model.register_forward_pre_hook(self._begin))

    def take(self) -> tuple[dict[str, Any], Any]:
        """Spikes by layer and raw inputs of what ran since they were last taken.

        Spikes are a list with one tensor a timestep, or one over all of them where a module gave that.

        Raises UsageError where nothing ran, or not each layer as often as there are timesteps.
        """
        with self._lock:
            passes = [each for each in self._passes.values() if each.seen]
            self._passes = {}
        if not passes:
            raise UsageError("monitor: no forward pass has run since its spikes were last taken")
        parts = [self._by_layer(each, self._whole and len(passes) == 1) for each in passes]
        given = [each.given for each in passes]
        inputs = None if self._inputs is False or any(each is None for each in given) else given
        if len(parts) == 1:
            return parts[0], None if inputs is None else self._raw(inputs[0])
        from hwsim.doors.torch.parts import joined

        spikes = {
            name: [joined([part[name][t] for part in parts]) for t in range(self._timesteps)] for name in parts[0]
        }
        return spikes, None if inputs is None else self._raw(joined(inputs))

    def remove(self) -> None:
        """Take the hooks off the model."""
        for hook in self._hooks:
            hook.remove()

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _raw(self, given: Any) -> Any:
        return self._inputs(given) if callable(self._inputs) else given

    def _chosen(self, model: Any, named: Mapping[str, Any]) -> dict[str, Any]:
        """The module that gives the spikes of each layer."""
        modules, found = dict(model.named_modules()), {}
        for name in named:
            if name not in self._names:
                known = ", ".join(self._names)
                raise UsageError(f"layers: no layer with neurons is called '{name}', those are {known}")
        for name in self._names:
            wanted = named.get(name, name)
            module = modules.get(wanted) if isinstance(wanted, str) else wanted
            if not hasattr(module, "register_forward_hook"):
                near = guess(str(wanted), modules)
                raise UsageError(f"layers, {name}: wanted a module of the model or its name, got {brief(wanted)}{near}")
            found[name] = module
        return found

    def _begin(self, _model: Any, given: tuple[Any, ...]) -> None:
        here = threading.get_ident()
        with self._lock:
            if here in self._passes:  # nobody took what was there
                self._passes = {}
            while len(self._passes) >= _MOST_PARTS:
                self._passes.pop(next(iter(self._passes)))
            self._passes[here] = _Pass(given[0] if given else None)

    def _keeping(self, name: str) -> Callable[[Any, Any, Any], Any]:
        def hook(_module: Any, _given: Any, result: Any) -> Any:
            spikes = _first(result)
            with self._lock:
                found = self._passes.setdefault(threading.get_ident(), _Pass())
                found.seen.setdefault(name, []).append(spikes)
            return _with_first(result, passed_on(spikes))

        from hwsim.doors.torch.passing import passed_on

        return hook

    def _by_layer(self, found: _Pass, whole: bool) -> dict[str, Any]:
        seen = found.seen
        if len(seen) != len(self._names):
            ran = ", ".join(seen) or "none"
            raise UsageError(
                f"monitor: {len(self._names)} layers have neurons, and spikes came from {ran}; give layers"
            )
        names = zip(self._names, seen, strict=True) if self._follow else ((name, name) for name in self._names)
        return {name: self._steps(name, seen[module], whole) for name, module in names}

    def _steps(self, name: str, calls: list[Any], whole: bool) -> Any:
        """One tensor a timestep, or the one over all of them that was given."""
        over_all = len(calls) == 1 and self._timesteps > 1
        steps = calls[0] if over_all else calls
        if len(steps) != self._timesteps:
            raise UsageError(f"monitor, {name}: wanted spikes of {self._timesteps} timesteps, found {len(steps)}")
        return steps if whole or not over_all else list(steps)


def _first(result: Any) -> Any:
    """The first tensor of what a module gives: spikes come before states."""
    while isinstance(result, tuple | list):
        result = result[0]
    return result


def _with_first(result: Any, spikes: Any) -> Any:
    """What a module gives with other spikes in it, or None where there are none."""
    if spikes is None or type(result) not in (tuple, list):
        return spikes
    return type(result)((_with_first(result[0], spikes), *result[1:]))


def _neurons(model: Any) -> dict[str, Any]:
    """Modules of the known libraries that fire."""
    from hwsim.doors.torch.modules import is_neurons

    found = {name: module for name, module in model.named_modules() if is_neurons(module)}
    if not found:
        raise UsageError("layers: the model has no neurons that are known; give layers={LAYER: MODULE}")
    return found
