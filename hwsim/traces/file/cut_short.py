"""A mapped file that is cut short while it is used reads as zeros from there on, instead of ending the program.

The system answers a read beyond the end of a mapped file with SIGBUS, which ends a program whatever it is doing.
Here the pages that are gone become zeros, and who asks afterwards (`content.check_unchanged`) hears that the file is
another.  Only Linux is done; elsewhere it is as the system has it.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import signal
import sys
import weakref
from typing import Any

import numpy as np

_ADDRESS_AT = 16  # of the address that could not be read, in what a signal tells (siginfo_t on 64-bit Linux)
_SA_SIGINFO = 4
_MAP_FIXED = 0x10
_FAILED = ctypes.c_void_p(-1).value
_Handler = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_maps: dict[int, tuple[int, int]] = {}  # first address and the one past the last, by id


class _Action(ctypes.Structure):
    """`struct sigaction` of Linux."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_ulong * 16),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


def watch(mapped: mmap.mmap) -> None:
    """Let a read-only map read as zeros where its file has ended."""
    if sys.platform != "linux" or sys.maxsize < 1 << 32:
        return
    first = int(np.frombuffer(mapped, np.uint8).ctypes.data)
    _maps[id(mapped)] = first, first + len(mapped)
    weakref.finalize(mapped, _maps.pop, id(mapped), None)
    _install()


@functools.cache
def _install() -> tuple[Any, _Action]:
    """Handle SIGBUS from now on; what is returned has to stay alive."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 4)
    before = _Action()

    def handle(_number: int, told: int, _context: int) -> None:
        address = ctypes.c_void_p.from_address(told + _ADDRESS_AT).value or 0
        for first, end in list(_maps.values()):
            if first <= address < end:
                page = address & -mmap.PAGESIZE
                flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_FIXED
                if libc.mmap(page, end - page, mmap.PROT_READ, flags, -1, 0) != _FAILED:
                    return
        libc.sigaction(signal.SIGBUS, ctypes.byref(before), None)  # not ours: it comes again, to who was here before

    handler = _Handler(handle)
    action = _Action(ctypes.cast(handler, ctypes.c_void_p), flags=_SA_SIGINFO)
    libc.sigaction(signal.SIGBUS, ctypes.byref(action), ctypes.byref(before))
    return handler, before
