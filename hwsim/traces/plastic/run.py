"""Learning on a trace's training samples, then deciding on its test samples by what was learned.

After learning weights are scaled to their sum once more (label "end"), or the last sample to be learned would count for
more than others.  Then each neuron is labelled: with the class to whose samples it answers most on the average, over
the first `label_samples` training samples shown again without learning.  A test sample is of the class whose neurons
answer most on the average; neurons that stay silent have no label, and the lowest class wins a tie.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import UsageError
from hwsim.kernels.stdp.rules import (
    DEPRESSED,
    MEMBRANES_HIGH,
    MEMBRANES_LOW,
    POTENTIATED,
    THETA_HIGH,
    WEIGHTS_HIGH,
    WEIGHTS_LOW,
)
from hwsim.traces.plastic.encode import input_spikes
from hwsim.traces.plastic.golden import LearningCore
from hwsim.traces.plastic.session import Session
from hwsim.traces.plastic.trace import INFER, TRAIN, LearnedState, PlasticNetwork, PlasticTrace, Presentation

Ints = NDArray[np.int64]
_UNLABELLED = -1
_SATURATED = {
    "weights at the highest": WEIGHTS_HIGH,
    "weights at zero": WEIGHTS_LOW,
    "potentials at the highest": MEMBRANES_HIGH,
    "potentials at the lowest": MEMBRANES_LOW,
    "adaptive thresholds at the highest": THETA_HIGH,
}


class Shown(NamedTuple):
    """What the presentations of one sample did."""

    spikes: NDArray[np.int32]  # [neuron], of the last
    activity: NDArray[Any]  # unsigned [step of all presentations, N_ACTIVITY], see `hwsim.kernels.stdp.rules`
    presentations: int


@dataclass(frozen=True, slots=True)
class Played:
    """What the samples of one phase did, in the order in which they were shown."""

    activity: list[NDArray[Any]]  # of each sample, see `Shown`
    presentations: Ints  # [sample]
    spikes: Ints  # [sample], of all neurons in the last presentation
    updates: Ints  # [sample], changes of a weight that were not zero


@dataclass(frozen=True, slots=True)
class Learned:
    """A network after its samples."""

    network: PlasticNetwork
    phases: Mapping[str, Played]
    state: LearnedState  # as learning left it
    accuracy: float | None  # on the test samples; None where they were not shown
    n_test: int
    saturated: Mapping[str, int]  # how often what was held at a limit


def show(core: LearningCore, shown: Presentation, values: NDArray[np.uint8], learn: bool) -> Shown:
    """Present a sample uint8 [pixel], again and brighter while it draws too few spikes."""
    coding, activity = core.network.coding, []
    kind = np.min_scalar_type(max(core.network.pixels, core.network.neurons.count))
    for repeat in range(coding.most_repeats + 1):
        now = replace(shown, repeat=repeat)
        raster = core.present(input_spikes(core.network, now, values), now, learn)
        activity.append(raster.activity.astype(kind))
        if raster.spikes.sum() >= coding.fewest_spikes:
            break
    return Shown(raster.spikes, np.concatenate(activity) if len(activity) > 1 else activity[0], len(activity))


def learn(network: PlasticNetwork, trace: PlasticTrace, session: Session | None = None) -> Learned:
    """Let `network`, which may differ from the trace's in its formats and rules, go through a trace's samples.

    Learning begins where the trace's state, if it has one, has left off.  Raises UsageError where that is of another
    network, and where there is nothing to learn or nothing has been learned.
    """
    session = session or Session()
    _check(network, trace, session)
    core, phases = LearningCore(network, trace.state), {}
    shown, accuracy = trace.state.samples if trace.state else 0, None
    wanted = _wanted(trace, session)
    if session.phase != INFER and shown < wanted:
        phases[TRAIN] = _train(core, trace, range(shown, wanted), session)
        shown = wanted
    elif session.save is not None:
        session.save(trace)  # as was asked for, though nothing is to be learned any more
    state = core.state(shown)
    if session.phase != TRAIN:
        core.normalise("end")
        labels = _label(core, trace, session)
        phases[INFER], accuracy = _infer(core, trace, labels, session)
    saturated = {name: int(core.counted[index]) for name, index in _SATURATED.items()}
    return Learned(network, phases, state, accuracy, len(trace.parts["test"].labels), saturated)


def _check(network: PlasticNetwork, trace: PlasticTrace, session: Session) -> None:
    name, state = trace.provenance.name, trace.state
    if session.phase == INFER and session.save is not None:
        raise UsageError(f"phase: infer learns nothing, so there is nothing to save: {name} would be what it is")
    if state is None:
        if session.phase == INFER:
            raise UsageError(f"phase: infer, but {name} has not learned anything; train it first, and save it")
        return
    if network != trace.network:
        differing = ", ".join(_differences(network, trace.network))
        raise UsageError(f"{name} has learned with other settings than the machine's: {differing}")
    if session.phase == TRAIN and state.samples >= _wanted(trace, session):
        raise UsageError(
            f"phase: train, but {name} has learned from {state.samples} samples already, "
            f"and passes over {trace.n_samples} wanted are {session.passes}"
        )


def _wanted(trace: PlasticTrace, session: Session) -> int:
    """Training samples over all passes."""
    samples = session.passes * trace.n_samples
    return samples if session.until is None else min(samples, session.until)


def _differences(wanted: Any, found: Any, key: str = "") -> list[str]:
    """Where two networks differ, as lines for a reader."""
    if wanted == found:
        return []
    if hasattr(wanted, "__dataclass_fields__") and type(wanted) is type(found):
        pairs = {name: (getattr(wanted, name), getattr(found, name)) for name in wanted.__dataclass_fields__}
    elif isinstance(wanted, Mapping) and isinstance(found, Mapping):
        pairs = {name: (wanted[name], found[name]) for name in wanted}
    else:
        return [f"{key} {_shown(found)}, the machine has {_shown(wanted)}"]
    return [line for name, pair in pairs.items() for line in _differences(*pair, f"{key}.{name}".lstrip("."))]


def _shown(value: Any) -> str:
    return "FP32" if value is None else "fixed point" if isinstance(value, Mapping) else str(value)


class _Log:
    """What samples did so far, without who fired."""

    def __init__(self) -> None:
        self._activity: list[NDArray[Any]] = []
        self._figures: list[tuple[int, int, int]] = []

    def add(self, shown: Shown, updates: int) -> None:
        """One sample more."""
        self._activity.append(shown.activity)
        self._figures.append((shown.presentations, int(shown.spikes.sum()), updates))

    def __len__(self) -> int:
        """Samples."""
        return len(self._figures)

    def played(self) -> Played:
        """All of them."""
        presentations, spikes, updates = np.array(self._figures, np.int64).reshape(-1, 3).T
        return Played(list(self._activity), presentations, spikes, updates)


def _train(core: LearningCore, trace: PlasticTrace, steps: range, session: Session) -> Played:
    part, n, log = trace.parts["train"], trace.n_samples, _Log()

    def save() -> None:
        if session.save is not None:
            state = core.state(steps.start + len(log))
            session.save(with_state(trace, core.network, state, log.played().spikes))

    for step in session.track(steps, "learning"):
        before = _updates(core)
        shown = Presentation("train", int(part.sample_ids[step % n]), passed=step // n)
        log.add(show(core, shown, part.values[step % n], learn=True), _updates(core) - before)
        if session.save_every and len(log) % session.save_every == 0 and step + 1 < steps.stop:
            save()
    save()
    return log.played()


def with_state(trace: PlasticTrace, network: PlasticNetwork, state: LearnedState, responses: Ints) -> PlasticTrace:
    """A trace whose network has learned: `responses` [sample] are those since the trace's own state."""
    before = trace.responses if trace.state else np.empty(0, np.int32)
    together = np.concatenate([before, responses.astype(np.int32)])
    return replace(trace, network=network, state=state, responses=together, sha256="")


def _updates(core: LearningCore) -> int:
    return int(core.counted[POTENTIATED] + core.counted[DEPRESSED])


def _label(core: LearningCore, trace: PlasticTrace, session: Session) -> Ints:
    """Class of each neuron, int64 [neuron]."""
    part = trace.parts["train"]
    n = min(session.label_samples, len(part.labels))
    answers = np.zeros((trace.n_classes, core.network.neurons.count), np.int64)
    for i in session.track(range(n), "labelling"):
        shown = Presentation("label", int(part.sample_ids[i]))
        answers[part.labels[i]] += show(core, shown, part.values[i], learn=False).spikes
    samples = np.bincount(part.labels[:n], minlength=trace.n_classes)
    means = answers / np.maximum(samples, 1)[:, None]
    return np.where(answers.any(axis=0), means.argmax(axis=0), _UNLABELLED).astype(np.int64)


def _infer(core: LearningCore, trace: PlasticTrace, labels: Ints, session: Session) -> tuple[Played, float]:
    part, log, right = trace.parts["test"], _Log(), 0
    members = labels == np.arange(trace.n_classes)[:, None]
    sizes = np.maximum(members.sum(axis=1), 1)
    for i in session.track(range(len(part.labels)), "deciding"):
        shown = show(core, Presentation("test", int(part.sample_ids[i])), part.values[i], learn=False)
        log.add(shown, updates=0)
        right += int((members @ shown.spikes / sizes).argmax() == part.labels[i])
    return log.played(), right / len(part.labels)
