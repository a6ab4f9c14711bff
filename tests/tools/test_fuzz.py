"""Some hundreds of cases of every target of the fuzzer, and the fuzzer itself on readers that are wrong."""

from __future__ import annotations

from random import Random

import fuzz
import pytest
from fuzzing import mutations
from fuzzing.targets import Target, targets

from hwsim.errors import TraceError


@pytest.mark.parametrize("name", fuzz.NAMES)
def test_no_input_ends_in_anything_but_one_line(name):
    found = fuzz.run(name, range(200), seed=20)
    assert found.wrong == {}
    assert found.endings["refused"] > 100
    assert sum(found.endings.values()) == 200


@pytest.mark.parametrize("name", fuzz.NAMES)
def test_a_seed_gives_the_same_cases(name):
    target = targets(fuzz.SOUND)[name]
    first, second = ([target.draw(Random(f"{name}/1/{case}")) for case in range(20)] for _ in range(2))
    assert first == second
    assert len(set(first)) > 15


def wrong(error):
    def run(_path, _rng):
        raise error

    return Target(".x", lambda rng: mutations.of_bytes(rng, b"abc"), run)


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
    monkeypatch.setattr(fuzz, "targets", lambda _: {"zip": wrong(error)})
    assert fuzz.main(["zip", "--cases", "5", "--seed", "3", "--out", str(tmp_path / "out")]) == 1
    assert what in capsys.readouterr().out
    assert len(list((tmp_path / "out").glob("zip-3-*.account"))) == fuzz.KEPT


def test_a_reader_that_does_not_end_is_stopped(monkeypatch):
    def run(_path, _rng):
        while True:
            pass

    monkeypatch.setattr(fuzz, "SECONDS", 0.2)
    monkeypatch.setattr(fuzz, "targets", lambda _: {"zip": Target(".x", lambda _rng: b"", run)})
    (what,) = fuzz.run("zip", range(1), seed=0).wrong
    assert what.startswith("over 0.2 s")


def test_a_reader_that_asks_for_too_much_is_found(monkeypatch):
    monkeypatch.setattr(
        fuzz, "targets", lambda _: {"zip": Target(".x", lambda _rng: b"", lambda *_: bytes(3 << 30) and None)}
    )
    (what,) = fuzz.run("zip", range(1), seed=0).wrong
    assert what.startswith("MemoryError")
