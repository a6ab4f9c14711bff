"""What a trace of a trained network says of its training, and how many samples it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from hwsim.traces.provenance import Provenance
from training.common.data import stratified


@dataclass(frozen=True, slots=True)
class Amounts:
    """How many test samples a trace holds: with spikes, and as raw inputs (the recorded ones first)."""

    recorded: int
    inputs: int


class Told(Protocol):
    """What every training tool is told of its run."""

    @property
    def dataset(self) -> str:
        """Name of the data set."""

    @property
    def licence(self) -> str:
        """That of the data."""

    @property
    def command(self) -> str:
        """As it was run."""

    @property
    def seed(self) -> int:
        """Of everything random."""


def trained_provenance(
    told: Told, network: str, accuracy: tuple[float, ...], float_accuracy: tuple[float, ...], notes: str
) -> Provenance:
    """The provenance of a trace of the test split, of a network that torch trained."""
    return Provenance(
        name=f"{told.dataset} {network}",
        dataset=told.dataset,
        split="test",
        licence=told.licence,
        framework=f"torch {torch.__version__}",
        command=told.command,
        seed=told.seed,
        synthetic=False,
        accuracy=accuracy,
        float_accuracy=float_accuracy,
        notes=notes,
    )


def recorded_first(labels: NDArray[np.int64], amounts: Amounts, seed: int) -> NDArray[np.int64]:
    """Indices of `amounts.inputs` samples, of which the first `amounts.recorded` and the others are each stratified."""
    first = stratified(labels, amounts.recorded, seed)
    left = np.setdiff1d(np.arange(len(labels)), first)
    return np.concatenate([first, left[stratified(labels[left], amounts.inputs - amounts.recorded, seed)]])
