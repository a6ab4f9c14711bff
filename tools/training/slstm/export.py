"""From a trained spiking LSTM to a trace: recorded spikes, logits and where they come from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hwsim.doors.torch.lstm.integers import Lattice, logit_scale, network_of
from hwsim.traces.sequence.golden import execute_sequence
from hwsim.traces.sequence.trace import SequenceInputs, SequenceTrace
from hwsim.traces.trace import Logits
from training.common.data import Images
from training.common.provenance import Amounts, recorded_first, trained_provenance
from training.slstm.network import INPUT_STEPS_PER_ONE, GatedNetwork

LATTICE = Lattice(1 / INPUT_STEPS_PER_ONE, INPUT_STEPS_PER_ONE)


@dataclass(frozen=True, slots=True)
class Origin:
    """What the provenance says of a training run."""

    dataset: str
    licence: str
    command: str
    seed: int
    float_accuracy: tuple[float, ...]  # of the spiking network before rounding, test split, at each T
    notes: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A trace, and spikes per unit and cell step over the whole test split, by 'LAYER/GATE'."""

    trace: SequenceTrace
    rates: dict[str, float]


def recorded(trained: GatedNetwork, test: Images, amounts: Amounts, origin: Origin) -> Recorded:
    """Execute the integers of `trained` on all test samples; keep spikes of some and logits of all."""
    network = network_of(trained, LATTICE)
    values = test.x[..., 0].astype(np.int8)
    run = execute_sequence(network, values, trained.timesteps)
    order = recorded_first(test.y, amounts, origin.seed)
    samples, first = test.take(order), order[: amounts.recorded]
    scale = logit_scale(trained, LATTICE)
    logits = {
        "recorded": Logits(run.logits[first], scale, test.y[first], test.ids[first], "test"),
        "test": Logits(run.logits, scale, test.y, test.ids, "test"),
    }
    accuracy = tuple(float(a) for a in logits["test"].accuracy())
    shape = f"{network.n_elements}x{network.n_features}-{network.layers[0].n_hidden}-{network.n_classes}"
    trace = SequenceTrace(
        network=network,
        timesteps=trained.timesteps,
        spikes={name: replace(spikes, words=spikes.words[first]) for name, spikes in run.spikes.items()},
        inputs=SequenceInputs(values[order], samples.y, samples.ids),
        logits=logits,
        provenance=trained_provenance(origin, f"spiking LSTM {shape}", accuracy, origin.float_accuracy, origin.notes),
    )
    rates = {name: float(spikes.counts().mean()) / spikes.n_units for name, spikes in run.spikes.items()}
    return Recorded(trace, rates)
