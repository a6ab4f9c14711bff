"""Notes and labels are for the reader: other words change no count, price, figure or time, and no code reads them."""

from __future__ import annotations

import ast
import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from contract.families import family_of

import hwsim
from hwsim import accelerators, api, arch
from hwsim.contract.hardware import Hardware

PACKAGE = Path(hwsim.__file__).parent
TOOLS = PACKAGE.parent / "tools"


def reworded(notes):
    """The same notes in other words."""
    return {f"note {i}": f"said otherwise, {i}" for i in range(len(notes))}


SIZES = "capacity_kib: auto"


@pytest.mark.parametrize("design", arch.shipped())
def test_other_words_change_nothing(design, monkeypatch):
    deciding = ("early_exit.threshold=0.4",) if design in ("imc", "imc_isaac", "imc_sram") else ()
    architecture = api.load_architecture(design, deciding)
    family = family_of(architecture)
    trace = family.trace(next(iter(family.networks)))
    kinds = ("ann",) if "ann" in _baselines(architecture, trace) else ()
    before = told(api.simulate(architecture, trace, baselines=kinds))
    machine = accelerators.machine(architecture.machine)
    for verb in ("lower", "learn", "baseline"):
        plain = getattr(machine, verb)

        def reword(self, *arguments, plain=plain, **options):
            workload = plain(self, *arguments, **options)
            changed = replace(workload.hardware, notes=reworded(workload.hardware.notes))
            exits = workload.exits
            if exits is not None:
                exits = replace(exits, criterion="a rule", chosen_on="some samples", reported_on="others")
            return replace(workload, hardware=changed, exits=exits, no_exits="no reason")

        monkeypatch.setattr(machine, verb, reword)
    after = told(api.simulate(architecture, trace, baselines=kinds))
    notes, others = before.pop("notes"), after.pop("notes")
    for word in [word for word in notes if word.startswith((SIZES, "flip-flops"))]:
        assert notes.pop(word) == others.pop(word)  # said by what sizes and prices a machine, not by the machine
    assert notes and others == reworded(notes)
    assert after == before


def told(report):
    """A report as data, without the words of its exits."""
    found = json.loads(report.to_json())
    found.pop("no_early_exit")
    for label in ("rule", "chosen_on", "reported_on") if found["early_exit"] else ():
        found["early_exit"].pop(label)
    return found


def _baselines(architecture, trace):
    machine = accelerators.machine(architecture.machine)(architecture.spec).sized_for(trace)
    try:
        machine.baseline(trace, "ann")
    except hwsim.HwsimError:
        return ()
    return ("ann",)


def test_functional_notes_are_for_the_reader_too(monkeypatch):
    from accelerators.imc import cases
    from accelerators.imc.functional_cases import live_trace

    from hwsim.accelerators.imc import Machine

    trace = live_trace(cases.chain, samples=2, timesteps=2, extra=3)
    before = json.loads(cases.report(cases.small(adc__bits=5), trace, functional=True).to_json())
    plain = Machine.functional

    def reword(self, *given):
        run = plain(self, *given)
        return replace(run, notes=reworded(run.notes))

    monkeypatch.setattr(Machine, "functional", reword)
    after = json.loads(cases.report(cases.small(adc__bits=5), trace, functional=True).to_json())
    assert before.pop("notes") != after.pop("notes")
    assert after == before


def modules(folder):
    return sorted(path for path in folder.rglob("*.py") if "templates" not in path.parts)


def readings(path):
    """Lines on which something is taken out of notes: by key, by get, or by looping over them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            taken = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            taken = node.func.value if node.func.attr in ("get", "items", "values", "keys", "pop") else None
        elif isinstance(node, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
            taken = node.comparators[0]
        else:
            continue
        if isinstance(taken, ast.Attribute | ast.Name) and getattr(taken, "attr", getattr(taken, "id", "")) == "notes":
            yield node.lineno


def test_no_code_but_the_view_reads_a_note():
    found = [
        f"{path.relative_to(PACKAGE.parent)}:{line}"
        for folder in (PACKAGE, TOOLS)
        if folder.is_dir()
        for path in modules(folder)
        if "view" not in path.parts
        for line in readings(path)
    ]
    assert found == []


def test_a_reading_would_be_found(tmp_path):
    file = tmp_path / "x.py"
    file.write_text("a = report.notes['x']\nb = notes.get('y')\nif 'z' in run.notes:\n    pass\nnotes['w'] = 1\n")
    assert sorted(readings(file)) == [1, 2, 3]


def test_hardware_has_its_facts_in_fields():
    assert {"instances", "clocked", "storage", "crossbars", "weights", "floor", "writing", "notes"} == {
        field.name for field in fields(Hardware)
    }
