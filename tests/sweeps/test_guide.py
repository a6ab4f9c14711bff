"""The commands and programs of the guides do what they say."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
from cli.commands import run

from hwsim import sweep

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ROOT / "docs" / "guides"


def blocks(guide, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", (GUIDES / guide).read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder as the guide has it, in which its commands run one after another."""
    place = tmp_path_factory.mktemp("guide")
    (place / "traces").symlink_to(ROOT / "traces")
    (yaml,) = blocks("sweep.md", "yaml")
    (place / "designs.yaml").write_text(yaml)
    return place


COMMANDS = [
    line for guide in ("sweep.md", "cluster.md") for block in blocks(guide, "sh") for line in block.splitlines()
]


def test_there_are_commands():
    assert len(COMMANDS) == 8
    assert all(line.startswith("hwsim ") for line in COMMANDS)


@pytest.mark.filterwarnings("default")  # those of dask are its own
@pytest.mark.parametrize("command", COMMANDS, ids=range(len(COMMANDS)))
def test_commands_run(folder, monkeypatch, command):
    for word, module in (("--search", "optuna"), ("dask", "distributed")):
        if word in command and importlib.util.find_spec(module) is None:
            pytest.skip(f"needs {module}")
    monkeypatch.chdir(folder)
    words = shlex.split(command)[1:]
    done = run(*words, *([] if "--jobs" in words else ["--jobs", "1"]))
    assert done.exit_code == 0, done.output
    if words[0] == "sweep":
        assert "With the least" in done.output
    for option in ("--out", "--html", "--csv"):
        if option in words:
            assert (folder / words[words.index(option) + 1]).stat().st_size > 100


def test_what_the_guide_says_of_its_first_sweep(folder, monkeypatch):
    monkeypatch.chdir(folder)
    first = next(command for command in COMMANDS if "runs.jsonl" in command)
    assert run(*shlex.split(first)[1:], "--jobs", "1", "--quiet").exit_code == 0
    points = [row for row in sweep.load("runs.jsonl") if row["settings"] != "as it stands"]
    guide = (GUIDES / "sweep.md").read_text()
    words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    wrong = sum(row["accuracy"] < 0.8 for row in points)
    assert f"{words[wrong].capitalize()} of the {words[len(points)]} break the constraint" in guide
    cheapest = min(points, key=lambda row: row["edp_pj_ns"])
    assert f"the cheapest of all gets {64 * cheapest['accuracy']:.0f} of 64 inputs right" in guide


def test_the_program_runs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (program,) = [block for block in blocks("sweep.md", "python") if "space_of" in block]
    found = {}
    exec(program.replace("jobs=2", "jobs=1"), found)
    assert found["best"]
    assert (folder / "python.jsonl").exists()
