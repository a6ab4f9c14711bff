"""FSpiNN's claims on the stdp machine: memory, energy with each lever by itself, accuracy by format.

Networks learn here on the few samples of the shipped trace.  What takes longer was found by other tools and is read
from their files: accuracies of whole data sets (`tools/sweep_stdp.py`), the paper's largest network once it has learned
(`tools/learned_stdp.py`), and CPU time of learning densely and driven by events (`tools/time_stdp.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from learned_stdp import Settled
from learned_stdp import kept as settled_lines
from sweep_stdp import Found
from time_stdp import Timed
from time_stdp import kept as timed_lines

from hwsim.report.report import Report, Run
from hwsim.traces.plastic.trace import INFER, TRAIN, PlasticTrace
from hwsim.traces.slicing import first
from hwsim.view.terminal import number
from reproduction.designs import data, play, shipped
from reproduction.learners import DENSE, DIRECT, LARGEST, NETWORKS, WINDOWED, roomy, sized
from reproduction.rows import Paper, Row, Section, percent, ratio

TITLE = "FSpiNN, arXiv 2007.08860: learning in fixed point, memory, energy of training and of inference"
_SIZES = (400, 900, 1600, 2500, 3600, LARGEST)
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
    "direct lateral inhibition": DIRECT,
    "learning in windows, adaptive factor and strength": WINDOWED,
    "weights of 8 bits, all in fixed point": _FIXED,
    "inhibition as one strength, no matrix": ("inhibition_storage=sparse",),
}
_COUNTING = {
    "event-driven": "Event-driven: rows are read for spikes, weights visited for traces; silence costs nothing.",
    "dense": "Dense: every matrix is read whole at every step and learning sweeps all weights, as on a GPU.",
}
_ACCURACIES, LEARNED, TIMES = "stdp-accuracy.jsonl", "stdp-learned.jsonl", "stdp-times.jsonl"
_PAPER = "3.5x / 1.8x"
_SOME = 300  # samples where every step does the same
_SETTLED = 1000  # last training samples, whose energies are told: windowed learning visits more weights than at first


def paper() -> Paper:
    """All tables."""
    trace = shipped(PlasticTrace, "mnist_stdp")["mnist_stdp"]
    stored, large, times = memory(trace), settled(), timed()
    sections = [stored, large, levers(trace, "event-driven"), levers(trace, "dense"), times, accuracies()]
    return Paper(TITLE, sections, *_objection(stored, large, times))


def _synapse_bits(report: Report) -> int:
    """Weights from the input and between neurons, where those are stored as a matrix."""
    kinds = ("weight_memory", "inhibition_memory")
    return sum(row.used_bits for row in report.storage if row.storage in kinds)


def _by_phase(report: Report) -> dict[str, Run]:
    return {run.name: run for run in report.runs}


def memory(trace: PlasticTrace) -> Section:
    """Synapses and inhibition, stored in full: what the machines report for networks of several sizes."""
    rows = []
    for neurons in _SIZES:
        small = first(sized(trace, neurons), samples=1)
        base, ours = (_synapse_bits(play(small, name, roomy(neurons, name))) for name in ("stdp_baseline", "stdp"))
        largest = neurons == LARGEST
        why = f"{base / 8e6:.1f} MB against {ours / 8e6:.2f} MB; law {_LAW[neurons]:.2f}x"
        numbers = {"ratio": base / ours}
        rows.append(Row(f"N = {neurons}", "7.5x" if largest else "", ratio(base / ours), why, numbers, largest))
    sparse = ("inhibition_storage=sparse",)
    small = first(sized(trace, LARGEST), samples=1)
    base, ours = (
        _synapse_bits(play(small, name, (*roomy(LARGEST, name), *sparse))) for name in ("stdp_baseline", "stdp")
    )
    what = f"N = {LARGEST}, inhibition as one strength in both"
    rows.append(
        Row(
            what, "7.5x", ratio(base / ours), f"{base / 8e6:.2f} MB against {ours / 8e6:.2f} MB", {"ratio": base / ours}
        )
    )
    notes = [
        "The law 4 (784 + 2 N) / (784 + N) is derived from the claim, not read: FP32 with two matrices of N x N "
        "against 8 bits with one is the only simple count that gives the paper's figure, so that the last size "
        "confirms nothing.",
    ]
    return Section("Memory for synapses and inhibition, baseline over FSpiNN", rows, notes)


def levers(trace: PlasticTrace, counting: str) -> Section:
    """Energies with each lever switched on by itself on the baseline, and with all."""
    common: Sequence[str] = ()
    if counting == "dense":
        trace, common = first(trace, samples=min(_SOME, trace.n_samples)), DENSE
    base = _by_phase(play(trace, "stdp_baseline", common))
    rows = [_absolute("baseline: FP32, inhibitory layer, pairwise", base)]
    for name, settings in _LEVERS.items():
        rows.append(_against(name, base, _by_phase(play(trace, "stdp_baseline", (*settings, *common)))))
    shaped = _by_phase(play(trace, "stdp_baseline", (*DIRECT, *WINDOWED, *common)))
    rows.append(_against("the first two together, in FP32", base, shaped))
    rows.append(_against("the first three: arch/stdp.yaml", base, _by_phase(play(trace, "stdp", common)), _PAPER))
    sparse = ("inhibition_storage=sparse", *common)
    rows.append(_against("all four", base, _by_phase(play(trace, "stdp", sparse)), _PAPER))
    notes = [
        "Paper: averages over MNIST and Fashion-MNIST at 4,900 neurons, on GPUs, which multiply whole matrices.",
        "A GPU that emulates fixed point saves nothing by it: its like is 'the first two', in FP32, counted densely.",
        f"Energies of the last {min(_SETTLED, trace.n_samples):,} of {trace.n_samples:,} training samples.",
        _COUNTING[counting],
    ]
    title = f"Energy a sample, training / inference, {counting} counting, N = {trace.network.neurons.count}"
    return Section(title, rows, notes)


def _absolute(name: str, runs: Mapping[str, Run]) -> Row:
    train, infer = (_energy_pj(runs[phase]) for phase in (TRAIN, INFER))
    updates = runs[TRAIN].operations["weight update"]
    shown, why = f"{number.energy(train)} / {number.energy(infer)}", f"{updates:,.0f} weight updates a training sample"
    return Row(name, "", shown, why, {"train_pj": train, "infer_pj": infer})


def _energy_pj(run: Run) -> float:
    """Mean of the last samples, or of all where there are fewer."""
    last = [energies[-1] for energies in run.samples.energy_pj[-_SETTLED:]]
    return sum(last) / len(last)


def _against(name: str, base: Mapping[str, Run], runs: Mapping[str, Run], paper: str = "") -> Row:
    train, infer = (_energy_pj(base[phase]) / _energy_pj(runs[phase]) for phase in (TRAIN, INFER))
    own = _absolute(name, runs)
    return Row(name, paper, _pair(train, infer), f"{own.ours}; {own.why}", {"train": train, "infer": infer})


def _pair(train: float, infer: float) -> str:
    return f"{ratio(train)} / {ratio(infer)}"


def settled() -> Section:
    """The paper's size, after it has learned."""
    lines = {(each.network, each.counting): each for each in settled_lines(data(LEARNED))}
    baseline, *others = NETWORKS
    rows = []
    for counting in _COUNTING:
        base = lines[baseline, counting]
        rows.append(
            _settled_row(f"{counting}: {baseline}", base, number.energy(base.train_pj), number.energy(base.infer_pj))
        )
        for name in others:
            each = lines[name, counting]
            train, infer = base.train_pj / each.train_pj, base.infer_pj / each.infer_pj
            numbers = {"train": train, "infer": infer, **_accuracy(each)}
            why = f"{number.energy(each.train_pj)} / {number.energy(each.infer_pj)}; {_settled_why(each)}"
            rows.append(Row(f"{counting}: {name}", _PAPER, _pair(train, infer), why, numbers, headline=True))
    some = lines[baseline, "dense"]
    notes = [
        f"Energies of training samples {some.learned + 1:,} to {some.learned + some.told:,} of {some.dataset} and of "
        f"{some.n_test:,} test samples behind them, by tools/learned_stdp.py; one seed, one pass.",
        "Paper: averages over MNIST and Fashion-MNIST at 4,900 neurons, on GPUs.",
    ]
    after = f"N = {some.neurons:,} after {some.learned:,} samples"
    return Section(f"Energy a sample, training / inference, {after}, baseline over FSpiNN", rows, notes)


def _settled_row(what: str, each: Settled, train: str, infer: str) -> Row:
    numbers = {"train_pj": each.train_pj, "infer_pj": each.infer_pj, **_accuracy(each)}
    return Row(what, "", f"{train} / {infer}", _settled_why(each), numbers)


def _accuracy(each: Settled) -> dict[str, float]:
    return {} if each.accuracy is None else {"accuracy": each.accuracy}


def _settled_why(each: Settled) -> str:
    right = "" if each.accuracy is None else f"{percent(each.accuracy)} right, "
    updates, spikes = f"{each.updates_a_sample:,.0f} weight updates", f"{each.spikes_a_sample:.1f} output spikes"
    return f"{right}{updates} and {spikes} a training sample"


def timed() -> Section:
    """CPU time of the same learning, densely and driven by events, in the place of the GPU that there is not."""
    rows = []
    lines = timed_lines(data(TIMES))
    for neurons in dict.fromkeys(each.neurons for each in lines):
        of = {(each.network, each.way): each for each in lines if each.neurons == neurons}
        names = list(dict.fromkeys(network for network, _ in of))
        for way, what in (
            ("dense", "densely, whole matrices in NumPy"),
            ("event-driven", "driven by events, compiled"),
        ):
            rows.append(_times_row(f"N = {neurons}, {what}: baseline over FSpiNN", *(of[name, way] for name in names)))
        for name in names:
            train, infer = (
                of[name, "dense"].seconds(phase) / of[name, "event-driven"].seconds(phase) for phase in (TRAIN, INFER)
            )
            what = f"N = {neurons}, {name}: densely over driven by events"
            rows.append(
                Row(what, "", _pair(train, infer), "the same spikes and weights", {"train": train, "infer": infer})
            )
    notes = [
        f"CPU time of one core ({lines[0].machine}), all networks in one run, by tools/time_stdp.py: a measurement "
        "of this kind of machine, in the place of the paper's GPU, which we do not have; it is no prediction by "
        "hwsim. Both ways learn the same, which a test holds.",
        "FSpiNN here: the first two levers in FP32, as a processor gains nothing from emulated fixed point.",
    ]
    return Section("CPU time a sample, training / inference, MNIST", rows, notes)


def _times_row(what: str, base: Timed, ours: Timed) -> Row:
    train, infer = (base.seconds(phase) / ours.seconds(phase) for phase in (TRAIN, INFER))
    why = f"after {base.learned:,} samples, on {base.samples} and {base.samples}"
    return Row(what, _PAPER, _pair(train, infer), why, {"train": train, "infer": infer}, headline="dense" in what)


def accuracies() -> Section:
    """What whole data sets led to; by format and rounding it is in docs/machines/stdp.md."""
    found = [Found(**json.loads(line)) for line in data(_ACCURACIES).read_text().splitlines()]
    rows = []
    for dataset in dict.fromkeys(each.dataset for each in found):
        for design, weights, rounding in (
            ("stdp_baseline", "FP32", ""),
            ("stdp", "FP32", ""),
            ("stdp", "Q1.7", "nearest"),
        ):
            of = [
                each
                for each in found
                if (each.dataset, each.architecture, each.weights, each.rounding)
                == (dataset, design, weights, rounding)
            ]
            last = [each for each in of if each.samples == 60_000 and each.seed == 1 and not each.overrides]
            for each in last:
                seeds = [other.accuracy for other in of if other.samples == 60_000]
                why = f"60,000 samples, {len(seeds)} seed(s): {', '.join(map(percent, seeds))}"
                what = f"{dataset}, {' '.join(filter(None, (design, weights, rounding)))}, N = {each.neurons}"
                rows.append(Row(what, "no loss", percent(each.accuracy, 2), why, {"accuracy": each.accuracy}))
    return Section(
        "Accuracy on 10,000 test samples, found by tools/sweep_stdp.py; all formats: docs/machines/stdp.md", rows
    )


def _objection(stored: Section, large: Section, times: Section) -> tuple[str, str]:
    """What a referee would say first, and the answer out of the tables."""
    sizes = {row.what: row.numbers["ratio"] for row in stored.rows}
    found = {row.what: row.ours for row in large.rows}
    clocked = next(row.ours for row in times.rows if row.what.startswith(f"N = {LARGEST}, densely"))
    right = [row.numbers["accuracy"] for row in large.rows if "accuracy" in row.numbers]
    _, levers_name, all_name = NETWORKS
    after = large.title.partition(", baseline")[0].rpartition("inference, ")[2]
    objection = (
        "The 7.5x is met by a law that was made to meet it, and what it saves is the storage of a matrix of equal "
        "numbers; the energies are of GPUs and compared with those of a core that nobody built; and no loss of "
        f"accuracy is not what the large network shows: {percent(right[0])} becomes "
        f"{' and '.join(map(percent, right[1:]))}."
    )
    answer = (
        "With inhibition as one strength in both the memory ratio is "
        f"{sizes[f'N = {LARGEST}, inhibition as one strength in both']:.2f}, that of the formats alone. {after}, "
        f"counted densely: the first two levers in FP32 save {found[f'dense: {levers_name}']} beside the paper's "
        f"{_PAPER}, and CPU time of dense learning {clocked}; driven by events they save "
        f"{found[f'event-driven: {levers_name}']}, and with 8 bits {found[f'event-driven: {all_name}']}. So the "
        "paper's figures are like those of a machine that multiplies whole matrices, and on one that does not it is "
        "the format that saves. The rates of learning were chosen for 400 neurons, where 60,000 samples lose "
        "nothing (last table); with 4,900 and these few samples they do, and what the paper chose could not be read."
    )
    return objection, answer
