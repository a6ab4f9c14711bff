"""The options and checks that all training tools have in common."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from hwsim.errors import UsageError
from hwsim.files import check_apart

LICENCES = {"fashion-mnist": "MIT", "mnist": "CC BY-SA 3.0"}


class Parser(argparse.ArgumentParser):
    """Reports a mistake as a UsageError, so that it ends as one line like every other."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message)


def check_common(options: argparse.Namespace, wanted: str) -> None:
    """What the training tools have in common: a licence, an output that ends in `wanted`, amounts, a cache."""
    options.licence = options.licence or LICENCES.get(options.dataset.lower(), "")
    if not options.licence:
        raise UsageError(f"--dataset {options.dataset}: its licence is not known here; give it with --licence")
    check_output("--out", options.out, wanted, options.data)
    if options.recorded > options.inputs:
        raise UsageError(f"--recorded {options.recorded}: must be at most --inputs, which is {options.inputs}")
    try:
        options.cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--cache {options.cache}: cannot be made: {error.strerror}") from error


def check_output(option: str, path: Path, wanted: str, data: Path) -> None:
    """Raise UsageError unless a file can be made there, its name ends in `wanted` and it is not the data themselves."""
    check_apart([data], [path])
    if not path.parent.is_dir():
        raise UsageError(f"{option} {path}: there is no folder {path.parent}")
    if path.suffix != wanted:
        raise UsageError(f"{option} {path}: wanted a name that ends in {wanted}")


def shown_command(tool: str, given: Sequence[str]) -> str:
    """The command as it was run, with absolute paths cut to their last name: a folder of this machine helps nobody."""
    words = []
    for word in given:
        option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
        words.append(f"{option}{equals}{Path(value).name if Path(value).is_absolute() else value}")
    return shlex.join(["python", f"tools/{tool}", *words])


def positive(text: str) -> int:
    """A whole number of at least 1."""
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"wanted a whole number, got {text!r}") from None
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


def positives(text: str) -> tuple[int, ...]:
    """Whole numbers of at least 1, separated by commas."""
    return tuple(positive(part) for part in text.split(","))


def fraction(text: str) -> float:
    """A number from 0 to below 1."""
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"must be from 0 to below 1, got {text}")
    return value


def percentage(text: str) -> float:
    """A number from 0 to 100."""
    value = float(text)
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"must be from 0 to 100, got {text}")
    return value


def above_zero(text: str) -> float:
    """A finite number above 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be above 0, got {text}")
    return value
