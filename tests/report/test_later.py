"""Fields that are computed when they are asked for: once, and as if they had been there."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, replace

import pytest
from accelerators.imc import cases

from hwsim import api
from hwsim.errors import UsageError
from hwsim.report.file import from_json
from hwsim.report.later import later, on_demand


@on_demand("slow", "other")
@dataclass(frozen=True)
class Value:
    quick: int
    slow: int
    other: int = 5


def counting(calls, value):
    def compute():
        calls.append(value)
        return value

    return later(compute)


def test_a_field_is_computed_once_and_only_if_asked_for():
    calls = []
    value = Value(1, counting(calls, 2), counting(calls, 3))
    assert (value.quick, calls) == (1, [])
    assert (value.slow, value.slow, calls) == (2, 2, [2])
    assert value.other == 3


@pytest.mark.parametrize(
    "copied", [lambda v: pickle.loads(pickle.dumps(v)), copy.deepcopy, lambda v: replace(v, quick=1)]
)
def test_copies_are_equal_and_have_all_fields(copied):
    value = Value(1, counting([], 2))
    other = copied(value)
    assert other == value == Value(1, 2)
    assert repr(other) == repr(value)
    assert vars(other) == {"quick": 1, "slow": 2, "other": 5}


def test_what_goes_wrong_is_said_to_whoever_asks_and_again():
    value = Value(1, later(lambda: 1 // 0))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            assert value.slow


def test_a_report_makes_its_tables_when_they_are_asked_for():
    design, trace = api.load_architecture("imc"), cases.random_trace(cases.convolutions())
    report = api.simulate(design, trace)
    static = report.run("static")
    there = {name for name, value in vars(static).items() if type(value).__name__ != "_Later"}
    assert {"energy_pj", "latency_ns", "edp_pj_ns", "timesteps", "accuracy"} <= there
    assert not {"rows", "stages", "samples", "operations"} & there
    text = api.simulate(design, trace).to_json()
    assert report.to_json() == text  # in another order of asking
    assert from_json(text) == report
    assert pickle.loads(pickle.dumps(api.simulate(design, trace))) == report


def test_keeping_is_for_what_is_played_as_recorded(capsys):
    design, trace = api.load_architecture("imc"), cases.random_trace(cases.convolutions())
    first, again = (api.simulate(design, trace, keep=True) for _ in range(2))
    assert first == again == api.simulate(design, trace)
    with pytest.raises(UsageError, match="keep: wanted"):
        api.simulate(design, trace, keep="yes")
