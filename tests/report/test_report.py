"""The one multiplication and the report made of it, against plain sums over samples, timesteps and actions."""

from __future__ import annotations

import csv
import io
from dataclasses import fields, is_dataclass, replace
from functools import cache

import numpy as np
import pytest
from accelerators.imc import cases

from hwsim.accelerators.imc import Machine, machine
from hwsim.components.pricing.price import Price, Priced
from hwsim.errors import ModelError, UsageError
from hwsim.report import comparisons, figures
from hwsim.report.file import from_json, to_csv
from hwsim.report.report import Figure

SPEC = {"early_exit__threshold": 0.45, "clock__frequency_mhz": 250}


@cache
def spec():
    return cases.small(**SPEC)


@cache
def trace(larger=0):
    """Five samples, four timesteps, logits that leave at different times, a test set with `larger` samples more."""
    found = cases.random_trace(cases.residuals(), timesteps=4, samples=5, rate=0.2)
    rng = np.random.default_rng(11)
    values = rng.integers(-90, 90, (5 + larger, 4, 3))
    labels = rng.integers(0, 3, 5 + larger)
    found = cases.with_logits(found, values[:5], labels[:5], 1 / 32)
    return cases.with_logits(found, values, labels, 1 / 32, "test") if larger else found


def widened(parts, rng):
    """The same parts with bounds around every price."""

    def wide(price):
        return Price(price.value, price.value * rng.uniform(0.3, 1), price.value * rng.uniform(1, 3), price.source)

    return {
        name: replace(part, actions={a: wide(p) for a, p in part.actions.items()}, leakage_uw=wide(part.leakage_uw))
        for name, part in parts.items()
    }


@cache
def components():
    workload = Machine(spec()).lower(trace())
    return widened(Machine(spec()).components(workload), np.random.default_rng(2))


@cache
def runs(larger=0):
    return cases.priced(spec(), trace(larger), components())


@cache
def report():
    return cases.report(spec(), trace(40))


def plain_energy(run, bound, parts):
    """Energy [sample][timestep] in plain loops: counts so far times prices, power times the time so far."""
    n, timesteps = run.tally.step_end_cycles.shape
    leakage_uw = sum(k * getattr(parts[name].leakage_uw, bound) for name, k in run.workload.hardware.instances.items())
    energy = [[0.0] * timesteps for _ in range(n)]
    for i in range(n):
        for t in range(timesteps):
            cycles = int(run.tally.step_end_cycles[i, t])
            if t == timesteps - 1:
                cycles = max(cycles, int(run.tally.makespan_cycles[i]))
            total = leakage_uw * cycles * 4 / 1000
            instances = run.workload.hardware.instances
            all_of_them = sum(n * parts[name].flip_flops for name, n in instances.items())
            total += cycles * all_of_them * getattr(parts["clock"].actions["cycle"], bound)
            for stage, shares in run.workload.hardware.clocked.items():
                if stage not in run.tally.busy_cycles:
                    continue
                busy = int(run.tally.busy_cycles[stage][i, : t + 1].sum())
                own = sum(int(instances[name] * parts[name].flip_flops * share) for name, share in shares.items())
                total += busy * own * getattr(parts["clock"].actions["active_cycle"], bound)
            for key, counts in run.tally.counts.items():
                if key.component != "operations":
                    price = getattr(parts[key.component].actions[key.action], bound)
                    total += int(counts[i, : t + 1].sum()) * price
            energy[i][t] = total
    return np.array(energy)


@pytest.mark.parametrize("name", ["static", "early exit"])
@pytest.mark.parametrize("bound", ["value", "low", "high"])
def test_energy_is_counts_times_prices_and_power_times_time(name, bound):
    run = runs()[name]
    np.testing.assert_allclose(run.totals[bound], plain_energy(run, bound, components()), rtol=1e-12)


def test_each_sample_is_read_where_it_leaves_and_edp_is_a_mean_of_products():
    run = runs()["early exit"]
    left = [int(t) for t in run.workload.exits.recorded]
    assert len(set(left)) > 1
    energy = [float(run.totals["value"][i, t - 1]) for i, t in enumerate(left)]
    delay = [float(run.tally.step_end_cycles[i, t - 1]) * 4 for i, t in enumerate(left)]
    found = figures.run_figures(run)
    assert found.energy_pj.value == pytest.approx(sum(energy) / 5, rel=1e-13)
    assert found.latency_ns.value == pytest.approx(sum(delay) / 5, rel=1e-13)
    assert found.timesteps.value == pytest.approx(sum(left) / 5, rel=1e-14)
    products = [e * d for e, d in zip(energy, delay, strict=True)]
    assert found.edp_pj_ns.value == pytest.approx(sum(products) / 5, rel=1e-13)
    assert found.edp_pj_ns.standard_error == pytest.approx(np.std(products, ddof=1) / 5**0.5, rel=1e-12)
    assert found.edp_of_means_pj_ns.value == pytest.approx(sum(energy) * sum(delay) / 25, rel=1e-13)
    assert found.samples.timesteps == left


def test_exits_of_a_larger_test_set_weigh_every_recorded_sample():
    run = runs(larger=40)["early exit"]
    histogram = run.workload.exits.histogram
    assert histogram.sum() == 45
    wanted = sum(n / 45 * run.totals["value"][:, t].mean() for t, n in enumerate(histogram))
    assert figures.run_figures(run).energy_pj.value == pytest.approx(wanted, rel=1e-13)


@pytest.mark.parametrize("name", ["static", "early exit"])
@pytest.mark.parametrize("larger", [0, 40])
def test_rows_sum_to_the_totals_and_the_parts_to_the_whole(name, larger):
    found = figures.run_figures(runs(larger)[name])
    for bound, row_bound in (("value", "energy_pj"), ("low", "low_pj"), ("high", "high_pj")):

        def total(rows, bound=row_bound):
            return sum(getattr(row, bound) for row in rows)

        clock = [row for row in found.rows if row.component == "clock" and row.action != "leakage"]
        leakage = [row for row in found.rows if row.action == "leakage"]
        dynamic = [row for row in found.rows if row.component != "clock" and row.action != "leakage"]
        parts = ((clock, found.clock_pj), (leakage, found.leakage_pj), (dynamic, found.dynamic_pj))
        for rows, figure in (*parts, (found.rows, found.energy_pj)):
            assert total(rows) == pytest.approx(getattr(figure, bound), rel=1e-12)
        assert sum(getattr(f, bound) for _, f in parts) == pytest.approx(getattr(found.energy_pj, bound), rel=1e-12)
    if name == "static":
        assert sum(found.energy_by_timestep_pj) == pytest.approx(found.energy_pj.value, rel=1e-12)


def test_power_throughput_and_the_ratios_of_operations_follow_from_the_totals():
    found = figures.run_figures(runs()["static"])
    assert found.power_uw == pytest.approx(found.energy_pj.value / found.makespan_ns * 1000, rel=1e-14)
    assert found.one_at_a_time_per_s == pytest.approx(1e9 / found.makespan_ns, rel=1e-14)
    n_ac, n_mac = found.operations["AC"], found.operations["MAC"]
    assert found.pj_per_sop == pytest.approx(found.energy_pj.value / (n_ac + n_mac), rel=1e-14)
    assert found.tops_per_w == pytest.approx((n_ac + 2 * n_mac) / found.energy_pj.value, rel=1e-14)


def test_a_stages_accounts_sum_to_the_makespan():
    for run in runs().values():
        makespan = run.tally.makespan_cycles.mean()
        for row in figures.run_figures(run).stages:
            cycles = (row.busy_cycles, row.starved_cycles, row.blocked_cycles, row.arbitrating_cycles, row.idle_cycles)
            assert sum(cycles) == pytest.approx(makespan, rel=1e-12), row.stage


def test_twice_the_prices_are_twice_the_dynamic_energy():
    twice = {name: part.doing({a: p.scaled(2) for a, p in part.actions.items()}) for name, part in components().items()}
    more = cases.priced(spec(), trace(), twice)
    for name, run in runs().items():
        np.testing.assert_array_equal(more[name].energies("value"), 2 * run.energies("value"))
        np.testing.assert_array_equal(more[name].leakages("value"), run.leakages("value"))
        np.testing.assert_array_equal(more[name].latency_ns, run.latency_ns)


def test_a_count_without_a_price_and_a_price_without_a_count_are_errors():
    less = {name: part for name, part in components().items() if name != "membrane"}
    with pytest.raises(
        ModelError, match=r"counts without a price: \[\('membrane', 'read'\), \('membrane', 'write'\)\]"
    ):
        cases.priced(spec(), trace(), less)
    spare = Priced({"spin": Price.exact(1.0, "")}, Price.exact(0.0, ""), Price.exact(0.0, ""))
    with pytest.raises(ModelError, match=r"prices without a count: \[\('wheel', 'spin'\)\]"):
        cases.priced(spec(), trace(), {**components(), "wheel": spare})


def figures_in(value, path="report"):
    """Every Figure below a value, with the way to it."""
    if isinstance(value, Figure):
        yield path, value
    elif is_dataclass(value):
        for field in fields(value):
            yield from figures_in(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from figures_in(item, f"{path}[{index}]")


def test_every_interval_contains_its_value():
    found = list(figures_in(report()))
    assert len(found) > 20
    for path, figure in found:
        slack = 1e-12 * abs(figure.value)
        assert figure.low - slack <= figure.value <= figure.high + slack, path
        assert figure.standard_error >= 0, path


def test_no_prices_inside_their_bounds_leave_the_intervals_of_totals_and_ratios():
    found = comparisons.compare(runs()["early exit"], runs()["static"])
    whole = figures.run_figures(runs()["early exit"])
    rng = np.random.default_rng(4)

    def within(price):
        return Price.exact(rng.uniform(price.low, price.high), "")

    for _ in range(20):
        drawn = {
            name: replace(
                part, actions={a: within(p) for a, p in part.actions.items()}, leakage_uw=within(part.leakage_uw)
            )
            for name, part in components().items()
        }
        some = {name: replace(run, components=drawn) for name, run in runs().items()}
        inside = comparisons.compare(some["early exit"], some["static"])
        for kind in ("energy", "edp", "edp_of_means"):
            assert getattr(found, kind).low <= getattr(inside, kind).value <= getattr(found, kind).high, kind
        assert whole.energy_pj.low <= figures.run_figures(some["early exit"]).energy_pj.value <= whole.energy_pj.high


def test_a_ratio_is_narrower_than_the_quotient_of_its_intervals():
    found = comparisons.compare(runs()["early exit"], runs()["static"])
    run, base = (figures.run_figures(runs()[name]).energy_pj for name in ("early exit", "static"))
    assert run.low / base.high < found.energy.low < found.energy.high < run.high / base.low


def test_area_and_leakage_are_those_of_all_instances():
    found = report()
    parts = Machine(spec()).components(Machine(spec()).lower(trace(40)))
    for row in found.area:
        assert row.area_um2 == row.instances * parts[row.component].area_um2.value
        assert row.leakage_uw == row.instances * parts[row.component].leakage_uw.value
    assert {row.component for row in found.area} == set(parts)
    assert found.area_mm2.value == pytest.approx(sum(row.area_um2 for row in found.area) / 1e6, rel=1e-13)
    assert found.leakage_uw.value == pytest.approx(sum(row.leakage_uw for row in found.area), rel=1e-13)


def test_batches_change_nothing(monkeypatch):
    whole = cases.report(spec(), trace(40))
    monkeypatch.setattr(machine, "_WORDS_AT_ONCE", 1)
    assert cases.report(spec(), trace(40)) == whole


def test_json_reads_back_to_the_same_bits():
    text = report().to_json()
    again = from_json(text)
    assert again == report()
    assert again.to_json() == text


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"runs": 3}', "not JSON"])
def test_another_json_is_refused_in_one_line(text):
    with pytest.raises(UsageError, match=r"^not a report of hwsim: [^\n]+$"):
        from_json(text)


def test_csv_has_one_line_for_each_action_of_each_run():
    lines = list(csv.DictReader(io.StringIO(to_csv(report()))))
    assert len(lines) == sum(len(run.rows) for run in report().runs)
    static = [line for line in lines if line["run"] == "static"]
    assert sum(float(line["energy_pj"]) for line in static) == pytest.approx(report().run("static").energy_pj.value)
