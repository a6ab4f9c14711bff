"""The mesh of the imc machine: loads of links against routes walked step by step, links as units, memories by tile."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from accelerators.imc import cases
from accelerators.imc.chip_reference import Chip
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from traces.direct.networks import Sketch, networks

from hwsim.accelerators.imc import Machine, schedule
from hwsim.accelerators.imc.links import Crossing
from hwsim.accelerators.imc.plan.mesh import Mesh
from hwsim.accelerators.imc.plan.placement import place
from hwsim.accelerators.imc.plan.traffic import route
from hwsim.engine import compiled_engine, simpy_engine
from hwsim.engine.timeline import stalls
from hwsim.errors import ArchitectureError

NETWORKS = [cases.chain, *cases.WINDOWS, cases.wide, cases.flattened_input, cases.arranged]
QUIET = (cases.flattened_input, cases.windows)
"""Whose layers are so few or so slow that no two of them ever send at once."""


def walked(width, source, destination):
    """Links of the route, one step at a time, all of x before y."""
    links, at = [], source
    while at != destination:
        x, to_x = at % width, destination % width
        there = at + (1 if to_x > x else -1 if to_x < x else width if destination > at else -width)
        links.append((at, there))
        at = there
    return links


@given(st.integers(1, 60), st.data())
def test_a_tree_is_the_union_of_x_first_routes_and_stays_on_the_mesh(tiles, data):
    mesh = Mesh.of(tiles)
    assert tiles <= mesh.routers < tiles + mesh.width
    assert (mesh.width - 1) ** 2 < tiles <= mesh.width**2
    source = data.draw(st.integers(0, tiles - 1))
    destinations = data.draw(st.lists(st.integers(0, tiles - 1), max_size=8))
    tree = mesh.tree(source, destinations)
    routes = [walked(mesh.width, source, destination) for destination in destinations]
    assert Counter(tree) == Counter(set().union(*routes))
    assert all(0 <= place < mesh.routers for link in tree for place in link)
    assert [mesh.hops(source, destination) for destination in destinations] == [len(links) for links in routes]


def assert_traffic_equals_the_twins(spec, network, copies=None):
    chip, placement = Chip(spec, network, copies), place(spec, network)
    traffic = route(spec, network, placement)
    assert placement.tiles == chip.n_tiles
    assert traffic.mesh.width == chip.side
    assert {step: dict(sent.flits) for step, sent in traffic.transfers.items()} == chip.links
    assert {step: sent.hops for step, sent in traffic.transfers.items()} == chip.longest
    for name, kept in traffic.kept.items():
        rows = {tile: list(row.values()) for tile, row in chip.kept(name).items()}
        assert {tile: values.tolist() for tile, values in kept.items()} == rows, name
    return chip


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(network=networks(), data=st.data())
def test_loads_of_links_equal_values_sent_one_by_one(network, data):
    placed = place(cases.small(neuron__membrane_bits=32, crossbar__columns=17), network).layers
    copies = {name: data.draw(st.integers(1, layer.window.out_width), name) for name, layer in placed.items()}
    spec = cases.small(
        neuron__membrane_bits=32,
        placement=data.draw(st.sampled_from(["im2col", "kernel_split"]), "placement"),
        crossbar__rows=data.draw(st.integers(2, 20), "rows"),
        rows_per_read="all",
        crossbar__columns=data.draw(st.integers(17, 30), "columns"),
        noc__flit_bits=data.draw(st.sampled_from([1, 5, 32]), "flit"),
        chip__pes_per_tile=data.draw(st.integers(1, 3), "PEs"),
        chip__replicate=copies,
    )
    assert_traffic_equals_the_twins(spec, network, copies)


@pytest.mark.parametrize("network", NETWORKS)
def test_networks_with_branches_spread_over_many_tiles(network):
    chip = assert_traffic_equals_the_twins(cases.small(chip__pes_per_tile=1, chip__crossbars_per_pe=1), network())
    assert chip.n_tiles > 5
    assert any(chip.sums.values())


def test_currents_of_a_shortcut_pay_their_way_to_the_sum():
    sketch = Sketch((2, 3, 1), bits=1)
    first = sketch.conv(1, kernel=1, padding=0)
    left = sketch.conv(1, kernel=1, padding=0, source=first, neuron=None)
    right = sketch.conv(1, kernel=1, padding=0, source=first, neuron=None)
    sketch.sum([left, right], [1, 1], neuron=True)
    sketch.flatten()
    sketch.linear(2, neuron=None)
    spec = cases.small(chip__pes_per_tile=1, noc__flit_bits=8)
    trace = cases.random_trace(sketch.network(), timesteps=1, samples=1)
    hops = {key: n.sum() for key, n in cases.posted(Machine(spec).lower(trace)).items() if key[1:] == ("noc", "hop")}
    # first, left, right, fc on tiles 0, 1, 2, 3 of a 2 x 2 mesh.  A sum has 20 bits, 3 flits of 8: from tile 2 to the
    # add at tile 1, (1, 0) to (0, 1), 2 links for each of 6 positions.  Spikes of the add go from 1 to 3, 1 link.
    assert hops[right, "noc", "hop"] == 6 * 3 * 2
    assert hops[left, "noc", "hop"] == 0
    assert hops[first, "noc", "hop"] == 6 * 2
    assert hops["add4", "noc", "hop"] == 6 * 1


def schedules(spec, trace):
    (batch,) = Machine(spec).lower(trace).batches
    return batch.schedules["static"]


SPREAD = {"chip__pes_per_tile": 1, "chip__crossbars_per_pe": 2, "noc__flit_bits": 4}


@pytest.mark.parametrize("network", NETWORKS)
def test_links_that_stand_for_others_change_no_time(network, monkeypatch):
    """Every link its own unit, every crossing its own stage."""
    trace, spec = cases.random_trace(network(), timesteps=2, samples=1), cases.small(**SPREAD)
    (few,) = schedules(spec, trace)

    def every_link(transfers):
        return {
            step: [Crossing(step, f"link {link}", flits) for link, flits in sent.flits.items()]
            for step, sent in transfers.items()
        }

    monkeypatch.setattr(schedule, "crossings", every_link)
    (many,) = schedules(spec, cases.random_trace(network(), timesteps=2, samples=1))  # nothing is kept with this one
    assert len(many.stages) > len(few.stages)
    one, other = simpy_engine.run(few), simpy_engine.run(many)
    assert one.makespan_cycles == other.makespan_cycles
    for stage in few.stages:
        if stage.unit is None:
            np.testing.assert_array_equal(one.start[stage.name], other.start[stage.name])


@pytest.mark.parametrize("network", NETWORKS)
def test_contention_only_delays_shows_as_arbitration_and_both_engines_see_the_same(network):
    trace = cases.random_trace(network(), timesteps=2, samples=1, rate=0.1)
    (shared,) = schedules(cases.small(**SPREAD), trace)
    (ideal,) = schedules(cases.small(**SPREAD, mesh="ideal"), trace)
    timeline, other = simpy_engine.run(shared), compiled_engine.run(shared)
    free = simpy_engine.run(ideal)
    accounts = stalls(shared, timeline)
    assert accounts == stalls(shared, other)
    for stage in shared.stages:
        np.testing.assert_array_equal(timeline.start[stage.name], other.start[stage.name])
        assert accounts[stage.name].arbitrating == 0 or stage.unit.startswith("link ")
        if stage.name in free.start:
            assert (timeline.start[stage.name] >= free.start[stage.name]).all()
    waited = sum(cycles.arbitrating for cycles in accounts.values())
    assert waited > 0 or network in QUIET
    assert all(cycles.arbitrating == 0 for cycles in stalls(ideal, free).values())


def test_an_ideal_link_takes_its_flits_and_the_hops_of_the_longest_route():
    network = cases.chain()
    spec = cases.small(**SPREAD, mesh="ideal", noc__cycles=7)
    still = cases.small(**SPREAD, mesh="ideal", noc__cycles=0, chip__tiles="as_needed")
    chip, trace = Chip(spec, network), cases.random_trace(network, timesteps=1, samples=1)
    (schedule,), (without,) = schedules(spec, trace), schedules(still, trace)
    assert len(chip.links) > 2
    for stage, other in zip(schedule.stages, without.stages, strict=True):
        hops = chip.longest.get(stage.name, 0)
        assert (np.asarray(stage.latency) - np.asarray(other.latency) == 7 * hops).all()
    (one_tile,) = schedules(cases.small(mesh="ideal", chip__pes_per_tile=99), trace)
    for stage, alone in zip(without.stages, one_tile.stages, strict=True):
        most = max(chip.links.get(stage.name, {}).values(), default=0)
        assert (np.asarray(stage.latency) - np.asarray(alone.latency) == most).all()


def test_reads_of_the_raw_input_hold_the_port_of_the_global_buffer():
    (schedule,) = schedules(cases.small(), cases.random_trace(cases.chain(), samples=1))
    assert [stage.name for stage in schedule.stages if stage.unit == "global_buffer port"] == ["input"]
    assert schedule.units["global_buffer port"] == 1


def test_memories_follow_the_tile_that_needs_most_and_a_fixed_chip_is_refused_with_its_number():
    network, changes = cases.convolutions(), {"membrane__capacity_kib": 0.03125, "membrane__port_bits": 8}
    trace = cases.random_trace(network, samples=1)
    spec = cases.small(**changes)
    chip, need = Chip(spec, network), Counter()
    for layer in network.spiking():
        for tile in chip.made[layer.name].values():
            need[tile] += layer.shape[0] * 24
    assert need[0] > 2 * 256 > need[chip.n_tiles - 1]
    hardware = Machine(spec).lower(trace).hardware
    assert hardware.instances["membrane"] == sum(max(2, -(-need[tile] // 256)) for tile in range(chip.n_tiles))
    assert hardware.storage["membrane"].used_bits == sum(need.values())
    with pytest.raises(ArchitectureError) as refused:
        Machine(cases.small(**changes, chip__tiles=chip.n_tiles)).lower(trace)
    worst = next(tile for tile in range(chip.n_tiles) if need[tile] > 2 * 256)
    message = f"membrane.capacity_kib: tile {worst}: 2 x 0.03125 KiB hold 512 bits, the network needs {need[worst]}"
    assert str(refused.value) == f"{message}; membrane.capacity_kib=auto would be large enough"


def test_each_tile_keeps_the_rows_that_its_layers_read():
    network, spec = cases.residuals(), cases.small()
    workload = Machine(spec).lower(cases.random_trace(network, samples=1))
    chip, total = Chip(spec, network), 0
    rows = workload.hardware.notes["buffer rows"]
    for layer in network:
        step = chip.gives(layer.name)
        if step in rows and not network.gives_currents(layer.name):
            bits = network.max_value(layer.name).bit_length()
            total += sum(sum(row.values()) for row in chip.kept(layer.name).values()) * rows[step] * bits
    assert workload.hardware.storage["spike_buffer"].used_bits == total
