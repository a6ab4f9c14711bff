"""Some hundreds of cases guided by coverage, in processes of their own, and a fault that only guidance finds."""

from __future__ import annotations

import re
import subprocess
import sys

import fuzz
import pytest

pytest.importorskip("atheris")


@pytest.mark.parametrize("name", ["npy", "set"])
def test_no_guided_input_ends_in_anything_but_one_line(tmp_path, capfd, name):
    given = ["--guided", "--cases", "300", "--seed", "7", "--corpus", tmp_path / "corpus", "--out", tmp_path / "out"]
    assert fuzz.main([name, *map(str, given)]) == 0
    said = capfd.readouterr().out
    assert f"{name}, guided: 300 cases of seed 7" in said
    assert " 0 wrong" in said
    assert not (tmp_path / "out").exists()
    log = (tmp_path / "corpus" / f"{name}.log").read_text()
    assert "INFO: Seed: 7\n" in log
    first, *_, last = map(int, re.findall(r"\bcov: (\d+)", log))
    assert last > first > 0
    assert len(list((tmp_path / "corpus" / name).iterdir())) > 20


# Of words of eight letters out of four, one in 65,536 is this.
PLANTED = """
from pathlib import Path
import guided
import atheris

@atheris.instrument_func
def run(path, _rng):
    a, b, c, d, e, f, g, h = path.read_bytes()[:8].ljust(8).decode("latin-1")
    if a == "s" and b == "p" and c == "i" and d == "k" and e == "i" and f == "p" and g == "s" and h == "k":
        raise KeyError("planted")

def draw(rng):
    return bytes(rng.choices(b"kips", k=8))

def change(rng, word, _change):
    at = rng.randrange(8)
    return word[:at] + draw(rng)[:1] + word[at + 1 :]

guided.targets = lambda _: {"planted": guided.Target(".x", draw, change, run)}
guided.main("planted", 2_000, 1, Path("corpus"), Path("out"))
"""


def test_a_fault_behind_eight_steps_is_found_and_kept(tmp_path):
    (tmp_path / "corpus").mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(fuzz.GUIDED.parent)!r})\n{PLANTED}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "KeyError: outside hwsim: planted-guided-1-" in ended.stdout, ended.stderr[-3000:]
    assert ended.returncode == 1
    kept = [path for path in (tmp_path / "out").iterdir() if not path.suffix]
    assert kept
    assert all(path.read_bytes().startswith(b"spikipsk") for path in kept)
