"""What a forward pass does with its input, call by call: modules known as a whole, and functions between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the tensors that it took and those that it gave."""

    name: str  # of the module, or of the function
    module: nn.Module | None
    takes: tuple[torch.Tensor, ...]
    gives: tuple[torch.Tensor, ...]
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


def tensors(value: Any) -> tuple[torch.Tensor, ...]:
    """All tensors within a value, in order."""
    if isinstance(value, torch.Tensor):
        return (value,)
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return tuple(found for each in value for found in tensors(each))
    return ()


class _Functions(TorchFunctionMode):
    """Writes down functions outside of modules that are known as a whole."""

    def __init__(self, calls: list[Call]) -> None:
        super().__init__()
        self.calls, self.inside = calls, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not self.inside and (gives := tensors(result)):
            name = getattr(func, "__name__", str(func))
            takes = tensors([args, kwargs or {}])
            if name == "unbind" and args[1:] in ((), (0,)) and not kwargs:  # as a loop over a tensor does
                self.calls += [Call("__getitem__", None, takes, (give,), (args[0], n)) for n, give in enumerate(gives)]
            elif name == "select" and args[1:2] == (0,):
                self.calls.append(Call("__getitem__", None, takes, gives, (args[0], *args[2:3])))
            else:
                self.calls.append(Call(name, None, takes, gives, tuple(args), dict(kwargs or {})))
        return result


@contextmanager
def written_down(model: nn.Module, whole: Callable[[nn.Module], bool]) -> Iterator[list[Call]]:
    """Calls of a block, in order; modules that are `whole` are one call, of others what they do inside."""
    calls: list[Call] = []
    mode, hooks = _Functions(calls), []

    def before(_module: nn.Module, _args: Any) -> None:
        mode.inside += 1

    def after(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, result: Any) -> None:
            mode.inside -= 1
            if not mode.inside:
                calls.append(Call(name, module, tensors(args), tensors(result)))

        return hook

    try:
        for name, module in model.named_modules():
            if module is not model and whole(module):
                hooks += [module.register_forward_pre_hook(before), module.register_forward_hook(after(name))]
        with mode, torch.no_grad():
            yield calls
    finally:
        for hook in hooks:
            hook.remove()
