"""Files that appear whole or not at all, places that are looked at before work begins, and files that are files."""

from __future__ import annotations

import atexit
import errno
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

from hwsim.errors import UsageError
from hwsim.printable import shortened

LONGEST_NAME = 255
"""Bytes of a name; what file systems allow."""
_partials: set[Path] = set()
Value = TypeVar("Value")
_STREAM = re.compile(r"/dev/(?:stdout|stderr|fd/[0-9]{1,6})|/proc/self/fd/[0-9]{1,6}")


def write_text(path: Path, text: str) -> None:
    """Write to a temporary name beside the target, then rename; standard streams are written to as they are.

    Raises UsageError when the place cannot be written.
    """
    write_all({path: text})


def write_all(texts: Mapping[Path, str | bytes]) -> None:
    """Write several files of text or bytes, all or none: they take their names when the last one is complete.

    Standard streams come last.  Raises UsageError when a place cannot be written.
    """
    # A lone surrogate becomes an escape of the same form as in JSON; of names that are no text nothing else can be.
    contents = {
        path: text if isinstance(text, bytes) else text.encode("utf-8", "backslashreplace")
        for path, text in texts.items()
    }
    plain = {path: content for path, content in contents.items() if not is_stream(path)}
    with ExitStack() as stack:
        partials = {}
        for path, content in plain.items():
            with _about(path):
                partials[path] = partial = stack.enter_context(_partial(path))
                with partial.open("xb") as file:
                    file.write(content)
        for path, partial in partials.items():
            with _about(path):
                partial.replace(path)
    for path in contents.keys() - plain.keys():
        with _about(path):
            _write_through(path, contents[path])


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes its name when the block ends, and is gone if that ends in an error.

    Raises OSError when the place cannot be written.
    """
    with _partial(path) as partial:
        with partial.open("xb") as file:
            yield file
        partial.replace(path)


@contextmanager
def _partial(path: Path) -> Iterator[Path]:
    """A name beside `path` that nobody else has, no longer than names may be; a file under it does not survive."""
    partial = path.with_name(f".hwsim-{os.urandom(16).hex()}.partial")
    _partials.add(partial)
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)
        _partials.discard(partial)


@atexit.register
def _remove_partials() -> None:
    """Remove what a signal left that came between two steps of a `with` statement."""
    for partial in list(_partials):
        partial.unlink(missing_ok=True)


@contextmanager
def _about(path: Path) -> Iterator[None]:
    """Say which file an error of the system is about."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{shortened(path)}: cannot be written: {error.strerror or error}") from None


def is_stream(path: Path) -> bool:
    """Whether a path names an open stream of this process, such as /dev/stdout."""
    return _STREAM.fullmatch(os.fspath(path)) is not None


def _write_through(path: Path, content: bytes) -> None:
    """Append to an open stream, after what has been printed."""
    for printed in (sys.stdout, sys.stderr):
        if printed is not None:
            printed.flush()
    number = {"stdout": 1, "stderr": 2}.get(path.name) or int(path.name)
    with os.fdopen(os.dup(number), "wb") as file:
        file.write(content)


def check_outputs(outputs: Sequence[Path], inputs: Sequence[Path] = (), streams: Sequence[Path] = ()) -> None:
    """Raise UsageError unless every output can be written, and is neither an input nor another output.

    Only outputs that are among `streams` may be standard streams.
    """
    for path in outputs:
        if fault := fault_of(path, stream=path in streams):
            raise UsageError(f"{shortened(path)}: {fault}")
    check_apart(inputs, outputs)


def fault_of(path: Path, stream: bool = False) -> str | None:
    """Why a file cannot appear at a place, or None; a temporary file is made there and removed."""
    if is_stream(path) and stream:
        return None if path.exists() else "cannot be written: that stream is closed"
    if not path.name or path.name == "..":
        return "cannot be written: is a folder, not the name of a file"
    if not path.name.isprintable():
        return "cannot be written: the name has characters that cannot be printed"
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        return f"cannot be written: a name has at most {LONGEST_NAME} bytes"
    try:
        kind = kind_of(path.stat().st_mode)
    except FileNotFoundError:
        kind = "a file"
    except OSError as error:
        return f"cannot be written: {error.strerror or error}"
    if kind != "a file":
        return f"cannot be written: is {kind}, not a file"
    try:
        with _partial(path) as partial:
            partial.touch(exist_ok=False)
    except OSError as error:
        return f"cannot be written: {error.strerror or error}"
    return None


def check_apart(inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Raise UsageError where writing an output would overwrite an input or another output."""
    taken = {os.path.realpath(path): path for path in inputs}
    for path in outputs:
        if is_stream(path):
            continue
        place = os.path.realpath(path)
        if place in taken:
            raise UsageError(
                f"{shortened(path)}: is also {shortened(taken[place])}, which would be overwritten; use another name"
            )
        taken[place] = path


def open_file(path: Path) -> BinaryIO:
    """Open a plain file to read; it never waits for a pipe nor touches a device.

    Raises OSError, also for what is no plain file.
    """
    _refuse_special(path.stat().st_mode)
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        _refuse_special(os.fstat(handle).st_mode)
    except BaseException:
        os.close(handle)
        raise
    return os.fdopen(handle, "rb")


def decoded(path: Path, decode: Callable[[bytes], Value]) -> Value:
    """What `decode` makes of a file's bytes; raises UsageError with its name, as it does or if it is not read."""
    try:
        with open_file(path) as file:
            return decode(file.read())
    except OSError as error:
        raise UsageError(f"{shortened(path)}: cannot be read: {error.strerror or error}") from None
    except UsageError as error:
        raise UsageError(f"{shortened(path)}: {error}") from None


def _refuse_special(mode: int) -> None:
    if (kind := kind_of(mode)) != "a file":
        raise OSError(errno.EINVAL, f"is {kind}, not a file")


def kind_of(mode: int) -> str:
    """What a mode of the file system says that something is, in words."""
    if stat.S_ISREG(mode):
        return "a file"
    return "a folder" if stat.S_ISDIR(mode) else "a pipe" if stat.S_ISFIFO(mode) else "a device or socket"
