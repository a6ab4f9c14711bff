"""Some hundreds of cases of every target of the fuzzer, and the fuzzer itself on readers that are wrong."""

from __future__ import annotations

import contextlib
import importlib.util
from random import Random

import fuzz
import pytest
from fuzzing import cases, mutations
from fuzzing.targets import SOUND, Target, targets

from hwsim.errors import TraceError


@pytest.mark.parametrize("name", fuzz.NAMES)
def test_no_input_ends_in_anything_but_one_line(name):
    found = fuzz.run(name, range(200), seed=20)
    assert found.wrong == {}
    assert found.endings["refused"] > 100
    assert sum(found.endings.values()) == 200


@pytest.mark.parametrize("name", fuzz.NAMES)
def test_a_seed_gives_the_same_cases(name):
    target = targets(SOUND)[name]
    first, second = ([target.draw(Random(f"{name}/1/{case}")) for case in range(20)] for _ in range(2))
    assert first == second
    assert len(set(first)) > 15


@pytest.mark.parametrize("name", fuzz.NAMES)
def test_a_case_is_changed_into_another_of_its_kind(name):
    target = targets(SOUND)[name]
    drawn = [target.draw(Random(seed)) for seed in range(60)]
    changed = set()
    for seed, content in enumerate(drawn):
        with contextlib.suppress(Exception):  # what cannot be taken apart
            changed.add(target.change(Random(seed), content, mutations.of_bytes))
    assert len(changed - set(drawn)) > 20


def only(run):
    return {"zip": Target(".x", lambda rng: mutations.of_bytes(rng, b"abc"), lambda *_: b"", run)}


def wrong(error):
    def run(_path, _rng):
        raise error

    return only(run)


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (KeyError("x"), "KeyError: outside hwsim"),
        (RecursionError(), "RecursionError: outside hwsim"),
        (MemoryError(), "MemoryError: outside hwsim"),
        (TraceError("two\nlines"), "an error of several lines: outside hwsim"),
    ],
)
def test_what_a_wrong_reader_does_is_found_and_kept(tmp_path, monkeypatch, capsys, error, what):
    monkeypatch.setattr(fuzz, "targets", lambda _: wrong(error))
    assert fuzz.main(["zip", "--cases", "5", "--seed", "3", "--out", str(tmp_path / "out")]) == 1
    assert what in capsys.readouterr().out
    assert len(list((tmp_path / "out").glob("zip-3-*.account"))) == cases.KEPT


def test_a_reader_that_does_not_end_is_stopped(monkeypatch):
    def run(_path, _rng):
        while True:
            pass

    monkeypatch.setattr(cases, "SECONDS", 0.2)
    monkeypatch.setattr(fuzz, "targets", lambda _: only(run))
    (what,) = fuzz.run("zip", range(1), seed=0).wrong
    assert what.startswith("over 0.2 s")


def test_a_reader_that_asks_for_too_much_is_found(monkeypatch):
    monkeypatch.setattr(fuzz, "targets", lambda _: only(lambda *_: bytes(3 << 30) and None))
    (what,) = fuzz.run("zip", range(1), seed=0).wrong
    assert what.startswith("MemoryError")


def test_what_was_kept_is_played_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fuzz, "targets", lambda _: wrong(KeyError("x")))
    (tmp_path / "kept").write_bytes(b"x")
    assert fuzz.main(["zip", "--replay", str(tmp_path / "kept"), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().out
    assert "zip: 1 files" in said
    assert f"KeyError: outside hwsim: kept in {tmp_path / 'out'}" in said


def test_without_atheris_one_line_says_how_to_install_it(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert fuzz.main(["zip", "--guided"]) == 2
    assert capsys.readouterr().err == f"fuzz.py: {fuzz.HOW_TO_INSTALL}\n"
