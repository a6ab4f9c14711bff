"""What is imported when it is first asked for: what is not asked for takes no time."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any


def exports(package: str, names: Mapping[str, Sequence[str]], modules: Collection[str] = ()) -> Callable[[str], Any]:
    """The `__getattr__` of a package: names that its modules have, and `modules` that are names themselves."""
    homes = {name: module for module, those in names.items() for name in those}

    def get(name: str) -> Any:
        if name in modules:
            return importlib.import_module(f"{package}.{name}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{homes[name]}"), name)

    return get


def function(module: str, name: str) -> Callable[..., Any]:
    """A function of a module that is imported when this is called."""

    def call(*arguments: Any, **named: Any) -> Any:
        home = sys.modules.get(module) or importlib.import_module(module)
        return getattr(home, name)(*arguments, **named)

    return call
