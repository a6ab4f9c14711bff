from hwsim.arch.files import shipped, shipped_folder
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
    "shipped",
    "shipped_folder",
    "varied",
]
