"""A mapped trace file that loses its end while it is used: one line, no signal, and no report."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

from hwsim.traces.direct.synth import synthesize
from hwsim.traces.io import write_trace

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux is done")
BEGIN = """
    import os, sys
    import numpy as np
    from hwsim import api
    from hwsim.traces.file import content
    content.MAX_READ_BYTES = 1000
    path = sys.argv[1]
    trace = api.load_trace(path)
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "trace.npz"
    write_trace(path, synthesize("mlp:784-2000-10", timesteps=8, samples=40, rate=0.3, seed=1))
    return path


def run(code, file):
    program = textwrap.dedent(BEGIN) + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", program, file], check=False, capture_output=True, text=True, timeout=100
    )
    said = [line for line in done.stderr.splitlines() if not line.startswith("hwsim: compiling kernels")]
    return done.returncode, done.stdout, "\n".join(said)


def test_what_is_gone_reads_as_zeros(file):
    code = """
        spikes = max((packed.words for packed in trace.spikes.values()), key=lambda words: words.size)
        before = spikes.copy()
        os.truncate(path, 4096)
        after = spikes.copy()  # would end the program
        print(bool(before.any()), bool(after[-1].any()))
    """
    assert run(code, file) == (0, "True False\n", "")


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_cut_short_while_it_is_played_is_one_line(file, jobs):
    code = f"""
        whole = api.check_playable
        def check(short):  # the file has been looked at by now
            os.truncate(path, 4096)
            whole(short)
        api.check_playable = check
        try:
            api.simulate(api.load_architecture("imc"), trace, engine="compiled", jobs={jobs}, accuracy_samples=0)
        except api.HwsimError as error:
            print(error)
    """
    status, said, errors = run(code.replace("api.HwsimError", "__import__('hwsim').errors.HwsimError"), file)
    assert (status, errors) == (0, "")
    assert said == f"{file}: the file changed since it was read; read it again\n"


def test_another_fault_goes_to_whoever_was_there_before(file, tmp_path):
    """A map of somebody else's ends the program, as it did."""
    code = """
        import mmap
        other = path + ".other"
        open(other, "wb").write(bytes(100_000))
        with open(other, "rb") as opened:
            theirs = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        os.truncate(other, 10)
        print(theirs[99_000])
    """
    assert run(code, file)[0] == -signal.SIGBUS
