"""The work of some samples of one phase on a core, which counts and times are made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.stdp.activity import Activity
from hwsim.accelerators.stdp.plan import Plan

IntArray = NDArray[np.int64]

NORMALISE, ENCODE, INTEGRATE, NEURONS = "normalise", "encode", "integrate", "neurons"
TRACES, DEPRESS, POTENTIATE, READOUT = "traces", "depress", "potentiate", "readout"
STAGES = (NORMALISE, ENCODE, INTEGRATE, NEURONS, TRACES, DEPRESS, POTENTIATE, READOUT)
LAYER_OF = {
    NORMALISE: "learning",
    ENCODE: "input",
    INTEGRATE: "excitatory",
    NEURONS: "excitatory",
    TRACES: "learning",
    DEPRESS: "learning",
    POTENTIATE: "learning",
    READOUT: "readout",
}


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
        """1 for steps with input spikes, which leave currents: [sample, step]."""
        return (self.done.inputs > 0).astype(np.int64)

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
    def depressions(self) -> IntArray:
        """Weights that depression visits: [sample, step]."""
        return self.learning(self.done.depressions)

    @cached_property
    def potentiations(self) -> IntArray:
        """Weights that potentiation visits: [sample, step]."""
        return self.learning(self.done.potentiations)

    @cached_property
    def asked_depressions(self) -> IntArray:
        """Those that the rule asks for."""
        return self.learning(self.asked.depressions)

    @cached_property
    def asked_potentiations(self) -> IntArray:
        """Those that the rule asks for."""
        return self.learning(self.asked.potentiations)

    @cached_property
    def depressed_words(self) -> IntArray:
        """Reads of the weight memory for depression, and as many writes: [sample, step]."""
        if self.plan.spec.skip == "none":
            return self._swept(self.depressions)
        if self.plan.spec.layout == "post_major":
            return self.depressions * self.plan.weight_words
        pixels = self.learning(self.done.depressed_pixels)
        return np.where(self.depressions > 0, pixels * self.plan.row_words(0), 0)

    @cached_property
    def potentiated_words(self) -> IntArray:
        """Reads of the weight memory for potentiation, and as many writes: [sample, step]."""
        if self.plan.spec.skip == "none":
            return self._swept(self.potentiations)
        if self.plan.spec.layout == "pre_major":
            return self.potentiations * self.plan.weight_words
        neurons = self.learning(self.done.potentiated_neurons)
        return np.where(self.potentiations > 0, neurons * self.plan.column_words(0), 0)

    def _swept(self, visited: IntArray) -> IntArray:
        """A sweep goes through the weights as they lie, whichever of them the rule speaks of."""
        return np.where(visited > 0, self.plan.all_weight_words, 0)

    @cached_property
    def depressing_traces(self) -> IntArray:
        """Reads of the trace memory: those of all neurons, where any weight is depressed: [sample, step]."""
        return np.where(self.depressions > 0, self.plan.trace_words(self.plan.neurons), 0)

    @cached_property
    def potentiating_traces(self) -> IntArray:
        """Reads of the trace memory: those of all pixels for every neuron: [sample, step]."""
        return self.learning(self.done.potentiated_neurons) * self.plan.trace_words(self.plan.pixels)
