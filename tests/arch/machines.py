"""What tests of architectures share: a small machine with a valid file, ways to load text, and a technology."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from hwsim.arch import Architecture, Bounded, ComponentSpec, Cost, Spec, load
from hwsim.components import Technology
from hwsim.errors import ArchitectureError, guess


class Converter(ComponentSpec):
    bits: int = Field(ge=1, le=16)
    law: Literal["sar", "flash"]
    energy_pj: Cost


class Exit(ComponentSpec):
    threshold: Annotated[float, Field(gt=0, le=1)] | Literal["never", "always"]
    overlap: bool


class Machine(Spec):
    machine: Literal["toy"]
    source: str
    clock_mhz: float = Field(gt=0)
    sizes: tuple[int, ...]
    converter: Converter
    exit: Exit
    spare: Converter | None = None
    drift: Bounded = Bounded(value=0.0, low=-1.0, high=1.0)


VALID = """\
# A toy.
machine: toy
source: "a test"
clock_mhz: 250
sizes: [1, 2, 3]

converter:
  source: our choice
  bits: 4
  law: sar
  energy_pj: {value: 2.0, low: 1.5, high: 3}
exit:
  source: our choice
  threshold: 0.5
  overlap: true
"""


def spec_for(name: str) -> type[Machine]:
    if name != "toy":
        raise ArchitectureError(f"unknown machine '{name}'{guess(name, ['toy'])}")
    return Machine


def load_text(folder: Path, text: str | bytes, *overrides: str) -> Architecture[Machine]:
    path = folder / "toy.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load(path, spec_for, overrides)


def refusal(folder: Path, text: str | bytes, *overrides: str) -> str:
    """The one-line message with which a text is refused, without the folder."""
    try:
        load_text(folder, text, *overrides)
    except ArchitectureError as error:
        message = str(error)
        assert message.isprintable(), repr(message)
        return message.replace(f"{folder}/", "")
    raise AssertionError("accepted")


def technology(node_nm: int = 45, vdd_v: float = 0.9, **more: object) -> Technology:
    values = {"source": "test", "temperature_k": 300, "corner": "standard", "node_nm": node_nm, "vdd_v": vdd_v}
    return Technology.model_validate(values | more)
