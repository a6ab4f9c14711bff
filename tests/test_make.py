"""Traces made in memory are what a file of them would be, and what they record is what was recorded elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from contract.families import TRACES
from numba import config

from hwsim import api, make
from hwsim.errors import TraceError, UsageError
from hwsim.traces import read_trace, write_trace
from hwsim.traces.codings import verify

N = 6
compiled = pytest.mark.skipif(config.DISABLE_JIT, reason="minutes in interpreted kernels")


def shipped(name):
    return api.load_trace(TRACES / f"{name}.npz")


def made(name):
    """The same samples once more, in memory."""
    trace = shipped(name)
    if trace.coding == "plastic":
        parts = [(part.values[:N], part.labels[:N]) for part in (trace.parts["train"], trace.parts["test"])]
        return make.plastic(trace.network, *parts, name="again")
    call = {"direct": make.direct, "rate": make.rate, "ttfs": make.first_spike, "sequence": make.sequence}[trace.coding]
    steps = () if trace.coding == "ttfs" else (trace.timesteps,)
    return call(trace.network, trace.inputs.values[:N], trace.inputs.labels[:N], *steps, recorded=N - 1, name="again")


NAMES = ("fashion_dietsnn", "mnist_rate", "mnist_ttfs", "keywords_lstm", "mnist_stdp")


@compiled
@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_stored_verified_and_played(name, tmp_path):
    trace = made(name)
    write_trace(tmp_path / "t.npz", trace)
    again = read_trace(tmp_path / "t.npz")
    assert (again.coding, again.n_samples, again.provenance.name) == (trace.coding, trace.n_samples, "again")
    assert verify(again).ok
    design = {"direct": "imc", "rate": "ttfs", "ttfs": "ttfs", "sequence": "lstm", "plastic": "stdp"}[trace.coding]
    settings = {"coding": "rate"} if trace.coding == "rate" else None
    reports = [api.simulate(design, each, set=settings) for each in (trace, again)]
    assert reports[0].energy == reports[1].energy


@compiled
@pytest.mark.parametrize("name", NAMES[:4])
def test_it_records_what_the_shipped_trace_does(name):
    mine, theirs = made(name), shipped(name)
    recorded = "times" if name == "mnist_ttfs" else "spikes"
    for layer, found in getattr(mine, recorded).items():
        wanted = getattr(theirs, recorded)[layer]
        values = [np.asarray(getattr(each, "words", each))[: N - 1] for each in (found, wanted)]
        np.testing.assert_array_equal(*values)


def example():
    return api.load_example()


def test_what_breaks_a_rule_is_refused_as_in_a_file():
    trace = example()
    values, labels = trace.inputs.values[:2], trace.inputs.labels[:2]
    with pytest.raises(TraceError, match=r"^inputs: wanted uint8"):
        make.direct(trace.network, values[:, :5], labels, 4)
    with pytest.raises(TraceError, match=r"^inputs: wanted integers of uint8, found float64 with values beyond them"):
        make.direct(trace.network, values / 2 - 1, labels, 4)
    with pytest.raises(TraceError, match=r"^labels: wanted 2 integers, 1 or more, found int64 \(1,\)"):
        make.direct(trace.network, values, labels[:1], 4)
    with pytest.raises(UsageError, match=r"^timesteps: wanted 1 to 4096, found 0"):
        make.direct(trace.network, values, labels, 0)
    with pytest.raises(UsageError, match=r"^recorded: wanted 1 to 2, found 3"):
        make.direct(trace.network, values, labels, 1, recorded=3)
    with pytest.raises(UsageError, match=r"^nmae: is no argument here; did you mean 'name'\?"):
        make.direct(trace.network, values, labels, 1, nmae="x")
    with pytest.raises(TraceError, match="wanted"):
        make.check(replace(trace, timesteps=5))
    make.check(trace)
