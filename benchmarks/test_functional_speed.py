"""The functional mode on vgg9-cifar at T = 5, in samples a second of CPU time, beside exact integers in the same run.

Run with `pytest benchmarks --benchmark-only -s`; nothing here asserts a time, only the work that was done.
"""

from __future__ import annotations

from time import thread_time

import numpy as np
import pytest
from numba import njit

from hwsim import api
from hwsim.accelerators.imc import Machine
from hwsim.accelerators.imc.functional.layer import CrossbarLayer
from hwsim.accelerators.imc.functional.run import CrossbarProducts
from hwsim.accelerators.imc.plan.placement import place
from hwsim.kernels.bits import popcount
from hwsim.traces.direct.golden import execute
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.network.layers import Conv2d, Flatten, Input, Linear, Network, Neuron, StoredWeights
from hwsim.traces.network.window import Window
from hwsim.traces.planes import pack_channels

TIMESTEPS, SAMPLES, ROUNDS = 5, 16, 3
SPECS = {
    "ideal cells, 10 bits": ["adc.bits=10"],
    "ideal cells, 8 bits over all rows": ["devices.full_scale=rows"],
    "variation 10 %, 10 bits": ["adc.bits=10", "devices.conductance_variation=0.1"],
    "variation 10 %, 8 bits over all rows": ["devices.full_scale=rows", "devices.conductance_variation=0.1"],
}


@pytest.fixture(scope="module")
def trace():
    """Uniform pixels: about a fifth to a third of the neurons spike, more than in trained networks."""
    return synthesize("vgg9-cifar", TIMESTEPS, SAMPLES, 0.1, seed=1)


@pytest.mark.parametrize("name", SPECS)
def test_whole_network(benchmark, trace, name):
    spec = api.load_architecture("imc", SPECS[name]).spec
    products = CrossbarProducts(spec, trace.network)
    values = trace.inputs.values

    def run():
        return execute(trace.network, values, TIMESTEPS, products)

    def exact():
        return execute(trace.network, values, TIMESTEPS)

    found, golden = run(), exact()
    assert found.logits.shape == golden.logits.shape
    if name == "ideal cells, 10 bits":
        assert (found.logits == golden.logits).all()
        assert all((golden.spikes[layer].words == packed.words).all() for layer, packed in found.spikes.items())
    benchmark.pedantic(run, rounds=ROUNDS)
    seconds, exactly = (min(timed(work) for _ in range(ROUNDS)) for work in (run, exact))
    spikes = sum(int(np.bitwise_count(packed.words).sum()) for packed in found.spikes.values())
    neurons = sum(int(np.prod(packed.shape)) for packed in found.spikes.values())
    print(
        f"\n{name}: {SAMPLES / seconds:.1f} samples/s, exact integers {SAMPLES / exactly:.1f} samples/s; "
        f"{spikes / (neurons * SAMPLES * TIMESTEPS):.2f} spikes per neuron and timestep"
    )


def timed(work):
    start = thread_time()
    work()
    return thread_time() - start


@njit
def popcount_sums(words, planes, sums):
    """Column sums of 64-row blocks by popcount: words [position, block], planes [block, bit, output]."""
    for position in range(words.shape[0]):
        sums[:] = 0
        for block in range(words.shape[1]):
            for bit in range(planes.shape[1]):
                for o in range(sums.size):
                    sums[o] += popcount(words[position, block] & planes[block, bit, o]) << bit
    return sums


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.2, 0.5])
@pytest.mark.parametrize("variation", [0, 0.1])
def test_reads_beside_popcount_over_bit_slices_alone(benchmark, rate, variation):
    """576 -> 64 channels over 1,024 positions, 4-bit cells; without variation the sums that both make are the same."""
    rng = np.random.default_rng(1)
    weights = rng.integers(-8, 8, (1, 1, 576, 64)).astype(np.int8)
    ones = np.ones(64, np.float32)
    conv = Conv2d("conv", ("input",), (32, 32, 64), Window(), 1, StoredWeights(weights, 4, ones), None, NEVER)
    network = Network((
        Input("input", (), (32, 32, 576), 1),
        conv,
        Flatten("flat", ("conv",), (1, 1, 65536)),
        Linear("fc", ("flat",), (1, 1, 1), StoredWeights(np.zeros((1, 1, 65536, 1), np.int8), 4, ones[:1]), None, None),
    ))  # fmt: skip
    on_crossbars = ["direct_input=every_step", "adc.bits=10", f"devices.conductance_variation={variation}"]
    spec = api.load_architecture("imc", on_crossbars).spec
    layer = CrossbarLayer(spec, network, conv, place(spec, network).layers["conv"])
    picture = (rng.random((1, 32, 32, 576)) < rate).astype(np.int32)
    words = pack_channels(picture.reshape(1024, 576).astype(np.uint8))
    stored = (weights[0, 0].astype(np.int64) + 8).astype(np.uint64)
    bits = np.stack([(stored >> np.uint64(b) & np.uint64(1)).astype(np.uint8) for b in range(4)])
    planes = np.ascontiguousarray(pack_channels(bits.transpose(0, 2, 1)).transpose(2, 0, 1))
    sums = np.zeros(64, np.int64)
    last = layer.read(picture, 0, 0)[0, -1, -1] + 8 * picture[0, -1, -1].sum()
    assert variation or (popcount_sums(words, planes, sums) == last).all()
    benchmark(layer.read, picture, 0, 0)
    seconds = min(timed(lambda: layer.read(picture, 0, 0)) for _ in range(20))
    by_popcount = min(timed(lambda: popcount_sums(words, planes, sums)) for _ in range(20))
    what = f"{rate:.0%} of rows driven, variation {variation:.0%}"
    print(f"\n{what}: {seconds * 1e3:.2f} ms, popcount {by_popcount * 1e3:.2f} ms a timestep")


NEVER = Neuron(1, 0, np.full(64, 2**23 - 1, np.int64), "soft", 0, 24)


def test_the_machine_runs_the_same(trace):
    """The numbers above are of what `Machine.functional` does."""
    changed = Machine(api.load_architecture("imc", ["adc.bits=10"]).spec).functional(trace).trace
    golden = execute(trace.network, trace.inputs.values, TIMESTEPS)
    assert (changed.logits["recorded"].values == golden.logits).all()
