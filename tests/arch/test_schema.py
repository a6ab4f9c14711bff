from __future__ import annotations

import json
import math

import pytest
from arch.machines import VALID, Converter, Machine, load_text
from pydantic import ValidationError

from hwsim.arch import Bounded, json_schema


def test_specifications_are_frozen_closed_and_strict():
    converter = Converter.model_validate({"source": "x", "bits": 4, "law": "sar", "energy_pj": 1})
    with pytest.raises(ValidationError):
        converter.bits = 5
    for wrong in ({"bits": "4"}, {"bits": True}, {"bits": 4.0}, {"extra": 1}, {"source": " "}, {"energy_pj": "1"}):
        with pytest.raises(ValidationError):
            Converter.model_validate({"source": "x", "bits": 4, "law": "sar", "energy_pj": 1} | wrong)


@pytest.mark.parametrize("wrong", [True, "1", None, [1], math.nan, math.inf, {"value": 1.0}])
def test_bounded_takes_a_number_or_all_three(wrong):
    with pytest.raises(ValidationError):
        Bounded.model_validate(wrong)


@pytest.mark.parametrize(("low", "high"), [(1.1, 2.0), (0.0, 0.9), (2.0, 0.0)])
def test_bounded_is_ordered(low, high):
    with pytest.raises(ValidationError, match="low <= value <= high"):
        Bounded.model_validate({"value": 1.0, "low": low, "high": high})
    assert Bounded.model_validate({"value": 1.0, "low": 1.0, "high": 1.0}) == Bounded.model_validate(1)


def test_json_schema_describes_files(tmp_path):
    schema = json_schema(Machine)
    assert json.loads(json.dumps(schema)) == schema
    assert schema["additionalProperties"] is False
    assert schema["properties"]["extends"]["type"] == "string"
    assert {"machine", "clock_mhz", "converter", "exit"} <= set(schema["required"])
    assert "extends" not in schema["required"]
    assert schema["$defs"]["Converter"]["properties"]["bits"]["minimum"] == 1
    numbers, mapping = schema["$defs"]["Bounded"]["anyOf"]
    assert numbers == {"type": "number"}
    assert mapping["required"] == ["value", "low", "high"]
    written = set(load_text(tmp_path, VALID).places) & set(schema["properties"])
    assert written == {"machine", "source", "clock_mhz", "sizes", "converter", "exit"}
