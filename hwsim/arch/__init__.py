from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.later import exports

if TYPE_CHECKING:
    from hwsim.arch.files import named, shipped, shipped_folder
    from hwsim.arch.loader import Architecture, load, varied
    from hwsim.arch.schema import Bounded, ComponentSpec, Cost, Source, Spec, json_schema

__all__ = [
    "Architecture",
    "Bounded",
    "ComponentSpec",
    "Cost",
    "Source",
    "Spec",
    "json_schema",
    "load",
    "named",
    "shipped",
    "shipped_folder",
    "varied",
]

__getattr__ = exports(
    __name__,
    {
        "files": ["named", "shipped", "shipped_folder"],
        "loader": ["Architecture", "load", "varied"],
        "schema": ["Bounded", "ComponentSpec", "Cost", "Source", "Spec", "json_schema"],
    },
)
