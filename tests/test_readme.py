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


def printed_by(command):
    """Lines of `hwsim simulate ...`, runs of spaces as one."""
    printed = CliRunner().invoke(main, command.split()[1:]).stdout
    return [" ".join(line.split()) for line in printed.splitlines()]


@interpreted
def test_quoted_figures_are_those_of_the_main_command():
    (quoted,) = blocks("")
    command = next(block for block in blocks("sh") if "hwsim simulate arch/imc.yaml" in block)
    lines = printed_by("hwsim simulate " + command.split("hwsim simulate ")[1])
    for line in quoted.splitlines():
        if line.strip():
            assert " ".join(line.split()) in lines


@interpreted
def test_the_designs_side_by_side_are_what_their_commands_print():
    """Every cell stands in the line of its row; the ratio in that of the table of ratios, which comes second."""
    (block,) = [block for block in blocks("sh") if "direct_input=once" in block and "--accuracy-samples" in block]
    header = "| static; early exit | "
    table = README[README.index(header) :].partition("\n\n")[0].splitlines()[2:]
    columns = [printed_by(command) for command in block.splitlines()]
    assert len(columns) == 3
    assert len(table) == 7
    for row in table:
        label, *cells = [cell.strip() for cell in row.strip("|").split("|")]
        ratio = label.startswith("its ratio")
        name = "EDP, mean of products" if ratio else label
        for cell, lines in zip(cells, columns, strict=True):
            first, *more = [line for line in lines if line.startswith(name)]
            line = more[0] if ratio else first
            at = 0
            for part in cell.split("; "):
                assert part in line[at:]
                at = line.index(part, at) + len(part)


@interpreted
def test_python_example_runs(capsys):
    code, *_ = blocks("python")  # the others need a framework: tests/test_examples.py runs them where it is
    exec(code, {})
    energy_pj, edp_ratio = map(float, capsys.readouterr().out.split())
    assert energy_pj > 0
    assert 0 < edp_ratio < 1


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if target.startswith("#"):
            assert target[1:] in {line.strip("# ").lower().replace(" ", "-") for line in README.splitlines()}, target
        elif "://" not in target:
            assert (ROOT / target).exists(), target


def test_commands_name_what_exists():
    for command in ("arch list", "arch show", "simulate", "trace info", "trace verify", "trace synth"):
        assert CliRunner().invoke(main, [*command.split(), "--help"]).exit_code == 0
        assert f"hwsim {command}" in README
