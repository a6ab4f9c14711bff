"""The program around all commands: how mistakes, interrupts and closed pipes end."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import click

from hwsim.errors import HwsimError, UsageError

FLAGS = {
    "accuracy_samples": "--accuracy-samples",
    "baselines": "--baseline",
    "engine": "--engine",
    "exit_thresholds": "--exit-curve",
    "functional": "--functional",
    "jobs": "--jobs",
    "phase": "--phase",
    "rate": "--rate",
    "samples": "--samples",
    "save_every": "--save-every",
    "seed": "--seed",
    "session": "--phase, --save-trace",
    "timesteps": "--timesteps",
}
"""What parameters of the library are called on the command line."""


def as_option(message: str) -> str:
    """An error that begins with a parameter, as a user of the command line would name that."""
    name, colon, rest = message.partition(":")
    return FLAGS.get(name, name) + colon + rest


class Program(click.Group):
    """Whatever a user can mend ends in one line on stderr and exit status 2."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Run a command and exit with its status."""
        kwargs["standalone_mode"] = False
        try:
            status = super().main(*args, **kwargs)
        except UsageError as error:
            click.echo(f"hwsim: {as_option(str(error))}", err=True)
            status = 2
        except HwsimError as error:
            click.echo(f"hwsim: {error}", err=True)
            status = 2
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            status = 2
        except click.ClickException as error:
            click.echo(f"hwsim: {error.format_message()}", err=True)
            status = 2
        except click.Abort:
            click.echo("hwsim: interrupted", err=True)
            status = 130
        except BrokenPipeError:
            # The reader of a pipe has left; nothing is wrong, and nothing more can be printed.
            sys.stderr.close()
            status = 0
        except OSError as error:
            click.echo(f"hwsim: {error.filename or 'output'}: {error.strerror or error}", err=True)
            status = 2
        sys.exit(status if isinstance(status, int) else 0)
