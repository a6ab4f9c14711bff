"""Odd files, odd names and odd terminals: one line of readable length, or what was asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from cli.commands import CASES, REFUSED, program, refused, run

TRACE = CASES / "sound" / "recipe.npz"
SYNTH = ("--timesteps", 2, "--samples", 2, "--rate", 0.3)


@pytest.fixture
def odd(tmp_path):
    """A pipe, a folder and a circle of links."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    return tmp_path


@pytest.mark.parametrize("name", ["pipe", "folder", "loop", "/dev/zero", "/dev/full"])
def test_what_is_no_file_is_neither_trace_nor_design(odd, name):
    """A pipe without a writer would make them wait for ever, a device would never end."""
    path = odd / name
    for arguments in (
        ("trace", "info", path),
        ("trace", "verify", path),
        ("simulate", "imc", path),
        ("simulate", path, TRACE),
        ("arch", "check", path),
        ("arch", "show", path),
    ):
        refused(run(*arguments))


def test_a_parent_is_a_file_too(odd):
    (odd / "own.yaml").write_text("extends: pipe\n")
    assert "is a pipe, not an architecture file" in refused(run("arch", "check", odd / "own.yaml"))


def test_names_that_are_no_text(tmp_path):
    name = os.fsdecode(b"\xff")
    refused(run("trace", "info", tmp_path / name))
    refused(run("arch", "check", tmp_path / name))
    (tmp_path / name).write_bytes(TRACE.read_bytes())
    assert run("simulate", "imc", tmp_path / name, "--quiet", "--json", tmp_path / "r.json").exit_code == 0
    (tmp_path / name).write_text("extends: imc\n")
    assert "this one is not" in refused(run("simulate", tmp_path / name, TRACE))


@pytest.mark.parametrize(
    "setting",
    [
        "a." * 900 + "b=1",
        "adc." * 900 + "bits=1",
        "a=" + "[" * 900,
        "a=" + "{a: " * 900,
        "adc.bits=" + "9" * 5000,
        "adc.bits=" + "x" * 5000,
        "adc.source=1" + "0" * 300,
        "y" * 5000,
        "adc.bits=1e308",
        "adc." + "z" * 5000 + "=1",
        (REFUSED / "set_long_value.txt").read_text().splitlines()[1],
    ],
)
def test_long_and_deep_overrides_end_in_a_short_line(setting):
    refused(run("arch", "check", "imc", "--set", setting))


def test_the_long_value_that_was_once_shown_whole():
    design, *settings = (REFUSED / "set_long_value.txt").read_text().splitlines()
    flags = [word for setting in settings for word in ("--set", setting)]
    refused(run("arch", "check", design.removesuffix(".yaml"), *flags))


@pytest.mark.parametrize("name", ["npy_hexshape", "npy_digits_1", "npy_digits_2", "plastic_1e308"])
def test_numbers_beyond_all_reason_in_traces(name):
    refused(run("trace", "info", REFUSED / f"{name}.npz"))


def test_prices_beyond_all_numbers_name_their_part():
    assert "crossbar: a price must be finite" in refused(run("arch", "check", REFUSED / "price_inf.yaml"))


@pytest.mark.parametrize(
    "geometry", ["mlp:٣-٤-٥", "lstm:٣x٤-٨-٥", "mlp:" + "9" * 5000, "x" * 5000, "lstm:" + "9" * 500]
)
def test_geometries_of_other_digits_or_lengths(tmp_path, geometry):
    refused(run("trace", "synth", geometry, tmp_path / "t.npz", *SYNTH))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("trace", "info", TRACE),
        ("trace", "verify", TRACE),
        ("arch", "list"),
        ("arch", "show", "imc"),
        ("simulate", "imc", TRACE),
    ],
)
def test_a_closed_output_is_said_before_work(arguments):
    process = program(*arguments, shell=">&-")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (2, b"")
    assert err.decode() == "hwsim: standard output is closed, and the result would be lost\n"


def test_what_needs_no_output_works_without(tmp_path):
    process = program("simulate", "imc", TRACE, "--quiet", "--json", tmp_path / "r.json", shell=">&- 2>&-")
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert json.loads((tmp_path / "r.json").read_text())["runs"]


@pytest.mark.parametrize("more", [(), ("--json", "-")])
def test_a_full_output_is_one_line(more):
    process = program("simulate", "imc", TRACE, *more, shell=">/dev/full")
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err.decode()) == (2, "hwsim: output: No space left on device\n")


@pytest.mark.parametrize(
    "arguments", [("simulate", "imc", TRACE), ("arch", "show", "imc"), ("simulate", "imc", TRACE, "--json", "-")]
)
def test_an_output_of_few_letters_loses_nothing(arguments):
    plain = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    words = [sys.executable, "-c", "from hwsim.cli import main; main()", *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, env=plain, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    if "-" in arguments:
        assert json.loads(done.stdout)
    else:
        assert done.stdout.decode("ascii")


def test_text_of_several_lines_is_shown_on_one():
    """Not only on the command line, which would join them."""
    from hwsim import api
    from hwsim.errors import ArchitectureError

    with pytest.raises(ArchitectureError, match="the given prices are for") as caught:
        api.load_architecture(REFUSED / "text_of_lines.yaml")
    assert str(caught.value).isprintable()
