"""A lock on a file against a second writer, which the system takes back when its process ends, however it ends."""

from __future__ import annotations

import os
import struct
import sys

_LAYOUT = "qqihh" if sys.platform == "darwin" else "hhqqi"
"""`struct flock` of the system, its numbers aligned as there."""


def lock(handle: int) -> int | None:
    """Take a lock on a whole open file, or give the number of the process that holds it; 0 where nobody says which.

    A lock of this kind belongs to a process and not to its children, so workers that outlive it do not hold it.  It
    goes when the process closes the file, by whatever handle: nobody may open it beside this one.
    """
    try:
        import fcntl
    except ImportError:
        return _lock_there(handle)
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return _holder(handle)
    return None


def _holder(handle: int) -> int:
    import fcntl

    fields = [0, 0, 0, fcntl.F_WRLCK, 0] if sys.platform == "darwin" else [fcntl.F_WRLCK, 0, 0, 0, 0]
    try:
        found = struct.unpack(_LAYOUT, fcntl.fcntl(handle, fcntl.F_GETLK, struct.pack(_LAYOUT, *fields)))
    except (OSError, struct.error):
        return 0
    return int(found[2] if sys.platform == "darwin" else found[4])


def _lock_there(handle: int) -> int | None:
    """The same on Windows, which does not say who holds it."""
    import msvcrt

    try:
        os.lseek(handle, 1 << 40, os.SEEK_SET)  # beyond the end, so that the file can be read
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError:
        return 0
    return None
