"""Compiled kernels on disk: no folder to write, damage, a full disk or company keeps a command from its result."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba import config

import hwsim
from hwsim.arch import shipped_folder
from hwsim.kernels.bits import popcount

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="interpreted kernels have no cache")

PACKAGE = Path(hwsim.__file__).parent
COMMAND = "from hwsim.cli import main; main()"
COUNT = """
import numpy as np, sys
from hwsim.kernels.bits import popcount
assert popcount(np.uint64(7)) == 3
print("compiled" if "numba" in sys.modules else "loaded")
"""
ONCE = "hwsim: compiling kernels, once (some seconds) ...\n"
READ_ONLY = """
import errno, os, sys
def refuse(event, arguments):
    writes = event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if (writes or event in ("os.mkdir", "os.rename", "os.remove")) and str(arguments[0]).startswith(FOLDER):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), arguments[0])
sys.addaudithook(refuse)
"""
DISK_FULL = """
import errno, os, pathlib
def half(path, data):
    with open(path, "wb") as file:
        file.write(data[: len(data) // 2])
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
pathlib.Path.write_bytes = half
"""


def damaged(data):
    """A file's content as it may be after a crash, in several ways."""
    half = len(data) // 2
    zeros = data[:half] + bytes(1024) + data[half + 1024 :]
    return {"empty": b"", "truncated": data[:-1], "garbage": os.urandom(300), "zeros": zeros}


def environment(cache, **others):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "XDG_"))}
    return {**kept, "HOME": "/dev/null", **({} if cache is None else {"NUMBA_CACHE_DIR": str(cache)}), **others}


def start(code, *arguments, cache, prefix=(), **others):
    command = [*prefix, sys.executable, "-c", code, *map(str, arguments)]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment(cache, **others), cwd="/", **streams)


def run(code, *arguments, **others):
    """Standard output and standard error of a program that ends well."""
    with start(code, *arguments, **others) as process:
        output, errors = process.communicate()
    assert process.returncode == 0, errors
    return output, errors


def files(cache):
    return sorted(path for path in cache.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def simulation(tmp_path_factory):
    """Arguments of a simulation, what it prints, and a cache that has all its kernels."""
    folder = tmp_path_factory.mktemp("simulation")
    trace, cache = folder / "trace.npz", folder / "cache"
    run(COMMAND, *f"trace synth mlp:20-12-5 {trace} --timesteps 3 --samples 2 --rate 0.3".split(), cache=cache)
    assert not cache.exists()
    arguments = ["simulate", "imc", trace, "--quiet", "--json", "-", "--accuracy-samples", 0]
    output, errors = run(COMMAND, *arguments, cache=cache)
    assert errors == ONCE
    assert run(COMMAND, *arguments, cache=cache) == (output, "")
    return arguments, output, cache


@pytest.fixture(scope="module")
def one_kernel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kernel") / "cache"
    assert run(COUNT, cache=folder) == ("compiled\n", ONCE)
    return folder


@pytest.fixture
def cache(one_kernel, tmp_path):
    """A cache with one kernel."""
    return shutil.copytree(one_kernel, tmp_path / "cache")


@pytest.fixture(scope="module")
def shut_package(tmp_path_factory):
    """A copy of the package without compiled kernels that takes none either, whoever runs it."""
    folder = tmp_path_factory.mktemp("installed")
    shutil.copytree(PACKAGE, folder / "hwsim", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(shipped_folder(), folder / "arch", dirs_exist_ok=True)
    (folder / "hwsim" / "kernels" / "__pycache__").write_text("no folder")
    return folder


def read_only(folder, tmp_path):
    """What to put before a program and its code so that `folder` is read-only for it: really so, where that can be."""
    if os.geteuid():
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        return (), ""
    mount = tmp_path / "mount.sh"
    mount.write_text('set -e\nmount --bind "$1" "$1"\nmount -o remount,ro,bind "$1"\nshift\nexec "$@"\n')
    prefix = ("unshare", "-m", "sh", str(mount), str(folder))
    if shutil.which("unshare") and not subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode:
        return prefix, ""
    return (), f"FOLDER = {str(folder)!r}\n{READ_ONLY}"


@pytest.mark.parametrize("chosen", [None, "/dev/null"])
def test_without_a_folder_to_write_kernels_are_compiled_in_memory(shut_package, chosen):
    output, errors = run(COUNT, cache=chosen, PYTHONPATH=str(shut_package))
    assert output == "compiled\n"
    (line,) = errors.splitlines()
    assert line.startswith("hwsim: compiling kernels")
    assert "NUMBA_CACHE_DIR" in line


def test_without_a_folder_to_write_a_command_ends_well(shut_package, simulation):
    arguments, result, _ = simulation
    output, errors = run(COMMAND, *arguments, cache=None, PYTHONPATH=str(shut_package))
    assert (output, errors.count("\n")) == (result, 1)
    assert "NUMBA_CACHE_DIR" in errors


def test_a_missing_folder_is_made(tmp_path):
    cache = tmp_path / "not" / "yet"
    assert run(COUNT, cache=cache) == ("compiled\n", ONCE)
    assert run(COUNT, cache=cache) == ("loaded\n", "")


def test_the_home_and_the_package_folder_come_next(shut_package, tmp_path):
    packages = shutil.copytree(shut_package, tmp_path / "packages")
    own, home = packages / "hwsim" / "kernels" / "__pycache__", tmp_path / "home"
    own.unlink()
    for folder in (home, own):
        where = {
            "cache": "/dev/null",
            "HOME": str(home if folder == home else "/dev/null"),
            "PYTHONPATH": str(packages),
        }
        assert run(COUNT, **where) == ("compiled\n", ONCE)
        assert run(COUNT, **where) == ("loaded\n", "")
        assert [file for file in files(folder) if file.suffix == ".nbc"]


def test_a_read_only_cache_is_used(simulation, tmp_path):
    arguments, result, warm = simulation
    cache = shutil.copytree(warm, tmp_path / "cache")
    prefix, code = read_only(cache, tmp_path)
    assert run(code + COMMAND, *arguments, cache=cache, prefix=prefix) == (result, "")
    with start(f"{code}\nopen({str(cache / 'new')!r}, 'w')", cache=cache, prefix=prefix) as process:
        assert "Error" in process.communicate()[1]  # it is read-only


@pytest.mark.parametrize("kind", damaged(b""))
def test_damaged_files_are_compiled_anew_and_replaced(cache, kind):
    (file,) = files(cache)
    whole = file.read_bytes()
    file.write_bytes(damaged(whole)[kind])
    assert run(COUNT, cache=cache) == ("compiled\n", ONCE)
    assert files(cache) == [file]
    assert run(COUNT, cache=cache) == ("loaded\n", "")


def test_a_command_with_a_damaged_cache_ends_well(simulation, tmp_path):
    arguments, result, warm = simulation
    cache = shutil.copytree(warm, tmp_path / "cache")
    found = files(cache)
    for i, file in enumerate(found):
        ways = list(damaged(file.read_bytes()).values())
        file.write_bytes(ways[i % len(ways)])
    assert run(COMMAND, *arguments, cache=cache) == (result, ONCE)
    assert files(cache) == found
    assert run(COMMAND, *arguments, cache=cache) == (result, "")


OTHER_VERSIONS = {
    "numba": "from hwsim.kernels import cache; cache._compiler_version = lambda: b'another'",
    "numpy": "import warnings, numpy; warnings.simplefilter('ignore'); numpy.__version__ += '.other'",  # of SciPy's
}


@pytest.mark.parametrize("library", OTHER_VERSIONS)
def test_files_of_other_versions_are_replaced(cache, library):
    (file,) = files(cache)
    whole = file.read_bytes()
    change = f"{OTHER_VERSIONS[library]}\n"
    assert run(change + COUNT, cache=cache) == ("compiled\n", ONCE)
    assert files(cache) == [file]
    assert file.read_bytes() != whole
    assert run(COUNT, cache=cache) == ("compiled\n", ONCE)


@pytest.mark.parametrize("told", ["CPU_NAME=generic", "CPU_FEATURES=-avx", "OPT=1"])
def test_what_is_compiled_otherwise_is_kept_beside(cache, told):
    name, value = told.split("=")
    others = {f"NUMBA_{name}": value, **({"NUMBA_CPU_NAME": "generic"} if name == "CPU_FEATURES" else {})}
    for told in (others, {}):
        first = "compiled\n" if told else "loaded\n"
        assert run(COUNT, cache=cache, **told)[0] == first
        assert run(COUNT, cache=cache, **told) == ("loaded\n", "")
    assert len(files(cache)) == 2


def test_kernels_are_compiled_anew_when_another_has_changed(shut_package, tmp_path):
    packages = shutil.copytree(shut_package, tmp_path / "packages")
    where = {"cache": tmp_path / "cache", "PYTHONPATH": str(packages)}
    assert run(COUNT, **where)[0] == "compiled\n"
    with (packages / "hwsim" / "kernels" / "golden.py").open("a") as file:
        file.write("# another line\n")
    assert run(COUNT, **where)[0] == "compiled\n"
    assert run(COUNT, **where)[0] == "loaded\n"


def test_a_full_disk_costs_the_cache_alone(shut_package, tmp_path):
    cache = tmp_path / "cache"
    output, errors = run(DISK_FULL + COUNT, cache=cache, PYTHONPATH=str(shut_package))
    first, second = errors.splitlines()
    assert (output, first) == ("compiled\n", ONCE.strip())
    assert second.startswith("hwsim: compiled kernels are not kept: ")
    assert "No space left" in second
    assert files(cache) == []


def test_a_folder_without_room_is_none(shut_package, tmp_path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
    output, errors = run(f"{limit}\n{COUNT}", cache=tmp_path / "cache", PYTHONPATH=str(shut_package))
    assert (output, errors.count("\n")) == ("compiled\n", 1)
    assert "NUMBA_CACHE_DIR" in errors
    assert files(tmp_path) == []


def test_processes_may_write_at_once(tmp_path):
    cache = tmp_path / "cache"
    processes = [start(COUNT, cache=cache) for _ in range(4)]
    ends = [(*process.communicate(), process.returncode) for process in processes]
    assert {(errors.replace(ONCE, ""), status) for _, errors, status in ends} == {("", 0)}
    assert run(COUNT, cache=cache) == ("loaded\n", "")
    assert [file.suffix for file in files(cache)] == [".nbc"]


def test_workers_leave_it_to_the_first_process_to_say_so(simulation, tmp_path):
    arguments, result, _ = simulation
    assert run(COMMAND, *arguments, "--jobs", 2, cache=tmp_path / "cache") == (result, ONCE)


def test_kernels_run_as_plain_python_where_numba_is_told_so_late():
    code = f"import numba\nnumba.config.DISABLE_JIT = 1\n{COUNT}"
    assert run(code, cache="/dev/null") == ("compiled\n", "")  # it says nothing of compiling


def test_kernels_go_by_name():
    assert pickle.loads(pickle.dumps(popcount)) is popcount
    assert copy.deepcopy(popcount) is popcount
    assert popcount.__doc__.startswith("Set bits")
