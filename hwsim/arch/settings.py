"""Settings of a design as Python users write them, to the `KEY=VALUE` of `--set`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from hwsim.errors import UsageError
from hwsim.printable import brief

Settings = Mapping[str, Any] | Iterable[str | tuple[str, Any]] | str | None
"""`{"adc.bits": 6}`, `{"adc": {"bits": 6}}`, `[("adc.bits", 6)]`, `["adc.bits=6"]` or `"adc.bits=6"`."""

_ANY = 1 << 20  # columns of a line
_WANTED = 'wanted settings such as {"adc.bits": 6}, [("adc.bits", 6)] or ["adc.bits=6"], got '


def as_overrides(settings: object, name: str = "set") -> list[str]:
    """Texts `KEY=VALUE`, in order.

    Raises UsageError, with the argument's `name`, for what is none of `Settings`, and for values that YAML has not.
    """
    if settings is None:
        return []
    if isinstance(settings, str):
        return [settings]
    if isinstance(settings, Mapping):
        return [_setting(key, value, name) for key, value in settings.items()]
    if not isinstance(settings, Iterable):
        raise UsageError(f"{name}: {_WANTED}{brief(settings)}")
    return [each if isinstance(each, str) else _pair(each, name) for each in settings]


def _pair(pair: object, name: str) -> str:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise UsageError(f"{name}: {_WANTED}{brief(pair)}")
    key, value = pair
    return _setting(key, value, name)


def _setting(key: object, value: object, name: str) -> str:
    if not isinstance(key, str):
        raise UsageError(f"{name}: wanted keys such as 'adc.bits', got {brief(key)}")
    return f"{key}={as_text(value, f'{name}, {key}')}"


def as_text(value: object, name: str) -> str:
    """A value as one line of YAML; raises UsageError for what YAML has not."""
    try:
        text = yaml.safe_dump(_plain(value), default_flow_style=True, width=_ANY, sort_keys=False, allow_unicode=True)
    except yaml.YAMLError:
        wanted = "a number, a text, true, false, a list or a mapping"
        raise UsageError(f"{name}: wanted {wanted}, got {brief(value)}") from None
    return " ".join(text.removesuffix("...\n").split("\n")).strip()


def _plain(value: object) -> object:
    """NumPy's scalars and tuples as Python's own."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    is_scalar = hasattr(value, "item") and getattr(value, "ndim", None) == 0
    return value.item() if is_scalar and hasattr(value, "item") else value
