"""Learning on a trace's training samples, then deciding on its test samples by what was learned; it knows no hardware.

After learning each neuron is labelled: with the class to whose samples it answers most on the average, over the first
`label_samples` training samples shown once more without learning.  A test sample is of the class whose neurons answer
most on the average; neurons that stay silent have no label, and the lowest class wins a tie.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import UsageError
from hwsim.kernels.stdp_rules import (
    DEPRESSED,
    MEMBRANES_HIGH,
    MEMBRANES_LOW,
    POTENTIATED,
    THETA_HIGH,
    WEIGHTS_HIGH,
    WEIGHTS_LOW,
)
from hwsim.traces.plastic import INFER, TRAIN, LearnedState, PlasticNetwork, PlasticTrace, Presentation
from hwsim.traces.plastic_encode import input_spikes
from hwsim.traces.plastic_golden import LearningCore
from hwsim.traces.session import Session

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
    activity: NDArray[Any]  # unsigned [step of all presentations, N_ACTIVITY], see `stdp_rules`
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
    state: LearnedState
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
        spikes = raster.fired.sum(axis=0, dtype=np.int32)
        if spikes.sum() >= coding.fewest_spikes:
            break
    return Shown(spikes, np.concatenate(activity) if len(activity) > 1 else activity[0], len(activity))


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
    if session.phase != TRAIN:
        labels = _label(core, trace, session)
        phases[INFER], accuracy = _infer(core, trace, labels, session)
    saturated = {name: int(core.counted[index]) for name, index in _SATURATED.items()}
    return Learned(network, phases, core.state(shown), accuracy, len(trace.parts["test"].labels), saturated)


def _check(network: PlasticNetwork, trace: PlasticTrace, session: Session) -> None:
    name, state = trace.provenance.name, trace.state
    if state is None:
        if session.phase == INFER:
            raise UsageError(
                f"--phase infer: {name} has not learned anything; train it first, and keep it: --save-trace"
            )
        return
    if network != trace.network:
        differing = ", ".join(_differences(network, trace.network))
        raise UsageError(f"{name} has learned with other settings than the machine's: {differing}")
    if session.phase == TRAIN and state.samples >= _wanted(trace, session):
        raise UsageError(
            f"--phase train: {name} has learned from {state.samples} samples already, "
            f"{session.passes} passes over {trace.n_samples} are wanted"
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


def _train(core: LearningCore, trace: PlasticTrace, steps: range, session: Session) -> Played:
    part, n = trace.parts["train"], trace.n_samples
    found: list[Shown] = []
    updates: list[int] = []

    def save() -> None:
        if session.save is not None:
            shown = steps.start + len(found)
            session.save(with_state(trace, core.network, core.state(shown), _spikes(found)))

    for step in session.track(steps, "learning"):
        before = _updates(core)
        shown = Presentation("train", int(part.sample_ids[step % n]), passed=step // n)
        found.append(show(core, shown, part.values[step % n], learn=True))
        updates.append(_updates(core) - before)
        if session.save_every and len(found) % session.save_every == 0 and step + 1 < steps.stop:
            save()
    save()
    return _played(found, updates)


def with_state(trace: PlasticTrace, network: PlasticNetwork, state: LearnedState, responses: Ints) -> PlasticTrace:
    """A trace whose network has learned: `responses` [sample] are those since the trace's own state."""
    before = trace.responses if trace.state else np.empty(0, np.int32)
    together = np.concatenate([before, responses.astype(np.int32)])
    return replace(trace, network=network, state=state, responses=together, sha256="")


def _updates(core: LearningCore) -> int:
    return int(core.counted[POTENTIATED] + core.counted[DEPRESSED])


def _spikes(found: list[Shown]) -> Ints:
    return np.array([shown.spikes.sum() for shown in found], np.int64)


def _played(found: list[Shown], updates: list[int]) -> Played:
    return Played(
        activity=[shown.activity for shown in found],
        presentations=np.array([shown.presentations for shown in found], np.int64),
        spikes=_spikes(found),
        updates=np.array(updates, np.int64),
    )


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
    part = trace.parts["test"]
    found, right = [], 0
    members = labels == np.arange(trace.n_classes)[:, None]
    sizes = np.maximum(members.sum(axis=1), 1)
    for i in session.track(range(len(part.labels)), "deciding"):
        shown = Presentation("test", int(part.sample_ids[i]))
        found.append(show(core, shown, part.values[i], learn=False))
        right += int((members @ found[-1].spikes / sizes).argmax() == part.labels[i])
    return _played(found, [0] * len(found)), right / len(part.labels)
