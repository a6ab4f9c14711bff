"""DT-SNN's claims on the imc machine: growth with timesteps, shares of energy, early exit; trains nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import hwsim
from hwsim.report.report import Figure, Report
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.direct.trace import Trace
from hwsim.traces.rates import layer_rates
from reproduction.energies import by_component
from reproduction.rows import Row, Section, percent, ratio, with_error
from reproduction.shipped import shipped

_SPIKE_RATE = "0.18"  # spikes a neuron and timestep; LoAS (its artefact) measured 17.7 % for VGG-16 at T = 4
_RESNET_RATE = "0.31"  # the same source: 31.3 % for ResNet-19
_SEED = 0
_STATIC = "early_exit.threshold=never"
_FASTER = "psum_buffer.capacity_kib=64"  # what keeps currents is then fast enough for 250 MHz at 65 nm
_ONE_OF_EACH = ("chip.replicate=none", "packing=none")

Floats = NDArray[np.float64]


def sections() -> list[Section]:
    """All tables."""
    return [growth(), shares(), trained(), published_exits()]


def _play(trace: Trace, settings: Sequence[str], architecture: str = "imc") -> Report:
    return hwsim.simulate(hwsim.load_architecture(architecture, settings), trace, engine="compiled")


def _mean(rows: Sequence[Sequence[float]]) -> Floats:
    """Mean over samples of a figure [sample][timestep]."""
    return np.asarray(np.mean(rows, axis=0, dtype=np.float64))


@dataclass(frozen=True, slots=True)
class _Assumption:
    """A design of which the growth with timesteps is asked."""

    what: str
    architecture: str
    settings: tuple[str, ...]
    why: str


_GROWTH = (
    _Assumption(
        "imc as it is", "imc", (), "the first layer is multiplied once, which takes longest of the first timestep"
    ),
    _Assumption(
        "imc, one copy of each layer, the first on crossbars",
        "imc",
        ("direct_input=every_step", *_ONE_OF_EACH),
        "everything is repeated every timestep, the bit-serial first layer too",
    ),
    _Assumption(
        "imc, the same, first layer's currents kept",
        "imc",
        ("direct_input=once", *_ONE_OF_EACH),
        "conv1 reads each position for 8 bits: most of the first timestep's time",
    ),
    _Assumption(
        "imc, the same, conv1 on 8 copies",
        "imc",
        ("direct_input=once", "packing=none", "chip.replicate={conv1: 8}"),
        "conv1 keeps pace, but leakage and clock follow time, so energy does too",
    ),
    _Assumption(
        "SpikeSim's prices, first layer bit-serial, its currents kept",
        "imc_spikesim",
        ("dac.bits=1", "direct_input=once", _FASTER),
        "every read costs the same and nothing leaks: energy near the paper's, time far from it",
    ),
    _Assumption(
        "the same, conv1 on 32 copies, timesteps one after another",
        "imc_spikesim",
        ("dac.bits=1", "direct_input=once", _FASTER, "chip.replicate={conv1: 32}", "pipelining=none"),
        "nearest to both: the part that does not grow costs energy and hardly any time",
    ),
)


def growth() -> Section:
    """Energy and time of 8 timesteps over one, on VGG-16 for CIFAR-10."""
    trace = synthesize("vgg16-cifar", 8, 4, layer_rates("vgg16-cifar", (_SPIKE_RATE,)), _SEED, False)
    rows = []
    for assumption in _GROWTH:
        run = _play(trace, (_STATIC, *assumption.settings), assumption.architecture).runs[0]
        energy, time = _mean(run.samples.energy_pj), _mean(run.samples.latency_ns)
        found = f"{ratio(energy[-1] / energy[0])}, {ratio(time[-1] / time[0])}"
        rows.append(Row(assumption.what, "4.9x, 8x", found, assumption.why))
    return Section(
        "Energy and latency of T = 8 over T = 1 (paper: Fig. 1B), vgg16-cifar geometry, 18 % spikes",
        rows,
        [
            "The paper's two figures do not follow from one simple assumption: energy 4.9x needs a part that does not",
            "grow, of 0.8 timesteps' size, and latency 8x needs that part to take no time.",
        ],
    )


_GROUPS = {
    "digital peripherals": (
        "shift_add accumulator offset silence_detector htree spike_buffer membrane psum_buffer global_buffer"
    ),
    "crossbar and ADC": "crossbar row_driver adc adc_reference column_mux",
    "network on chip": "noc noc_wire",
    "neurons, pooling and exit unit": "neuron pooling sigma_e",
    "first layer": "first_layer_mac first_layer_weights",
    "clock": "clock",
}
_PAPER_SHARES = {"digital peripherals": "45 %", "crossbar and ADC": "25 %"}


def shares() -> Section:
    """Where the energy of a static inference goes."""
    trace = synthesize("vgg16-cifar", 4, 4, layer_rates("vgg16-cifar", (_SPIKE_RATE,)), _SEED, False)
    run = _play(trace, (_STATIC,)).runs[0]
    everything, dynamic = by_component(run, leakage=True), by_component(run, leakage=False)
    rows = []
    for group, members in _GROUPS.items():
        whole = sum(everything.pop(name, 0.0) for name in members.split())
        moving = sum(dynamic.get(name, 0.0) for name in members.split() if name != "clock")
        dynamic_share = moving / sum(energy for name, energy in dynamic.items() if name != "clock")
        found = f"{percent(whole / run.energy_pj.value)}, {percent(dynamic_share)}"
        rows.append(Row(group, _PAPER_SHARES.get(group, ""), found, f"{members.replace(' ', ', ')}"))
    assert not everything, f"components in no group: {', '.join(everything)}"
    return Section(
        "Shares of energy (paper: Fig. 1A, VGG-16 for CIFAR-10); ours: of all, and without leakage and clock",
        rows,
        [
            "The paper's other 30 % are not itemised where we could read it, nor whether it counts leakage and clock.",
            "Which parts are peripherals is our reading of 'input switching, buffers, accumulators'.",
        ],
    )


def trained() -> Section:
    """Early exit on the networks that ship with the project."""
    rows = []
    for name, trace in shipped(Trace, "*_dietsnn").items():
        report = _play(trace, ("early_exit.overlap=true",))
        static = report.run("static")
        assert report.early_exit is not None
        for comparison in (each for each in report.comparisons if each.reference == "static"):
            run = report.run(comparison.run)
            what, rule = f"{name}, {run.name}: ", report.early_exit.chosen_on
            assert run.accuracy is not None and static.accuracy is not None
            rows += [
                Row(
                    what + "mean timesteps", "1.46", with_error(run.timesteps.value, run.timesteps.standard_error), rule
                ),
                Row(what + "accuracy, of T = 4", "equal", f"{percent(run.accuracy, 2)}, {percent(static.accuracy, 2)}"),
                Row(
                    what + "energy over static",
                    "",
                    _estimate(comparison.energy),
                ),
                Row(
                    what + "EDP over static",
                    "0.20",
                    _estimate(comparison.edp),
                    f"product of means {comparison.edp_of_means.value:.3f}",
                ),
            ]
    return Section(
        "Early exit at the accuracy of static T = 4 (paper: abstract; another network and data set)",
        rows,
        ["Smaller networks on easier data leave earlier than the paper's; only the direction can be compared."],
    )


def _estimate(figure: Figure) -> str:
    return with_error(figure.value, figure.standard_error)


@dataclass(frozen=True, slots=True)
class _Published:
    """What the paper prints of one network."""

    geometry: str
    rate: str
    timesteps: float
    edp: str


_PUBLISHED = (
    _Published("vgg16-cifar", _SPIKE_RATE, 1.46, "0.20"),
    _Published("resnet19-cifar", _RESNET_RATE, 1.27, "0.16"),
)


_FIRST_LAYERS = (
    ("as it is", ()),
    ("first layer repeated", ("direct_input=every_step", *_ONE_OF_EACH)),
    ("first layer once", ("direct_input=once", *_ONE_OF_EACH)),
)


def published_exits() -> Section:
    """Exits with the paper's mean timesteps, on its geometries."""
    rows = []
    for published in _PUBLISHED:
        rates = layer_rates(published.geometry, (published.rate,))
        trace = synthesize(published.geometry, 4, 4, rates, _SEED, False)
        weights = exits_of_mean(published.timesteps, 4)
        for what, settings in _FIRST_LAYERS:
            report = _play(trace, ("early_exit.threshold=0.5", *settings))
            static, gated = report.run("static").samples, report.run("early exit").samples
            energy, time = np.asarray(gated.energy_pj), np.asarray(gated.latency_ns)
            base, base_time = np.asarray(static.energy_pj)[:, -1], np.asarray(static.latency_ns)[:, -1]
            energy_ratio = (energy @ weights).mean() / base.mean()
            edp = ((energy * time) @ weights).mean() / (base * base_time).mean()
            found = f"{energy_ratio:.3f}, {edp:.3f}"
            of_means = energy_ratio * (time @ weights).mean() / base_time.mean()
            label = f"{published.geometry}, {published.timesteps} timesteps, {what}: energy, EDP over static"
            rows.append(Row(label, f"-, {published.edp}", found, f"EDP as product of means {of_means:.3f}"))
    return Section(
        "Early exit with the paper's mean timesteps (paper: abstract and introduction)",
        rows,
        [
            "Ours: the exits follow the least committal histogram over 1 to 4 timesteps with that mean (a truncated",
            "geometric one), since the paper's could not be read; spikes are synthetic at measured mean rates.",
        ],
    )


def exits_of_mean(mean: float, timesteps: int) -> Floats:
    """Shares of samples leaving after 1, 2, ... timesteps: of all with this mean the one of largest entropy.

    They are proportional to q**t; q is found by bisection.
    """
    t = np.arange(1, timesteps + 1)
    low, high = 1e-9, 1e9
    for _ in range(200):
        q = (low * high) ** 0.5
        shares = q ** (t - t.mean())
        low, high = (q, high) if (shares * t).sum() / shares.sum() < mean else (low, q)
    return np.asarray(shares / shares.sum(), dtype=np.float64)
