"""Networks larger than the chip: passes do the work of a large chip, and write what a naive twin writes."""

from __future__ import annotations

import json
import math
import pickle
import re
from collections import Counter

import numpy as np
import pytest
from accelerators.imc.cases import (
    PLAIN,
    arranged,
    binary,
    convolutions,
    posted,
    random_trace,
    report,
    residuals,
    small,
    tallies,
    variant,
    wide,
    widths,
    with_logits,
)
from accelerators.imc.passes_reference import pass_contents, times_of_rows, written_in_an_inference
from traces.direct.networks import Sketch

from hwsim import api, engine
from hwsim.accelerators.imc import Machine
from hwsim.accelerators.imc.plan.placement import place
from hwsim.accelerators.imc.plan.rewriting import row_cycles, step_name
from hwsim.contract.run import RunName
from hwsim.errors import ArchitectureError, UsageError
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.network.layers import Concat, Conv2d, Linear

ROOM = {
    "spike_buffer__capacity_kib": 128,
    "membrane__capacity_kib": 64,
    "neuron__membrane_bits": 32,
    "shift_add__bits": 24,
    "offset_corrector__bits": 24,
    "accumulator__bits": 32,
    "chip__crossbars_per_pe": 2,
    "chip__pes_per_tile": 1,
}


def dense(seed=0):
    """Fully connected layers, of which one has many outputs."""
    sketch = Sketch((1, 1, 30), bits=3, seed=seed)
    sketch.linear(17, bits=5)
    sketch.linear(23)
    sketch.linear(4, neuron=None)
    return sketch.network()


COLUMNS = {dense: 6, convolutions: 8, residuals: 4, wide: 6, widths: 8, arranged: 6}
"""So many that the highest stack of crossbars of a network fits a chip a quarter as large as it needs."""
VARIANTS = {
    "none": {},
    "layers": {"packing": "layers"},
    "differential": {"signs__encoding": "differential"},
    "reference columns": {"signs__correction": "reference_column"},
    "kernel split": {"placement": "kernel_split"},
    "once": {"direct_input": "once"},
    "layer outer": {"loop_order": "layer_outer"},
}
WORK = {
    *(("crossbar", action) for action in ("read", "drive_row", "read_cell", "read_level")),
    *(("adc", "convert"), ("adc_reference", "settle"), ("column_mux", "select"), ("shift_add", "add")),
    *(("accumulator", "add"), ("offset", "subtract"), ("neuron", "update"), ("row_driver", "drive")),
    *(("operations", action) for action in ("AC", "MAC", "crossbar read", "membrane update")),
    ("operations", "crossbar read that could clip"),
}
"""What a smaller chip does as often as a large one."""


def chips(changes, network, share=4):
    """A large chip, and the smallest at most a quarter as large that runs the network in passes; and the network.

    Of a smaller `share` the largest one that is at most so large.
    """
    columns = COLUMNS[network]
    columns *= 2 if changes.get("signs__encoding") == "differential" else 1
    columns += changes.get("signs__correction") == "reference_column"
    common, network = ROOM | {"crossbar__columns": columns} | changes, network()
    large = small(**common)
    needed = place(large, network).tiles
    for tiles in range(1, needed // 4 + 1) if share == 4 else range(int(needed / share), 0, -1):
        chosen = small(**common | {"chip__tiles": tiles, "overflow": "reprogram"})
        try:
            place(chosen, network)
        except ArchitectureError:
            continue
        return large, chosen, network
    return pytest.fail(f"no chip a quarter as large as {needed} tiles runs it")


def summed(workload):
    """Counts by layer and action, over timesteps: {(layer, component, action): [sample]}."""
    return {key: counts.sum(axis=1) for key, counts in posted(workload, RunName.STATIC).items()}


def worked(counts):
    return {key: counts[key].tolist() for key in counts if key[1:] in WORK and counts[key].any()}


@pytest.mark.parametrize(
    ("network", "changes"),
    [
        pytest.param(network, changes, id=f"{network.__name__}, {name}")
        for network in COLUMNS
        for name, changes in VARIANTS.items()
        if network in (dense, convolutions, residuals) or name in ("none", "layers")
    ],
)
def test_passes_do_the_work_of_a_large_chip_and_write_what_the_twin_writes(network, changes):
    large, chip, network = chips(changes, network)
    trace = random_trace(network)
    there, here = (Machine(spec).lower(trace) for spec in (large, chip))
    assert worked(summed(here)) == worked(summed(there))
    placement = place(chip, network)
    assert placement.passes.n >= 3
    contents = pass_contents(chip, network, placement)
    cells, rows, most = written_in_an_inference(contents)
    found = here.hardware.writing
    assert (found.passes, found.most_writes) == (placement.passes.n, most)
    assert found.each.cells == sum(cells)
    counts = summed(here)
    assert counts["", "crossbar", "write_cell"].tolist() == [sum(cells)] * 2
    assert counts["", "crossbar", "write_row"].tolist() == [sum(sum(each.values()) for each in rows)] * 2
    assert counts["", "adc", "verify"].tolist() == [sum(cells)] * 2
    assert found.each.bits == sum(cells) * chip.crossbar.cell_bits
    alone = Counter(crossbar for each in contents for crossbar in each)
    kept = [own for each in contents for crossbar, own in each.items() if alone[crossbar] == 1]
    assert found.once.cells == sum(map(len, kept))
    assert there.hardware.writing.each.cells == 0
    everything = pass_contents(large, network, place(large, network))
    assert there.hardware.writing.once.cells == sum(len(own) for own in everything[0].values())


@pytest.mark.parametrize("changes", [{}, {"packing": "layers"}])
@pytest.mark.parametrize("network", [dense, convolutions, residuals, wide])
def test_crossbars_that_one_pass_alone_uses_keep_their_weights(network, changes):
    _, chip, network = chips(changes, network, share=1.5)
    placement = place(chip, network)
    contents = pass_contents(chip, network, placement)
    cells, rows, most = written_in_an_inference(contents)
    found = Machine(chip).lower(random_trace(network)).hardware.writing
    alone = Counter(crossbar for each in contents for crossbar in each)
    kept = {crossbar: own for each in contents for crossbar, own in each.items() if alone[crossbar] == 1}
    assert kept
    assert 0 < sum(cells) < sum(len(own) for each in contents for own in each.values())
    assert (found.each.cells, found.most_writes) == (sum(cells), most)
    assert found.each.actions["crossbar", "write_row"] == sum(sum(each.values()) for each in rows)
    assert found.once.cells == sum(map(len, kept.values()))
    kept_rows = {crossbar: len({row for _, row, _ in own}) for crossbar, own in kept.items()}
    assert found.once.actions["crossbar", "write_row"] == sum(kept_rows.values())
    assert found.once.cycles >= max(kept_rows.values()) * row_cycles(chip)


def test_layers_beside_crossbars_are_in_the_first_pass_and_written_never():
    wide_mac = {"first_layer_mac__sum_bits": 32, "first_layer_mac__weight_bits": 8}
    large, chip, network = chips({"direct_input": "digital"} | wide_mac, residuals)
    trace = random_trace(network)
    there, here = (Machine(spec).lower(trace) for spec in (large, chip))
    assert worked(summed(here)) == worked(summed(there))
    placement = place(chip, network)
    assert placement.passes.of["conv1"] == 0
    assert "conv1" not in placement.layers
    cells, _, _ = written_in_an_inference(pass_contents(chip, network, placement))
    assert here.hardware.writing.each.cells == sum(cells)


@pytest.mark.parametrize("changes", [{}, {"packing": "layers"}, {"loop_order": "layer_outer"}, {"pipelining": "none"}])
@pytest.mark.parametrize("network", [convolutions, residuals])
def test_a_pass_begins_when_it_is_written_and_that_when_the_one_before_is_through(network, changes):
    _, chip, network = chips(changes, network)
    workload = Machine(chip).lower(random_trace(network))
    passes, timelines = place(chip, network).passes, []
    for name in ("simpy", "compiled"):
        (batch,) = workload.batches
        schedules = batch.runs[RunName.STATIC].schedules
        timelines.append(engine.run_all(schedules, name))
    for stage in schedules.stages:
        first, last = (getattr(each, "done")[stage.name] for each in timelines)  # noqa: B009
        assert (first == last).all()
    timeline = timelines[0]
    steps = [name for name in (stage.name for stage in schedules.stages) if " link " not in name]
    writes = [step_name(number) for number in range(passes.n)]
    total = 0
    for step in (step for step in steps if step not in writes):
        written = timeline.done[writes[passes.of_step(step)]][:, 0]
        if step in place(chip, network).layers:
            assert (timeline.start[step].min(axis=1) >= written).all()
        for later in writes[passes.of_step(step) + 1 :]:
            assert (timeline.start[later][:, 0] >= timeline.done[step].max(axis=1)).all()
    for number, write in enumerate(writes):
        _, rows, _ = written_in_an_inference(pass_contents(chip, network, place(chip, network)))
        took = (timeline.free[write] - timeline.start[write]).sum(axis=1)
        assert (took >= times_of_rows(rows[number], "all") * row_cycles(chip)).all()
        total += took
    assert (timeline.makespan_cycles > total).all()


@pytest.mark.parametrize("at_once", ["all", 1, 3])
def test_rows_go_one_after_another_and_so_many_crossbars_at_once(at_once):
    _, chip, network = chips({"crossbar__write": written(crossbars=at_once), "noc__flit_bits": 4096}, convolutions)
    contents = pass_contents(chip, network, place(chip, network))
    _, rows, _ = written_in_an_inference(contents)
    each = sum(times_of_rows(of_pass, at_once) for of_pass in rows)
    # 20 pulses of 50 ns at 250 MHz, each with a read of 10 ns and four conversions of 4 ns
    assert row_cycles(chip) == 20 * (13 + 3 + 4)
    assert Machine(chip).lower(random_trace(network)).hardware.writing.each.cycles == each * 20 * 20


def written(**changes):
    return shipped_write() | changes


def shipped_write():
    return variant().crossbar.write.model_dump()


def test_weights_come_a_flit_a_cycle_where_that_takes_longer():
    changes = {"crossbar__write": written(row_pulses=1, pulse_ns=1.0), "noc__flit_bits": 1}
    _, chip, network = chips(changes, convolutions)
    found = Machine(chip).lower(random_trace(network)).hardware.writing.each
    assert found.cycles == found.bits


@pytest.mark.parametrize(("network", "copies"), [(convolutions, {"conv1": 2}), (residuals, {"conv1": 2, "conv4": 2})])
def test_copies_are_written_each(network, copies):
    large, chip, network = chips({"chip__replicate": copies}, network)
    trace = random_trace(network)
    there, here = (Machine(spec).lower(trace) for spec in (large, chip))
    assert worked(summed(here)) == worked(summed(there))
    cells, _, _ = written_in_an_inference(pass_contents(chip, network, place(chip, network)))
    assert here.hardware.writing.each.cells == sum(cells)
    assert chip.chip.replicate == copies


@pytest.mark.parametrize("loop_order", ["timestep_outer", "layer_outer"])
@pytest.mark.parametrize("network", [residuals, wide])
def test_currents_that_a_later_pass_takes_are_stored_and_read_at_every_timestep(network, loop_order):
    large, chip, network = chips({"loop_order": loop_order}, network)
    trace = random_trace(network)
    placement = place(chip, network)
    parts, of = placement.network, placement.passes.of
    words = Counter()
    bits = 0
    for layer in parts:
        if isinstance(layer, Concat) or not parts.gives_currents(layer.name) or layer is parts.output:
            continue
        takers = [name for name in taking(parts, layer.name) if of[name] > of[layer.name]]
        row = layer.shape[1] * math.ceil(layer.shape[2] * chip.accumulator.bits / chip.psum_buffer.port_bits)
        words["write"] += bool(takers) * trace.timesteps * layer.shape[0] * row
        words["read"] += len(takers) * trace.timesteps * layer.shape[0] * row
        bits = max(bits, bool(takers) * trace.timesteps * math.prod(layer.shape) * chip.accumulator.bits)
    assert words["write"]
    here, there = (Machine(spec).lower(trace) for spec in (chip, large))
    found = Counter()
    for (_, component, action), counts in summed(here).items():
        if component == "psum_buffer":
            found[action] += int(counts[0])
    assert found == words
    assert here.hardware.storage["psum_buffer"].used_bits >= bits
    assert "psum_buffer" not in there.hardware.storage


def taking(network, name):
    """Layers that are no wires and read a layer, perhaps over wires."""
    for reader in network.consumers[name]:
        if isinstance(network[reader], Concat):
            yield from taking(network, reader)
        else:
            yield reader


def test_layers_go_into_passes_in_order_each_as_full_as_it_can_be():
    sketch = Sketch((1, 1, 8), bits=1, seed=1)
    for outputs in (6, 6, 12, 6, 12):  # of 8 to 12 inputs each; 6 outputs are 2 column blocks of 2-bit cells
        sketch.linear(outputs, bits=4)
    sketch.linear(3, neuron=None)
    network = sketch.network()
    spec = small(chip__crossbars_per_pe=1, chip__pes_per_tile=1, chip__tiles=8, overflow="reprogram")
    names = [layer.name for layer in network if isinstance(layer, Linear)]
    needs = {}
    for name in names:
        layer = network[name]
        needs[name] = math.ceil(layer.weights.values.shape[2] / 8) * math.ceil(layer.shape[2] / 3)
    expected, room = [[]], 8
    for name in names:
        if needs[name] > room:
            expected.append([])
            room = 8
        expected[-1].append(name)
        room -= needs[name]
    found = place(spec, network).passes
    assert max(needs.values()) <= 8
    assert [[name for name in names if found.of[name] == number] for number in range(found.n)] == expected


@pytest.mark.parametrize("network", COLUMNS)
def test_parts_of_a_layer_are_all_of_it_in_order_and_each_pass_fits(network):
    _, chip, network = chips({}, network)
    placement = place(chip, network)
    for layer in network:
        if isinstance(layer, Conv2d | Linear):
            parts = [placed for placed in placement.layers.values() if placed.layer == layer.name]
            ends = [(0, layer.shape[2]) if placed.part is None else placed.part.outputs for placed in parts]
            assert [low for low, _ in ends] == [0, *(high for _, high in ends[:-1])]
            assert ends[-1][1] == layer.shape[2]
            assert sum(placed.crossbars_of_copy for placed in parts) == placement.whole[layer.name].crossbars_of_copy
    for placed in placement.layers.values():
        assert placed.pe_of.max() < chip.chip.tiles * chip.chip.pes_per_tile


def gated_trace(network, timesteps=4):
    """Samples of which one leaves after each timestep at a threshold of one half."""
    trace = random_trace(network, timesteps=timesteps, samples=timesteps)
    logits = np.zeros((timesteps, timesteps, network.n_classes), np.int64)
    for sample in range(timesteps):
        logits[sample, sample:, 0] = 1000
    return with_logits(trace, logits)


def test_early_exit_leaves_the_last_pass_alone():
    _, chip, network = chips(
        {"early_exit__threshold": 0.4, "early_exit__unit": {**unit(), "accumulator_bits": 48}}, convolutions
    )
    trace = gated_trace(network)
    workload, runs = tallies(chip, trace)
    passes = place(chip, network).passes
    assert RunName.EARLY_EXIT in runs
    tally = runs[RunName.EARLY_EXIT]
    early = {layer for layer, number in passes.of.items() if number < passes.last}
    for (layer, _, _), counts in tally.counts.items():
        if layer in early or layer == "":
            assert not counts[:, 1:].any(), layer
    last = [layer for layer, number in passes.of.items() if number == passes.last]
    assert any(counts[:, 1:].any() for (layer, _, _), counts in tally.counts.items() if layer in last)
    assert (np.diff(tally.step_end_cycles, axis=1) > 0).all()
    (batch,) = workload.batches
    timeline = engine.run_all(batch.runs[RunName.EARLY_EXIT].schedules, "simpy")
    for stage in batch.runs[RunName.EARLY_EXIT].schedules.stages:
        if stage.name in last:
            rows = stage.n_jobs // trace.timesteps
            starts = timeline.start[stage.name].reshape(trace.n_samples, trace.timesteps, rows)
            assert (starts[:, 1:].min(axis=2) >= timeline.done["sigma_e"][:, :-1]).all()


def unit():
    return variant().early_exit.unit.model_dump()


def test_what_later_passes_read_is_kept_whole_and_refused_with_the_bits_where_it_is_not():
    _, chip, network = chips({}, dense)
    passes, timesteps = place(chip, network).passes, 3
    crossing = [
        layer
        for layer in network.spiking()
        if any(passes.of[name] > passes.of[layer.name] for name in network.consumers[layer.name])
    ]
    assert crossing
    workload = Machine(chip).lower(random_trace(network, timesteps=timesteps))
    most = max(timesteps * layer.shape[2] for layer in crossing)
    assert workload.hardware.storage["spike_buffer"].used_bits >= most
    narrow = chip.model_copy(update={"spike_buffer": chip.spike_buffer.model_copy(update={"capacity_kib": 0.001})})
    refused = (
        r"spike_buffer.capacity_kib: tile 0: .* bits, the network needs \d+; spike_buffer.capacity_kib=auto would be"
    )
    with pytest.raises(ArchitectureError, match=refused):
        Machine(narrow).lower(random_trace(network, timesteps=timesteps))


def test_what_each_refusal_advises_leads_to_a_run():
    trace, settings = api.load_example(), ["chip.tiles=1"]
    while True:
        try:
            found = api.simulate("imc", trace, set=settings, samples=1, accuracy_samples=0)
            break
        except ArchitectureError as error:
            (advised,) = re.findall(r"; (\S+=\S+) would ", str(error))
            assert advised not in settings
            settings.append(advised)
    assert settings[1:] == ["overflow=reprogram", "spike_buffer.capacity_kib=auto", "membrane.capacity_kib=auto"]
    assert found.programming.passes > 1


def test_energy_and_time_of_writing_are_in_the_report_and_add_up():
    large, chip, network = chips({}, convolutions)
    trace = random_trace(network)
    here, there = (report(spec, trace, accuracy_samples=0) for spec in (chip, large))
    told, run = here.programming, here.runs[0]
    rows = [row for row in run.rows if row.action in ("write_cell", "write_row", "verify")]
    carried = told.rewriting_pj.value - math.fsum(row.energy_pj for row in rows)
    of_words = [row.energy_pj / row.count for row in run.rows if row.action == "transfer" and row.count]
    assert rows
    assert 0 < carried < told.rewritten_cells * 2 * max(of_words)
    assert run.energy_pj.value > told.rewriting_pj.value + there.runs[0].dynamic_pj.value * 0.9
    assert run.latency_ns.value > told.rewriting_ns
    worn, bears = told.inferences_until_worn, told.endurance_writes
    assert [worn.value, worn.low, worn.high] == [
        each / told.writes_of_a_cell for each in (bears.value, bears.low, bears.high)
    ]
    assert here.io.weight_bits == 2 * told.rewritten_cells
    assert here.io.energy_pj.value > there.io.energy_pj.value
    alone = there.programming
    assert (alone.passes, alone.rewritten_cells, alone.rewriting_pj.value, alone.inferences_until_worn) == (
        *(1, 0, 0.0),
        None,
    )
    assert not [row for row in there.runs[0].rows if row.action in ("write_cell", "write_row", "verify")]
    assert alone.energy_pj.low < alone.energy_pj.value < alone.energy_pj.high


@pytest.mark.parametrize(
    ("network", "changes", "words"),
    [
        (
            residuals,
            {"chip__tiles": 1},
            r"a sum of layer 'conv2' lies on 4 crossbars in 1 copies, .* 2 PEs, so 2 tiles",
        ),
        (dense, {"chip__tiles": 1}, r"a sum of layer 'fc1' lies on 4 crossbars in 1 copies, .* 2 PEs, so 2 tiles"),
        (
            dense,
            {"chip__tiles": 4, "chip__crossbars_per_pe": 1, "crossbar__columns": 3, "early_exit__threshold": 0.5},
            r"layer 'fc3' is larger than the chip, and logits are not stored .* early_exit.threshold .* never",
        ),
    ],
)
def test_what_cannot_be_cut_is_refused_with_the_tiles_that_are_enough(network, changes, words):
    spec = small(**ROOM | {"overflow": "reprogram"} | changes)
    with pytest.raises(ArchitectureError, match=words):
        place(spec, network())


def test_a_layer_that_reads_the_timestep_before_is_with_what_it_reads():
    sketch = Sketch((1, 1, 8), bits=2, seed=3)
    sketch.linear(6)
    sketch.recurrent(6)
    sketch.linear(6)
    sketch.linear(3, neuron=None)
    network = sketch.network()
    late = next(layer for layer in network if getattr(layer, "delayed", False))
    common = ROOM | {"chip__crossbars_per_pe": 1, "overflow": "reprogram"}
    seen = set()
    for tiles in range(1, place(small(**common), network).tiles):
        try:
            placement = place(small(**common | {"chip__tiles": tiles}), network)
        except ArchitectureError as error:
            assert "timestep before" in str(error) or "a sum of layer" in str(error)
            continue
        of = placement.passes.of
        assert placement.passes.n > 1
        assert of[late.name] >= of[late.inputs[0]]
        seen.add(placement.passes.n)
        spec = small(**common | {"chip__tiles": tiles})
        tallies(spec, random_trace(network), "compiled")
    assert seen


def test_what_is_never_chosen_changes_nothing():
    network = binary()
    trace = random_trace(network)
    plain, allowed = (report(small(overflow=word), trace, accuracy_samples=0) for word in ("refuse", "reprogram"))
    assert plain.runs == allowed.runs
    assert plain.programming == allowed.programming


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"crossbar__write": None}, "overflow: reprogram writes crossbars, and crossbar.write does not say how"),
        (
            {"assumptions": {"classifier": "off_chip", "source": "t"}},
            "overflow: reprogram goes with no assumptions, .* got classifier off_chip",
        ),
    ],
)
def test_designs_that_cannot_write_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        variant(overflow="reprogram", **changes)


def test_without_a_word_on_writing_nothing_is_told_of_it():
    found = report(small(crossbar__write=None), random_trace(dense()), accuracy_samples=0)
    assert found.programming is None


def test_samples_do_not_overlap():
    _, chip, network = chips({}, dense)
    with pytest.raises(UsageError, match="crossbars are rewritten in every inference"):
        report(chip, random_trace(network), accuracy_samples=0, stream=True)
    assert report(chip, random_trace(network), accuracy_samples=0).runs[0].pipelined_per_s is None


def test_what_is_kept_for_other_designs_is_right_in_passes():
    base = ["chip.pes_per_tile=2", "overflow=reprogram", "early_exit.threshold=never", "accumulator.bits=24"]
    trace = synthesize("mlp:400-300-10", timesteps=3, samples=2, rate=0.1, seed=3)
    seen = set()
    for setting in (
        *("chip.tiles=1", "chip.tiles=2", "chip.tiles=as_needed", "crossbar.write.pulse_v=3", "noc.flit_bits=4"),
        *("crossbar.write.row_pulses=5", "crossbar.write.crossbars=2", "crossbar.write.endurance=1e5"),
        *("membrane.capacity_kib=0.2", "psum_buffer.port_bits=64", "packing=layers", "direct_input=once"),
        *("signs.correction=reference_column", "technology.vdd_v=1.0", "overflow=refuse", "adc.columns_per_adc=4"),
    ):
        tiles = [] if setting.startswith("chip.tiles") else ["chip.tiles=1"]
        design = api.load_architecture(PLAIN, [*base, *tiles, setting])
        try:
            warm = api.simulate(design, trace, accuracy_samples=0, keep=True).to_json()
        except ArchitectureError:
            assert setting in ("overflow=refuse", "membrane.capacity_kib=0.2")
            continue
        cold = api.simulate(design, pickle.loads(pickle.dumps(trace)), accuracy_samples=0, keep=False).to_json()
        assert warm == cold, setting
        seen.add(json.loads(warm)["programming"]["rewritten_cells"])
    assert len(seen) > 3
