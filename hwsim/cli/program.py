"""The program around all commands: how mistakes, signals, closed streams and pipes end."""

from __future__ import annotations

import contextlib
import errno
import gc
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

import click

from hwsim.errors import HwsimError, UsageError

FLAGS = {
    "accuracy_samples": "--accuracy-samples",
    "baselines": "--baseline",
    "clip": "--clip",
    "engine": "--engine",
    "executor": "--executor",
    "exit_thresholds": "--exit-curve",
    "functional": "--functional",
    "jobs": "--jobs",
    "labels": "--labels",
    "memory": "--memory",
    "metrics": "--metrics",
    "phase": "--phase",
    "rate": "--rate",
    "parquet": "--parquet",
    "period": "--period",
    "run": "--run",
    "sample": "--sample",
    "samples": "--samples",
    "save_every": "--save-every",
    "scheduler": "--scheduler",
    "search": "--search",
    "seed": "--seed",
    "session": "--phase, --save-trace",
    "study": "--study",
    "style": "--style",
    "timeline": "--timeline",
    "timeline_samples": "--timeline-samples",
    "timesteps": "--timesteps",
    "trials": "--trials",
    "with": "--with",
}
"""What parameters of the library are called on the command line."""
LONGEST_LINE = 200
_SECONDS_TO_RAISE_AGAIN = 0.01
_GARBAGE = (20_000, 50, 50)  # what is imported stays, and to look through it for garbage all the time takes its time
_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def as_option(message: str) -> str:
    """An error that begins with a parameter, as a user of the command line would name that."""
    name, colon, rest = message.partition(":")
    return FLAGS.get(name, name) + colon + rest


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Look for no garbage while modules are imported, and afterwards not among what came of it: all of it stays."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class Terminated(BaseException):
    """A signal asked the program to end; no handler of errors holds it up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


class Program(click.Group):
    """Whatever a user can mend ends in one line on stderr and exit status 2."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Run a command and exit with its status."""
        kwargs["standalone_mode"] = False
        gc.set_threshold(*_GARBAGE)
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # to look for them opens all that is installed
        with _usable_streams():
            try:
                with _signals_raise():
                    status = super().main(*args, **kwargs)
                    sys.stdout.flush()
            except UsageError as error:
                status = _end(as_option(str(error)))
            except HwsimError as error:
                status = _end(str(error))
            except click.exceptions.NoArgsIsHelpError as error:
                error.show()
                status = 2
            except click.MissingParameter as error:
                status = _end(_with_usage(error))
            except click.ClickException as error:
                status = _end(error.format_message())
            except (click.Abort, KeyboardInterrupt):
                status = _end("interrupted", 130)
            except Terminated as error:
                status = _end("terminated", error.status)
            except MemoryError as error:
                status = _end(f"not enough memory: {str(error) or 'less was to be had than this takes'}")
            except BrokenPipeError:
                # The reader of a pipe has left; nothing is wrong, and nothing more can be printed.
                _drop_output()
                status = 0
            except OSError as error:
                _drop_output()
                status = _end(f"{error.filename or 'output'}: {error.strerror or error}")
        sys.exit(status if isinstance(status, int) else 0)


def _with_usage(error: click.MissingParameter) -> str:
    """What is missing, and how the command is written."""
    said, context = error.format_message(), error.ctx
    if context is None:
        return said
    pieces = context.command.collect_usage_pieces(context)
    return f"{said.removesuffix('.')}: {context.command_path} {' '.join(pieces)}"


def _end(message: str, status: int = 2) -> int:
    """Say why a command ends, on one line of readable length."""
    flat = " ".join(message.split())
    flat = "".join(letter if letter.isprintable() else "?" for letter in flat)
    room = LONGEST_LINE - len("hwsim: ")
    if len(flat) > room:
        # Where it is stands at the beginning, and what to do about it at the end.
        flat = f"{flat[: room - 73]}...{flat[-70:]}"
    with contextlib.suppress(OSError):
        click.echo(f"hwsim: {flat}", err=True)
    return status


@contextlib.contextmanager
def _signals_raise() -> Iterator[None]:
    """Let what asks the program to end raise, so that temporary files go; ignored signals stay ignored.

    A library that was just then in a call back to Python may raise an error of its own instead, which is not told.
    """
    here, raised = os.getpid(), list[BaseException]()

    def end(number: int, _frame: object) -> None:
        if os.getpid() != here:  # a child that has not yet its own handlers
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raised.append(Terminated(number))
        raise raised[-1]

    def interrupt(_number: int, _frame: object) -> None:
        raised.append(KeyboardInterrupt())
        raise raised[-1]

    main = threading.current_thread() is threading.main_thread()
    handlers = {**dict.fromkeys(_SIGNALS, end), signal.SIGINT: interrupt} if main else {}
    before = {number: signal.getsignal(number) for number in handlers}
    ours = [number for number, handler in before.items() if handler in (signal.SIG_DFL, signal.default_int_handler)]
    for number in ours:
        signal.signal(number, handlers[number])
    try:
        with _raised_again() if main and hasattr(signal, "setitimer") else contextlib.nullcontext():
            yield
    except Exception:
        if raised:
            raise raised[-1] from None
        raise
    finally:
        for number in ours:
            signal.signal(number, before[number])


@contextlib.contextmanager
def _raised_again() -> Iterator[None]:
    """Raise again what a signal raised where nothing can be raised, as while an object goes: Python would go on."""

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        error = unraisable.exc_value
        if not isinstance(error, Terminated | KeyboardInterrupt):
            before(unraisable)
            return

        def again(_number: int, _frame: object) -> None:
            raise error

        signal.signal(signal.SIGALRM, again)
        signal.setitimer(signal.ITIMER_REAL, _SECONDS_TO_RAISE_AGAIN)

    before, sys.unraisablehook = sys.unraisablehook, hook
    handler = signal.getsignal(signal.SIGALRM)
    try:
        yield
    finally:
        sys.unraisablehook = before
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


class _Shut(io.TextIOBase):
    """Standard output that was closed before the program began: whatever is printed is lost, and that is an error."""

    shut = True
    encoding = "utf-8"

    def write(self, _text: str) -> int:
        raise OSError(errno.EBADF, "standard output is closed, and the result is lost")


@contextlib.contextmanager
def _usable_streams() -> Iterator[None]:
    """Streams that can be printed on: what they have no letter for is escaped, and a closed one says so."""
    closed = sys.stdout is None
    if closed:
        # Its number must not go to a file that is opened later.
        with contextlib.suppress(OSError):
            os.open(os.devnull, os.O_WRONLY)
        sys.stdout = _Shut()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        if closed:
            sys.stdout = None


def _drop_output() -> None:
    """Let what is still to be printed go nowhere, so that the end of the program does not fail for it again."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        number = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)
