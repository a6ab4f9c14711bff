"""Two layers of 2 -> 2 on crossbars of 2 x 2 cells: every count, cycle and picojoule worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from accelerators.imc import cases

from hwsim.accelerators.imc import Machine
from hwsim.components.pricing.price import Price, Priced
from hwsim.engine import simpy_engine
from hwsim.report.assemble import run_figures
from hwsim.traces.network.layers import Input, Linear, Network, Neuron, StoredWeights
from hwsim.traces.trace import Inputs, PackedSpikes

# Weights of 2 bits in cells of 2 bits are stored plus 2, one column each:
#
#   fc1   to neuron 0   to neuron 1        fc2   to class 0   to class 1
#   row 0  1 -> 3       -1 -> 1            row 0  -2 -> 0      1 -> 3
#   row 1  0 -> 2       -2 -> 0            row 1   1 -> 3      0 -> 2
#
# The one-bit input is (1, 0) at both timesteps.  Neurons of fc1 spike (1, 1) at t = 0 and not at all at t = 1.
FC1 = [[1, -1], [0, -2]]
FC2 = [[-2, 1], [1, 0]]

# One PE of one crossbar a tile, so that fc1 and fc2 lie one link apart; silence is skipped; 250 MHz.
MACHINE = {
    "crossbar__rows": 2,
    "crossbar__columns": 2,
    "crossbar__cell_bits": 2,
    "rows_per_read": 2,
    "adc__columns_per_adc": 2,
    "chip__pes_per_tile": 1,
    "chip__crossbars_per_pe": 1,
    "skip": "silent_rows",
}

PRICES_PJ = {
    "crossbar": {"read": 0.5, "drive_row": 1.0, "read_cell": 0.25, "read_level": 0.125},
    "row_driver": {"drive": 0.75},
    "adc": {"convert": 2.0},
    "adc_reference": {"settle": 0.5},
    "column_mux": {"select": 0.5},
    "shift_add": {"add": 0.25},
    "accumulator": {"add": 0.25},
    "htree": {"transfer": 4.0},
    "noc": {"hop": 6.0, "link": 2.0},
    "spike_buffer": {"read": 1.0, "write": 2.0},
    "neuron": {"update": 0.5},
    "membrane": {"read": 2.0, "write": 3.0},
    "global_buffer": {"read": 4.0},
    "silence_detector": {"detect": 0.125},
    "offset": {"subtract": 0.25, "count_rows": 0.5},
    "clock": {"cycle": 0.5, "active_cycle": 1.0},
}
LEAKAGE_UW = {"membrane": 100.0}
FLIP_FLOPS = {"crossbar": 1}

# Both timesteps of each count.  A word of 64 bits holds all spikes, one of 128 bits both membranes of 24.
COUNTS = {
    # One word of the picture from the global buffer to fc1's tile, where the input port is: no link.
    ("input", "global_buffer", "read"): [1, 1],
    ("input", "spike_buffer", "write"): [1, 1],
    ("input", "noc", "hop"): [0, 0],
    ("input", "noc", "link"): [0, 0],
    # Row 0 is driven: 1 row, 2 cells of levels 3 + 1, 2 columns converted, 2 sums; 2 x 2 products asked for.
    ("fc1", "silence_detector", "detect"): [1, 1],
    ("fc1", "crossbar", "read"): [1, 1],
    ("fc1", "crossbar", "drive_row"): [1, 1],
    ("fc1", "row_driver", "drive"): [1, 1],
    ("fc1", "crossbar", "read_cell"): [2, 2],
    ("fc1", "crossbar", "read_level"): [4, 4],
    ("fc1", "adc", "convert"): [2, 2],
    ("fc1", "adc_reference", "settle"): [2, 2],
    ("fc1", "column_mux", "select"): [2, 2],
    ("fc1", "shift_add", "add"): [2, 2],
    ("fc1", "accumulator", "add"): [2, 2],
    ("fc1", "offset", "count_rows"): [1, 1],
    ("fc1", "offset", "subtract"): [2, 2],
    ("fc1", "spike_buffer", "read"): [1, 1],
    ("fc1", "htree", "transfer"): [1, 1],  # 2 sums of 8 bits out, 2 bits in: 18 bits in words of 64
    ("fc1", "operations", "MAC"): [4, 4],
    ("fc1", "operations", "crossbar read"): [1, 1],
    ("fc1", "operations", "crossbar read that could clip"): [0, 0],  # 3 of one row within 255
    # Two neurons, spike or not; their spikes fill one flit, one link to fc2's tile.
    ("fc1", "neuron", "update"): [2, 2],
    ("fc1", "operations", "membrane update"): [2, 2],
    ("fc1", "membrane", "read"): [1, 1],
    ("fc1", "membrane", "write"): [1, 1],
    ("fc1", "spike_buffer", "write"): [1, 1],
    ("fc1", "noc", "hop"): [1, 1],
    ("fc1", "noc", "link"): [1, 1],
    # t = 0 drives both rows, 4 cells of levels 0 + 3 + 3 + 2; t = 1 finds silence and reads nothing.
    ("fc2", "silence_detector", "detect"): [1, 1],
    ("fc2", "crossbar", "read"): [1, 0],
    ("fc2", "crossbar", "drive_row"): [2, 0],
    ("fc2", "row_driver", "drive"): [2, 0],
    ("fc2", "crossbar", "read_cell"): [4, 0],
    ("fc2", "crossbar", "read_level"): [8, 0],
    ("fc2", "adc", "convert"): [2, 0],
    ("fc2", "adc_reference", "settle"): [2, 0],
    ("fc2", "column_mux", "select"): [2, 0],
    ("fc2", "shift_add", "add"): [2, 0],
    ("fc2", "accumulator", "add"): [2, 0],
    ("fc2", "offset", "count_rows"): [1, 0],
    ("fc2", "offset", "subtract"): [2, 0],
    ("fc2", "spike_buffer", "read"): [1, 1],
    ("fc2", "htree", "transfer"): [1, 1],  # at t = 1 only the 2 bits in
    ("fc2", "noc", "hop"): [0, 0],  # logits leave the chip
    ("fc2", "noc", "link"): [0, 0],
    ("fc2", "operations", "AC"): [4, 0],
    ("fc2", "operations", "crossbar read"): [1, 0],
    ("fc2", "operations", "crossbar read that could clip"): [0, 0],
}

# Cycles [t = 0, t = 1].  A read takes ceil(10 ns * 0.25) = 3, a conversion ceil(4 ns * 0.25) = 1, so a read phase
# max(3, 2 * 1) = 3; a silent one 1 to find out.  After it 3 + 2 * 1 - 3 = 2 until the held columns are converted, 1 to
# shift and add, no adder level, 1 through the tree: latency 4.  Neurons: a read and a write of one port 2, latency 2.
# Their one flit takes 1 on the link, and then 2 through the router and over it.
LINK = "fc1.neuron link 0-1"
START = {"input": [0, 1], "fc1": [1, 4], "fc1.neuron": [8, 11], LINK: [12, 15], "fc2": [15, 18]}
FREE = {"input": [1, 2], "fc1": [4, 7], "fc1.neuron": [10, 13], LINK: [13, 16], "fc2": [18, 19]}
DONE = {"input": [1, 2], "fc1": [8, 11], "fc1.neuron": [12, 15], LINK: [15, 18], "fc2": [22, 23]}

#   crossbar   read 3 x 0.5 + drive 4 x 1 + cell 8 x 0.25 + level 16 x 0.125      =  1.5 + 4 + 2 + 2   =  9.5
#   drivers    4 x 0.75, references 6 x 0.5                                       =  3 + 3             =  6
#   columns    convert 6 x 2 + select 6 x 0.5 + shift 6 x 0.25 + add 6 x 0.25     =  12 + 3 + 1.5 + 1.5 = 18
#   offset     count 3 x 0.5 + subtract 6 x 0.25                                  =  1.5 + 1.5         =  3
#   silence    4 x 0.125                                                                              =  0.5
#   moving     tree 4 x 4 + hops 2 x (6 + 2) + spike reads 4 x 1, writes 4 x 2    =  16 + 16 + 4 + 8   = 44
#   neurons    update 4 x 0.5 + membrane reads 2 x 2, writes 2 x 3                =  2 + 4 + 6         = 12
#   input      2 x 4                                                                                  =  8
DYNAMIC_PJ = 9.5 + 6 + 18 + 3 + 0.5 + 44 + 12 + 8  # 101
CLOCK_PJ = 2 * 23 * 0.5 + (6 + 4) * 1.0  # two flip-flops over 23 cycles, one for fc1 busy for 3 + 3 and fc2 for 3 + 1
LEAKAGE_PJ = 2 * 100.0 * 92e-3  # uW times 23 cycles of 4 ns, in pJ
ENERGY_PJ = 101.0 + 33.0 + 18.4


def example():
    def layer(name, source, values, neuron):
        weights = StoredWeights(np.array(values, np.int8)[None, None], 2, np.ones(2, np.float32))
        return Linear(name, (source,), (1, 1, 2), weights, None, neuron)

    neuron = Neuron(1, 0, np.ones(2, np.int64), "soft", 0, 8)
    network = Network(
        (Input("input", (), (1, 1, 2), 1), layer("fc1", "input", FC1, neuron), layer("fc2", "fc1", FC2, None))
    )
    trace = cases.random_trace(network, timesteps=2, samples=1)
    spikes = PackedSpikes(np.array([0b11, 0b00], np.uint64).reshape(1, 2, 1, 1), (1, 1, 2))
    inputs = Inputs(np.array([[[[1, 0]]]], np.uint8), np.zeros(1, np.int64), np.zeros(1, np.int64))
    return replace(trace, spikes={"fc1": spikes}, inputs=inputs)


def parts():
    def exact(value):
        return Price.exact(value, "by hand")

    return {
        name: Priced(
            {action: exact(pj) for action, pj in actions.items()},
            exact(0.0),
            exact(LEAKAGE_UW.get(name, 0.0)),
            flip_flops=FLIP_FLOPS.get(name, 0),
        )
        for name, actions in PRICES_PJ.items()
    }


def test_every_count():
    counts = cases.posted(Machine(cases.small(**MACHINE)).lower(example()))
    assert {key: n.tolist() for key, n in counts.items()} == {key: [n] for key, n in COUNTS.items()}


def test_every_cycle():
    (batch,) = Machine(cases.small(**MACHINE)).lower(example()).batches
    (schedule,) = batch.schedules["static"]
    timeline = simpy_engine.run(schedule)
    for found, wanted in ((timeline.start, START), (timeline.free, FREE), (timeline.done, DONE)):
        assert {stage: times.tolist() for stage, times in found.items()} == wanted


def test_every_picojoule():
    run = cases.priced(cases.small(**MACHINE), example(), parts())["static"]
    figures = run_figures(run)
    assert figures.latency_ns.value == pytest.approx(92.0, rel=1e-15)
    assert figures.dynamic_pj.value == pytest.approx(DYNAMIC_PJ, rel=1e-15)
    assert figures.clock_pj.value == pytest.approx(CLOCK_PJ, rel=1e-15)
    assert figures.leakage_pj.value == pytest.approx(LEAKAGE_PJ, rel=1e-15)
    assert figures.energy_pj.value == pytest.approx(ENERGY_PJ, rel=1e-15)
    assert figures.edp_pj_ns.value == pytest.approx(ENERGY_PJ * 92.0, rel=1e-15)
    assert figures.operations["MAC"] == 8
    assert figures.operations["AC"] == 4
    assert figures.pj_per_sop == pytest.approx(ENERGY_PJ / 12, rel=1e-15)


def test_the_chip():
    hardware = Machine(cases.small(**MACHINE)).lower(example()).hardware
    assert {name: hardware.instances[name] for name in ("crossbar", "adc", "membrane", "noc")} == {
        "crossbar": 2,
        "adc": 2,  # one for the two columns of a crossbar
        "membrane": 2,
        "noc": 2,
    }
    assert hardware.clocked["fc1"]["crossbar"] == hardware.clocked["fc2"]["crossbar"] == Fraction(1, 2)
    assert hardware.storage["weights"].used_bits == 2 * 4 * 2  # two crossbars of four cells of two bits
    assert hardware.storage["weights"].provided_bits == 2 * 4 * 2
    assert hardware.storage["membrane"].used_bits == 2 * 24
