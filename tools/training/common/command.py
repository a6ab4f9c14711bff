"""What every training tool does with its command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from hwsim.errors import HwsimError, UsageError
from training.common.options import Parser, shown_command

Run = Callable[[argparse.Namespace, str], object]


def run_tool(
    tool: str,
    arguments: Sequence[str] | None,
    parser: Parser,
    check: Callable[[argparse.Namespace], None],
    stages: Callable[[argparse.Namespace], Run],
) -> int:
    """Train and export; 0, or 2 with one line on stderr for a mistake of the user.

    `stages` imports what runs, and torch with it, after the options are known to be right: `--help` and mistakes
    answer at once.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = parser.parse_args(given)
        check(options)
        _imported(stages, options)(options, shown_command(tool, given))
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _imported(stages: Callable[[argparse.Namespace], Run], options: argparse.Namespace) -> Run:
    try:
        return stages(options)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise UsageError("torch is not installed; try: pip install 'hwsim[torch]'") from None
