"""FSpiNN's claims on the stdp machine: memory, energy with each lever by itself, accuracy by format; trains in seconds.

Networks learn here on the few samples of the shipped trace, as energies need no more.  Accuracies are those that
`tools/sweep_stdp.py` has found on whole data sets, read from its file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sweep_stdp import Found

import hwsim
from hwsim.report.report import Report, Run
from hwsim.traces.plastic.trace import INFER, TRAIN, PlasticTrace
from hwsim.traces.slicing import first
from hwsim.view.terminal import number
from reproduction.rows import Row, Section, percent, ratio
from reproduction.shipped import shipped

_SIZES = (400, 900, 1600, 2500, 3600, 4900)
_LAW = {400: 5.35, 900: 6.14, 1600: 6.68, 2500: 7.05, 3600: 7.28, 4900: 7.45}  # 4 (784 + 2 N) / (784 + N)
_FORMATS = {"weights": "Q1.7", "membranes": "Q8.12", "traces": "Q1.10", "thresholds": "Q8.12"}  # of arch/stdp.yaml
_MEMORY = {"weight_memory": (320, 128), "inhibition_memory": (320, 128), "neuron_memory": (8, 2144)}
_FIXED = (
    *(f"{name}.format={form}" for name, form in _FORMATS.items()),
    *(f"{name}.rounding={'truncate' if name == 'traces' else 'nearest'}" for name in _FORMATS),
    *(f"{name}.capacity_kib={size}" for name, (size, _) in _MEMORY.items()),
    *(f"{name}.port_bits={bits}" for name, (_, bits) in _MEMORY.items()),
    "current_memory.port_bits=336",
    "trace_memory.capacity_kib=2",
    "trace_memory.port_bits=352",
)
_LEVERS: Mapping[str, Sequence[str]] = {
    "direct lateral inhibition": (
        "inhibition=direct",
        "inhibition_delay_steps=0",
        "inhibition_memory.capacity_kib=640",
    ),
    "learning in windows, adaptive factor and strength": ("stdp=windowed", "adaptive_inhibition=true"),
    "weights of 8 bits, all in fixed point": _FIXED,
    "inhibition as one strength, no matrix": ("inhibition_storage=sparse",),
}
_SHAPED = (*_LEVERS["direct lateral inhibition"], *_LEVERS["learning in windows, adaptive factor and strength"])
_COUNTING = {
    "event-driven": "Event-driven: rows are read for spikes, weights visited for traces; silence costs nothing.",
    "dense": "Dense: every matrix is read whole at every step and learning sweeps all weights, as on a GPU.",
}
_DENSE = ("skip=none",)
_ACCURACIES = Path(__file__).resolve().parents[2] / "docs" / "data" / "stdp-accuracy.jsonl"
_PAPER = "3.5x / 1.8x"
_SOME = 300  # samples where every step does the same
_SETTLED = 1000  # last training samples, whose energies are told: windowed learning visits more weights than at first
_SEVERAL = 20  # samples at 4,900 neurons


def sections() -> list[Section]:
    """All tables."""
    trace = shipped(PlasticTrace, "mnist_stdp")["mnist_stdp"]
    return [memory(trace), levers(trace, "event-driven"), levers(trace, "dense"), large(trace), *accuracies()]


def _sized(trace: PlasticTrace, neurons: int) -> PlasticTrace:
    """The same samples for another number of neurons."""
    network = replace(trace.network, neurons=replace(trace.network.neurons, count=neurons))
    return replace(trace, network=network)


def _synapse_bits(report: Report) -> int:
    """Weights from the input and between neurons, where those are stored as a matrix."""
    kinds = ("weight_memory", "inhibition_memory")
    return sum(row.used_bits for row in report.storage if row.storage in kinds)


def _roomy(neurons: int, architecture: str) -> tuple[str, ...]:
    """Memories for so many neurons, of the same ports; a tenth more, as rows begin with a word."""
    bits, matrices = (8, 1) if architecture == "stdp" else (32, 2)
    kib = {
        "weight_memory": 784 * neurons * bits / 8192,
        "inhibition_memory": matrices * neurons**2 * bits / 8192,
        "neuron_memory": 128 * neurons / 8192,
        "trace_memory": (784 + neurons) * 32 / 8192,
        "current_memory": neurons * 32 / 8192,
    }
    capacities = (f"{name}.capacity_kib={math.ceil(1.1 * size)}" for name, size in kib.items())
    return (*capacities, "readout.bits=20")


def _play(trace: PlasticTrace, architecture: str, settings: Sequence[str] = ()) -> Report:
    return hwsim.simulate(hwsim.load_architecture(architecture, settings), trace, engine="compiled")


def _by_phase(report: Report) -> dict[str, Run]:
    return {run.name: run for run in report.runs}


def memory(trace: PlasticTrace) -> Section:
    """Synapses and inhibition, stored in full: what the machines report for networks of several sizes."""
    rows = []
    for neurons in _SIZES:
        sized = first(_sized(trace, neurons), samples=1)
        bits = {name: _synapse_bits(_play(sized, name, _roomy(neurons, name))) for name in ("stdp_baseline", "stdp")}
        base, ours = bits["stdp_baseline"], bits["stdp"]
        paper = "7.5x" if neurons == _SIZES[-1] else ""
        why = f"{base / 8e6:.1f} MB against {ours / 8e6:.2f} MB; law {_LAW[neurons]:.2f}x"
        rows.append(Row(f"N = {neurons}", paper, ratio(base / ours), why))
    notes = [
        "FP32 with two matrices of N x N against 8 bits with one: the only simple count that gives the paper's figure, "
        "by our derivation. Stored as a strength and a wire each, inhibition takes next to nothing in both.",
    ]
    return Section("Memory for synapses and inhibition, baseline over FSpiNN", rows, notes)


def levers(trace: PlasticTrace, counting: str) -> Section:
    """Energies with each lever switched on by itself on the baseline, and with all."""
    common: Sequence[str] = ()
    if counting == "dense":
        trace, common = first(trace, samples=min(_SOME, trace.n_samples)), _DENSE
    base = _by_phase(_play(trace, "stdp_baseline", common))
    rows = [_absolute("baseline: FP32, inhibitory layer, pairwise", base)]
    for name, settings in _LEVERS.items():
        rows.append(_against(name, base, _by_phase(_play(trace, "stdp_baseline", (*settings, *common)))))
    shaped = _by_phase(_play(trace, "stdp_baseline", (*_SHAPED, *common)))
    rows.append(_against("the first two together, in FP32", base, shaped))
    rows.append(_against("the first three: arch/stdp.yaml", base, _by_phase(_play(trace, "stdp", common)), _PAPER))
    sparse = ("inhibition_storage=sparse", *common)
    rows.append(_against("all four", base, _by_phase(_play(trace, "stdp", sparse)), _PAPER))
    notes = [
        "Paper: averages over MNIST and Fashion-MNIST at 4,900 neurons, on GPUs, which multiply whole matrices.",
        "A GPU that emulates fixed point saves nothing by it: its like is 'the first two', in FP32, counted densely.",
        f"Energies of the last {min(_SETTLED, trace.n_samples):,} of {trace.n_samples:,} training samples.",
        _COUNTING[counting],
    ]
    title = f"Energy a sample, training / inference, {counting} counting, N = {trace.network.neurons.count}"
    return Section(title, rows, notes)


def _absolute(name: str, runs: Mapping[str, Run]) -> Row:
    shown = " / ".join(number.energy(_energy_pj(runs[phase])) for phase in (TRAIN, INFER))
    updates = runs[TRAIN].operations["weight update"]
    return Row(name, "", shown, f"{updates:,.0f} weight updates a training sample")


def _energy_pj(run: Run) -> float:
    """Mean of the last samples, or of all where there are fewer."""
    last = [energies[-1] for energies in run.samples.energy_pj[-_SETTLED:]]
    return sum(last) / len(last)


def _against(name: str, base: Mapping[str, Run], runs: Mapping[str, Run], paper: str = "") -> Row:
    found = " / ".join(ratio(_energy_pj(base[phase]) / _energy_pj(runs[phase])) for phase in (TRAIN, INFER))
    own = _absolute(name, runs)
    return Row(name, paper, found, f"{own.ours}; {own.why}")


def large(trace: PlasticTrace) -> Section:
    """The paper's size, on a few samples."""
    neurons, rows = _SIZES[-1], []
    few = first(_sized(trace, neurons), samples=_SEVERAL)
    for counting, common in (("event-driven", ()), ("dense", _DENSE)):
        base, ours = (
            _by_phase(_play(few, name, (*_roomy(neurons, name), *common))) for name in ("stdp_baseline", "stdp")
        )
        shaped = _by_phase(_play(few, "stdp_baseline", (*_SHAPED, *_roomy(neurons, "stdp_baseline"), *common)))
        rows.append(_against(f"{counting}: the first two levers, in FP32", base, shaped, _PAPER))
        rows.append(_against(f"{counting}: the first three, arch/stdp.yaml", base, ours, _PAPER))
    notes = [f"The first {_SEVERAL} samples, so before anything is learned: neurons fire more than they will later."]
    return Section(f"Energy a sample, training / inference, N = {neurons}, baseline over FSpiNN", rows, notes)


def accuracies() -> list[Section]:
    """What whole data sets led to, by format and rounding."""
    if not _ACCURACIES.exists():
        return []
    found = [Found(**json.loads(line)) for line in _ACCURACIES.read_text().splitlines()]
    return [_accuracy(name, found) for name in dict.fromkeys(each.dataset for each in found)]


def _accuracy(dataset: str, found: Sequence[Found]) -> Section:
    networks: dict[str, list[Found]] = {}
    for each in found:
        if each.dataset == dataset:
            settings = (each.architecture, *each.overrides, each.weights, each.rounding, f"seed {each.seed}")
            name = " ".join(filter(None, settings))
            networks.setdefault(name, []).append(each)
    rows = []
    for name, by_samples in sorted(networks.items()):
        last = max(by_samples, key=lambda each: each.samples)
        earlier = ", ".join(f"{percent(each.accuracy)} after {each.samples:,}" for each in by_samples)
        rows.append(Row(name, "", percent(last.accuracy, 2), earlier))
    where = "tools/sweep_stdp.py (docs/machines/stdp.md)"
    return Section(f"Accuracy on the test samples of {dataset}, found by {where}", rows)
