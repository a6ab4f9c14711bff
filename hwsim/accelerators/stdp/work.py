"""The work of some samples of one phase on a core, which counts and times are made from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from hwsim.accelerators.stdp.activity import Activity
from hwsim.accelerators.stdp.plan import Plan
from hwsim.contract.arrays import IntArray


class Role(StrEnum):
    """The stages of a core."""

    NORMALISE = "normalise"
    ENCODE = "encode"
    INTEGRATE = "integrate"
    NEURONS = "neurons"
    TRACES = "traces"
    DEPRESS = "depress"
    POTENTIATE = "potentiate"
    READOUT = "readout"


@dataclass(frozen=True, slots=True)
class Visits:
    """What depression or potentiation does at every step: int64 [sample, step] each."""

    visited: IntArray  # weights
    asked: IntArray  # weights that the rule asks for
    words: IntArray  # reads of the weight memory, and as many writes
    traces: IntArray  # reads of the trace memory


@dataclass(frozen=True)
class Work:
    """What the network asks for, and what the core does for it.

    Arrays of learning stages have no jobs in inference.
    """

    plan: Plan
    asked: Activity
    done: Activity
    updates: IntArray  # [sample, 1] weight updates that were not zero

    @property
    def learns(self) -> bool:
        """Whether the samples are learned from."""
        return self.asked.learns

    def random(self, quantity: str) -> bool:
        """Whether a quantity is rounded stochastically."""
        return self.plan.spec.rounds_randomly(quantity)

    @cached_property
    def prepared(self) -> IntArray:
        """1 for every presentation that learns: [presentation]."""
        return np.ones(self.done.presentations if self.learns else 0, np.int64)

    @cached_property
    def normalised(self) -> IntArray:
        """1 for those before which weights are scaled: [presentation], the first where there is a sum to scale to."""
        scaled = np.zeros_like(self.prepared)
        scaled[:1] = self.plan.network.stdp.weight_sum > 0
        return scaled

    @cached_property
    def each_step(self) -> IntArray:
        """1 for every step: [step]."""
        return np.ones(self.done.steps, np.int64)

    @cached_property
    def learning_step(self) -> IntArray:
        """The same for stages that only learning has."""
        return self.each_step if self.learns else self.each_step[:0]

    @cached_property
    def step_of_presentation(self) -> IntArray:
        """Steps since the presentation began: [step]."""
        return np.arange(self.done.steps, dtype=np.int64) % self.plan.presentation

    @cached_property
    def presenting(self) -> IntArray:
        """1 for steps with input: [step]."""
        return (self.step_of_presentation < self.plan.network.coding.present_steps).astype(np.int64)

    @cached_property
    def filled(self) -> IntArray:
        """1 for steps with input spikes that leave currents: [sample, step]; none do where they change neurons."""
        return ((self.done.inputs > 0) & (not self.plan.in_memory)).astype(np.int64)

    @cached_property
    def charged(self) -> IntArray:
        """Reads of the neuron memory, and as many writes, that input spikes cause: [sample, step]."""
        return self.done.inputs * self.plan.state_words * self.plan.in_memory

    @cached_property
    def lowered(self) -> IntArray:
        """The same of inhibition that arrives: [sample, step]."""
        return self.done.inhibiting * self.plan.state_words * self.plan.in_memory

    @cached_property
    def driven(self) -> IntArray:
        """The same of output spikes that drive a layer of inhibitory neurons, all or their own: [sample, step]."""
        plan = self.plan
        words = plan.state_words if plan.spec.inhibition_storage == "dense" else plan.group_words
        return self.done.outputs * words * (plan.in_memory and plan.layer)

    @cached_property
    def queued(self) -> IntArray:
        """Input spikes that are drawn: [sample, step]."""
        return self.done.inputs * self.presenting

    @cached_property
    def driving(self) -> IntArray:
        """Additions that drive a layer of inhibitory neurons: [sample, step]."""
        if not self.plan.layer:
            return np.zeros_like(self.done.outputs)
        return self.done.outputs * (self.plan.neurons if self.plan.spec.inhibition_storage == "dense" else 1)

    def learning(self, values: IntArray) -> IntArray:
        """Values [sample, step] of a stage that only learning has."""
        return values if self.learns else values[:, :0]

    @cached_property
    def set_traces(self) -> IntArray:
        """Traces that are set for a spike: a pixel's at its step, a neuron's before the decay of the step behind it.

        A sweep over all writes what is set as it goes.  Nothing is set for the last step of a presentation.
        """
        if self.plan.spec.skip == "none":
            return self.learning(np.zeros_like(self.done.inputs))
        late = np.zeros_like(self.done.outputs)
        late[:, 1:] = self.done.outputs[:, :-1]
        return self.learning(self.done.inputs + np.where(self.step_of_presentation > 0, late, 0))

    @cached_property
    def depression(self) -> Visits:
        """What depression does; it reads the traces of all neurons where any weight is depressed."""
        done, plan = self.done, self.plan
        by_row = None if plan.spec.layout == "post_major" else done.depressed_pixels * plan.row_words(0)
        traces = np.where(done.depressions > 0, plan.trace_words(plan.neurons), 0)
        return self._visits(done.depressions, self.asked.depressions, by_row, traces)

    @cached_property
    def potentiation(self) -> Visits:
        """What potentiation does; it reads the traces of all pixels for every neuron that it visits."""
        done, plan = self.done, self.plan
        by_column = None if plan.spec.layout == "pre_major" else done.potentiated_neurons * plan.column_words(0)
        traces = done.potentiated_neurons * plan.trace_words(plan.pixels)
        return self._visits(done.potentiations, self.asked.potentiations, by_column, traces)

    def _visits(self, visited: IntArray, asked: IntArray, in_rows: IntArray | None, traces: IntArray) -> Visits:
        """A sweep goes through all weights as they lie; else words are those of whole rows, or of single weights."""
        if self.plan.spec.skip == "none":
            words = np.where(visited > 0, self.plan.all_weight_words, 0)
        elif in_rows is None:
            words = visited * self.plan.weight_words
        else:
            words = np.where(visited > 0, in_rows, 0)
        return Visits(*(self.learning(values) for values in (visited, asked, words, traces)))
