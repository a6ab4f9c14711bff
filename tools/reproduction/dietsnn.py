"""DIET-SNN's claims on the digital machine: operations, compute energy, what memory makes of them; trains nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

import hwsim
from hwsim.report.report import BaselineRatio, Report, Run
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.geometry import macs
from hwsim.traces.network.layers import Conv2d, Linear
from hwsim.traces.rates import layer_rates
from reproduction.energies import by_component
from reproduction.rows import Row, Section, percent, ratio
from reproduction.shipped import shipped

_TIMESTEPS = 5
_SEED = 0
_NETWORKS = {"vgg16-cifar": 3.384e8, "vgg16-imagenet": 1.547e10}
_LAYER_ONE_SHARE = {"vgg16-cifar": "0.52 %", "vgg16-imagenet": "0.56 %"}
_LITERATURE_RATE = 0.057  # a step, at T = 5: Yan et al., arXiv 2409.08290
_RATES = (0.005, 0.01, 0.02, 0.04, 0.06, 0.09, 0.13, 0.18, 0.25)  # spikes a neuron and step
_CLAIMS = {  # layer 1 once or every step -> spikes a neuron at which the equation gives each claim
    True: ((0.83, "6x"), (0.40, "12x"), (0.26, "18x")),
    False: ((0.72, "6x"), (0.285, "12x"), (0.15, "18x")),
}


def sections() -> list[Section]:
    """All tables."""
    return [operations(), compute_energy(), measured(), with_memory(), levels(), break_even()]


@cache
def _synthetic(geometry: str, rate: float) -> Trace:
    return synthesize(geometry, _TIMESTEPS, 1, layer_rates(geometry, (f"{rate:.6f}",)), _SEED, False)


def _play(architecture: str, settings: Sequence[str], trace: Trace, *baselines: str) -> Report:
    loaded = hwsim.load_architecture(architecture, settings)
    return hwsim.simulate(loaded, trace, engine="compiled", baselines=baselines)  # type: ignore[arg-type]


def _against(report: Report, baseline: str) -> BaselineRatio:
    return next(each for each in report.baseline_ratios if each.baseline == baseline)


def operations() -> Section:
    """Multiply-accumulates of the networks without spikes."""
    rows = []
    for geometry, wanted in _NETWORKS.items():
        network = _synthetic(geometry, 0.05).network
        counts = [macs(layer, network) for layer in network if isinstance(layer, Conv2d | Linear)]
        found = f"{sum(counts):.3e}, {percent(counts[0] / sum(counts), 2)}"
        rows.append(Row(f"{geometry}: MACs, of them in layer 1", f"{wanted:.3e}, {_LAYER_ONE_SHARE[geometry]}", found))
    return Section("Operations (left: from the layers of the paper's published code)", rows)


def compute_energy() -> Section:
    """ANN over SNN by the published equation."""
    rows = []
    for geometry in _NETWORKS:
        for once, points in _CLAIMS.items():
            for spikes, claim in points:
                settings = ["direct_input=once"] if once else []
                report = _play("digital_compute", settings, _synthetic(geometry, spikes / _TIMESTEPS), "ann")
                first = "once" if once else f"{_TIMESTEPS} times"
                what = f"{geometry}, {spikes} spikes a neuron, layer 1 {first}"
                rows.append(Row(what, claim, ratio(_against(report, "ann").energy.value)))
    return Section(
        "Compute energy of the ANN over the SNN's, T = 5, 4.6 and 0.9 pJ (paper: 12x on ImageNet, 6x to 18x in all)",
        rows,
        [
            "The paper's spike rates could not be read: those on the left are what its equation needs for the claim.",
            "Which way it counts layer 1 is not known either.  Spikes are synthetic, the same rate in every layer.",
        ],
    )


def measured() -> Section:
    """Our trained networks."""
    rows = []
    for name, trace in shipped(Trace, "*").items():
        whole = _play("digital", [], trace, "ann", "qann")
        each_step = _against(_play("digital_compute", [], trace, "ann"), "ann").energy.value
        once = _against(_play("digital_compute", ["direct_input=once"], trace, "ann"), "ann").energy.value
        integers = ["mac.given.mac_pj=3.2", "ac.given.add_pj=0.1"]
        int32 = _against(_play("digital_compute", integers, trace, "ann"), "ann").energy.value
        accuracy = trace.accuracy_by_timestep()[-1]
        found = f"{ratio(each_step)}, {ratio(once)}, {ratio(int32)}"
        spikes = trace.timesteps * _spikes_a_neuron(trace)
        rows.append(
            Row(
                f"{name}: T = {trace.timesteps}, {percent(accuracy, 2)}, {spikes:.2f} spikes a neuron",
                "6x to 18x",
                found,
                f"with memory {ratio(_against(whole, 'ann').energy.value)}, "
                f"against the few-bit ANN {ratio(_against(whole, 'qann').energy.value)}",
            )
        )
    return Section(
        "Our trained networks, ANN over SNN: layer 1 every step, once, and every step with 3.2 and 0.1 pJ",
        rows,
        ["Small networks have a large first layer, which is multiplied whatever the spikes do: the claim needs VGG."],
    )


def _spikes_a_neuron(trace: Trace) -> float:
    """Spikes per neuron and timestep over all layers."""
    sizes = {name: int(np.prod(packed.shape)) for name, packed in trace.spikes.items()}
    return sum(sizes[name] * rate for name, rate in trace.spike_rates().items()) / sum(sizes.values())


def with_memory() -> Section:
    """The same ratios on the whole machine."""
    rows = []
    for geometry in _NETWORKS:
        trace = _synthetic(geometry, 0.07)
        for order in ("layer_outer", "timestep_outer"):
            for skip in ("none", "gate", "skip"):
                report = _play("digital", [f"loop_order={order}", f"skip={skip}"], trace, "ann", "qann")
                ann, qann = _against(report, "ann"), _against(report, "qann")
                assert ann.compute_energy is not None and qann.compute_energy is not None
                computing = f"{ratio(ann.compute_energy.value)}, {ratio(qann.compute_energy.value)}"
                found = f"{ratio(ann.energy.value)}, {ratio(qann.energy.value)}"
                rows.append(Row(f"{geometry}, {order}, skip: {skip}", computing, found, _largest(report.runs[0])))
    return Section(
        "ANN and few-bit ANN over SNN, arch/digital.yaml, T = 5, 7 % spikes (left: multiplying and adding alone)",
        rows,
        ["Where the claim shrinks: the last column has the largest parts of the SNN's energy."],
    )


def _largest(run: Run) -> str:
    energy = sorted(by_component(run).items(), key=lambda item: -item[1])[:3]
    return ", ".join(f"{name} {percent(pj / run.energy_pj.value, 0)}" for name, pj in energy)


def levels() -> Section:
    """Which level of memory takes the saving away."""
    trace = _synthetic("vgg16-cifar", 0.07)
    report = _play("digital", [], trace, "ann")
    run, dense = report.runs[0], report.baselines[0]
    snn, ann = by_component(run), by_component(dense)
    rows, spent, base = [], 0.0, 0.0
    for what, names in (
        ("multiplying and adding", ("mac", "ac")),
        ("and neurons, pooling, detectors", ("neuron", "pooling", "detector")),
        ("and scratchpads", ("scratchpad",)),
        ("and the global buffer", ("global_buffer",)),
        ("and DRAM", ("dram",)),
        ("and the clock: everything", ("clock",)),
    ):
        spent += sum(snn.get(name, 0.0) for name in names)
        base += sum(ann.get(name, 0.0) for name in names)
        rows.append(Row(what, "12x" if names[0] == "mac" else "", ratio(base / spent)))
    assert abs(spent / run.energy_pj.value - 1) < 1e-9, "a component is in no level"
    return Section("ANN over SNN, level by level: vgg16-cifar, T = 5, 7 % spikes a step, arch/digital.yaml", rows)


def break_even() -> Section:
    """The spike rate below which spikes save against the few-bit ANN."""
    rows = []
    for order in ("layer_outer", "timestep_outer"):
        for density in (1.0, 0.5, 0.3):
            settings = [f"loop_order={order}", f"baseline.qann_density={density}"]
            reports = [_play("digital", settings, _synthetic("vgg16-cifar", rate), "qann") for rate in _RATES]
            ratios = [_against(report, "qann") for report in reports]
            computing = [each.compute_energy.value for each in ratios if each.compute_energy is not None]
            found = f"{_crossing(computing)}, {_crossing([each.energy.value for each in ratios])}"
            what = f"vgg16-cifar, {order}, {percent(density, 0)} of the ANN's activations not zero"
            rows.append(Row(what, percent(_LITERATURE_RATE), found))
    return Section(
        "Spikes a neuron and step below which the SNN beats the few-bit ANN, T = 5: computing alone, everything",
        rows,
        [
            "Left: Yan et al., arXiv 2409.08290, on their hardware.  The ANN's own zeros decide; ours are assumed.",
            "The tables above take a neuron that never spikes as a zero: at 7 % both then cost much the same.",
        ],
    )


def _crossing(ratios: Sequence[float]) -> str:
    """The rate at which a falling ratio passes 1, by interpolation in the logarithms."""
    if ratios[0] < 1:
        return "at none"
    for i in range(1, len(_RATES)):
        if ratios[i] < 1:
            part = np.log(ratios[i - 1]) / np.log(ratios[i - 1] / ratios[i])
            return percent(float(_RATES[i - 1] * (_RATES[i] / _RATES[i - 1]) ** part))
    return f"above {percent(_RATES[-1])}"
