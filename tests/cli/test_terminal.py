"""What a terminal adds: completion, a bar for long work, bold type or none; and `python -m hwsim`."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hwsim import arch
from hwsim.cli import main
from hwsim.example import EXAMPLE
from hwsim.progress import followed, told_to

HWSIM = [sys.executable, "-m", "hwsim"]


def completed(words):
    """What bash offers for the last of some words."""
    state = {"_HWSIM_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = CliRunner().invoke(main, env=state, prog_name="hwsim")
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_a_shell_completes_commands_designs_and_keys():
    assert "simulate" in completed(["hwsim", "sim"])
    assert set(completed(["hwsim", "simulate", "imc"])) >= {name for name in arch.shipped() if name.startswith("imc")}
    assert "adc.bits=" in completed(["hwsim", "simulate", "imc", "--set", "adc."])
    assert "array.rows=" in completed(["hwsim", "arch", "diff", "imc", "digital", "--set", "array."])
    assert "adc.bits=" not in completed(["hwsim", "simulate", "nothing", "--set", "adc."])
    assert "adc.bits=" in completed(["hwsim", "sweep", "imc", "--vary", "adc."])
    for command in ("sweep", "tune"):
        assert "imc_sram" in completed(["hwsim", command, "imc_s"])
        assert "edp_pj_ns" in completed(["hwsim", command, "imc", "--minimize", "edp"])
    assert "edp_pj_ns,area_mm2" in completed(["hwsim", "sweep", "imc", "--minimize", "edp_pj_ns,ar"])


def test_the_script_that_sets_it_up_is_what_a_shell_reads():
    for shell in ("bash", "zsh", "fish"):
        env = {"_HWSIM_COMPLETE": f"{shell}_source"}
        assert "_HWSIM_COMPLETE" in CliRunner().invoke(main, env=env, prog_name="hwsim").stdout
    script = CliRunner().invoke(main, env={"_HWSIM_COMPLETE": "bash_source"}, prog_name="hwsim").stdout
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_as_a_module_it_is_the_same_program():
    short, long = (run(word).stdout for word in ("-h", "--help"))
    assert short == long and short.startswith("Usage: hwsim ")


def run(*words, **options):
    return subprocess.run([*HWSIM, *words], capture_output=True, text=True, check=False, **options)


def on_a_terminal(program, columns=90, **env):
    """Everything that a program prints on one terminal for both streams."""
    ours, theirs = pty.openpty()
    size = {"COLUMNS": str(columns), "TERM": "xterm-256color"}
    process = subprocess.Popen(program, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, **size, **env})
    os.close(theirs)
    parts = []
    with suppress(OSError):  # the end of a terminal on Linux
        while part := os.read(ours, 1 << 16):
            parts.append(part)
    os.close(ours)
    assert process.wait(timeout=60) == 0
    return b"".join(parts).decode()


def test_no_color_leaves_no_escape_sequence():
    command = [*HWSIM, "arch", "show", "digital_compute"]
    assert "\x1b[" in on_a_terminal(command, NO_COLOR="")
    assert "\x1b[3" not in on_a_terminal(command, NO_COLOR="1")  # no colour; bold may stay, as the convention has it
    assert "\x1b" not in subprocess.run(command, capture_output=True, text=True, check=True).stdout


SLOW = """
import time
from hwsim.progress import followed
from hwsim.view.terminal import progress
progress.SECONDS_OF_SILENCE = 0.2
with progress.late_bar():
    for _ in followed(range(8), "simulating", 80, lambda _: 10):
        time.sleep({seconds})
print("done")
"""


@pytest.mark.parametrize(("seconds", "shown"), [(0.1, True), (0.001, False)])
def test_long_work_shows_a_bar_and_short_work_nothing(seconds, shown):
    printed = on_a_terminal([sys.executable, "-c", SLOW.format(seconds=seconds)])
    assert ("simulating" in printed) == shown
    assert re.search(r"[1-7]0/80", printed) is not None or not shown
    assert printed.rstrip().endswith("done")


def test_a_pipe_gets_nothing_of_it():
    done = subprocess.run([sys.executable, "-c", SLOW.format(seconds=0.1)], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_whoever_listens_is_told_of_every_step_and_nobody_else():
    told = []
    with told_to(lambda *step: told.append(step)):
        assert list(followed("abc", "spelling", 30, lambda _: 10)) == list("abc")
    assert told == [("spelling", done, 30) for done in (0, 10, 20, 30)]
    assert list(followed("abc", "spelling", 3)) == list("abc")
    assert len(told) == 4


def test_the_example_is_in_the_package(tmp_path):
    """Not beside the checkout: from another folder, with the name that is no file there."""
    assert "16 samples with spikes" in run("trace", "info", "example", cwd=tmp_path).stdout
    (tmp_path / "example").write_text("a file of that name is the file")
    refused = run("trace", "info", "example", cwd=tmp_path)
    assert refused.returncode == 2 and refused.stderr.startswith("hwsim: example: ")
    packaged = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text()
    assert f'"hwsim" = ["{EXAMPLE.name}"' in packaged


def commands_of(command, words=("hwsim",)):
    """All commands by their words, groups too."""
    yield words, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            yield from commands_of(command.get_command(click.Context(command), name), (*words, name))


def test_help_says_what_every_command_and_option_is_without_dots():
    found = dict(commands_of(main))
    assert len(found) > 20
    for words, command in found.items():
        assert not [each.opts for each in command.params if isinstance(each, click.Option) and not each.help], words
        if isinstance(command, click.Group):
            assert "..." not in CliRunner().invoke(main, [*words[1:], "--help"]).stdout.partition("Commands:")[2], words
