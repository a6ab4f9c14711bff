"""Every count against a twin that loops over tiles, places and bits."""

from __future__ import annotations

import numpy as np
import pytest
from accelerators.digital import cases as digital
from accelerators.digital.reference import Twin
from accelerators.imc import cases
from hypothesis import given, settings
from hypothesis import strategies as st
from traces.direct.networks import networks

from hwsim.accelerators.digital import Machine
from hwsim.accelerators.digital.plan import plan_network
from hwsim.accelerators.digital.storage import store
from hwsim.components.memory import Sram

MEMORY = {
    "all": ({}, "global_buffer"),
    "no scratchpad": ({"scratchpad": "none"}, "global_buffer"),
    "small scratchpad": (
        {"scratchpad__capacity_kib": 0.01, "scratchpad__banks": 1, "blocking": "none"},
        "global_buffer",
    ),
    "buffer only": ({"scratchpad": "none", "dram": "none"}, "global_buffer"),
    "dram only": ({"scratchpad": "none", "global_buffer": "none"}, "dram"),
    "scratchpad and dram": ({"global_buffer": "none"}, "dram"),
    "none": ({"scratchpad": "none", "global_buffer": "none", "dram": "none"}, "none"),
}
WIDE = {"mac__input_bits": 32, "neuron__membrane_bits": 32, "pooling__bits": 33}
SMALL = WIDE | {"array__rows": 4, "array__columns": 3, "detector__bits": 5}


def compare(spec, trace, home):
    found = cases.posted(Machine(spec).lower(trace))
    wanted = Twin(spec, trace, home).counts
    for key in found.keys() | wanted.keys():
        zero = np.zeros((trace.n_samples, trace.timesteps), np.int64)
        np.testing.assert_array_equal(found.get(key, zero), wanted.get(key, zero), err_msg=str(key))


@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("network", digital.NETWORKS)
@pytest.mark.parametrize("skip", ["none", "gate", "skip"])
def test_every_count(memory, network, skip):
    changes, home = MEMORY[memory]
    trace = cases.random_trace(network(), timesteps=2)
    for order in ("layer_outer", "timestep_outer"):
        compare(digital.variant(skip=skip, loop_order=order, **SMALL, **changes), trace, home)


@pytest.mark.parametrize("order", ["layer_outer", "timestep_outer"])
@pytest.mark.parametrize("network", digital.NETWORKS)
def test_a_direct_input_that_is_multiplied_once(network, order):
    trace = cases.random_trace(network(), timesteps=3)
    spec = digital.variant(direct_input="once", loop_order=order, **SMALL)
    compare(spec, trace, "global_buffer")


@settings(max_examples=25)
@given(
    networks(recurrent=True),
    st.tuples(st.integers(1, 7), st.integers(1, 7)),
    st.sampled_from(["none", "gate", "skip"]),
    st.sampled_from(["layer_outer", "timestep_outer"]),
    st.sampled_from(["every_step", "once"]),
)
def test_any_network_on_any_array(network, array, skip, order, direct):
    rows, columns = array
    order = "timestep_outer" if network.read_late else order
    trace = cases.random_trace(network, timesteps=2, samples=1, rate=0.4)
    changes = SMALL | {"array__rows": rows, "array__columns": columns}
    compare(digital.variant(skip=skip, loop_order=order, direct_input=direct, **changes), trace, "global_buffer")


@pytest.mark.parametrize("direct", ["every_step", "once"])
@pytest.mark.parametrize("order", ["layer_outer", "timestep_outer"])
@pytest.mark.parametrize("kib", [0.01, 0.03, 0.1, 0.3])
@pytest.mark.parametrize("network", digital.NETWORKS)
def test_part_on_chip_and_part_in_dram(network, kib, order, direct):
    """Homes are the machine's own, which tests of memory check; what moves follows from them."""
    trace = cases.random_trace(network())
    changes = SMALL | {"global_buffer__capacity_kib": kib, "global_buffer__banks": 1, "scratchpad__capacity_kib": 0.01}
    spec = digital.variant(loop_order=order, direct_input=direct, blocking="none", **changes)
    compare(spec, trace, store(plan_network(spec, trace.network, trace.timesteps)).homes)


@settings(max_examples=25)
@given(networks(), st.integers(0, 99), st.sampled_from([0.05, 0.5, 1.0]))
def test_accumulates_are_spikes_times_their_real_fan_out(network, seed, rate):
    trace = cases.random_trace(network, timesteps=2, samples=2, rate=rate, seed=seed)
    found = cases.posted(Machine(digital.variant(**WIDE)).lower(trace))
    for layer in digital.weighted(network):
        if not digital.multiplies(network, layer):
            wanted = digital.accumulates(trace, layer)
            np.testing.assert_array_equal(found[layer.name, "operations", "AC"], wanted)
            np.testing.assert_array_equal(found[layer.name, "ac", "add"], wanted)
        else:
            products = np.full((2, 2), digital.on_picture(network, layer))
            np.testing.assert_array_equal(found[layer.name, "mac", "mac"], products)


def test_grouping_tiles_into_jobs_changes_no_word(monkeypatch):
    """Bursts of one job lie side by side, so only DRAM's rounding up may shrink."""
    trace = cases.random_trace(cases.convolutions(), timesteps=2)
    spec = digital.variant(**SMALL | {"array__rows": 1, "array__columns": 1})
    tile_by_tile = Machine(spec).lower(trace)
    single = cases.posted(tile_by_tile)
    monkeypatch.setattr("hwsim.accelerators.digital.tiling.MOST_GROUPS", 2)
    again = cases.random_trace(cases.convolutions(), timesteps=2)  # its network has no plan yet
    workload = Machine(spec).lower(again)
    grouped = cases.posted(workload)
    assert workload.batches.n_jobs < tile_by_tile.batches.n_jobs
    for key, counts in single.items():
        if key[1] == "dram":
            assert (grouped[key] <= counts).all()
        else:
            np.testing.assert_array_equal(grouped[key], counts, err_msg=str(key))


def test_the_twin_sees_both_ways_of_fetching_weights():
    """Else the cases above would not test the scratchpads."""
    small = digital.variant(**MEMORY["small scratchpad"][0])
    assert isinstance(small.scratchpad, Sram)
    trace = cases.random_trace(cases.convolutions(), timesteps=2)
    found = cases.posted(Machine(small).lower(trace))
    used = {layer.name: (layer.name, "scratchpad", "read") in found for layer in digital.weighted(trace.network)}
    assert set(used.values()) == {True, False}
