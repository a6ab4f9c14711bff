"""Text files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hwsim.errors import UsageError


def write_text(path: Path, text: str) -> None:
    """Write to a temporary name beside the target, then rename; devices and pipes are written to as they are.

    Raises UsageError when the place cannot be written.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        _write_through(path, text)
        return
    try:
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(partial).chmod(0o666 & ~_umask())
        Path(partial).replace(path)
    except OSError as error:
        Path(partial).unlink(missing_ok=True)
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None


def _write_through(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None


def check_apart(inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Raise UsageError where writing an output would overwrite an input or another output."""
    taken = {path.resolve(): path for path in inputs}
    for path in outputs:
        if path.resolve() in taken and not (path.exists() and not path.is_file()):
            raise UsageError(f"{path}: is also {taken[path.resolve()]}, which would be overwritten; use another name")
        taken[path.resolve()] = path


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
