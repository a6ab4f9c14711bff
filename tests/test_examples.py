"""Every command of hwsim and every piece of Python that README and docs show runs, in an empty folder."""

from __future__ import annotations

import re
import runpy
import shlex
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from contract.families import TRACES
from numba import config

from hwsim import api
from hwsim.cli import main
from hwsim.example import EXAMPLE
from hwsim.traces import write_trace
from hwsim.traces.slicing import first

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="minutes in interpreted kernels")
ROOT = Path(__file__).resolve().parents[1]
OTHERWISE = {
    "new-machine.md",  # its pieces are of one module, which tests/contract/test_new_machine.py builds and runs
    "sweep.md",  # its commands follow one another, and so run in tests/sweeps/test_guide.py
    "cluster.md",
    "oracle.md",  # its pieces follow one another, and so run in tests/oracle/test_guide.py
}
DOCUMENTS = [
    ROOT / "README.md",
    *(path for path in sorted((ROOT / "docs").rglob("*.md")) if path.name not in OTHERWISE),
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LONG = ("--accuracy-samples 1000", "vgg16-cifar v.npz")  # tens of seconds; others show the same with fewer
FRAMEWORKS = ("torch", "snntorch", "spikingjelly", "norse")
GIVEN = {"np": np, "spikes": np.zeros((2, 3, 5, 70), bool)}  # what a fragment takes for granted


def blocks(language):
    return [
        pytest.param(text, id=f"{document.relative_to(ROOT)}-{i}")
        for document in DOCUMENTS
        for i, (name, text) in enumerate(BLOCK.findall(document.read_text()))
        if name == language
    ]


def commands(text):
    """Those of hwsim, without comments and prompts."""
    lines = [line.removeprefix("$ ").partition("  #")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line.startswith("hwsim ")]


with_commands = [param for param in blocks("sh") + blocks("console") if commands(param.values[0])]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The shipped files, a small trace under the names that examples use, and nothing else."""
    monkeypatch.chdir(tmp_path)
    for name in ("arch", "traces"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "TRACE.npz").write_bytes(EXAMPLE.read_bytes())
    (tmp_path / "mine.yaml").write_text("extends: imc\ncrossbar:\n  read_ns: 12\n  source: ours\n")
    learning = first(api.load_trace(TRACES / "mnist_stdp.npz"), 30)
    for name in ("full.npz", "learning.npz"):
        write_trace(tmp_path / name, learning)
    return tmp_path


@pytest.mark.parametrize("text", with_commands)
def test_commands_run(text, folder):
    ran = 0
    for command in commands(text):
        if any(part in command for part in LONG) or ("to-nir TRACE" in command and not find_spec("nir")):
            continue
        words = shlex.split(command.replace("stdp TRACE.npz", "stdp learning.npz"))[1:]
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, f"{command}: {done.stderr}"
        ran += 1
    assert ran or all(any(part in command for part in LONG) for command in commands(text))


@pytest.mark.parametrize("text", blocks("python"))
def test_python_runs(text, folder, capsys):
    with warnings.catch_warnings():
        for framework in FRAMEWORKS:
            if re.search(rf"^(import|from) {framework}\b", text, re.MULTILINE):
                warnings.simplefilter("ignore")  # theirs, and drift of weights at random
                pytest.importorskip(framework)
        if re.search(r"\b(to|from)_nir\(", text):
            pytest.importorskip("nir")
        exec(text, dict(GIVEN))


SCRIPTS = sorted((ROOT / "examples").glob("*_digits.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_example_scripts_learn_and_play_on_two_designs(script, folder, capsys, monkeypatch):
    monkeypatch.syspath_prepend(script.parent)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for framework in (*FRAMEWORKS, "sklearn"):
            if re.search(rf"^(import|from) {framework}\b", script.read_text(), re.MULTILINE):
                pytest.importorskip(framework)
        monkeypatch.setattr("sys.argv", [str(script)])
        runpy.run_path(str(script))
    printed = capsys.readouterr().out
    assert float(re.search(r"right in exact integers: ([\d.]+) %", printed)[1]) > 75
    designs = ("lstm", "one_cell") if script.stem == "lstm_digits" else ("imc", "digital")
    for design in designs:
        assert re.search(rf"^{design} +#+ +[\d.e+]+ nJ$", printed, re.MULTILINE)
    assert script.name in (ROOT / "docs" / "guides" / "own-network.md").read_text()


def test_commands_are_found():
    assert len(with_commands) >= 5
    assert commands("$ hwsim arch list   # designs\n# no\nhwsim --help") == ["hwsim arch list", "hwsim --help"]
