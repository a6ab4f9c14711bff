"""Rooms of the house: few files at the door of each, and the same names for the same things in every machine."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

import hwsim
from hwsim import accelerators

PACKAGE = Path(hwsim.__file__).parent
EVERY_MACHINE = {"spec", "plan", "counting", "timing", "schedule", "posting", "parts", "machine", "facts", "fit"}
MACHINES = {
    "imc": set(),
    "digital": set(),
    "ttfs": set(),
    "lstm": {"timing"},  # its steps say how long they take
    "stdp": {"counting"},  # learning itself counts
}


def test_few_files_lie_flat_among_the_traces():
    assert len([path for path in (PACKAGE / "traces").glob("*.py") if path.name != "__init__.py"]) <= 14


@pytest.mark.parametrize("machine", MACHINES)
def test_machines_call_the_same_things_by_the_same_names(machine):
    folder = PACKAGE / "accelerators" / machine
    names = {path.stem for path in folder.glob("*.py")} | {path.name for path in folder.iterdir() if path.is_dir()}
    assert EVERY_MACHINE - MACHINES[machine] <= names


@pytest.mark.parametrize("machine", MACHINES)
def test_machines_ask_the_same_things_by_the_same_names(machine):
    for module, function in (("fit", "check_fit"), ("parts", "parts_of"), ("levers", "levers")):
        assert callable(getattr(import_module(f"hwsim.accelerators.{machine}.{module}"), function))


def test_all_machines_are_looked_at():
    assert set(accelerators.names()) == set(MACHINES)
