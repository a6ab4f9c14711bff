"""`packing: layers`: where crossbars lie against a naive twin, what is counted, and layers that take turns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from accelerators.imc import cases
from accelerators.imc.chip_reference import Chip, all_counts
from accelerators.imc.packing_reference import Packing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from traces.direct.networks import Sketch, networks

from hwsim import api
from hwsim.accelerators.imc import Machine
from hwsim.accelerators.imc.plan.placement import place
from hwsim.accelerators.imc.plan.traffic import route
from hwsim.engine import compiled_engine, simpy_engine
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.network.layers import Conv2d, Linear

CARRIED = {"noc", "htree", "spike_buffer"}  # what depends on the tiles where crossbars lie


def unequal(seed=0):
    """A slow first layer of two row blocks, and narrow layers that find room beside each other."""
    sketch = Sketch((5, 8, 2), bits=6, seed=seed)
    sketch.conv(4, kernel=3)
    sketch.conv(1, kernel=2, stride=2)
    sketch.conv(1, kernel=2, padding=1)
    sketch.conv(2, kernel=1, padding=0)
    sketch.flatten()
    sketch.linear(5)
    sketch.linear(4, neuron=None)
    return sketch.network()


def sets_of(units):
    """Layers by the unit that they hold."""
    found = {}
    for name, unit in units.items():
        found.setdefault(unit, set()).add(name)
    return sorted(map(sorted, found.values()))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(network=st.one_of(networks(), st.builds(unequal)), data=st.data())
def test_crossbars_lie_where_the_naive_twin_puts_them(network, data):
    layers = [layer for layer in network if isinstance(layer, Conv2d | Linear)]
    copies = {layer.name: data.draw(st.integers(1, layer.shape[1]), layer.name) for layer in layers}
    reference = data.draw(st.booleans(), "reference column")
    spec = cases.small(
        packing="layers",
        placement=data.draw(st.sampled_from(["im2col", "kernel_split"]), "placement"),
        signs__correction="reference_column" if reference else "popcount",
        crossbar__rows=data.draw(st.integers(2, 20), "rows"),
        rows_per_read="all",
        crossbar__columns=data.draw(st.integers(18, 60), "columns"),
        crossbar__cell_bits=data.draw(st.integers(1, 4), "cell bits"),
        chip__crossbars_per_pe=data.draw(st.integers(1, 5), "crossbars a PE"),
        chip__pes_per_tile=data.draw(st.integers(1, 3), "PEs"),
        chip__replicate=copies,
        neuron__membrane_bits=32,
    )
    found, twin = place(spec, network), Packing(spec, network, copies)
    for name, placed in found.layers.items():
        wanted = [[twin.pe_of(name, copy, n) for n in range(len(each))] for copy, each in enumerate(twin.places[name])]
        assert placed.pe_of.tolist() == wanted, name
    assert (found.crossbars, found.pes) == (len(twin.crossbars), twin.pes)
    assert sets_of(found.crossbar_units) == sorted(sorted(each) for each in twin.sets if len(each) > 1)
    pes, turns = twin.neurons()
    assert found.neuron_pes == pes
    assert sets_of(found.neuron_units) == sorted(map(sorted, turns))
    for crossbar in twin.crossbars:
        assert sum(crossbar.holds.values()) <= spec.crossbar.columns
    slowest = max(twin.cycles, key=twin.cycles.__getitem__)
    assert slowest not in found.crossbar_units
    chip, sent = Chip(spec, network, copies), route(spec, network, found)
    assert {step: dict(each.flits) for step, each in sent.transfers.items()} == chip.links


@pytest.mark.parametrize("network", [unequal, *cases.WINDOWS, cases.wide, cases.arranged])
@pytest.mark.parametrize("columns", [6, 24])
def test_all_counts_with_packed_copies_equal_the_naive_model(network, columns):
    trace = cases.random_trace(network(), timesteps=2, samples=1)
    layers = [layer for layer in trace.network if isinstance(layer, Conv2d | Linear)]
    copies = {layer.name: 1 + number % layer.shape[1] for number, layer in enumerate(layers, start=1)}
    spec = cases.small(
        packing="layers", chip__replicate=copies, chip__pes_per_tile=1, crossbar__columns=columns, crossbar__rows=10
    )
    found = {key: counts for key, counts in cases.posted(Machine(spec).lower(trace)).items() if counts.any()}
    wanted = all_counts(spec, trace, copies)
    assert sorted(found) == sorted(wanted)
    for key, counts in wanted.items():
        np.testing.assert_array_equal(found[key], counts, err_msg=str(key))


def packed_and_not(network, **changes):
    trace = cases.random_trace(network, timesteps=3, samples=1)
    base = {"crossbar__columns": 24, "crossbar__rows": 10} | changes
    found = []
    for packing in ("none", "layers"):
        workload = Machine(cases.small(packing=packing, **base)).lower(trace)
        (batch,) = workload.batches
        found.append((workload, batch.schedules["static"][0]))
    return found


@pytest.mark.parametrize("changes", [{}, {"skip": "none"}, {"loop_order": "layer_outer"}, {"mesh": "ideal"}])
def test_layers_that_share_crossbars_or_lanes_take_turns_in_both_engines(changes):
    """The work is what it was, and no two rows of layers that share hold their crossbars or lanes at once."""
    (alone, _), (packed, schedule) = packed_and_not(unequal(), **changes)
    one, other = cases.posted(alone), cases.posted(packed)
    assert one.keys() == other.keys()
    for key, counts in one.items():
        if key[1] not in CARRIED:
            np.testing.assert_array_equal(other[key], counts, err_msg=str(key))
    timeline, again = simpy_engine.run(schedule), compiled_engine.run(schedule)
    for name, done in timeline.done.items():
        np.testing.assert_array_equal(again.done[name], done, err_msg=name)
    shared = {}
    for stage in schedule.stages:
        if stage.unit is not None and " of " in stage.unit:
            shared.setdefault(stage.unit, []).append(stage)
    several = {unit: stages for unit, stages in shared.items() if len(stages) > 1}
    assert {unit.split()[0] for unit in several} == {"crossbars", "neurons"}
    for unit, stages in several.items():
        rows = np.concatenate([np.stack([timeline.start[s.name], timeline.free[s.name]], axis=1) for s in stages])
        rows = rows[np.concatenate([s.service for s in stages]) > 0]
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        assert len(rows) > 1
        assert (rows[1:, 0] >= rows[:-1, 1]).all(), unit


def test_waiting_for_a_shared_crossbar_takes_time_that_layers_of_their_own_do_not():
    """Without traffic, lanes enough: all that makes packing slower is taking turns at crossbars."""
    quiet = {"mesh": "ideal", "noc__cycles": 0, "neuron__lanes": 4096, "membrane__port_bits": 8192, "skip": "none"}
    quiet |= {"membrane__capacity_kib": 64}
    (_, apart), (packed, together) = packed_and_not(unequal(), **quiet)
    assert any(stage.unit and stage.unit.startswith("crossbars") for stage in together.stages)
    alone, turns = simpy_engine.run(apart), simpy_engine.run(together)
    assert turns.makespan_cycles > alone.makespan_cycles
    freed = cases.small(packing="layers", crossbar__columns=24, crossbar__rows=10, **quiet)
    other = Machine(freed).lower(cases.random_trace(unequal(), timesteps=3, samples=1)).hardware
    assert replace(other, floor=None) == replace(packed.hardware, floor=None)  # functions, which are not compared
    assert other.floor() == packed.hardware.floor()


def test_sixteen_copies_of_a_layer_of_one_crossbar_take_sixteen():
    """They took 144, as each took a PE of nine."""
    trace = synthesize("mlp:64-64-64-10", timesteps=1, samples=1, rate=0.1)
    sketch = Sketch((4, 16, 1), bits=8)
    sketch.conv(16)
    sketch.flatten()
    sketch.linear(10, neuron=None)
    copied = {"chip__replicate": {"conv1": 16}, "early_exit__threshold": "never"}
    whole, packed = (place(cases.variant(packing=p, **copied), sketch.network()) for p in ("none", "layers"))
    assert whole.layers["conv1"].crossbars == packed.layers["conv1"].crossbars == 16
    assert whole.layers["conv1"].pes * 9 == 144
    assert packed.layers["conv1"].pes == 2
    assert place(cases.variant(packing="layers"), trace.network).pes == 1


def test_auto_copies_of_a_chip_of_fixed_size_fit_where_they_are_packed():
    network = unequal()
    alone = place(cases.small(), network)
    found = {}
    for packing in ("none", "layers"):
        spec = cases.small(packing=packing, chip__replicate="auto", chip__tiles=alone.tiles + 2)
        found[packing] = place(spec, network)
        assert found[packing].pes <= (alone.tiles + 2) * 2
    copies = [sum(placed.copies for placed in each.layers.values()) for each in found.values()]
    assert copies[1] > copies[0]


def test_whole_pes_are_counted_by_the_assumptions_that_need_them():
    with pytest.raises(ValidationError, match="count whole PEs, so they need packing: none, got layers"):
        cases.small(packing="layers", skip="none", assumptions__peripherals="pe_read")


@pytest.mark.parametrize("kib", ["0.25", "1", "auto"])
def test_membranes_lie_in_memories_of_less_than_three_kib(kib):
    """As many as hold them, of a register file's price below 1 KiB."""
    trace = cases.random_trace(unequal(), samples=1)
    report = api.simulate(api.load_architecture("imc", [f"membrane.capacity_kib={kib}"]), trace)
    (held,) = (row for row in report.storage if row.storage == "membrane")
    neurons = sum(np.prod(layer.shape) for layer in trace.network.spiking())
    assert held.used_bits == 24 * neurons <= held.provided_bits
    (memory,) = (row for row in report.area if row.component == "membrane")
    if kib != "auto":
        assert held.provided_bits == memory.instances * float(kib) * 8192
    assert memory.area_um2 > 0


def test_converting_all_columns_costs_conversions_and_sums_and_changes_no_time():
    trace = cases.random_trace(unequal(), samples=1)
    used, everything = (Machine(cases.small(convert=which)).lower(trace) for which in ("used", "all"))
    one, other = cases.posted(used), cases.posted(everything)
    more = {key[1:] for key, counts in one.items() if (other[key] > counts).any()}
    assert more >= {("adc", "convert"), ("column_mux", "select"), ("shift_add", "add"), ("accumulator", "add")}
    assert {component for component, _ in more} <= {
        *("adc", "adc_reference", "column_mux", "shift_add", "accumulator", "offset", "htree")
    }
    np.testing.assert_array_equal(
        other["conv1", "adc", "convert"], 6 * other["conv1", "crossbar", "read"], err_msg="all of 6 columns"
    )
    for a, b in zip(used.batches, everything.batches, strict=True):
        for first, second in zip(a.schedules["static"][0].stages, b.schedules["static"][0].stages, strict=True):
            np.testing.assert_array_equal(first.service, second.service)
