"""Pictures of several reports, of a sweep, of what was published, and of traces."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from contract.families import TRACES
from contract.test_golden_reports import load
from sweeps.cases import alone, space
from view.plots.axis_data import names_of, scale_of, whiskers_of
from view.plots.test_pictures import report_of

import hwsim
from hwsim import sweep
from hwsim.errors import UsageError
from hwsim.report import validation
from hwsim.traces.planes import unpack_channels
from hwsim.traces.ttfs.trace import SILENT
from hwsim.view import plots
from hwsim.view.plots.floor_plan import boxed
from hwsim.view.plots.spike_raster import rasters

ROWS = [
    validation.Validation("ODIN", "energy of a synaptic operation", "pJ", 12.7, 6.5, 4.0, 9.1),
    validation.Validation("Eyeriss", "DRAM traffic of VGG-16", "MB", 107.1, 98.9, 98.9, 98.9),
]
SHIPPED = sorted(path.stem for path in TRACES.glob("*.npz"))


def test_comparisons_hold_the_figures_of_each_report():
    reports = [report_of(name, "synthetic") for name in ("imc", "digital", "digital_compute", "imc_sram")]
    energy, latency, edp, area = plots.compare(reports).axes
    assert names_of(energy) == ["imc", "digital", "digital_compute", "imc_sram"]
    runs = [report.runs[-1] for report in reports]
    scale = scale_of(energy.get_xlabel(), "J") / 1e-12
    stacked: dict[float, float] = {}
    for bar in energy.patches:
        place = round(bar.get_y() + bar.get_height() / 2)
        stacked[place] = stacked.get(place, 0.0) + bar.get_width() * scale
    assert [stacked[i] for i in range(4)] == pytest.approx([run.energy_pj.value for run in runs], rel=1e-9)
    ends = [end * scale for pair in whiskers_of(energy) for end in pair]
    assert ends == pytest.approx([b for run in runs for b in (run.energy_pj.low, run.energy_pj.high)], rel=1e-9)
    timed = [run for run in runs if run.latency_ns is not None]
    for axes, field, unit, si in ((latency, "latency_ns", "s", 1e-9), (edp, "edp_pj_ns", "J s", 1e-21)):
        scale = scale_of(axes.get_xlabel(), unit) / si
        wanted = [getattr(run, field).value for run in timed]
        assert [bar.get_width() * scale for bar in axes.patches] == pytest.approx(wanted, rel=1e-9)
    assert [bar.get_width() for bar in area.patches] == pytest.approx([each.area_mm2.value for each in reports])


@pytest.mark.parametrize("count", [1, 13])
def test_a_comparison_is_of_two_to_twelve(count):
    with pytest.raises(UsageError, match=f"wanted two to 12 reports, found {count}"):
        plots.compare([report_of("imc", "synthetic")] * count)


def test_reports_of_one_name_are_told_apart():
    report = report_of("digital", "synthetic")
    assert names_of(plots.compare([report, report]).axes[0]) == ["1: digital", "2: digital"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("swept")
    where = space(folder, "crossbar.rows=32,64,128", "adc.bits=6:8", overrides=("skip=none",), seeds=(1, 2))
    return sweep.sweep(where, folder / "out.jsonl", alone()), folder / "out.jsonl"


def test_the_front_is_what_no_point_beats(swept):
    rows, journal = swept
    (axes,) = plots.pareto(sweep.load(journal), "area_mm2", "energy_pj").axes
    sound = [row for row in rows if row["error"] is None]
    scale = scale_of(axes.get_ylabel(), "J") / 1e-12
    points = [(float(x), float(y) * scale) for x, y in axes.collections[0].get_offsets()]
    assert points == [pytest.approx((row["area_mm2"], row["energy_pj"]), rel=1e-9) for row in sound]
    lines = {line.get_label(): line.get_xydata() for line in axes.lines}
    assert len(lines) == 2  # of each trace
    traces = dict.fromkeys(row["trace"] for row in sound)
    for trace, line in zip(traces, lines.values(), strict=True):
        own = [(row["area_mm2"], row["energy_pj"]) for row in sound if row["trace"] == trace]
        beaten = {p for p in own for q in own if q != p and q[0] <= p[0] and q[1] <= p[1]}
        assert sorted({(float(x), float(y) * scale) for x, y in line}) == [
            pytest.approx(p, rel=1e-9) for p in sorted(set(own) - beaten)
        ]


def test_axes_of_a_front_say_the_word_and_the_unit_of_what_they_count(swept):
    rows, _ = swept
    sound = [row for row in rows if row["error"] is None]
    (axes,) = plots.pareto(rows, "standing_share", "edp_pj_ns").axes
    assert axes.get_xlabel() == "clock and leakage (%)"
    assert axes.get_ylabel().startswith("EDP (")
    scale = scale_of(axes.get_ylabel(), "J s") / 1e-21
    points = [(float(x) / 100, float(y) * scale) for x, y in axes.collections[0].get_offsets()]
    assert points == [pytest.approx((row["standing_share"], row["edp_pj_ns"]), rel=1e-9) for row in sound]
    (areas,) = plots.pareto(rows, "area_mm2", "timesteps").axes
    assert (areas.get_xlabel(), areas.get_ylabel()) == ("area (mm²)", "timesteps")


def test_figures_that_no_point_has_are_named_with_those_it_has(swept):
    with pytest.raises(UsageError, match=r"no point has area_mm2 and accuracy; known are energy_pj, .*area_mm2"):
        plots.pareto(swept[0], "area_mm2", "accuracy")
    with pytest.raises(UsageError, match="did you mean 'energy_pj'"):
        plots.pareto(swept[0], "area_mm2", "enrgy_pj")


def test_predictions_are_drawn_over_what_was_published():
    axes, *_ = plots.validation(ROWS).axes
    ends = [seg[:, 0] for each in axes.containers for seg in each.lines[2][0].get_segments()]
    points = [float(x) for each in axes.containers for x in each.lines[0].get_xdata()]
    assert points == pytest.approx([6.5 / 12.7, 98.9 / 107.1])
    assert np.concatenate(ends) == pytest.approx([4.0 / 12.7, 9.1 / 12.7, 98.9 / 107.1, 98.9 / 107.1])


def test_rows_of_a_validation_read_back():
    assert validation.from_json(validation.to_json(ROWS)) == ROWS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low": 7.0}, "row 1: wanted low <= predicted <= high, found 7, 6.5, 9.1"),
        ({"published": 0}, "row 1: published: wanted a number above 0, found 0"),
        ({"chip": 3}, "row 1: chip: wanted a text, found 3"),
        ({"more": 1}, "row 1: wanted an object with the keys chip, figure, unit, published, predicted, low, high"),
    ],
)
def test_rows_that_are_none_are_refused_by_their_number(change, message):
    with pytest.raises(UsageError, match=message):
        validation.from_json(json.dumps([asdict(ROWS[0]) | change]))


@pytest.mark.parametrize("text", ["[]", "{}", "{", "[1]", "[" * 100_000])
def test_what_is_no_list_of_rows_is_refused(text):
    with pytest.raises(UsageError, match="row"):
        validation.from_json(text)


@pytest.mark.parametrize("name", SHIPPED)
def test_rasters_have_every_spike_of_a_sample(name):
    trace = hwsim.load_trace(TRACES / f"{name}.npz")
    found = rasters(trace, 1)
    plots.spikes(trace, 1).draw_without_rendering()
    if trace.coding == "plastic":
        assert len(found["input"].times) == trace.parts["train"].input_spikes[1]
        return
    assert found.keys() == trace.spike_rates().keys()
    for layer, raster in found.items():
        if trace.coding == "ttfs":
            wanted = trace.times[layer][1].ravel()
            drawn = np.full(wanted.size, SILENT)
            drawn[raster.neurons] = raster.times
            assert (drawn == wanted).all()
            continue
        packed = trace.spikes[layer]
        if trace.coding == "sequence":
            bits = unpack_channels(packed.words[1, :, :, 0], packed.n_units).reshape(-1, packed.n_units)
        else:
            bits = unpack_channels(packed.words[1], packed.shape[2]).reshape(trace.timesteps, -1)
        again = np.zeros_like(bits)
        again[raster.times, raster.neurons] = 1
        assert (again == bits).all()


def test_rates_are_those_of_the_trace():
    trace = hwsim.load_trace(TRACES / "mnist_dietsnn.npz")
    axes = plots.spikes(trace).axes[-1]
    assert names_of(axes) == list(trace.spike_rates())
    assert [bar.get_width() for bar in axes.patches] == pytest.approx(list(trace.spike_rates().values()))


@pytest.mark.parametrize("sample", [-1, 2])
def test_a_sample_that_is_not_there_is_refused(sample):
    with pytest.raises(UsageError, match=f"sample: must be between 0 and 1, got {sample}"):
        plots.spikes(load("imc", "mnist_dietsnn"), sample)


def test_boxes_fill_what_they_are_put_in():
    shares = sorted((0.3, 0.25, 0.2, 0.1, 0.1, 0.05), reverse=True)
    boxes = boxed(shares, (0.0, 0.0, 2.0, 0.5))
    assert [width * height for _, _, width, height in boxes] == pytest.approx(shares)
    for i, (x, y, width, height) in enumerate(boxes):
        assert x >= 0 and y >= 0 and x + width <= 2 + 1e-12 and y + height <= 0.5 + 1e-12
        for a, b, w, h in boxes[i + 1 :]:
            assert min(x + width, a + w) - max(x, a) < 1e-12 or min(y + height, b + h) - max(y, b) < 1e-12


def test_names_are_names_and_not_formulas():
    report = report_of("digital", "synthetic")
    name = "$\\frac{1}{0}$ <b>" + "x" * 10_000
    rows = [replace(row, layer=name if row.layer == "fc1" else row.layer) for row in report.runs[0].rows]
    layers = [replace(row, layer=name if row.layer == "fc1" else row.layer) for row in report.runs[0].layers]
    loads = [replace(each, layer=name if each.layer == "fc1" else each.layer) for each in report.runs[0].loads]
    hostile = replace(
        report, runs=[replace(report.runs[0], rows=rows, layers=layers, loads=loads)], spike_rates={name: 0.1}
    )
    for draw in (plots.energy, plots.rates, plots.roofline):
        draw(hostile).draw_without_rendering()
    assert "$\\frac{1}{0}$ <b>xxxx..." in names_of(plots.energy(hostile).axes[1])
    assert math.isfinite(report.energy.value)
