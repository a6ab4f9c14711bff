"""The command line in this process and in one of its own, for tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from hwsim.cli import main

CASES = Path(__file__).parents[1] / "cases"
REFUSED = CASES / "refused"


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(result):
    """The one line, of readable length, of a command that ended in a user's error."""
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("hwsim: ")
    assert len(line) <= 200
    return line


def program(*arguments, shell="", **options):
    """A process of the command, with redirections of the shell."""
    words = [sys.executable, "-c", "from hwsim.cli import main; main()", *map(str, arguments)]
    command = ["sh", "-c", f'exec "$0" "$@" {shell}', *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
