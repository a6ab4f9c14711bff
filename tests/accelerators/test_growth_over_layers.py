"""Twice the layers take twice the lines of Python, on every machine whose networks may be deep."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from accelerators.imc.cases import PLAIN, random_trace
from numba import config
from traces.direct.networks import Sketch

import hwsim
from hwsim import api

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="interpreted kernels run lines of Python, too")
PACKAGE = str(Path(hwsim.__file__).parent)
SIZES = 12, 24, 48
WIDER = {"imc": ("accumulator.bits=32", "pooling.bits=32"), "digital": ("ac.bits=32", "pooling.bits=32")}
"""Sums of spikes grow from block to block."""


def chain(n):
    """Convolutions one after another."""
    sketch = Sketch((3, 2, 2), bits=2)
    for _ in range(n):
        sketch.conv(3)
    return ended(sketch)


def residual(n):
    """Blocks of two convolutions, of which the second gives currents to a sum with neurons."""
    sketch = Sketch((3, 2, 2), bits=2)
    last = sketch.conv(3)
    for _ in range(n // 2):
        inner = sketch.conv(3, source=last)
        last = sketch.sum([sketch.conv(3, source=inner, neuron=None), last], [1, 1], neuron=True)
    return ended(sketch)


def spike_sums(n):
    """Blocks of two convolutions whose spikes are added, so that a sum follows from all that came before."""
    sketch = Sketch((3, 2, 2), bits=2)
    last = sketch.conv(3)
    for _ in range(n // 2):
        inner = sketch.conv(3, source=last)
        last = sketch.sum([sketch.conv(3, source=inner), last], [1, 1])
    return ended(sketch)


def ended(sketch):
    """The network, with a classifier at its end."""
    sketch.flatten()
    sketch.linear(3, neuron=None)
    return sketch.network()


@pytest.mark.parametrize("network", [chain, residual, spike_sums])
@pytest.mark.parametrize("design", ["imc", "digital"])
def test_lines_run_grow_with_layers(design, network):
    architecture = api.load_architecture(PLAIN if design == "imc" else design, WIDER[design])  # layers by themselves
    simulated(architecture, network(2))  # what is done once is done
    few, more, most = (lines_of_simulation(architecture, network(n)) for n in SIZES)
    assert (most - more) / (more - few) == pytest.approx(2, rel=0.03)


def lines_of_simulation(architecture, network):
    """Lines of the package that a simulation runs, turns of loops on one line included."""
    lines, before = 0, sys.gettrace()

    def count(frame, event, _):
        nonlocal lines
        lines += event == "line"
        return count if event != "call" or frame.f_code.co_filename.startswith(PACKAGE) else None

    sys.settrace(count)
    try:
        simulated(architecture, network)
    finally:
        sys.settrace(before)
    return lines


def simulated(architecture, network):
    api.simulate(architecture, random_trace(network, timesteps=1, samples=1), engine="compiled")
