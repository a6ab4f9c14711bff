"""`imc_spikesim` gives what SpikeSim's published estimate gives (arXiv 2210.12899, its script), to the last digit.

The estimate is written here a second time from its description, with its own constants: per layer and timestep a PE
cycle for each block of 64 input channels, block of 64 output channels and output position, all of the same energy; area
by tiles and by stored values.  `PRINTED` is what the unchanged script printed when it was run.

Its closed form is one of the side X of a crossbar too (`SIDES`): with X / 8 column groups, an ADC each, crossbars are
read once a group, and each ADC converts as often as there are groups, whatever columns hold weights.  That is X X / 64
conversions of X columns: `convert: all` makes X, and the design says the rest by its prices, in YAML alone.
"""

from __future__ import annotations

from functools import cache
from math import ceil

import pytest
from numba import config

from hwsim import api
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.network.layers import Conv2d
from hwsim.traces.network.standard import network_of

CROSSBAR, PER_TILE, OFFSETS, TIMESTEPS = 64, 8, 9, 5
COLUMN_GROUPS = CROSSBAR // 8
CHANNELS_IN, CHANNELS_OUT = (3, 64, 64, 128, 128, 256, 256), (64, 64, 128, 128, 256, 256, 256)
SIDE_IN, SIDE_OUT = (32, 32, 16, 16, 8, 8, 8), (32, 16, 16, 8, 8, 8, 4)
LAYERS = range(7)
PJ = {
    "htree": 19.64 * 8,
    "fetch": 4.64,
    "neuron": 1.274 * 4,
    "crossbar": COLUMN_GROUPS * OFFSETS * 1.76423,
    "adc": COLUMN_GROUPS * COLUMN_GROUPS * 2.03084,
    "mux": COLUMN_GROUPS * COLUMN_GROUPS * 0.094245,
    "subtract": COLUMN_GROUPS * 16 * 1.15e-6,
    "temporary": COLUMN_GROUPS * 0.2,
    "tile": 397.0,
}
PART = {"fetch": "global_buffer", "mux": "column_mux", "subtract": "offset", "temporary": "accumulator"}
PART |= {"tile": "spike_buffer"}
UM2_PER_VALUE = 0.7391 * 22
PRINTED = {"energy_uj": "15.907", "area_mm2": "8.43", "pes": 48, "tiles": 6}


SIDES = (16, 32, 64, 128)


def pes(layer, side=CROSSBAR):
    return ceil(CHANNELS_IN[layer] / side) * ceil(CHANNELS_OUT[layer] / side)


def pe_cycles(layer, side=CROSSBAR):
    return pes(layer, side) * SIDE_OUT[layer] ** 2 * TIMESTEPS


def pe_cycle_pj(side):
    """Energy of a PE cycle of crossbars of `side` x `side`: the script's expression, term by term."""
    groups = side / 8
    arrays = groups * (OFFSETS * 1.76423 + groups * (2.03084 + 0.094245))
    return 19.64 * 8 + 4.64 + 1.274 * 4 + arrays + groups * 16 * 1.15e-6 + groups * 0.2 + 397


def tile_area_um2(side):
    """Area of eight PEs and what they share: the script's expression, term by term."""
    a_pe = OFFSETS * 26.2144 + side / 8 * (693.633 + 45.9)
    return PER_TILE * a_pe + side / 8 * 13411.41498 + 484.643999 + 0.7391 * 64 * 128 + 216830 * 2


def of_side(side):
    """The design of crossbars of another side, as a file that extends the shipped one."""
    of_64 = side / 64
    values = 256  # membranes of a memory
    return f"""
extends: imc_spikesim
convert: all
crossbar:
  rows: {side}
  columns: {side}
  given:
    at: {{rows: {side}, columns: {side}}}
    read_array_pj: {1.76423 * of_64}
adc: {{given: {{convert_pj: {2.03084 * of_64}}}}}
column_mux: {{given: {{select_pj: {0.094245 * of_64}}}}}
accumulator: {{given: {{area_um2: {484.643999 / side}}}}}
offset_corrector:
  rows: {side}
  given:
    at: {{rows: {side}}}
    area_um2: {13411.41498 * of_64}
silence_detector:
  rows: {side}
  given: {{at: {{rows: {side}}}}}
membrane:
  capacity_kib: {24 * values / 8192}
  given:
    at: {{capacity_kib: {24 * values / 8192}}}
    area_um2: {values * UM2_PER_VALUE}
"""


def area_um2():
    """By component: six tiles, then 22 bits for each input value and for each neuron of the first five layers."""
    tiles = ceil(sum(map(pes, LAYERS)) / PER_TILE)
    inputs = sum(CHANNELS_IN[i] * SIDE_IN[i] ** 2 for i in LAYERS)
    neurons = sum(CHANNELS_OUT[i] * SIDE_OUT[i] ** 2 for i in LAYERS[:5])
    return {
        "crossbar": tiles * PER_TILE * OFFSETS * 26.2144,
        "adc": tiles * PER_TILE * COLUMN_GROUPS * 693.633,
        "column_mux": tiles * PER_TILE * COLUMN_GROUPS * 45.9,
        "offset": tiles * COLUMN_GROUPS * 13411.41498,
        "accumulator": tiles * 484.643999,
        "spike_buffer": tiles * 0.7391 * 64 * 128,
        "htree": tiles * 216830 * 2,
        "membrane": (inputs + neurons) * UM2_PER_VALUE,
    }


@cache
def report(geometry="vgg9-spikesim", timesteps=TIMESTEPS, rate=0.1, **settings):
    design = api.load_architecture(
        "imc_spikesim", [f"{key.replace('__', '.')}={value}" for key, value in settings.items()]
    )
    return api.simulate(design, synthesize(geometry, timesteps, 1, rate))


def energy_pj(found):
    (run,) = found.runs
    return run.energy_pj.value


def by_component(found):
    (run,) = found.runs
    energies = {}
    for row in run.rows:
        energies[row.component] = energies.get(row.component, 0.0) + row.energy_pj
    return {name: energy for name, energy in energies.items() if energy}


def test_the_estimate_written_again_prints_what_the_script_printed():
    assert f"{sum(map(pe_cycles, LAYERS)) * sum(PJ.values()) / 1e6:.3f}" == PRINTED["energy_uj"]
    assert f"{sum(area_um2().values()) / 1e6:.2f}" == PRINTED["area_mm2"]
    assert sum(map(pes, LAYERS)) == PRINTED["pes"]


def test_energy_and_area_to_the_digits_that_it_prints():
    found = report()
    assert f"{energy_pj(found) / 1e6:.3f}" == PRINTED["energy_uj"]
    assert f"{found.area_mm2.value:.2f}" == PRINTED["area_mm2"]
    assert found.notes["PEs in use"] == PRINTED["pes"]
    assert found.notes["tiles"] == PRINTED["tiles"]


def test_energy_and_area_beyond_those_digits():
    found = report()
    assert energy_pj(found) == pytest.approx(sum(map(pe_cycles, LAYERS)) * sum(PJ.values()), rel=1e-13)
    assert found.area_mm2.value * 1e6 == pytest.approx(sum(area_um2().values()), rel=1e-13)
    assert found.area_mm2.low == found.area_mm2.value == found.area_mm2.high


@pytest.mark.parametrize("side", SIDES)
def test_energy_and_area_of_crossbars_of_every_side(side, tmp_path):
    """By YAML alone; a layer of 64 channels leaves half of the 128 columns unused, which are converted all the same."""
    file = tmp_path / f"spikesim_{side}.yaml"
    file.write_text(of_side(side))
    found = api.simulate(api.load_architecture(str(file)), synthesize("vgg9-spikesim", TIMESTEPS, 1, 0.1))
    cycles = sum(pe_cycles(layer, side) for layer in LAYERS)
    assert energy_pj(found) == pytest.approx(cycles * pe_cycle_pj(side), rel=1e-12)
    n_pes = sum(pes(layer, side) for layer in LAYERS)
    stored = sum(CHANNELS_IN[i] * SIDE_IN[i] ** 2 for i in LAYERS)
    stored += sum(CHANNELS_OUT[i] * SIDE_OUT[i] ** 2 for i in LAYERS[:5])
    area = ceil(n_pes / PER_TILE) * tile_area_um2(side) + stored * UM2_PER_VALUE
    assert found.area_mm2.value * 1e6 == pytest.approx(area, rel=1e-12)
    assert found.notes["PEs in use"] == n_pes
    conversions = sum(row.count for row in found.runs[0].rows if (row.component, row.action) == ("adc", "convert"))
    assert conversions == side * cycles
    if side == CROSSBAR:
        assert f"{cycles * pe_cycle_pj(side) / 1e6:.3f}" == PRINTED["energy_uj"]
        assert f"{area / 1e6:.2f}" == PRINTED["area_mm2"]


def test_energy_of_every_block_and_layer():
    found, cycles = report(), sum(map(pe_cycles, LAYERS))
    wanted = {PART.get(block, block): cycles * each for block, each in PJ.items()}
    assert by_component(found) == pytest.approx(wanted, rel=1e-12)
    for layer in LAYERS:
        rows = [row for row in found.runs[0].rows if row.layer == f"conv{layer + 1}"]
        assert sum(row.energy_pj for row in rows) == pytest.approx(pe_cycles(layer) * sum(PJ.values()), rel=1e-12)


def test_area_of_every_block():
    found = {row.component: row.area_um2 for row in report().area if row.area_um2}
    assert found == pytest.approx(area_um2(), rel=1e-12)


def test_nothing_leaks_and_no_clock_ticks():
    (run,) = report().runs
    assert run.leakage_pj.value == run.clock_pj.value == 0
    assert run.dynamic_pj.value == run.energy_pj.value


def test_energy_knows_no_spikes_and_is_in_proportion_to_timesteps():
    assert energy_pj(report(rate=0.0)) == energy_pj(report(rate=0.5)) == energy_pj(report())
    assert energy_pj(report(timesteps=1)) == pytest.approx(energy_pj(report()) / TIMESTEPS, rel=1e-12)


def test_its_network_is_vgg9_with_strides_in_the_place_of_pools():
    strided, pooled = network_of("vgg9-spikesim", 0), network_of("vgg9-cifar", 0)
    convolutions = [layer for layer in strided if isinstance(layer, Conv2d)]
    assert tuple(layer.shape for layer in convolutions) == tuple(
        (side, side, channels) for side, channels in zip(SIDE_OUT, CHANNELS_OUT, strict=True)
    )
    assert tuple(strided[layer.inputs[0]].shape[0] for layer in convolutions) == SIDE_IN
    assert [layer.weights.shape for layer in convolutions] == [
        layer.weights.shape for layer in pooled if isinstance(layer, Conv2d)
    ]


@pytest.mark.parametrize(
    ("geometry", "n_pes", "cycles", "uj"),
    [("vgg16-gap-cifar", 400, 9472, "7.85"), ("resnet19-cifar", 378, 67584, None)],
)
def test_the_same_rule_on_networks_of_dt_snn(geometry, n_pes, cycles, uj):
    """PE cycles by hand; ResNet-19 has 40 PEs and 4,096 cycles more than its 3 x 3 layers alone (1 x 1 shortcuts)."""
    found = report(geometry, timesteps=1)
    accesses = [row.count for row in found.runs[0].rows if (row.component, row.action) == ("spike_buffer", "read")]
    assert found.notes["PEs in use"] == n_pes
    assert sum(accesses) == cycles
    if uj is not None:
        assert f"{energy_pj(found) / 1e6:.2f}" == uj


@pytest.mark.skipif(config.DISABLE_JIT, reason="minutes without the compiler")
def test_each_assumption_moves_the_figures():
    """What the anchor rests on: without any one of them energy or area is another."""
    anchor = energy_pj(report()), report().area_mm2.value
    for setting in (
        {"assumptions__conversion": "crossbar"},
        {"assumptions__peripherals": "traffic"},
        {"assumptions__activations": "rows"},
        {"assumptions__membrane_layers": "all"},
        {"assumptions__classifier": "on_chip"},
        {"dac__coding": "pulse_width", "dac__bits": 1},
        {"sensing": "sample_hold"},
    ):
        changed = report(**setting)
        assert (energy_pj(changed), changed.area_mm2.value) != anchor, setting
        assert changed.notes["assumptions"] != report().notes["assumptions"] or "assumptions" not in str(setting)
