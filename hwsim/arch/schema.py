"""The base types that every part of an architecture file is checked against."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema


class Spec(BaseModel):
    """Frozen, closed and strict: an unknown key, `"4"` for 4, `true` for 1 and NaN are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)


class Bounded(Spec):
    """A number with the interval it is believed to lie in, `low <= value <= high`; a plain number has no interval."""

    value: float
    low: float
    high: float

    @model_validator(mode="before")
    @classmethod
    def _plain_number(cls, written: Any) -> Any:
        if isinstance(written, int | float) and not isinstance(written, bool):
            return {"value": written, "low": written, "high": written}
        return written

    @model_validator(mode="after")
    def _ordered(self) -> Bounded:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"low <= value <= high must hold, got {self.low:g}, {self.value:g}, {self.high:g}")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """JSON Schema: a number, or the mapping."""
        return {"anyOf": [{"type": "number"}, handler(core)]}


def _not_negative(bounded: Bounded) -> Bounded:
    if bounded.low < 0:
        raise ValueError(f"must be at least 0, got {bounded.low:g}")
    return bounded


Cost = Annotated[Bounded, AfterValidator(_not_negative)]
"""An energy, area, power or capacitance with bounds: never negative."""

Source = Annotated[str, Field(min_length=1, pattern=r"\S")]
"""Where a number comes from: a citation, a data sheet, `our choice because ...`."""


class ComponentSpec(Spec):
    """A part of a machine; `source` says where its numbers come from and is required."""

    source: Source


def json_schema(spec: type[Spec]) -> dict[str, Any]:
    """JSON Schema of a file that holds a `spec`, for editors; `extends` belongs to every file."""
    schema = spec.model_json_schema()
    extends = {
        "type": "string",
        "description": "a file beside this one, or a shipped name, that this file is laid over",
    }
    schema["properties"] = {"extends": extends, **schema.get("properties", {})}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
