"""One inference a period: idle time, gating and waking, by plain sums beside the report; bits off the chip."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path

import pytest
from contract.families import family_of

import hwsim
from hwsim import api, arch
from hwsim.designs import machine_of
from hwsim.errors import HwsimError, UsageError
from hwsim.report.file import from_json
from hwsim.units import ns_from_text

KEYWORDS = Path(__file__).resolve().parents[2] / "traces" / "keywords_lstm.npz"
BOUNDS = ("value", "low", "high")
TIMED = [name for name in arch.shipped() if name != "digital_compute"]


def trace_of(name):
    family = family_of(api.load_architecture(name))
    return family.trace(next(iter(family.networks)), samples=2)


@cache
def report(name, *settings):
    return hwsim.simulate(name, trace_of(name), set=list(settings), accuracy_samples=0)


@cache
def keywords(gating, *settings, period="1s"):
    settings = [f"operating.power_gating={gating}", *settings]
    return hwsim.simulate("lstm", KEYWORDS, set=settings, period=period, samples=8).runs[0]


@pytest.mark.parametrize("name", TIMED)
def test_energy_at_a_period_of_the_latency_is_todays_to_the_digit(name):
    trace = hwsim.simulate(name, trace_of(name), samples=1, accuracy_samples=0)
    run = trace.runs[-1]
    again = hwsim.simulate(name, trace_of(name), samples=1, period=run.makespan_ns, accuracy_samples=0).runs[-1]
    assert again.period is not None
    for bound in BOUNDS:
        assert getattr(again.period.energy_pj, bound) == getattr(run.energy_pj, bound)
    assert again.period.power_uw.value == pytest.approx(run.power_uw, rel=1e-12)
    assert again.energy_pj == run.energy_pj and run.period is None


@pytest.mark.parametrize("name", TIMED)
def test_idle_time_costs_leakage_and_the_gated_clock(name):
    """Every sample is on for its own time and idle for the rest of the period."""
    period_ns = 1e8
    found = report(name, f"operating.period_ns={period_ns}")
    design = api.load_architecture(name)
    for run in found.runs:
        leakage = period_ns - run.makespan_ns
        assert run.period.idle_leakage_pj.value == pytest.approx(found.leakage_uw.value * leakage / 1e3, rel=1e-9)
        (clock,) = [row for row in run.rows if (row.component, row.action) == ("clock", "cycle")]
        cycles_on = run.makespan_ns * design.spec.clock.frequency_mhz / 1e3
        cycles_idle = leakage * design.spec.clock.frequency_mhz / 1e3
        for bound, energy in zip(BOUNDS, (clock.energy_pj, clock.low_pj, clock.high_pj), strict=True):
            idle_clock = getattr(run.period.idle_clock_pj, bound)
            assert idle_clock == pytest.approx(energy / cycles_on * cycles_idle, rel=1e-9)
            parts = (run.energy_pj, run.period.idle_leakage_pj, run.period.idle_clock_pj)
            whole = math.fsum(getattr(part, bound) for part in parts)
            assert getattr(run.period.energy_pj, bound) == pytest.approx(whole, rel=1e-12)
            power = getattr(run.period.power_uw, bound)
            assert power == pytest.approx(whole / period_ns * 1e3, rel=1e-12)
        assert run.period.wake_pj.value == 0
        assert run.period.latency_ns == run.latency_ns


def test_one_keyword_a_second_is_idle_time_and_gating_removes_it():
    """The machine works for fifty microseconds of a second; with cells of low leakage the clock is the rest."""
    run = keywords("none")
    awake = run.period
    active = run.energy_pj.value
    assert active < 0.01 * awake.energy_pj.value
    assert awake.idle_leakage_pj.value > active
    assert awake.idle_clock_pj.value > awake.idle_leakage_pj.value
    for gating in ("retention", "off"):
        asleep = keywords(gating).period
        assert asleep.energy_pj.value < 0.05 * awake.energy_pj.value
        assert asleep.energy_pj.low < awake.energy_pj.low and asleep.energy_pj.high < awake.energy_pj.high
        assert asleep.idle_clock_pj.value == 0
        assert asleep.power_uw.value < 0.05 * awake.power_uw.value
    assert keywords("retention").energy_pj == keywords("off").energy_pj == run.energy_pj


def test_where_cells_are_fast_one_keyword_a_second_is_leakage():
    run = hwsim.simulate(
        "lstm", KEYWORDS, samples=1, period=1e9, set={"technology.corner": "fast"}, accuracy_samples=0
    ).runs[-1]
    assert run.period.idle_leakage_pj.value > 0.9 * run.period.energy_pj.value


def parts(name):
    """Instances, area and leakage of every part of the keyword machine, and whether it is a memory."""
    found = hwsim.simulate("lstm", KEYWORDS, samples=1)
    design = machine_of(api.load_architecture("lstm")).sized_for(hwsim.load_trace(KEYWORDS))
    memories = {"queue", "input_weights", "weights", "readout_weights"}
    assert memories < {row.component for row in found.area}
    return found, design, [(row, row.component in memories) for row in found.area]


def test_what_sleeps_leaks_its_share_and_what_wakes_is_charged():
    found, design, rows = parts("lstm")
    operating, volts = design.spec.operating, design.spec.technology.vdd_v
    for gating in ("retention", "off"):
        period = keywords(gating).period
        kept = operating.retention_leakage if gating == "retention" else operating.residual_leakage
        leaks = [row.leakage_uw * (kept if memory else operating.residual_leakage).value for row, memory in rows]
        power_uw = operating.always_on_uw.value + math.fsum(leaks)
        wake_ns = operating.wake_ns
        lost = {row.storage: row.used_bits for row in found.storage if row.storage.endswith("weights")}
        if gating == "off":
            wake_ns += sum(lost.values()) / design.spec.io.gigabits_per_s
        asleep_ns = 1e9 - keywords(gating).makespan_ns - wake_ns
        assert period.idle_leakage_pj.value == pytest.approx(power_uw * asleep_ns / 1e3, rel=1e-9)
        charged = math.fsum(
            row.area_um2 / 1e6 * (volts - operating.retention_v if memory and gating == "retention" else volts)
            for row, memory in rows
        )
        expected = 2.0 * volts * charged * 1e3 + found.leakage_uw.value * wake_ns / 1e3
        if gating == "off":
            expected += sum(lost.values()) * design.spec.io.pj_per_bit.value
            for name, bits in lost.items():
                memory = getattr(design.spec, name)
                write = memory.priced(design.spec.technology).actions["write"].value
                expected += -(-bits // memory.port_bits) * write
        assert period.wake_pj.value == pytest.approx(expected, rel=1e-9)
        assert period.latency_ns.value == pytest.approx(keywords("none").latency_ns.value + wake_ns, rel=1e-12)
        assert period.shortest_ns == pytest.approx(keywords("none").period.shortest_ns + wake_ns, rel=1e-12)


@pytest.mark.parametrize("gating", ["none", "retention"])
def test_at_the_rate_that_is_printed_idle_and_active_energy_are_equal(gating):
    rate = keywords(gating).period.idle_equals_active_per_s
    run = keywords(gating, period=1e9 / rate)
    idle = (run.period.idle_leakage_pj, run.period.idle_clock_pj, run.period.wake_pj)
    assert math.fsum(each.value for each in idle) == pytest.approx(run.energy_pj.value, rel=1e-9)


@pytest.mark.parametrize("gating", ["retention", "off"])
def test_switching_off_saves_from_the_period_that_is_printed(gating):
    from_ns = keywords(gating).period.gating_pays_from_ns
    for factor, cheaper in ((1.001, True), (0.999, False)):
        period = max(from_ns * factor, keywords(gating).period.shortest_ns)
        if period / from_ns > 1 and not cheaper:
            continue  # it pays for every period that is long enough to wake in
        asleep, awake = (keywords(each, period=period).period.energy_pj.value for each in (gating, "none"))
        assert (asleep < awake) == cheaper


def test_where_waking_alone_takes_more_than_an_inference_no_rate_makes_them_equal():
    assert keywords("off").period.wake_pj.value > keywords("off").energy_pj.value
    assert keywords("off").period.idle_equals_active_per_s is None


def test_a_period_shorter_than_an_inference_is_refused_with_the_shortest_and_the_stream():
    with pytest.raises(UsageError, match=r"^operating\.period_ns: 100 ns is shorter than an inference") as refused:
        hwsim.simulate("lstm", trace_of("lstm"), period=100)
    shortest = float(str(refused.value).partition("operating.period_ns=")[2].partition(" ")[0])
    assert "--stream" in str(refused.value) and "\n" not in str(refused.value)
    assert hwsim.simulate("lstm", trace_of("lstm"), period=shortest).runs[0].period.period_ns == shortest
    with pytest.raises(UsageError):
        hwsim.simulate("lstm", trace_of("lstm"), period=math.nextafter(shortest * (1 - 1e-11), 0))
    with pytest.raises(UsageError) as refused:
        hwsim.simulate("digital", trace_of("digital"), period=100)
    assert "--stream" not in str(refused.value)


def test_a_period_between_the_rate_of_a_stream_and_the_latency_needs_the_stream():
    alone = hwsim.simulate("imc", trace_of("imc"), stream=True, accuracy_samples=0)
    period = (alone.run("stream").makespan_ns + alone.run("static").makespan_ns) / 2
    with pytest.raises(UsageError, match=r"--stream$"):
        hwsim.simulate("imc", trace_of("imc"), period=period, accuracy_samples=0)
    found = hwsim.simulate("imc", trace_of("imc"), period=period, stream=True, accuracy_samples=0)
    assert found.run("static").period is None
    stream = found.run("stream")
    assert stream.period.power_gating == "none"
    assert stream.period.shortest_ns == pytest.approx(stream.makespan_ns, rel=1e-12)
    gap = period - stream.makespan_ns
    assert stream.period.idle_leakage_pj.value == pytest.approx(found.leakage_uw.value * gap / 1e3, rel=1e-9)


def test_weights_that_are_lost_have_to_come_from_somewhere():
    with pytest.raises(HwsimError, match=r"^operating\.power_gating: off loses \d+ bits of weights"):
        hwsim.simulate("lstm", trace_of("lstm"), period="1s", set=["operating.power_gating=off", "io=none"])
    # Resistive cells keep theirs.
    kept = hwsim.simulate("imc", trace_of("imc"), period="1s", set=["operating.power_gating=off", "io=none"])
    assert kept.runs[0].period.wake_pj.value > 0


def test_an_equation_of_energy_has_no_period():
    with pytest.raises(UsageError, match="equation of energy"):
        hwsim.simulate("digital_compute", trace_of("digital_compute"), period="1s")


@pytest.mark.parametrize("text", ["1 mile", "", "-1s", "1h", "s", "nan", "0s", True, [1]])
def test_a_period_that_is_no_time_is_refused(text):
    with pytest.raises(HwsimError, match="period"):
        hwsim.simulate("lstm", trace_of("lstm"), period=text)


@pytest.mark.parametrize(
    ("text", "ns"), [("1s", 1e9), ("20 ms", 2e7), ("5us", 5e3), ("7ns", 7), ("1.5e3us", 1.5e6), ("8", 8), (".5s", 5e8)]
)
def test_times_are_read_with_their_units(text, ns):
    assert ns_from_text(text) == ns


def test_settings_that_need_a_period_are_named_without_one():
    found = report("lstm", "operating.wake_ns=5", "operating.power_gating=retention")
    assert found.options["without_effect"] == ["operating.wake_ns=5", "operating.power_gating=retention"]
    found = report("lstm", "operating.wake_ns=5", "operating.power_gating=retention", "operating.period_ns=1e9")
    assert found.options["without_effect"] == []


def test_shares_of_leakage_are_at_most_one():
    with pytest.raises(HwsimError, match="residual_leakage is a share"):
        api.load_architecture("lstm", ["operating.residual_leakage=1.5"])


# What crosses the edge of the chip.


@pytest.mark.parametrize("name", arch.shipped())
def test_bits_off_the_chip_are_beside_the_total_and_designs_with_given_prices_have_none(name):
    found = report(name)
    if name in ("imc_spikesim", "digital_compute"):
        assert found.io is None and all(run.with_io_pj is None for run in found.runs)
        return
    price = api.load_architecture(name).spec.io.pj_per_bit
    bits = found.io.input_bits + found.io.output_bits
    without = report(name, "io=none")
    for run, other in zip(found.runs, without.runs, strict=True):
        assert run.energy_pj == other.energy_pj and other.with_io_pj is None
        for bound in BOUNDS:
            io_pj = bits * getattr(price, bound)
            assert getattr(found.io.energy_pj, bound) == pytest.approx(io_pj, rel=1e-12)
            both = getattr(run.energy_pj, bound) + io_pj
            assert getattr(run.with_io_pj, bound) == pytest.approx(both, rel=1e-12)


def test_a_report_of_before_reads_without_them():
    found = report("lstm", "operating.period_ns=1e9")
    assert from_json(found.to_json()) == found
    document = found.to_dict()
    old = {key: value for key, value in document.items() if key != "io"} | {"report_version": 1}
    old["runs"] = [{k: v for k, v in run.items() if k not in ("period", "with_io_pj")} for run in document["runs"]]
    read = from_json(json.dumps(old))
    assert read.io is None and read.runs[0].period is None and read.runs[0].with_io_pj is None
    assert read.runs[0].energy_pj == found.runs[0].energy_pj


def test_the_first_screen_shows_them():
    text = hwsim.simulate("lstm", KEYWORDS, samples=4, period="1s", stream=True).to_table()
    for words in ("with input and output", "one inference every 1 s", "mean power", "leakage while idle", "second"):
        assert words in text
    off = hwsim.simulate("lstm", KEYWORDS, samples=4, period="1s", set=["operating.power_gating=off"]).to_table()
    assert "waking" in off and "all off between" in off
