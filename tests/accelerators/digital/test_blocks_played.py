"""Layers in blocks on the machine: counts beside a loop nest, that nothing overflows, what a file may say."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from accelerators.digital import cases as digital
from accelerators.digital.block_reference import Nest, Setting
from accelerators.imc import cases
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from traces.direct.networks import Sketch, networks

from hwsim import api
from hwsim.accelerators.digital import Machine
from hwsim.accelerators.digital.layout import Layout
from hwsim.contract.dense import Dense
from hwsim.engine import compiled_engine, simpy_engine
from hwsim.errors import ArchitectureError
from hwsim.report.figures import run_figures
from hwsim.report.price import price
from hwsim.run.play import play

SMALL = {"array__rows": 4, "array__columns": 3, "global_buffer__banks": 1}
WIDE = {"mac__input_bits": 32, "neuron__membrane_bits": 32, "pooling__bits": 33}
BYTES = {"dram__burst_bytes": 1, "global_buffer__port_bits": 8}
ORDERS = (
    ["positions", "channels", "inputs"],
    ["inputs", "positions", "channels"],
    ["channels", "positions", "inputs"],
    ["timesteps", "channels", "inputs", "positions"],
    ["images", "inputs", "channels", "positions", "timesteps"],
)


def of_bytes(groups=1, size=(6, 5)):
    """Every run of words is of whole bytes, so that nothing is rounded up."""
    sketch = Sketch((*size, 8), bits=8)
    sketch.conv(6, kernel=3, bits=8)
    sketch.conv(8, kernel=(3, 2), stride=(1, 2), padding=(1, 1, 0, 1), groups=groups, bits=8)
    sketch.flatten()
    sketch.linear(3, neuron=None, bits=8)
    return cases.random_trace(sketch.network(), timesteps=3, samples=1)


def laid_out(spec, trace, dense=None):
    steps = trace.timesteps if dense is None else 1
    return Layout.of(spec, trace.network, steps, dense)


def nest_of(task, network, spec, timesteps, bits):
    source = network[task.layer.inputs[0]].shape
    setting = Setting(*bits, timesteps, spec.batch, spec.array.rows, spec.array.columns, spec.global_buffer.port_bits)
    return Nest(task.layer, source, digital.groups_of(task.layer), task.cells.block, setting, digital.on_map)


def totals(workload, layer):
    """Counts of a layer's memories, over all timesteps."""
    counts = cases.posted(workload)
    return {key[1:]: int(n[0].sum()) for key, n in counts.items() if key[0] == layer}


@st.composite
def blockings(draw):
    return {
        "rows": draw(st.integers(1, 4)),
        "columns": draw(st.integers(1, 3)),
        "channels": 3 * draw(st.integers(1, 2)),
        "inputs": draw(st.integers(1, 6)),
        "images": draw(st.integers(1, 2)),
        "order": tuple(draw(st.sampled_from(ORDERS))),
    }


@settings(max_examples=30, deadline=None)
@given(blockings(), st.integers(1, 2))
def test_counts_of_blocks_that_are_given(block, batch):
    """Without spikes all runs are of bytes: DRAM's and the buffer's accesses are those of the nest, to the word."""
    trace = of_bytes(size=(10, 8))
    spec = digital.variant(
        **SMALL, **BYTES, blocking={"conv2": block}, batch=batch, global_buffer__capacity_kib=0.46, mac__sum_bits=32
    )
    dense = Dense.of("ann", 3, 8, "trace")
    try:
        laid = laid_out(spec, trace, dense)
    except ArchitectureError:
        reject()  # its blocks do not fit
    (task,) = [task for task in laid.plan.tasks if task.name == "conv2"]
    source = task.cells.geometry.sources[0]
    assert source.in_dram
    nest = nest_of(task, trace.network, spec, 1, (8, 8, 32, 0))
    found = totals(Machine(spec).baseline(trace, "ann"), "conv2")
    outputs = np.prod(task.layer.shape) * batch
    in_buffer = laid.storage.homes["map", "conv2"] == "global_buffer"
    assert 8 * (found["dram", "read"] + found["dram", "write"]) == nest.total + (0 if in_buffer else 8 * outputs)
    words = nest.words + nest.words_that_wait() + (outputs if in_buffer else 0)
    assert found["global_buffer", "read"] + found["global_buffer", "write"] == words
    products = sum(
        len(digital.on_map(task.layer, (10, 8), y, x)) * 6 * 8 for y, x in product(*map(range, task.layer.shape[:2]))
    )
    assert found["mac", "mac"] == products * batch


@settings(max_examples=40, deadline=None)
@given(networks(), st.sampled_from([0.03, 0.1, 0.3]), st.sampled_from(["layer_outer", "timestep_outer"]), st.data())
def test_never_more_traffic_than_without_blocks(network, kib, order, data):
    """And the same work; bursts are whole, so that blocks of a few bits are seen as bytes."""
    trace = cases.random_trace(network, timesteps=2, samples=1, rate=0.4)
    skip, batch = data.draw(st.sampled_from(["none", "gate", "skip"])), data.draw(st.integers(1, 2))
    changes = SMALL | WIDE | {"loop_order": order, "skip": skip, "batch": batch, "global_buffer__capacity_kib": kib}
    changes |= {"dram__burst_bytes": data.draw(st.sampled_from([1, 4])), "scratchpad__capacity_kib": 0.02}
    whole, blocks = (
        cases.posted(Machine(digital.variant(blocking=how, **changes)).lower(trace)) for how in ("none", "auto")
    )
    for name in {key[0] for key in blocks}:
        moved = [
            sum(int(n.sum()) for key, n in counts.items() if key[:2] == (name, "dram")) for counts in (whole, blocks)
        ]
        assert moved[1] <= moved[0], name
    for key in whole:
        if key[1] not in ("dram", "global_buffer", "scratchpad", "detector"):
            np.testing.assert_array_equal(whole[key], blocks[key], err_msg=str(key))


def spiking(kib=0.4, **changes):
    trace = of_bytes()
    block = {"rows": 3, "columns": 2, "channels": 3, "inputs": 4, "timesteps": 2, "order": ["positions", "inputs"]}
    block |= changes.pop("block", {})
    block["order"] = tuple(block["order"])
    spec = digital.variant(**SMALL, **WIDE, global_buffer__capacity_kib=kib, blocking={"conv2": block}, **changes)
    return trace, spec


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("batch", [1, 2])
def test_the_buffer_never_overflows(order, batch):
    """A block is in the buffer from the first load of it to the end of the last job that uses it."""
    trace, spec = spiking(kib=0.4 * batch, block={"order": order}, batch=batch)
    laid = laid_out(spec, trace)
    place = laid.plan.position["conv2"]
    task = laid.plan.tasks[place]
    (batch_,) = Machine(spec).lower(trace).batches
    schedule = batch_.schedules["static"][0]
    found = simpy_engine.run(schedule)
    nest = nest_of(task, trace.network, spec, 3, (1, 8, spec.ac.bits, spec.neuron.membrane_bits))
    jobs = [
        len(nest.tiles(step)) * len(step["channels"]) * len(step["timesteps"]) * len(step["images"])
        for step in nest.list
    ]
    ends = np.cumsum(jobs)
    assert ends[-1] == task.cells.order.size
    spans = []
    for kind, bits in (("inputs", 1), ("weights", 8)):
        held, begin = None, 0
        for step, end, n in zip(nest.list, ends, jobs, strict=True):
            block = (step["images"], step["timesteps"], step["positions"], step["inputs"])
            block = block if kind == "inputs" else (step["channels"], step["inputs"])
            if block != held:
                held, begin = block, found.start["conv2.dram"][end - n]
                spans.append([begin, 0, len(getattr(nest, kind)(step)) * bits, kind])
            [span for span in spans if span[3] == kind][-1][1] = found.free["conv2"][end - 1]
    waiting = nest.space_bits() - _twice(nest)
    for begin, *_ in spans:
        inside = sum(bits for first, last, bits, _ in spans if first <= begin < last)
        assert inside + waiting <= nest.space_bits()
    assert laid.storage.beside[place] + nest.space_bits() <= spec.global_buffer.total_bits
    assert laid.storage.buffer_bits <= spec.global_buffer.total_bits
    compiled = compiled_engine.run(schedule)
    for stage in schedule.stages:
        np.testing.assert_array_equal(found.start[stage.name], compiled.start[stage.name])


def _twice(nest):
    """Of the space what inputs and weights take."""
    changes, s = nest.innermost(), nest.setting
    inputs = max(len(nest.inputs(step)) for step in nest.list) * s.input_bits
    weights = max(len(nest.weights(step)) for step in nest.list) * s.weight_bits
    return inputs * (2 if "inputs" in changes else 1) + weights * (2 if "weights" in changes else 1)


@pytest.mark.parametrize("order", ORDERS)
def test_what_waits_has_been_written_before_it_is_read(order):
    trace, spec = spiking(block={"order": order})
    (batch,) = Machine(spec).lower(trace).batches
    found = compiled_engine.run(batch.schedules["static"][0])
    (task,) = [task for task in laid_out(spec, trace).plan.tasks if task.name == "conv2"]
    cells, shape = task.cells, (3, *task.tiling.shape)
    job = {tuple(int(i) for i in np.unravel_index(cell, shape)): n for n, cell in enumerate(cells.order)}
    per_slice = shape[1] // task.tiling.slices
    seen = 0
    for (t, channel, position), n in job.items():
        for home, earlier in (
            (cells.sums, (t, channel - per_slice, position)),
            (cells.states, (t - 1, channel, position) if cells.starts[t] else None),
        ):
            if home != "none" and earlier in job:
                read, written = ("buffer", "store") if home == "global_buffer" else ("dram", "spill")
                assert found.start[f"conv2.{read}"][n] >= found.done[f"conv2.{written}"][job[earlier]]
                seen += 1
    assert seen


@pytest.mark.parametrize("skip", ["none", "gate", "skip"])
@pytest.mark.parametrize("order", ORDERS)
def test_work_and_spikes_are_those_of_the_whole_layer(skip, order):
    trace, spec = spiking(block={"order": order}, skip=skip)
    blocks = cases.posted(Machine(spec).lower(trace))
    whole = cases.posted(Machine(spec.model_copy(update={"blocking": "none"})).lower(trace))
    for key in (("conv2", "operations", "AC"), ("conv2", "ac", "add"), ("conv2", "neuron", "update")):
        np.testing.assert_array_equal(blocks[key], whole[key], err_msg=str(key))


def test_a_batch_shares_weights():
    """Twice the images are twice of everything but of the weights, and an image costs less of them."""
    trace = of_bytes()
    one, two = (Machine(digital.variant(**SMALL, batch=n, blocking="none")).lower(trace) for n in (1, 2))
    alone, shared = cases.posted(one), cases.posted(two)
    for key, counts in alone.items():
        if key[1] == "dram" or key[1:] == ("scratchpad", "write"):
            np.testing.assert_array_equal(shared[key], counts, err_msg=str(key))
        elif key[1] not in ("global_buffer", "clock"):
            np.testing.assert_array_equal(shared[key], 2 * counts, err_msg=str(key))
    assert two.together == 2
    ran = [play(each, "compiled")["static"].latency_cycles for each in (one, two)]
    assert (ran[0] < ran[1]).all()
    assert (ran[1] < 2 * ran[0]).all()


def test_a_scratchpad_for_every_pe():
    """Each row takes a copy of the weights and reads that; skipping, rows do not share banks."""
    trace = of_bytes()
    for skip in ("gate", "skip"):
        columns, pes = (
            cases.posted(Machine(digital.variant(**SMALL, skip=skip, scratchpad__per=per)).lower(trace))
            for per in ("column", "pe")
        )
        write, read = ("conv2", "scratchpad", "write"), ("conv2", "scratchpad", "read")
        np.testing.assert_array_equal(pes[write], 4 * columns[write])
        if skip == "skip":
            np.testing.assert_array_equal(pes[read], columns[read])
        else:
            positions = 6 * 3  # outputs of conv2, each PE reads its 3 x 2 x 6 weights of a byte for each
            assert pes[read].tolist() == [[positions * 8 * 36] * 3]
    hardware = Machine(digital.variant(**SMALL, scratchpad__per="pe")).lower(trace).hardware
    assert hardware.instances["scratchpad"] == 4 * 3 * 4


def refusal(**changes):
    trace, spec = spiking(**changes)
    with pytest.raises(ArchitectureError) as caught:
        Machine(spec).lower(trace)
    return str(caught.value)


def test_a_blocking_that_cannot_be_is_refused():
    assert refusal(block={"channels": 2}) == "blocking.conv2.channels: blocks are of whole tiles of 3 channels, got 2"
    assert refusal(kib=0.05).startswith("blocking.conv2: its blocks take ")
    trace = of_bytes()
    spec = digital.variant(blocking={"conv9": {}})
    with pytest.raises(ArchitectureError, match=r"blocking\.conv9: no layer with weights is called so; did you mean"):
        Machine(spec).lower(trace)
    with pytest.raises(ArchitectureError, match="one is none"):
        Machine(digital.variant(blocking={"conv2": {}}, dram="none")).lower(trace)
    with pytest.raises(ArchitectureError, match=r"conv2\.inputs: can be cut where"):
        grouped = of_bytes(groups=2)
        Machine(digital.variant(blocking={"conv2": {"inputs": 1}})).lower(grouped)


@pytest.mark.parametrize(
    ("given_as", "message"),
    [
        ("{conv2: {rows: 0}}", "blocking.conv2.rows: must be at least 1, got 0"),
        ("{conv2: {row: 2}}", "unknown key 'blocking.conv2.row'; did you mean 'blocking.conv2.rows'?"),
        ("{conv2: {order: [inputs, inputs]}}", "blocking.conv2: order names a loop more than once, got inputs, inputs"),
        ("outo", "blocking: must be 'auto' or 'none', got 'outo'"),
    ],
)
def test_what_a_file_gets_wrong_is_said_in_one_line(given_as, message):
    with pytest.raises(ArchitectureError) as caught:
        api.load_architecture("digital", [f"blocking={given_as}"])
    assert str(caught.value) == f"--set blocking={given_as}: {message}"


def test_a_blocking_of_a_file_is_taken_as_it_is():
    """Also where the layer would fit; the report names it."""
    trace = of_bytes()
    hardware = Machine(digital.variant(**SMALL, blocking={"conv1": {"rows": 2, "order": ("positions",)}})).lower(trace)
    note = hardware.hardware.notes["blocking: conv1"]
    assert note.startswith("blocks of 2 x 5 positions, 6 channels, 8 inputs, 3 timesteps (positions): inputs 1 x")


def test_energies_of_a_batch_are_of_one_image():
    """Without memory images share nothing: the same energy each, twice the latency for both, the same rate."""
    trace = of_bytes()
    alone, both = (
        simulate(digital.without_memory(**SMALL_ARRAY, batch=n, array__latency_cycles=0), trace) for n in (1, 2)
    )
    assert both.dynamic_pj.value == pytest.approx(alone.dynamic_pj.value, rel=1e-12)
    assert both.operations == alone.operations
    assert both.latency_ns.value == pytest.approx(2 * alone.latency_ns.value, rel=0.02)
    assert both.one_at_a_time_per_s == pytest.approx(2e9 / both.makespan_ns)
    assert both.power_uw == pytest.approx(2 * both.energy_pj.value / both.makespan_ns * 1e3)
    leaking = [
        next(row for row in run.rows if row.action == "leakage" and row.component == "mac") for run in (alone, both)
    ]
    per_ns = [row.energy_pj / run.makespan_ns for row, run in zip(leaking, (alone, both), strict=True)]
    assert per_ns[1] == pytest.approx(per_ns[0] / 2)


SMALL_ARRAY = {"array__rows": 4, "array__columns": 3}


def simulate(spec, trace):
    machine = Machine(spec)
    workload = machine.lower(trace)
    (run,) = price(play(workload, "compiled"), workload, machine.components(workload), machine.clock_mhz)
    return run_figures(run)


def test_weights_that_do_not_fit_the_scratchpads_are_cut_where_that_saves_the_buffer():
    """Input channels in parts that fit, with partial sums that wait, in the place of all weights for every tile."""
    sketch = Sketch((8, 8, 32), bits=1)
    sketch.conv(8, bits=8)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    trace = cases.random_trace(sketch.network(), timesteps=1, samples=1)
    changes = SMALL | {"skip": "gate", "scratchpad__capacity_kib": 0.1, "global_buffer__capacity_kib": 64}
    whole, blocks = (Machine(digital.variant(blocking=how, **changes)).lower(trace) for how in ("none", "auto"))
    found = [totals(workload, "conv1") for workload in (whole, blocks)]
    assert "conv1" in whole.hardware.notes["weights that do not fit the scratchpads"]
    assert "conv1" not in blocks.hardware.notes["weights that do not fit the scratchpads"]
    assert found[1]["dram", "read"] <= found[0]["dram", "read"]
    words = [each["global_buffer", "read"] + each["global_buffer", "write"] for each in found]
    assert words[1] < words[0]
