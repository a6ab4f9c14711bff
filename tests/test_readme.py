"""What the README shows is what the program prints."""

from __future__ import annotations

import re
from pathlib import Path

import numba
import pytest
from click.testing import CliRunner

from hwsim.cli import main

interpreted = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="64 samples take minutes in interpreted kernels")
ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch):
    monkeypatch.chdir(ROOT)


def blocks(language):
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)
    return [text for name, text in fenced if name == language]


@interpreted
def test_quoted_figures_are_those_of_the_main_command():
    (quoted,) = blocks("")
    command = next(block for block in blocks("sh") if "hwsim simulate arch/imc.yaml" in block)
    arguments = command.split("hwsim simulate ")[1].split()
    printed = CliRunner().invoke(main, ["simulate", *arguments]).stdout
    lines = {" ".join(line.split()) for line in printed.splitlines()}
    for line in quoted.splitlines():
        if line.strip():
            assert " ".join(line.split()) in lines


@interpreted
def test_python_example_runs(capsys):
    (code,) = blocks("python")
    exec(code, {})
    energy_pj, edp_ratio = map(float, capsys.readouterr().out.split())
    assert energy_pj > 0
    assert 0 < edp_ratio < 1


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), target


def test_commands_name_what_exists():
    for command in ("arch list", "arch show", "simulate", "trace info", "trace verify", "trace synth"):
        assert CliRunner().invoke(main, [*command.split(), "--help"]).exit_code == 0
        assert f"hwsim {command}" in README
