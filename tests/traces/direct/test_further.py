"""The shipped networks beside those that all designs play: the one of the papers' size, the one for crossbars."""

from pathlib import Path
from statistics import fmean

import pytest
from numba import config

import hwsim
from hwsim.designs import machine_for
from hwsim.traces.codings import verify
from hwsim.traces.network.geometry import macs
from hwsim.traces.slicing import first

TRACES = Path(__file__).resolve().parents[3] / "traces"
TRACE = TRACES / "large" / "fashion_vgg9.npz"


@pytest.mark.no_kernel
def test_it_has_the_channels_of_spikesims_vgg9():
    trace = hwsim.load_trace(TRACE)
    assert [layer.shape[2] for layer in trace.network.spiking()] == [64, 64, 128, 128, 256, 256, 256, 256]
    assert sum(macs(layer, trace.network) for layer in trace.network) == 126_545_408
    assert trace.provenance.accuracy[-1] == pytest.approx(0.9078)
    assert trace.logits["test"].accuracy()[-1] == pytest.approx(trace.provenance.accuracy[-1])


@pytest.mark.skipif(config.DISABLE_JIT, reason="takes minutes without the compiler")
@pytest.mark.parametrize("path", [TRACE, TRACES / "hardware" / "fashion_dietsnn_imc.npz"], ids=lambda path: path.stem)
def test_spikes_and_logits_are_those_of_the_network(path):
    found = verify(first(hwsim.load_trace(path), 1))
    assert found.arrays
    assert not any(each.differing for each in found.arrays.values())


@pytest.mark.skipif(config.DISABLE_JIT, reason="takes minutes without the compiler")
def test_cells_that_vary_by_a_tenth_cost_the_trained_network_at_most_a_point_and_a_half():
    trained, untrained = TRACES / "hardware" / "fashion_dietsnn_imc.npz", TRACES / "fashion_dietsnn.npz"
    chips = [right(trained, f"devices.seed={seed}", "devices.conductance_variation=0.1") for seed in range(5)]
    assert right(untrained) - fmean(chips) < 0.015
    assert right(trained) - fmean(chips) < 0.015


def right(path, *settings):
    """Share of all raw inputs that the default design gets right at the last timestep."""
    trace = hwsim.load_trace(path)
    machine = machine_for(hwsim.load_architecture("imc", settings), trace)
    return float(machine.functional(trace).trace.logits["test"].accuracy()[-1])
