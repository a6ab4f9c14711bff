"""Arguments of a wrong type or value end in one line that begins with the argument's name, before any work."""

from __future__ import annotations

import inspect
from functools import cache

import numpy as np
import pytest

import hwsim
from hwsim import api
from hwsim.errors import HwsimError
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.plastic.session import Session
from hwsim.traces.sequence.synth import synthesize_sequence

HUGE = 10**5000  # which Python refuses to write out


@cache
def trace():
    return synthesize("mlp:20-12-10", timesteps=2, samples=3, rate=0.2, seed=1)


@cache
def design():
    return hwsim.load_architecture("imc")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("samples", 2.5),
        ("samples", "2"),
        ("samples", True),
        ("samples", [1]),
        ("samples", 0),
        ("samples", -1),
        ("samples", 4),
        ("samples", float("nan")),
        ("timesteps", 1.0),
        ("timesteps", 3),
        ("timesteps", 10**30),
        pytest.param("timesteps", HUGE, id="timesteps-huge"),
        pytest.param("samples", -HUGE, id="samples-huge"),
        pytest.param("jobs", HUGE, id="jobs-huge"),
        pytest.param("accuracy_samples", -HUGE, id="accuracy_samples-huge"),
        ("accuracy_samples", "many"),
        ("accuracy_samples", -1),
        ("jobs", "2"),
        ("jobs", None),
        ("jobs", 1.5),
        ("jobs", 0),
        ("jobs", np.array([1, 2])),
        ("engine", None),
        ("engine", "simpi"),
        ("engine", 3),
        ("engine", ["auto"]),
        ("functional", "no"),
        ("functional", None),
        ("exit_thresholds", 1),
        ("baselines", "ann"),
        ("baselines", 3),
        ("baselines", ["anm"]),
        ("baselines", [None]),
        ("baselines", None),
        ("session", "train"),
        ("session", Session()),
        ("keep", 1),
        ("occupancy", 1),
        ("stream", "yes"),
        ("period", "soon"),
    ],
)
def test_simulate_names_the_argument(monkeypatch, name, value):
    monkeypatch.setattr(api, "play", lambda *_: pytest.fail("it was played before"))
    with pytest.raises(HwsimError) as raised:
        hwsim.simulate(design(), trace(), **{name: value})
    message = str(raised.value)
    assert message.startswith((f"{name}: ", f"{name}["))
    assert "\n" not in message
    assert len(message) <= 200


@pytest.mark.parametrize(
    ("name", "value"), [("architecture", None), ("architecture", 3), ("trace", [1]), ("trace", None)]
)
def test_simulate_wants_a_name_or_what_was_loaded(name, value):
    given = {"architecture": design(), "trace": trace()} | {name: value}
    with pytest.raises(HwsimError, match=rf"^{name}: wanted a .*path or what load_{name} gives, got "):
        hwsim.simulate(**given)


@pytest.mark.parametrize("geometry", ["mlp:20-12-10", "lstm:4x3-5-2"])
@pytest.mark.parametrize("name", ["timesteps", "samples", "seed"])
@pytest.mark.parametrize("value", ["2", 2.5, None, True, pytest.param(HUGE, id="huge"), -1])
def test_a_drawn_trace_names_the_argument(geometry, name, value):
    draw = synthesize_sequence if geometry.startswith("lstm") else synthesize
    given = {"timesteps": 2, "samples": 3, "rate": 0.2, "seed": 1} | {name: value}
    with pytest.raises(HwsimError, match=rf"^{name}: wanted ") as raised:
        draw(geometry, **given)
    assert len(str(raised.value)) <= 200


def test_a_long_value_is_cut():
    with pytest.raises(HwsimError) as raised:
        hwsim.simulate(design(), trace(), jobs="2" * 10_000)
    assert len(str(raised.value)) <= 200


@pytest.mark.parametrize("overrides", [[3], [None], 3, [b"adc.bits=6"], [("adc.bits",)], {3: 4}])
def test_overrides_are_settings(overrides):
    with pytest.raises(HwsimError, match=r"^overrides: wanted "):
        hwsim.load_architecture("imc", overrides)


@pytest.mark.parametrize("path", [None, 3, b"imc", ["imc"]])
def test_what_is_loaded_has_a_name_or_path(path):
    with pytest.raises(HwsimError, match=r"^name_or_path: wanted a shipped name or a path, got "):
        hwsim.load_architecture(path)
    with pytest.raises(HwsimError, match=r"^path: wanted a path, got "):
        hwsim.load_trace(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("phase", "learn"),
        ("phase", None),
        ("passes", 0),
        ("passes", 1.5),
        ("label_samples", 0),
        ("until", "all"),
        ("save_every", -1),
        ("save", "file.npz"),
        ("track", 3),
    ],
)
def test_a_session_names_the_argument(name, value):
    with pytest.raises(HwsimError, match=rf"^{name}: "):
        Session(**{name: value})


def test_whole_numbers_of_numpy_and_any_sequence_of_texts_are_taken():
    given = hwsim.load_architecture("imc", iter(("adc.bits=6",)))
    assert given.overrides == ("adc.bits=6",)
    report = hwsim.simulate(given, trace(), samples=np.int64(2), timesteps=np.uint8(1), jobs=np.int32(1))
    assert (report.options["samples"], report.options["timesteps"]) == (2, 1)


def test_simulate_and_simulated_take_the_same():
    alone, whole = (inspect.signature(call) for call in (hwsim.simulate, api.simulated))
    assert alone.parameters == whole.parameters
    assert alone.return_annotation == "Report"
    for name in list(whole.parameters):
        assert f"\n        {name}: " in hwsim.simulate.__doc__
    report, made = (call("imc", "example", samples=1) for call in (hwsim.simulate, api.simulated))
    assert report == made.report


def test_an_argument_that_there_is_not_is_named_with_a_guess():
    with pytest.raises(TypeError, match=r"^simulate\(\) has no argument 'sample'; did you mean 'samples'\?$"):
        hwsim.simulate("imc", "example", sample=2)
    with pytest.raises(TypeError, match=r"^simulate\(\) has no argument 'colour'$"):
        hwsim.simulate("imc", "example", colour="red")
