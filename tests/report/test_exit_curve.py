"""The curve over all thresholds: each point is what a simulation at that threshold reports; percentiles by counting."""

from __future__ import annotations

import json
from dataclasses import fields
from functools import cache
from math import ceil

import numpy as np
import pytest
from accelerators.imc import cases
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from hwsim.cli import main
from hwsim.errors import UsageError
from hwsim.report.file import from_json
from hwsim.report.report import Costs
from hwsim.report.statistics import Leaving

RUNS = ["early exit", "early exit, overlapped"]


@cache
def trace(larger):
    """Four samples, four timesteps, and `larger` more in the test set whose exits spread over all timesteps."""
    rng = np.random.default_rng(5)
    found = cases.random_trace(cases.chain(), timesteps=4, samples=4, rate=0.2)
    values, labels = rng.integers(-50, 51, (4 + larger, 4, 4)), rng.integers(0, 4, 4 + larger)
    found = cases.with_logits(found, values[:4], labels[:4], 1 / 32)
    return cases.with_logits(found, values, labels, 1 / 32, "test") if larger else found


@cache
def report(larger=60, threshold=0.6, metric="entropy", overlap=True):
    spec = cases.small(early_exit__threshold=threshold, early_exit__metric=metric, early_exit__overlap=overlap)
    return cases.report(spec, trace(larger), exit_thresholds=True)


def assert_point_is_report(point, found):
    """Every figure of a point of the curve is that of a report at one of its thresholds."""
    assert point.histogram == found.early_exit.histogram
    for costs in point.runs:
        run = found.run(costs.name)
        assert point.timesteps == run.timesteps
        assert (point.accuracy, point.accuracy_standard_error) == (run.accuracy, run.accuracy_standard_error)
        for field in fields(Costs):
            assert getattr(costs, field.name) == getattr(run, field.name), (costs.name, field.name)


@pytest.mark.parametrize("metric", ["entropy", "confidence"])
@pytest.mark.parametrize("larger", [0, 60])
def test_the_point_in_use_is_the_report(larger, metric):
    found = report(larger, metric=metric)
    (point,) = [point for point in found.exit_curve.points if point.in_use]
    assert point.lowest_threshold <= 0.6 <= point.highest_threshold
    assert [costs.name for costs in point.runs] == RUNS
    assert_point_is_report(point, found)


@pytest.mark.parametrize("metric", ["entropy", "confidence"])
@pytest.mark.parametrize("larger", [0, 60])
def test_other_points_are_what_a_simulation_at_their_thresholds_reports(larger, metric):
    points = report(larger, metric=metric).exit_curve.points
    for point in points[:: max(1, len(points) // 4)]:
        for threshold in (point.lowest_threshold, point.highest_threshold):
            assert_point_is_report(point, report(larger, threshold, metric))


def test_easier_thresholds_leave_earlier_and_cost_less():
    for metric, sign in (("entropy", -1), ("confidence", 1)):
        points = report(metric=metric).exit_curve.points
        assert len(points) > 20
        assert (sign * np.diff([point.timesteps.value for point in points]) > 0).all()
        for run in range(2):
            assert (sign * np.diff([point.runs[run].energy_pj.value for point in points]) > 0).all()
        assert [point.in_use for point in points].count(True) == 1


def test_without_overlap_the_curve_has_the_gated_run_only():
    points = report(overlap=False).exit_curve.points
    assert {tuple(costs.name for costs in point.runs) for point in points} == {("early exit",)}
    for alone, point in zip(points, report().exit_curve.points, strict=True):
        assert alone.runs[0] == point.runs[0]


@pytest.mark.parametrize("larger", [0, 60])
@pytest.mark.parametrize("name", ["static", *RUNS])
def test_percentiles_by_counting_samples(larger, name):
    """Every recorded sample stands for as many as leave at each timestep, or for itself."""
    found = report(larger)
    run = found.run(name)
    for values, percentiles in (
        (run.samples.energy_pj, run.energy_percentiles_pj),
        (run.samples.latency_ns, run.latency_percentiles_ns),
    ):
        if larger and name != "static":
            each = [row[t] for row in values for t, n in enumerate(found.early_exit.histogram) for _ in range(n)]
        else:
            each = [row[t - 1] for row, t in zip(values, run.samples.timesteps, strict=True)]
        ranked = sorted(each)
        wanted = [ranked[ceil(len(ranked) * p / 100) - 1] for p in (50, 90, 99)]
        assert [percentiles.p50, percentiles.p90, percentiles.p99] == wanted


@given(st.data())
def test_quantiles_of_a_histogram_are_those_of_samples_written_out(data):
    histogram = np.array(data.draw(st.lists(st.integers(0, 9), min_size=2, max_size=5).filter(any)))
    values = np.array(
        data.draw(
            st.lists(
                st.lists(st.integers(0, 20), min_size=len(histogram), max_size=len(histogram)), min_size=1, max_size=4
            )
        ),
        float,
    )
    shares = (0.01, 0.5, 0.9, 0.99, 1.0)
    ranked = sorted(row[t] for row in values for t, n in enumerate(histogram) for _ in range(n))
    wanted = [ranked[max(ceil(round(len(ranked) * share, 9)), 1) - 1] for share in shares]
    assert Leaving.by_histogram(histogram, len(values)).quantiles(values, shares) == wanted


def test_overlap_is_compared_with_static_and_gated_sample_by_sample():
    found = report(0)
    static, gated, loose = (found.run(name) for name in ("static", *RUNS))
    pairs = [(c.run, c.reference) for c in found.comparisons]
    assert pairs == [(RUNS[0], "static"), (RUNS[1], "static"), (RUNS[1], RUNS[0])]
    against_gated = found.comparisons[2]
    left = [t - 1 for t in gated.samples.timesteps]
    ratios = {}
    for field in ("energy_pj", "latency_ns"):
        one, other = (
            np.array([getattr(run.samples, field)[i][t] for i, t in enumerate(left)]) for run in (loose, gated)
        )
        ratios[field] = one.sum() / other.sum()
        error = np.std(one / other.mean() - ratios[field] * other / other.mean(), ddof=1) / 2
        figure = getattr(against_gated, field[: field.index("_")])
        assert figure.value == pytest.approx(ratios[field], rel=1e-13)
        assert figure.standard_error == pytest.approx(error, rel=1e-9)
    assert against_gated.timesteps.value == 1
    assert against_gated.timesteps.standard_error == pytest.approx(0, abs=1e-15)
    assert against_gated.edp_of_means.value == pytest.approx(ratios["energy_pj"] * ratios["latency_ns"], rel=1e-13)
    assert against_gated.energy.low <= against_gated.energy.value <= against_gated.energy.high
    assert found.comparisons[1].energy.value == pytest.approx(loose.energy_pj.value / static.energy_pj.value, rel=1e-13)


def test_the_unit_that_decides_has_its_share_of_energy_and_area():
    found = report()
    unit = found.early_exit.unit
    assert unit.component == "sigma_e"
    assert list(unit.energy_pj) == RUNS
    for name in RUNS:
        rows = [row for row in found.run(name).rows if row.component == "sigma_e"]
        assert {row.action for row in rows} == {"exponent", "logarithm", "multiply", "add", "fifo", "leakage"}
        assert unit.energy_pj[name] == pytest.approx(sum(row.energy_pj for row in rows), rel=1e-14)
        dynamic = sum(row.energy_pj for row in rows if row.action != "leakage")
        assert unit.dynamic_pj[name] == pytest.approx(dynamic, rel=1e-14)
        assert unit.energy_share[name] == unit.energy_pj[name] / found.run(name).energy_pj.value
        assert 0 < unit.dynamic_pj[name] < unit.energy_pj[name]
    assert unit.area_share == pytest.approx(unit.area_um2 / 1e6 / found.area_mm2.value, rel=1e-13)


def test_waste_is_named_in_the_run_that_has_it_and_part_of_its_energy():
    found = report()
    for run in found.runs:
        assert run.speculative_share == run.speculative_pj.value / run.energy_pj.value
        assert (run.speculative_pj.value > 0) == (run.name == RUNS[1])
    assert 0 < found.run(RUNS[1]).speculative_share < 1


def test_a_report_with_a_curve_reads_back_from_json():
    assert from_json(report().to_json()) == report()


@pytest.mark.parametrize("threshold", ["never", "always", "calibrated"])
def test_a_curve_where_no_sample_can_leave_is_refused(threshold):
    with pytest.raises(UsageError, match=r"^exit_thresholds: no sample can leave early here: [^\n]+$"):
        cases.report(cases.small(early_exit__threshold=threshold), trace(0), exit_thresholds=True)


def test_the_command_writes_the_curve_or_nothing(tmp_path):
    def run(*arguments):
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    made, out = tmp_path / "t.npz", tmp_path / "curve.json"
    run("trace", "synth", "mlp:20-12-5", made, "--timesteps", 3, "--samples", 2, "--rate", 0.3, "--seed", 4)
    refused = run("simulate", "imc", made, "--exit-curve", out, "--set", "early_exit.threshold=never")
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (2, 1)
    assert not out.exists()
    options = ("--set", "early_exit.threshold=0.5", "--set", "early_exit.overlap=true", "--exit-curve", out)
    done = run("simulate", "imc", made, *options, "--full", "--json", tmp_path / "report.json")
    assert done.exit_code == 0, done.stderr
    for words in ("speculative waste", "p50, p90, p99", "sigma_e", "early exit, overlapped / early exit"):
        assert words in done.stdout
    written = json.loads(out.read_text())
    stored = json.loads((tmp_path / "report.json").read_text())
    for part in ("exit_curve", "architecture", "trace"):
        assert written[part] == stored[part]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curve.json", "report.json", "t.npz"]
