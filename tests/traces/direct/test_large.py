"""The shipped network of the papers' size is what its own semantics give, and has their shape."""

from pathlib import Path

import pytest
from numba import config

import hwsim
from hwsim.traces.codings import verify
from hwsim.traces.network.geometry import macs
from hwsim.traces.slicing import first

TRACE = Path(__file__).resolve().parents[3] / "traces" / "large" / "fashion_vgg9.npz"


@pytest.mark.no_kernel
def test_it_has_the_channels_of_spikesims_vgg9():
    trace = hwsim.load_trace(TRACE)
    assert [layer.shape[2] for layer in trace.network.spiking()] == [64, 64, 128, 128, 256, 256, 256, 256]
    assert sum(macs(layer, trace.network) for layer in trace.network) == 126_545_408
    assert trace.provenance.accuracy[-1] == pytest.approx(0.9030)
    assert trace.logits["test"].accuracy()[-1] == pytest.approx(trace.provenance.accuracy[-1])


@pytest.mark.skipif(config.DISABLE_JIT, reason="takes minutes without the compiler")
def test_its_spikes_and_logits_are_those_of_its_network():
    found = verify(first(hwsim.load_trace(TRACE), 1))
    assert found.arrays
    assert not any(each.differing for each in found.arrays.values())
