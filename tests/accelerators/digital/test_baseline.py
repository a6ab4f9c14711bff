"""The network without spikes on the same machine: products for accumulates, one pass, stated widths and zeros."""

from __future__ import annotations

import numpy as np
import pytest
from accelerators.digital import cases as digital
from accelerators.imc import cases
from accelerators.imc.reference import activations, ends

from hwsim import api
from hwsim.accelerators.digital import Machine
from hwsim.errors import ArchitectureError
from hwsim.report.price import price
from hwsim.run.play import play

SMALL = {"array__rows": 4, "array__columns": 3, "mac__input_bits": 16}


def lowered(trace, kind, **changes):
    spec = digital.variant(**SMALL | changes)
    return Machine(spec).baseline(trace, kind)


def priced(spec, workload):
    machine = Machine(spec)
    tallies = play(workload, "simpy")
    (run,) = price(tallies, workload, machine.components(workload), machine.clock_mhz)
    return run


def not_zero(trace, layer):
    """Products whose activation is not zero after all timesteps: int64 [sample], by brute force."""
    ever = (activations(trace, layer.inputs[0]) != 0).any(axis=1, keepdims=True)
    total = np.zeros(len(ever), np.int64)
    for y, x in np.ndindex(layer.shape[:2]):
        for _, row, column in digital.on_map(layer, ever.shape[2:], y, x):
            total += ever[:, 0, row, column].sum(axis=1) * (layer.shape[2] // digital.groups_of(layer))
    return total


@pytest.mark.parametrize("network", digital.NETWORKS)
@pytest.mark.parametrize("skip", ["none", "gate", "skip"])
def test_every_weight_is_multiplied_once(network, skip):
    trace = cases.random_trace(network())
    counts = cases.posted(lowered(trace, "ann", skip=skip))
    for layer in digital.weighted(trace.network):
        operations = digital.dense(trace.network, layer)
        assert counts[layer.name, "operations", "MAC"].tolist() == [[operations]] * 2
        done = operations if skip == "none" else digital.on_picture(trace.network, layer)
        assert counts[layer.name, "mac", "mac"].tolist() == [[done]] * 2
    assert not any(key[1] in ("ac", "neuron") and n.any() for key, n in counts.items())
    assert not any(key[2] in ("AC", "membrane update") for key in counts)


@pytest.mark.parametrize("network", digital.NETWORKS)
@pytest.mark.parametrize("skip", ["gate", "skip"])
def test_zeros_of_the_quantised_network_are_neurons_that_never_spike(network, skip):
    trace = cases.random_trace(network())
    counts = cases.posted(lowered(trace, "qann", skip=skip))
    for layer in digital.weighted(trace.network):
        if digital.multiplies(trace.network, layer):
            assert (counts[layer.name, "mac", "mac"] == digital.on_picture(trace.network, layer)).all()
        else:
            np.testing.assert_array_equal(counts[layer.name, "narrow_mac", "mac"][:, 0], not_zero(trace, layer))


def test_a_stated_density_is_a_share_of_the_products():
    trace = cases.random_trace(cases.binary())
    for density in (0.0, 0.25, 1.0):
        counts = cases.posted(lowered(trace, "qann", baseline__qann_density=density, array__rows=64))
        for layer in digital.weighted(trace.network)[1:]:
            products = digital.on_picture(trace.network, layer)
            found = counts[layer.name, "narrow_mac", "mac"]
            # Rounded once for all positions of a tile, here one, and the same for each output channel.
            channels = layer.shape[2]
            assert abs(found - density * products).max() <= channels / 2


def test_cycles_of_the_dense_network_are_those_of_lock_step_in_one_pass():
    trace = cases.random_trace(cases.chain())
    spec = digital.without_memory(**SMALL | {"skip": "skip", "neuron": "none", "pooling": "none"})
    spec = type(spec).model_validate(spec.model_dump() | {"array": spec.array.model_dump() | {"latency_cycles": 0}})
    run = priced(spec, Machine(spec).baseline(trace, "ann"))
    cycles = 0
    for layer in digital.weighted(trace.network):
        positions = layer.shape[0] * layer.shape[1]
        taps = digital.dense(trace.network, layer) // positions // layer.shape[2]
        cycles += -(-positions // 4) * -(-layer.shape[2] // 3) * taps
    assert (run.tally.makespan_cycles == cycles).all()


@pytest.mark.parametrize(("timesteps", "bits"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (7, 3), (8, 4)])
def test_activations_of_the_quantised_network_have_as_many_levels_as_rates(timesteps, bits):
    trace = cases.random_trace(cases.tiny(), timesteps=timesteps)
    workload = lowered(trace, "qann")
    assert workload.hardware.notes["activation bits"] == bits
    assert workload.timesteps == 1
    assert 2**bits >= timesteps + 1 > 2 ** (bits - 1)


@pytest.mark.parametrize("bits", [1, 5, 16])
def test_activations_are_as_wide_as_they_are_stated(bits):
    """Of 70 channels in tiles of 64 a position takes as many words of 64 bits as a value has bits, and the rest."""
    trace = cases.random_trace(cases.wide(), timesteps=1)
    stated = {"baseline__qann_density": 1.0, "baseline__qann_bits": bits, "array__columns": 64}
    workload = lowered(trace, "qann", **stated)
    assert workload.hardware.notes["activation bits"] == bits
    assert "activation bits" not in lowered(trace, "ann", **stated).hardware.notes
    height, width, channels = trace.network["conv1"].shape
    assert channels == 70
    words = height * width * (bits + -(-6 * bits // 64))
    assert (stores_of_conv1(workload) == words).all()


def test_activations_wider_than_the_multipliers_are_refused():
    with pytest.raises(ArchitectureError, match=r"qann_bits must be at most mac.input_bits = 8, got 9"):
        api.load_architecture("digital", ["baseline.qann_bits=9"])


def test_maps_are_as_wide_as_their_activations():
    """One layer's result of 64 values: words of 64 bits a position, at 1, 2 and 16 bits a value."""
    trace = cases.random_trace(cases.wide(), timesteps=3)
    layer = trace.network["conv1"]
    assert ends(trace.network, "conv1") == (0, 1)
    size = layer.shape[0] * layer.shape[1]
    workloads = {1: Machine(digital.variant()).lower(trace), 2: lowered(trace, "qann"), 16: lowered(trace, "ann")}
    columns = {1: 16, 2: 3, 16: 3}
    for bits, workload in workloads.items():
        widths = [min(columns[bits], 70 - low) for low in range(0, 70, columns[bits])]
        words = sum(-(-width * bits // 64) for width in widths) * size
        assert (stores_of_conv1(workload) == words * (3 if bits == 1 else 1)).all()


def stores_of_conv1(workload):
    """Words that it puts into the buffer: int64 [sample]."""
    (stores,) = (
        posting.counts.sum(axis=1)
        for batch in workload.batches
        for posting in batch.ledger.postings
        if (posting.stage, posting.component) == ("conv1.store", "global_buffer")
    )
    return stores


@pytest.mark.parametrize("kind", ["ann", "qann"])
@pytest.mark.parametrize("memory", [{}, {"scratchpad": "none", "global_buffer": "none", "dram": "none"}])
def test_every_count_has_a_price(kind, memory):
    spec = digital.variant(**SMALL | memory)
    run = priced(spec, Machine(spec).baseline(cases.random_trace(cases.residuals()), kind))
    assert (run.totals["value"] > 0).all()
    if kind == "qann":
        parts = run.components
        assert parts["narrow_mac"].actions["mac"].value < parts["mac"].actions["mac"].value
        assert parts["narrow_mac"].area_um2.value == 0


def test_given_prices_are_not_stretched_to_other_widths():
    machine = Machine(digital.shipped("digital_compute"))
    with pytest.raises(
        ArchitectureError, match=r"^mac.law: given prices are for 32-bit inputs, .* 2-bit .*choose a law$"
    ):
        machine.baseline(cases.random_trace(cases.tiny()), "qann")
