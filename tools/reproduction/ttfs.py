"""YOSO's claims on the ttfs machine: accuracy, spikes, energy, and the same network rate-coded; trains nothing."""

from __future__ import annotations

from collections.abc import Sequence

import hwsim
from hwsim.report.report import Figure, Report, Run
from hwsim.traces.direct.rate import RateTrace
from hwsim.traces.slicing import first
from hwsim.traces.trace import AnyTrace
from hwsim.traces.ttfs.trace import FirstSpikeTrace, input_times
from reproduction.rows import Row, Section, percent, ratio, timed
from reproduction.shipped import shipped

_NETWORKS = ("mnist_ttfs", "mnist_ttfs_deep")
_CLOSE = 0.003  # how far below its accuracy with all timesteps a rate-coded network may be cut
_NO_STOPS = ("early_stop.element=run", "early_stop.hidden=never", "early_stop.output=never")
_LEAKY = ("technology.corner=standard",)


def sections() -> list[Section]:
    """All tables."""
    return [*(network(name) for name in _NETWORKS), rates(), known()]


def _play(trace: AnyTrace, settings: Sequence[str] = (), functional: bool = False) -> Report:
    architecture = hwsim.load_architecture("ttfs", settings)
    return hwsim.simulate(architecture, trace, engine="compiled", functional=functional)


def _nj(figure: Figure) -> str:
    return f"{figure.value / 1e3:.1f} nJ [{figure.low / 1e3:.1f}, {figure.high / 1e3:.1f}]"


def _cost(run: Run) -> str:
    latency_us, power_mw = timed(run.latency_ns).value / 1e3, timed(run.power_uw) / 1e3
    return f"{run.energy_pj.value / 1e3:.1f} nJ, {latency_us:.0f} us, {power_mw:.2f} mW"


def network(name: str) -> Section:
    """What one first-spike network does and costs on the shipped machine, in the machine's own arithmetic."""
    trace = shipped(FirstSpikeTrace, name)[name]
    report = _play(trace, functional=True)
    run = report.runs[0]
    without = _play(trace, _NO_STOPS, functional=True).runs[0]
    assert run.accuracy is not None and without.accuracy is not None
    decided = trace.decisions.get("test", trace.decisions["recorded"])
    images = trace.inputs.labels.size
    spikes = _spikes(trace)
    total = run.energy_pj.value
    parts = (run.dynamic_pj.value, run.clock_pj.value, run.leakage_pj.value)
    rows = [
        Row("accuracy, integer reference", "", percent(decided.accuracy, 2), f"{decided.labels.size} test images"),
        Row("accuracy, the machine's decisions", "", percent(run.accuracy, 2), f"{images} images, early stops on"),
        Row("the same without early stops", "", percent(without.accuracy, 2), "stops never change a decision"),
        *(
            Row(f"spikes an image, {layer}", "", f"{mean:.0f}", f"{percent(share)} of the neurons")
            for layer, (mean, share) in spikes.items()
        ),
        Row("synaptic operations an image", "", f"{run.operations['AC']:,.0f}", "spikes times fan-out"),
        Row("potential updates an image", "", f"{_count(run, 'update'):,.0f}", "elements that are not gated"),
        Row("latency", "", f"{timed(run.latency_ns).value / 1e3:.0f} us", "at 10 MHz, our choice"),
        Row("energy an image", "", _nj(run.energy_pj), "the interval is that of registers, leakage and SRAM"),
        Row("dynamic, clock, leakage", "", ", ".join(percent(part / total) for part in parts)),
        Row("energy without early stops", "", _nj(without.energy_pj), "ticks are cheap beside weight reads"),
        Row("power", "", f"{timed(run.power_uw) / 1e3:.2f} mW"),
    ]
    return Section(f"{trace.provenance.name}, arch/ttfs.yaml, {trace.n_samples} images played", rows)


def _spikes(trace: FirstSpikeTrace) -> dict[str, tuple[float, float]]:
    """Spikes an image and the share of neurons that fire, of the input and every layer."""
    source = trace.network.network.input
    coded = input_times(trace.inputs.values[: trace.n_samples], source.bits, trace.network.window)
    fired = {name: times >= 0 for name, times in ({source.name: coded} | dict(trace.times)).items()}
    return {name: (float(hits.sum()) / trace.n_samples, float(hits.mean())) for name, hits in fired.items()}


def _count(run: Run, action: str) -> float:
    return float(sum(row.count for row in run.rows if (row.component, row.action) == ("pe", action)))


def rates() -> Section:
    """The same weights with neurons that may fire again, for all timesteps and for as few as will do."""
    coded = shipped(RateTrace, "mnist_rate")["mnist_rate"]
    once = _play(first(shipped(FirstSpikeTrace, "mnist_ttfs")["mnist_ttfs"], samples=coded.n_samples)).runs[0]
    accuracy = coded.provenance.accuracy
    enough = next(t for t, reached in enumerate(accuracy, 1) if reached >= accuracy[-1] - _CLOSE)
    rows = [Row("one spike a neuron", "", _cost(once), "the same images and machine")]
    for timesteps in (coded.timesteps, enough):
        run = _play(first(coded, timesteps=timesteps), ("coding=rate",)).runs[0]
        energy = run.energy_pj.value / once.energy_pj.value
        label = f"{timesteps} timesteps, {percent(accuracy[timesteps - 1], 2)}"
        rows.append(Row(f"rate-coded, {label}", "", _cost(run), f"{run.operations['AC']:,.0f} synaptic operations"))
        rows.append(Row("  energy over that of first spikes", "", ratio(energy)))
    notes = [
        f"{enough} timesteps are the fewest within {percent(_CLOSE)} of all {coded.timesteps}: how long rates are "
        "counted decides more than the coding does."
    ]
    return Section(f"The same weights rate-coded, {coded.n_samples} images", rows, notes)


def known() -> Section:
    """What was published beside what this machine gives, and what of it can be compared."""
    trace = shipped(FirstSpikeTrace, "mnist_ttfs")["mnist_ttfs"]
    run, leaky = _play(trace).runs[0], _play(trace, _LEAKY).runs[0]
    power, energy = f"{timed(run.power_uw) / 1e3:.3f} mW", f"{run.energy_pj.value / 1e6:.3f} uJ"
    time, standard = f"{timed(run.latency_ns).value / 1e6:.3f} ms", f"{timed(leaky.power_uw) / 1e3:.1f} mW"
    rows = [
        Row("power over the best before", "1.46x lower", "-", "of a design whose name and figure could not be read"),
        Row("power, sister paper", "0.751 mW", power, "same order by our choice of clock, supply and corner"),
        Row(
            "time of an image",
            "47.71 ms",
            time,
            "clock and network not published",
        ),
        Row("energy of an image", "35.8 uJ", energy, "derived: 0.751 mW x 47.71 ms"),
        Row(
            "power in the standard corner, 300 K",
            "",
            standard,
            "leakage of 640 KiB of SRAM and the logic",
        ),
    ]
    notes = [
        "Published figures cannot be compared with ours: node, clock, array, memories and network of the paper and of "
        "its sister paper (which runs on 'a recently proposed neuromorphic inference accelerator') are not known."
    ]
    return Section("Known figures", rows, notes)
