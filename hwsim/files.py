"""Text files that appear whole or not at all; it knows no format."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hwsim.errors import UsageError


def write_text(path: Path, text: str) -> None:
    """Write to a temporary name beside the target, then rename.

    Raises UsageError when the place cannot be written.
    """
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


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
