"""Compiled kernels on disk: used from wherever they are whole, written where that is possible, and never in the way.

A kernel, its argument types and a processor have one file: a seal, and what Numba compiled.  The seal is a keyed
digest whose key stands for the sources of all kernels and the versions of the libraries.  Files that are damaged, or
of another version, are not even unpickled; they are as good as none, and the next that is written replaces them.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import multiprocessing
import os
import pickle
import sys
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba.core.compiler
import numba.core.registry
import numba.core.serialize
import numba.extending
import numba.misc.appdirs
import numpy as np
from numba.core.caching import NullCache

from hwsim.printable import printable

_SOURCES = Path(__file__).parent
_SEAL_BYTES = 32
_ROOM = bytes(1 << 20)
"""What a folder must have room for: about what the kernels of one simulation take."""

_numba: Any = numba  # most of it has no types
_log = logging.getLogger("hwsim")
_said: set[str] = set()


def compiled(
    function: Callable[..., Any], plain: Callable[..., Any], from_python: bool, options: dict[str, bool]
) -> Any:
    """A function that compiles itself for the types it is called with; `plain` where Numba is to compile nothing.

    One that is not called from Python must not be.
    """
    if _numba.config.DISABLE_JIT:
        return plain
    made = _numba.njit(no_cfunc_wrapper=True, no_cpython_wrapper=not from_python, **options)(function)
    made._cache = _KernelCache(function, from_python)  # what `cache=True` sets, too, and nothing else
    return made


def intrinsic(function: Callable[..., Any], plain: Callable[..., Any]) -> Any:
    """The same for functions that write their own machine code."""
    return plain if _numba.config.DISABLE_JIT else _numba.extending.intrinsic(function)


def type_of(made: Any) -> Any:
    """The type of a compiled function or an intrinsic among the globals of a kernel."""
    context = _numba.core.registry.cpu_target.typing_context
    context.refresh()  # an intrinsic is known after that
    return context.resolve_value_type(made)


class _KernelCache(NullCache):
    """What Numba asks before it compiles a kernel for argument types, and tells afterwards."""

    def __init__(self, function: Callable[..., Any], from_python: bool) -> None:
        self._function, self._from_python = function, from_python

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """What was compiled before, if a file has it whole; else None, which has Numba compile."""
        target_context.refresh()
        with contextlib.suppress(Exception):
            name, key = self._entry(sig, target_context.codegen())
            seal_key = _seal_key(self._function.__code__.co_filename)
            for folder in _folders():
                with contextlib.suppress(Exception):
                    stored, payload = _read(folder / name, seal_key)
                    if stored == key:
                        return _numba.core.compiler.CompileResult._rebuild(target_context, *payload)
        _announce()
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write what was compiled into the first folder that takes it; a kernel is as good without."""
        if data.lifted or data.library.has_dynamic_globals:
            return  # it holds addresses
        with contextlib.suppress(Exception):
            name, key = self._entry(sig, data.codegen)
            content = _numba.core.serialize.dumps((key, data._reduce()))
            seal = _seal(content, _seal_key(self._function.__code__.co_filename))
            for folder in _folders():
                if not _is_writable(folder):
                    continue
                try:
                    _write(folder / name, seal + content)
                    break
                except OSError as error:
                    _give_up(folder, error)

    def _entry(self, sig: Any, codegen: Any) -> tuple[str, Any]:
        """Name of the file of a kernel for argument types and a processor, and what is compared as well."""
        function, processor = self._function, codegen.magic_tuple()
        cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
        key = (sig, processor, self._from_python, function.__code__.co_code, _numba.core.serialize.dumps(cells))
        kind = hashlib.sha256(repr((str(sig), processor, self._from_python)).encode()).hexdigest()[:16]
        plain = f"{function.__module__}.{function.__qualname__}".replace("<", "").replace(">", "")
        return f"{plain}.{sys.implementation.cache_tag}{getattr(sys, 'abiflags', '')}.{kind}.nbc", key


@functools.cache
def _folders() -> tuple[Path, ...]:
    """Where compiled kernels may be, the user's choice first; they are written to the first that takes files.

    The package's own is last: what it holds beside what was installed stays when the package goes, and a folder that
    is left of a package stands in the way of the next.
    """
    # One for each place that hwsim is installed in, so that versions do not displace each other.
    own = f"hwsim-kernels-{hashlib.sha256(os.fsencode(_SOURCES)).hexdigest()[:16]}"
    chosen = _numba.config.CACHE_DIR
    users = Path(_numba.misc.appdirs.AppDirs(appname="numba", appauthor=False).user_cache_dir)
    folders = [Path(chosen).absolute() / own] if chosen else []
    # Without a home, the user's would be relative to wherever the program runs.
    return (*folders, *([users / own] if users.is_absolute() else []), _SOURCES / "__pycache__")


_writable: dict[Path, bool] = {}


def _is_writable(folder: Path) -> bool:
    """Whether a folder takes files, which is tried once; permissions alone do not say so."""
    if folder not in _writable:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
                _writable[folder] = file.write(_ROOM) == len(_ROOM)
        except OSError:
            _writable[folder] = False
    return _writable[folder]


def _give_up(folder: Path, error: OSError) -> None:
    """Write no more to a folder that has failed, and say so if there is no other."""
    _writable[folder] = False
    if not any(map(_is_writable, _folders())):
        _say(f"compiled kernels are not kept: {folder}: {error.strerror}; NUMBA_CACHE_DIR names another folder")


def _announce() -> None:
    """Say why the user waits, before the first kernel is compiled."""
    if any(map(_is_writable, _folders())):
        _say("compiling kernels, once (some seconds) ...", what="compiling")
    else:
        _say(
            "compiling kernels (some seconds): no folder to keep them in can be written; NUMBA_CACHE_DIR names one ...",
            what="compiling",
        )


def _say(text: str, what: str = "") -> None:
    """Log a line, once in a program; without handlers of the user's, it appears on standard error as it is."""
    if (what or text) in _said or multiprocessing.parent_process() is not None:
        return
    _said.add(what or text)
    _log.warning("%s", printable(f"hwsim: {text}"))


def _read(path: Path, seal_key: bytes) -> tuple[Any, Any]:
    """Key and content of a file; raises whatever is wrong with it."""
    data = path.read_bytes()
    content = memoryview(data)[_SEAL_BYTES:]
    if data[:_SEAL_BYTES] != _seal(content, seal_key):
        raise ValueError(f"{path}: damaged, or of another version")
    key, payload = pickle.loads(content)
    return key, payload


def _write(path: Path, data: bytes) -> None:
    """Put a file in its place whole, whoever else writes or reads it."""
    beside = path.with_name(f"{path.name}.{uuid.uuid4().hex[:16]}.tmp")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def _seal(content: bytes | memoryview, seal_key: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_SEAL_BYTES, key=seal_key).digest()


@functools.cache
def _seal_key(file: str) -> bytes:
    """Stands for what a compiled kernel of a file depends on, but its types."""
    own = [] if Path(file).is_relative_to(_SOURCES) else [Path(file).read_bytes()]
    return hashlib.sha256(b"".join([_common(), *own])).digest()


@functools.cache
def _common() -> bytes:
    """Stands for what all depend on: the sources of kernels, which call each other, and versions of libraries."""
    digest = hashlib.sha256(repr((numba.__version__, np.__version__, sys.version_info[:2])).encode())
    for source in sorted(_SOURCES.rglob("*.py")):
        digest.update(hashlib.sha256(source.read_bytes()).digest())
    return digest.digest()
