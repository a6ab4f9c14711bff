"""DT-SNN's claims on the imc machine: one configuration for all rows, the default chip, and what decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from hwsim.report.report import Figure, Report, Run
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import Conv2d, Linear
from hwsim.traces.rates import layer_rates
from reproduction.designs import play, shipped
from reproduction.energies import by_component
from reproduction.exits import bounds_of_mean, exits_of_mean
from reproduction.rows import Paper, Row, Section, percent, ratio, with_error

TITLE = "DT-SNN, arXiv 2305.17346: early exit on in-memory-computing hardware"
_SEED = 0
_STATIC = "early_exit.threshold=never"
_CALIBRATED = "early_exit.threshold=calibrated"
_TIMESTEPS = 4
_IMAGES = 250  # raw inputs run on the crossbars for their accuracy


@dataclass(frozen=True, slots=True)
class Configuration:
    """A chip that is the same for all rows of a table, but for the name of the first layer that it has copies of."""

    title: str
    architecture: str
    settings: tuple[str, ...] = ()
    copies: int = 1  # of the first layer; no more than its map is wide

    def settings_for(self, trace: Trace) -> tuple[str, ...]:
        """What it changes of its architecture for a network."""
        if self.copies == 1:
            return self.settings
        first = next(layer for layer in trace.network if isinstance(layer, Conv2d | Linear))
        return (*self.settings, f"chip.replicate={{{first.name}: {min(self.copies, first.shape[1])}}}")


SPIKESIM = Configuration(
    "SpikeSim's prices, its first layer bit-serial on 32 copies, read once and its currents kept, one timestep "
    "after another",
    "imc_spikesim",
    (
        "dac.bits=1",
        "direct_input=once",
        "pipelining=none",
        "psum_buffer.capacity_kib=64",  # of kept currents, which SpikeSim has not; at 65 nm a larger one is too slow
        "accumulator.bits=17",  # sums of 8-bit pixels; SpikeSim's price is of no width
        "accumulator.given.at.bits=17",
    ),
    copies=32,
)
DEFAULT = Configuration("arch/imc.yaml as it ships", "imc")


@dataclass(frozen=True, slots=True)
class _Published:
    """What the paper prints of one network, on CIFAR-10."""

    name: str
    geometry: str
    rate: str  # spikes a neuron and timestep, all layers alike
    timesteps: float
    edp: str


_VGG = _Published("VGG-16", "vgg16-gap-cifar", "0.18", 1.46, "0.20")
_RESNET = _Published("ResNet-19", "resnet19-cifar", "0.31", 1.27, "0.16")


def paper(extra: Mapping[str, Trace] | None = None) -> Paper:
    """All tables, with further direct-coded traces beside those that ship."""
    traces = {**{name: each for name, each in shipped(Trace, "*").items() if _leaves(each)}, **(extra or {})}
    sections = [configured(SPIKESIM, traces), configured(DEFAULT, traces), growth(), shares()]
    return Paper(TITLE, sections, *_objection(sections))


def _leaves(trace: Trace) -> bool:
    """Whether it has as many timesteps as the paper's networks, and samples on which a threshold can be chosen."""
    return "calibration" in trace.logits and trace.timesteps >= _TIMESTEPS


@cache
def _synthetic(geometry: str, rate: str, timesteps: int) -> Trace:
    return synthesize(geometry, timesteps, 4, layer_rates(geometry, (rate,)), _SEED, False)


def _play(trace: Trace, configuration: Configuration, *settings: str, accuracy_samples: int = 0) -> Report:
    wanted = (*configuration.settings_for(trace), *settings)
    return play(trace, configuration.architecture, wanted, accuracy_samples=accuracy_samples)


def configured(configuration: Configuration, traces: Mapping[str, Trace]) -> Section:
    """Everything that the paper prints, on one chip."""
    rows = [*_growth_rows(configuration), *_share_rows(configuration)]
    for published in (_VGG, _RESNET):
        rows.append(_published_exit(configuration, published))
    for name, trace in traces.items():
        rows += _measured_exit(configuration, name, trace)
    return Section(
        configuration.title,
        rows,
        [
            "VGG-16 and ResNet-19: geometry of the paper's code, CIFAR-10, synthetic spikes at 18 and 31 % a "
            "timestep, which LoAS (its artefact) measured for such networks at T = 4. The paper's exits could not "
            "be read: ours are the least committal histogram over 1 to 4 timesteps with its mean (a truncated "
            "geometric one).",
            "Trained networks: their own spikes, logits and exits, at the threshold that loses nothing on held-out "
            "samples. Those of DIET-SNN's own recipe (threshold_leak) learned by their last timestep alone, and "
            "leave late.",
        ],
    )


def _growth_rows(configuration: Configuration) -> list[Row]:
    energy, time = _growth(configuration)
    return [
        Row(
            "VGG-16: energy of T = 8 over T = 1",
            "4.9x",
            ratio(energy),
            "Fig. 1B",
            {"energy": energy},
            headline=True,
        ),
        Row("VGG-16: latency of T = 8 over T = 1", "8x", ratio(time), "Fig. 1B", {"latency": time}, headline=True),
    ]


def _growth(configuration: Configuration, *settings: str) -> tuple[float, float]:
    """Energy and latency of 8 timesteps over one, VGG-16."""
    run = _play(_synthetic(_VGG.geometry, _VGG.rate, 8), configuration, _STATIC, *settings).runs[0]
    energy, time = (np.mean(rows, axis=0) for rows in (run.samples.energy_pj, run.samples.latency_ns))
    return float(energy[-1] / energy[0]), float(time[-1] / time[0])


_GROUPS = {
    "digital peripherals": (
        "shift_add accumulator offset silence_detector htree spike_buffer membrane psum_buffer global_buffer "
        "first_layer_mac first_layer_weights"
    ),
    "crossbar and ADC": "crossbar row_driver adc adc_reference column_mux",
    "network on chip": "noc noc_wire",
    "neurons, pooling and exit unit": "neuron pooling sigma_e",
    "clock": "clock",
}
_PAPER_SHARES = {"digital peripherals": "45 %", "crossbar and ADC": "25 %"}


@dataclass(frozen=True, slots=True)
class _Share:
    """What a group of parts takes of the energy."""

    counted: tuple[float, float, float]  # of everything, without leakage, without leakage and clock
    largest: str  # its parts that take most, of everything


def _shares(configuration: Configuration) -> dict[str, _Share]:
    """Share of each group of parts."""
    run = _play(_synthetic(_VGG.geometry, _VGG.rate, _TIMESTEPS), configuration, _STATIC).runs[0]
    everything, dynamic = by_component(run, leakage=True), by_component(run, leakage=False)
    known = {member for members in _GROUPS.values() for member in members.split()}
    assert everything.keys() <= known, f"components in no group: {', '.join(everything.keys() - known)}"
    ticking = dynamic.get("clock", 0.0)
    totals = (sum(everything.values()), sum(dynamic.values()), sum(dynamic.values()) - ticking)
    found = {}
    for group, members in _GROUPS.items():
        whole, moving = (sum(part.get(name, 0.0) for name in members.split()) for part in (everything, dynamic))
        without = 0.0 if group == "clock" else moving
        inside = sorted((everything.get(name, 0.0), name) for name in members.split())[:-4:-1]
        largest = ", ".join(f"{name} {percent(energy / totals[0])}" for energy, name in inside if energy)
        found[group] = _Share((whole / totals[0], moving / totals[1], without / totals[2]), largest)
    return found


def _share_rows(configuration: Configuration) -> list[Row]:
    found = _shares(configuration)
    return [
        Row(
            f"VGG-16: {group}, share of energy",
            paper,
            percent(found[group].counted[0]),
            f"Fig. 1A; {found[group].largest}",
            {"share": found[group].counted[0]},
            headline=True,
        )
        for group, paper in _PAPER_SHARES.items()
    ]


def shares() -> Section:
    """Shares of energy, counted in three ways."""
    by_design = {each.architecture: _shares(each) for each in (SPIKESIM, DEFAULT)}
    rows = []
    for group in _GROUPS:
        for name, found in by_design.items():
            share = found[group]
            numbers = dict(zip(("all", "without leakage", "without clock"), share.counted, strict=True))
            text = ", ".join(map(percent, share.counted))
            rows.append(Row(f"{group}, {name}", _PAPER_SHARES.get(group, ""), text, share.largest, numbers))
    return Section(
        "Shares of energy, VGG-16, T = 4 (Fig. 1A): of all, without leakage, without leakage and clock",
        rows,
        [
            "The paper's other 30 % are not itemised where we could read it, nor whether it counts leakage and clock.",
            "Which parts are peripherals is our reading of 'input switching, buffers, accumulators'.",
        ],
    )


def _published_exit(configuration: Configuration, published: _Published) -> Row:
    """EDP over static with the paper's mean timesteps, and its bounds over all histograms with that mean."""
    trace = _synthetic(published.geometry, published.rate, _TIMESTEPS)
    report = _play(trace, configuration, "early_exit.threshold=0.5")
    static, gated = report.run("static").samples, report.run("early exit").samples
    energy, time = np.asarray(gated.energy_pj), np.asarray(gated.latency_ns)
    products = (energy * time).mean(axis=0) / (np.asarray(static.energy_pj) * np.asarray(static.latency_ns))[
        :, -1
    ].mean()
    shares = exits_of_mean(published.timesteps, _TIMESTEPS)
    edp, (low, high) = float(products @ shares), bounds_of_mean(products, published.timesteps)
    saved = float(energy.mean(axis=0) @ shares / np.asarray(static.energy_pj)[:, -1].mean())
    return Row(
        f"{published.name}: EDP over static T = 4 at {published.timesteps} timesteps",
        published.edp,
        f"{edp:.3f}",
        f"{low:.3f} to {high:.3f} by the histogram; energy {saved:.3f}",
        {"edp": edp, "low": low, "high": high, "energy": saved},
        headline=True,
    )


def _measured_exit(configuration: Configuration, name: str, trace: Trace) -> list[Row]:
    """Early exit of a trained network by its own logits."""
    images = 0 if trace.inputs is None else min(_IMAGES, trace.inputs.labels.size)
    report = _play(trace, configuration, _CALIBRATED, accuracy_samples=images)
    static, run = report.run("static"), report.run("early exit")
    comparison = next(each for each in report.comparisons if (each.run, each.reference) == (run.name, static.name))
    assert run.accuracy is not None and static.accuracy is not None
    edp, energy, timesteps = (_estimate(each) for each in (comparison.edp, comparison.energy, run.timesteps))
    what = f"{name}: EDP over static T = {trace.timesteps} at {timesteps} timesteps"
    lost = f"accuracy {percent(run.accuracy, 2)} of {percent(static.accuracy, 2)}; energy {energy}"
    numbers = {
        "edp": comparison.edp.value,
        "energy": comparison.energy.value,
        "timesteps": run.timesteps.value,
        "accuracy": run.accuracy,
        "static accuracy": static.accuracy,
    }
    return [
        Row(what, "0.20 at 1.46", edp, f"{lost}; {trace.n_samples} samples with spikes", numbers, headline=True),
        *_crossbar_accuracy(name, static),
    ]


def _crossbar_accuracy(name: str, run: Run) -> list[Row]:
    found = run.hardware_accuracy
    if found is None:
        return []
    return [
        Row(
            f"{name}: accuracy of these crossbars themselves",
            "",
            percent(found.accuracy),
            f"all timesteps, {found.samples} images",
            {"accuracy": found.accuracy},
        )
    ]


def _estimate(figure: Figure) -> str:
    return with_error(figure.value, figure.standard_error)


@dataclass(frozen=True, slots=True)
class _Assumption:
    """One thing that is changed of a configuration."""

    what: str
    configuration: Configuration
    settings: tuple[str, ...]
    why: str


def _without_copies() -> Configuration:
    return Configuration(SPIKESIM.title, SPIKESIM.architecture, SPIKESIM.settings)


_GROWTH = (
    _Assumption("SpikeSim's, as above", SPIKESIM, (), "the part that does not grow costs energy and hardly any time"),
    _Assumption(
        "the first layer on one copy",
        _without_copies(),
        (),
        "its bits are read one after another: it takes most of the first timestep's time",
    ),
    _Assumption(
        "timesteps follow each other by rows",
        SPIKESIM,
        ("pipelining=rows",),
        "layers of a timestep overlap with those of the one before, so that time grows less than timesteps do",
    ),
    _Assumption(
        "the first layer at every timestep",
        SPIKESIM,
        ("direct_input=every_step",),
        "nothing is left that does not grow: SpikeSim's script, whose energy is proportional to T",
    ),
    _Assumption("arch/imc.yaml, as above", DEFAULT, (), "first layer multiplied beside the crossbars, once"),
    _Assumption(
        "arch/imc.yaml, 512 multipliers for the first layer",
        DEFAULT,
        ("first_layer_mac.lanes=512",),
        "those of the shipped chip are for a network with a quarter of the channels",
    ),
    _Assumption(
        "arch/imc.yaml, first layer on crossbars, once", DEFAULT, ("direct_input=once",), "8 digits a pixel, once"
    ),
    _Assumption(
        "arch/imc.yaml, first layer on crossbars, every timestep",
        DEFAULT,
        ("direct_input=every_step",),
        "rows of timesteps overlap, and leakage and clock follow time",
    ),
)


def growth() -> Section:
    """What decides how energy and time grow with timesteps."""
    rows = []
    for assumption in _GROWTH:
        energy, time = _growth(assumption.configuration, *assumption.settings)
        numbers = {"energy": energy, "latency": time}
        rows.append(Row(assumption.what, "4.9x, 8x", f"{ratio(energy)}, {ratio(time)}", assumption.why, numbers))
    return Section(
        "Energy and latency of T = 8 over T = 1, VGG-16, one thing changed at a time (Fig. 1B)",
        rows,
        [
            "The paper's two figures do not follow from one simple assumption: energy 4.9x needs a part that does not "
            "grow, of 0.8 timesteps' size, and latency 8x needs that part to take no time."
        ],
    )


def _objection(sections: Sequence[Section]) -> tuple[str, str]:
    """What a referee would say first, and the answer out of the tables."""
    ours, default, grown = ({row.what: row for row in section.rows} for section in sections[:3])
    edps = [row for what, row in ours.items() if what.startswith(("VGG-16: EDP", "ResNet-19: EDP"))]
    theirs = [default[row.what] for row in edps]
    accuracy = "fashion_dietsnn: accuracy of these crossbars themselves"
    energies, latencies = ([row.numbers[kind] for row in grown.values()] for kind in ("energy", "latency"))
    objection = (
        "Copies, the order of timesteps and what is read once were chosen when the paper's two growths were known, "
        "so that these are no test; the exits of VGG-16 and ResNet-19 are not the paper's; and crossbars with "
        f"SpikeSim's 4-bit converters, which cover all rows of a PE, do not decide at all: {ours[accuracy].ours} of "
        "Fashion-MNIST."
    )
    bounds = " and ".join(f"{row.numbers['low']:.3f} to {row.numbers['high']:.3f}" for row in edps)
    answer = (
        f"All true. Under other assumptions energy grows {min(energies):.2f} to {max(energies):.2f} and latency "
        f"{min(latencies):.2f} to {max(latencies):.2f} times, so that Fig. 1B says how a chip was drawn up. Nothing "
        f"more was chosen for the EDPs: {edps[0].ours} and {edps[1].ours} beside 0.20 and 0.16, within {bounds} for "
        "every histogram of 1 to 4 timesteps with the paper's means. A chip that does decide "
        f"({default[accuracy].ours}), with nothing chosen for the paper, has {theirs[0].ours} and {theirs[1].ours}: "
        "it multiplies the first layer once, which takes most of the time of one timestep of these networks. So "
        "early exit saves well over half of the EDP either way, and how much more is decided by what a chip does "
        "once."
    )
    return objection, answer
