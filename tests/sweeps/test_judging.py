"""Fronts, constraints, sensitivities, draws of prices and tables, beside what their definitions say."""

from __future__ import annotations

import csv
import io
import itertools
import math

import numpy as np
import pytest
from sweeps.cases import alone, report_of, space

from hwsim import sweep
from hwsim.errors import UsageError
from hwsim.sweep.figures import objectives, parse_constraint
from hwsim.sweep.pareto import feasible, front, on_front
from hwsim.sweep.robust import BEATS, FRONT, with_probabilities
from hwsim.sweep.sensitivity import sensitivities


def row(point, error=None, trace="t", settings="s", **figures):
    return {"point": point, "design": "d", "trace": trace, "settings": settings, "error": error, **figures}


def dominated(one, other):
    """Whether the other is nowhere worse and somewhere better."""
    return all(other <= one) and any(other < one)


@pytest.mark.parametrize("seed", range(6))
def test_a_front_is_what_nothing_beats(seed):
    rng = np.random.default_rng(seed)
    losses = rng.integers(0, 6, (60, 1 + seed % 3)).astype(float)
    losses[::17] = math.inf
    wanted = [
        tuple(each)
        for each in losses
        if np.isfinite(each).all() and not any(dominated(each, other) for other in losses)
    ]
    found = on_front(losses)
    assert {tuple(losses[i]) for i in found} == set(wanted)
    assert len(found) == len(set(wanted))  # of equals one
    assert all(i == min(j for j in range(60) if tuple(losses[j]) == tuple(losses[i])) for i in found)


def test_fronts_are_of_a_trace_each_and_more_accuracy_is_better():
    rows = [
        row(0, energy_pj=1.0, accuracy=0.8),
        row(1, energy_pj=2.0, accuracy=0.9),
        row(2, energy_pj=3.0, accuracy=0.85),
        row(3, energy_pj=9.0, accuracy=0.5, trace="other"),
        row(4, energy_pj=0.5, accuracy=None),
    ]
    assert [each["point"] for each in front(rows, objectives(["energy_pj,accuracy"]))] == [0, 1, 3]


def test_constraints_leave_what_they_say():
    rows = [row(0, area_mm2=4.0), row(1, area_mm2=4.1), row(2, area_mm2=None), row(3, "no", area_mm2=1.0)]
    for text, wanted in (("area_mm2 <= 4", [0]), ("area_mm2<4", []), ("area_mm2 > 4", [1]), ("area_mm2>=4", [0, 1])):
        constraint = parse_constraint(text)
        assert [each["point"] for each in feasible(rows, [constraint])] == wanted
        for each in rows[:3]:
            assert (constraint.excess(each) <= 0) == constraint.met_by(each)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("area <= 4", "--constraint area <= 4: unknown figure 'area', known: energy_pj"),
        ("area_mm2 = 4", "--constraint area_mm2 = 4: write FIGURE <= NUMBER"),
        ("area_mm2 <= much", "--constraint area_mm2 <= much: write FIGURE <= NUMBER"),
        ("area_mm2 <= nan", "--constraint area_mm2 <= nan: write FIGURE <= NUMBER"),
    ],
)
def test_constraints_that_are_none(text, said):
    with pytest.raises(UsageError) as raised:
        parse_constraint(text)
    assert str(raised.value).startswith(said)


def test_objectives_that_are_none():
    with pytest.raises(UsageError, match=r"^--minimize: unknown figure 'energy', known: .*did you mean 'energy_pj'\?"):
        objectives(["energy"])
    with pytest.raises(UsageError, match="energy_pj is asked for twice"):
        objectives(["energy_pj"], ["energy_pj"])


def test_a_knob_moves_as_much_as_its_values_differ_with_all_others_as_they_are():
    rows = [
        row(i, a=a, b=b, edp_pj_ns=10.0**a * (2.0 if b == "y" else 1.0) * (3.0 if a == 2 and b == "y" else 1.0))
        for i, (a, b) in enumerate(itertools.product((0, 1, 2), "xy"))
    ]
    by_key = {each.key: each for each in sensitivities(rows, ["a", "b"], "edp_pj_ns")}
    assert list(by_key) == ["a", "b"]
    assert math.isclose(by_key["a"].typical, math.sqrt(100 * 300))
    assert math.isclose(by_key["a"].most, 300)
    assert (by_key["a"].best, by_key["a"].settings) == (0, 2)
    assert math.isclose(by_key["b"].typical, (2 * 2 * 6) ** (1 / 3))
    assert by_key["b"].best == "x"
    assert sensitivities(rows[:1], ["a"], "edp_pj_ns") == []
    right = [row(i, a=a, accuracy=0.1 * (a + 1)) for i, a in enumerate((0, 1, 2))]
    assert [each.best for each in sensitivities(right, ["a"], "accuracy")] == [2]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    where = space(folder, "adc.bits=6:8", "adc.columns_per_adc=4,8", draws=40)
    return where, sweep.sweep(where, folder / "out.jsonl", alone())


def test_draws_lie_within_the_bounds_and_around_the_value(drawn):
    _, rows = drawn
    for each in rows:
        for figure, low, high in (
            ("energy_pj", "energy_low_pj", "energy_high_pj"),
            ("edp_pj_ns", "edp_low_pj_ns", "edp_high_pj_ns"),
        ):
            values = each["draws"][figure]
            assert len(values) == 40
            assert each[low] < min(values) < each[figure] < max(values) < each[high]


def test_a_draw_is_the_product_of_counts_and_prices_there(drawn):
    """Beside the rows of a full report, whose counts are per inference, at the prices of each draw."""
    from hwsim.sweep.draws import _places

    where, rows = drawn
    report = report_of(where, rows[2])
    run = report.runs[-1]
    for draw in (0, 17):
        energy = 0.0
        for each in run.rows:
            place = _places((each.component, each.action), 40)[draw]
            ends = (each.low_pj, each.energy_pj) if place < 0.5 else (each.energy_pj, each.high_pj)
            energy += ends[0] + (2 * place - (place >= 0.5)) * (ends[1] - ends[0])
        assert math.isclose(rows[2]["draws"]["energy_pj"][draw], energy, rel_tol=1e-9)
        area = 0.0
        for each in report.area:
            place = _places((each.component, "area"), 40)[draw]
            ends = (each.low_um2, each.area_um2) if place < 0.5 else (each.area_um2, each.high_um2)
            area += ends[0] + (2 * place - (place >= 0.5)) * (ends[1] - ends[0])
        assert math.isclose(rows[2]["draws"]["area_mm2"][draw], area / 1e6, rel_tol=1e-9)


def test_probabilities_are_shares_of_draws(drawn):
    _, rows = drawn
    wanted = objectives(["energy_pj,area_mm2"])
    found = with_probabilities(rows, rows[1:], wanted)
    for each, before in zip(found, rows, strict=True):
        if before is rows[0]:
            assert each[FRONT] is each[BEATS] is None
            continue
        energies = before["draws"]["energy_pj"]
        beats = [energy < own for energy, own in zip(energies, rows[0]["draws"]["energy_pj"], strict=True)]
        assert each[BEATS] == sum(beats) / 40
        on = 0
        for draw in range(40):
            pairs = [(r["draws"]["energy_pj"][draw], r["draws"]["area_mm2"][draw]) for r in rows[1:]]
            own = before["draws"]["energy_pj"][draw], before["draws"]["area_mm2"][draw]
            on += not any(p[0] <= own[0] and p[1] <= own[1] and p != own for p in pairs)
        assert each[FRONT] == on / 40
    assert any(each[FRONT] == 0 for each in found[1:])
    assert any((each[FRONT] or 0) > 0.9 for each in found)


def test_chips_take_turns(tmp_path):
    where = sweep.space_of(
        ["imc"],
        ["traces/mnist_dietsnn.npz"],
        ["devices.conductance_variation=0,0.3"],
        (),
        sweep.Asked(samples=1, accuracy=True, accuracy_samples=50, draws=6, chips=3),
    )
    rows = sweep.sweep(where, tmp_path / "chips.jsonl", alone())
    alike, varied = rows[1]["draws"]["accuracy"], rows[2]["draws"]["accuracy"]
    assert set(alike) == {rows[1]["accuracy"]}
    assert varied[:3] == varied[3:]
    assert varied[0] == rows[2]["accuracy"]
    assert len(set(varied)) > 1


def test_csv_has_a_column_for_each_knob_and_figure(drawn):
    _where, rows = drawn
    read = list(csv.DictReader(io.StringIO(sweep.to_csv(rows))))
    assert [int(each["point"]) for each in read] == [each["point"] for each in rows]
    assert [float(each["energy_pj"]) for each in read] == [each["energy_pj"] for each in rows]
    assert {"adc.bits", "adc.columns_per_adc", "area_mm2"} <= set(read[0])
    assert "draws" not in read[0]


def test_parquet_reads_back(drawn, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    _, rows = drawn
    mixed = [{**each, "knob": "never" if i % 2 else 0.5} for i, each in enumerate(rows)]
    sweep.write_parquet(tmp_path / "rows.parquet", mixed)
    read = parquet.read_table(tmp_path / "rows.parquet").to_pylist()
    assert [each["energy_pj"] for each in read] == [each["energy_pj"] for each in rows]
    assert [each["adc.bits"] for each in read] == [each["adc.bits"] for each in rows]
    assert [each["knob"] for each in read[:2]] == ["0.5", "never"]
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]
