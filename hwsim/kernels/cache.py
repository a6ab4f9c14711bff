"""Compiled kernels on disk: used from wherever they are whole, written where that is possible, and never in the way.

A kernel, the kinds of its arguments and a processor have one file: a seal, and what was compiled.  The seal is a keyed
digest whose key stands for the sources of all kernels and the versions of what compiles them.  Files that are damaged,
or of another version, are not even unpickled; they are as good as none, and the next that is written replaces them.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.kernels.machine_code import Built, processor
from hwsim.kernels.words import Kinds, described

_SOURCES = Path(__file__).parent
_SEAL_BYTES = 32
_ROOM = bytes(1 << 20)
"""What a folder must have room for: more than the kernels of one simulation take."""
_ELSEWHERE = ("NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT", "NUMBA_NUM_THREADS")
"""Variables for Numba that have no part in what it makes of a kernel."""
_OPTIONS_FILE = Path(".numba_config.yaml")

_said: set[str] = set()


def find(function: Callable[..., Any], kinds: Kinds) -> Built | None:
    """What was compiled before, if a file has it whole."""
    with contextlib.suppress(Exception):
        name, key = _entry(function, kinds)
        seal_key = _seal_key(function.__code__.co_filename)
        for folder in _folders():
            with contextlib.suppress(Exception):
                stored, built = _read(folder / name, seal_key)
                if stored == key:
                    return Built(*built)
    return None


def keep(function: Callable[..., Any], kinds: Kinds, built: Built) -> None:
    """Write what was compiled into the first folder that takes it; a kernel is as good without."""
    with contextlib.suppress(Exception):
        name, key = _entry(function, kinds)
        content = pickle.dumps((key, tuple(built)))
        seal = _seal(content, _seal_key(function.__code__.co_filename))
        for folder in _folders():
            if not _is_writable(folder):
                continue
            try:
                _write(folder / name, seal + content)
                break
            except OSError as error:
                _give_up(folder, error)


def announce() -> None:
    """Say why the user waits, before the first kernel is compiled."""
    if any(map(_is_writable, _folders())):
        _say("compiling kernels, once (some seconds) ...", what="compiling")
    else:
        _say(
            "compiling kernels (some seconds): no folder to keep them in can be written; NUMBA_CACHE_DIR names one ...",
            what="compiling",
        )


def _entry(function: Callable[..., Any], kinds: Kinds) -> tuple[str, Any]:
    """Name of the file of a kernel for arguments of some kinds and this machine, and what is compared as well."""
    cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
    machine, arguments = (*processor(), *_options()), described(kinds)
    kind = hashlib.sha256(repr((arguments, machine)).encode()).hexdigest()[:16]
    plain = f"{function.__module__}.{function.__qualname__}".replace("<", "").replace(">", "")
    name = f"{plain}.{sys.implementation.cache_tag}{getattr(sys, 'abiflags', '')}.{kind}.nbc"
    return name, (arguments, machine, function.__code__.co_code, pickle.dumps(cells))


@functools.cache
def _options() -> tuple[str, ...]:
    """What the environment tells Numba about code."""
    told = {name: value for name, value in os.environ.items() if name.startswith("NUMBA_") and name not in _ELSEWHERE}
    file = _OPTIONS_FILE.read_text() if _OPTIONS_FILE.exists() else ""
    return *(f"{name}={value}" for name, value in sorted(told.items())), file


@functools.cache
def _folders() -> tuple[Path, ...]:
    """Where compiled kernels may be, the user's choice first; they are written to the first that takes files.

    The package's own is last: what it holds beside what was installed stays when the package goes, and a folder that
    is left of a package stands in the way of the next.
    """
    # One for each place that hwsim is installed in, so that versions do not displace each other.
    own = f"hwsim-kernels-{hashlib.sha256(os.fsencode(_SOURCES)).hexdigest()[:16]}"
    chosen, users = os.environ.get("NUMBA_CACHE_DIR"), _users_folder()
    folders = [Path(chosen).absolute() / own] if chosen else []
    # Without a home, the user's would be relative to wherever the program runs.
    return (*folders, *([users / own] if users.is_absolute() else []), _SOURCES / "__pycache__")


def _users_folder() -> Path:
    """Where programs keep what they can make again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", ""))
    if sys.platform == "darwin":
        return _at_home("Library/Caches")
    return Path(os.environ["XDG_CACHE_HOME"]) if os.environ.get("XDG_CACHE_HOME") else _at_home(".cache")


def _at_home(folder: str) -> Path:
    """A folder of the user's, relative without a home."""
    try:
        return Path.home() / folder
    except RuntimeError:
        return Path(folder)


_writable: dict[Path, bool] = {}


def _is_writable(folder: Path) -> bool:
    """Whether a folder takes files, which is tried once; permissions alone do not say so."""
    import tempfile

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


def _say(text: str, what: str = "") -> None:
    """Log a line, once in a program; without handlers of the user's, it appears on standard error as it is."""
    import logging
    import multiprocessing

    from hwsim.printable import printable

    if (what or text) in _said or multiprocessing.parent_process() is not None:
        return
    _said.add(what or text)
    logging.getLogger("hwsim").warning("%s", printable(f"hwsim: {text}"))


def _read(path: Path, seal_key: bytes) -> tuple[Any, Any]:
    """Key and content of a file; raises whatever is wrong with it."""
    data = path.read_bytes()
    content = memoryview(data)[_SEAL_BYTES:]
    if data[:_SEAL_BYTES] != _seal(content, seal_key):
        raise ValueError(f"{path}: damaged, or of another version")
    key, built = pickle.loads(content)
    return key, built


def _write(path: Path, data: bytes) -> None:
    """Put a file in its place whole, whoever else writes or reads it."""
    import uuid

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
    digest = hashlib.sha256(repr((_compiler_version(), np.__version__, sys.version_info[:2])).encode())
    for source in sorted(_SOURCES.rglob("*.py")):
        digest.update(hashlib.sha256(source.read_bytes()).digest())
    return digest.digest()


def _compiler_version() -> bytes:
    """Numba's version as it is written in its folder; to import Numba would take longer than most simulations."""
    found = importlib.util.find_spec("numba")
    return Path(str(found and found.origin)).with_name("_version.py").read_bytes()
