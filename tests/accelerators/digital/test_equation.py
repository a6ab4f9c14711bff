"""The compute-only design is the published equation: dense products on the input, spikes times mean fan-out elsewhere.

E_SNN = OP_1 * (1 or T) * E_MAC + sum over later layers of rho * OP * E_AC          E_ANN = sum of OP * E_MAC
OP = k * k * C_in * C_out * H_out * W_out           rho = spikes per neuron of the layer before, over all timesteps
"""

from __future__ import annotations

from fractions import Fraction
from math import prod

import pytest
from accelerators.digital import cases as digital
from accelerators.imc import cases
from accelerators.imc.reference import unpacked
from hypothesis import given, settings
from hypothesis import strategies as st
from traces.direct.networks import Sketch, networks, small_network, trace_of

from hwsim import api
from hwsim.accelerators.digital import Machine
from hwsim.errors import ArchitectureError
from hwsim.report.assemble import run_figures
from hwsim.report.price import price
from hwsim.run.play import play
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.network.layers import Add, Concat, Conv2d, Linear

FP32 = Fraction("4.6"), Fraction("0.9")
INT32 = Fraction("3.2"), Fraction("0.1")


def spikes_per_neuron(trace, name, sample):
    """rho of what a layer reads: of its spiking layer, or of all spiking layers that are added up in it."""
    layer = trace.network[name]
    if name in trace.spikes:
        return Fraction(int(abs(unpacked(trace, name)[sample]).sum()), prod(layer.shape))
    if isinstance(layer, Add):
        return sum(spikes_per_neuron(trace, source, sample) for source in layer.inputs)
    if isinstance(layer, Concat):
        channels = [trace.network[source].shape[2] for source in layer.inputs]
        each = [spikes_per_neuron(trace, source, sample) for source in layer.inputs]
        return sum(n * rate for n, rate in zip(channels, each, strict=True)) / sum(channels)
    if not layer.inputs and layer.over_time:
        return Fraction(int(abs(trace.inputs.values[sample].astype(int)).sum()), prod(layer.shape))
    if not layer.inputs:
        return Fraction(trace.timesteps)  # a raw value in a sum with spikes is accumulated at every timestep
    return spikes_per_neuron(trace, layer.inputs[0], sample)


def equation(trace, sample, prices, once=False):
    e_mac, e_ac = prices
    energy = Fraction(0)
    for layer in trace.network:
        if isinstance(layer, Conv2d | Linear):
            operations = digital.dense(trace.network, layer)
            if digital.multiplies(trace.network, layer):
                energy += operations * (1 if once else trace.timesteps) * e_mac
            else:
                energy += spikes_per_neuron(trace, layer.inputs[0], sample) * operations * e_ac
    return energy


def energies(trace, *overrides):
    report = api.simulate(api.load_architecture("digital_compute", overrides), trace)
    return [sample[-1] for sample in report.runs[0].samples.energy_pj], report.runs[0]


def assert_equal_to_the_last_digit(found, wanted):
    """The nearest double or its neighbour: sums of many exact products round once each."""
    assert found == pytest.approx(float(wanted), rel=4e-16 * 8, abs=0)


def check(trace):
    for overrides, prices, once in (
        ((), FP32, False),
        (("direct_input=once",), FP32, True),
        (("mac.given.mac_pj=3.2", "ac.given.add_pj=0.1"), INT32, False),
        (("mac.given.mac_pj=3.2", "ac.given.add_pj=0.1", "direct_input=once"), INT32, True),
        (("loop_order=layer_outer", "array.rows=3"), FP32, False),
    ):
        found, run = energies(trace, *overrides)
        for sample, energy in enumerate(found):
            assert_equal_to_the_last_digit(energy, equation(trace, sample, prices, once))
        assert run.clock_pj.value == run.leakage_pj.value == 0


@pytest.mark.parametrize("geometry", ["vgg9-cifar", "vgg16-gap-cifar", "resnet20-cifar", "mlp:30-20-10-5"])
def test_drawn_traces(geometry):
    check(synthesize(geometry, timesteps=2, samples=1, rate=0.13, seed=4))


@pytest.mark.parametrize("network", digital.NETWORKS)
def test_random_spikes(network):
    check(cases.random_trace(network(), timesteps=3, samples=2))


def test_a_layer_that_is_added_twice_counts_twice():
    sketch = Sketch((4, 4, 1), bits=2)
    first = sketch.conv(3)
    second = sketch.conv(3, source=first)
    both = sketch.sum([first, second], [1, 1])
    sketch.sum([both, first], [1, 1])
    sketch.conv(2)
    sketch.flatten()
    sketch.linear(2, neuron=None)
    check(cases.random_trace(sketch.network()))


def test_a_network_that_was_executed():
    check(trace_of(small_network()))


@settings(max_examples=20)
@given(networks(), st.integers(1, 3), st.integers(0, 99))
def test_any_network(network, timesteps, seed):
    trace = cases.random_trace(network, timesteps=timesteps, samples=1, seed=seed)
    found, _ = energies(trace, "mac.input_bits=32")
    assert_equal_to_the_last_digit(found[0], equation(trace, 0, FP32))


def test_counted_exactly_padding_costs_nothing():
    trace = cases.random_trace(cases.convolutions())
    found, run = energies(trace, "fan_out=exact")
    products = accumulates = 0
    for layer in digital.weighted(trace.network):
        if digital.multiplies(trace.network, layer):
            products += trace.timesteps * digital.on_picture(trace.network, layer)
        else:
            accumulates = accumulates + digital.accumulates(trace, layer).sum(axis=1)
    for energy, each in zip(found, accumulates, strict=True):
        assert_equal_to_the_last_digit(energy, products * FP32[0] + int(each) * FP32[1])
    assert run.operations["AC"] == accumulates.mean()


@pytest.mark.parametrize("geometry", ["vgg9-cifar", "mlp:30-20-10-5"])
def test_the_network_without_spikes(geometry):
    trace = synthesize(geometry, timesteps=2, samples=1, rate=0.13, seed=4)
    machine = Machine(digital.shipped("digital_compute"))
    workload = machine.baseline(trace, "ann")
    tallies = play(workload, "compiled")
    (run,) = price(tallies, workload, machine.components(workload), machine.clock_mhz)
    operations = sum(digital.dense(trace.network, layer) for layer in digital.weighted(trace.network))
    assert_equal_to_the_last_digit(run_figures(run).energy_pj.value, operations * FP32[0])


def test_published_operation_counts():
    """VGG-16: 3.384e8 products for CIFAR-10, 1.547e10 for ImageNet, with the layers of DIET-SNN's code."""
    for geometry, wanted in (("vgg16-cifar", 3.384e8), ("vgg16-imagenet", 1.547e10)):
        trace = synthesize(geometry, timesteps=1, samples=1, rate=0.0)
        total = sum(digital.dense(trace.network, layer) for layer in digital.weighted(trace.network))
        assert total == pytest.approx(wanted, rel=5e-4)


def test_fan_outs_whose_common_denominator_is_too_large_are_refused():
    sketch = Sketch((32, 32, 1))
    for _ in range(24):
        sketch.conv(1, kernel=2, padding=0)  # maps of 31 x 31, 30 x 30, ...
    sketch.flatten()
    sketch.linear(2, neuron=None)
    trace = cases.random_trace(sketch.network(), timesteps=1, samples=1)
    with pytest.raises(ArchitectureError, match=r"^fan_out: .* the common denominator \d+, .*; use 'exact'$"):
        Machine(digital.shipped("digital_compute")).lower(trace)
    Machine(digital.variant("digital_compute", fan_out="exact")).lower(trace)
