"""What every stage of a core does, posted to the ledger: every action of the machine with its closed form."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hwsim.accelerators.stdp.work import Role, Visits, Work
from hwsim.contract.ledger import OPERATIONS, Posting


def postings(work: Work) -> Iterator[Posting]:
    """Every action of every stage; those that only learning has are zeros in inference."""
    yield from _normalise(work)
    yield from _encode(work)
    yield from _integrate(work)
    yield from _neurons(work)
    yield from _traces(work)
    yield from _learn(work, Role.DEPRESS, work.depression)
    yield from _learn(work, Role.POTENTIATE, work.potentiation)
    yield from _readout(work)


def _normalise(work: Work) -> Iterator[Posting]:
    plan, first, every = work.plan, work.normalised, work.prepared
    products = plan.pixels * plan.neurons
    yield Posting(Role.NORMALISE, "weight_memory", "read", 2 * plan.all_weight_words * first)
    yield Posting(Role.NORMALISE, "weight_memory", "write", plan.all_weight_words * first)
    yield Posting(Role.NORMALISE, "engine", "sum", products * first)
    yield Posting(Role.NORMALISE, "engine", "divide", plan.neurons * first)
    yield Posting(Role.NORMALISE, "engine", "scale", products * first)
    yield Posting(Role.NORMALISE, "engine", "decay", plan.neurons * every)
    yield Posting(Role.NORMALISE, "neuron_memory", "read", plan.state_words * every)
    yield Posting(Role.NORMALISE, "neuron_memory", "write", plan.state_words * every)
    yield Posting(Role.NORMALISE, OPERATIONS, "MAC", products * first)
    draws = work.random("weights") * products * first + work.random("thresholds") * plan.neurons * every
    yield Posting(Role.NORMALISE, "rounder", "draw", draws)


def _encode(work: Work) -> Iterator[Posting]:
    plan, inputs = work.plan, work.presenting
    yield Posting(Role.ENCODE, "encoder", "draw", plan.pixels * inputs)
    yield Posting(Role.ENCODE, "input_memory", "read", plan.input_words * inputs)
    yield Posting(Role.ENCODE, "event_queue", "write", plan.event_words * work.queued)


def _integrate(work: Work) -> Iterator[Posting]:
    plan, inputs = work.plan, work.done.inputs
    yield Posting(Role.INTEGRATE, "event_queue", "read", plan.queue_reads * plan.event_words * inputs)
    yield Posting(Role.INTEGRATE, "current_memory", "write", plan.current_words * work.filled)
    yield Posting(Role.INTEGRATE, "neuron_memory", "read", work.charged)
    yield Posting(Role.INTEGRATE, "neuron_memory", "write", work.charged)
    yield Posting(Role.INTEGRATE, "weight_memory", "read", plan.row_words(plan.neurons) * inputs)
    yield Posting(Role.INTEGRATE, "adder", "add", plan.neurons * inputs)
    yield Posting(Role.INTEGRATE, OPERATIONS, "AC", plan.neurons * work.asked.inputs)


def _neurons(work: Work) -> Iterator[Posting]:
    plan, done, ones = work.plan, work.done, work.each_step
    n, layers = plan.neurons, 2 if plan.layer else 1
    yield Posting(Role.NEURONS, "neuron", "update", layers * n * ones)
    states = plan.state_words * ones + work.lowered + work.driven
    yield Posting(Role.NEURONS, "neuron_memory", "read", states)
    yield Posting(Role.NEURONS, "neuron_memory", "write", states)
    yield Posting(Role.NEURONS, "current_memory", "read", plan.current_words * work.filled)
    yield Posting(Role.NEURONS, "neuron", "inhibit", n * done.inhibiting)
    yield Posting(Role.NEURONS, "neuron", "weigh", n * done.inhibiting * (plan.spec.inhibition_storage == "dense"))
    rows = done.inhibiting + (done.outputs if plan.layer else 0)
    yield Posting(Role.NEURONS, "inhibition_memory", "read", plan.inhibition_words * rows)
    yield Posting(Role.NEURONS, "adder", "add", work.driving)
    yield Posting(Role.NEURONS, OPERATIONS, "AC", n * work.asked.inhibiting + (work.asked.outputs if plan.layer else 0))
    yield Posting(Role.NEURONS, OPERATIONS, "membrane update", layers * n * ones)
    # The leak of each neuron and of its inhibitory one are rounded, and the sum of a step's weights where there is one.
    rounded = layers + (not plan.in_memory)
    yield Posting(Role.NEURONS, "rounder", "draw", work.random("membranes") * rounded * n * ones)


def _traces(work: Work) -> Iterator[Posting]:
    plan, ones = work.plan, work.learning_step
    traces = plan.pixels + plan.neurons
    words = plan.trace_words(traces)
    yield Posting(Role.TRACES, "engine", "decay", traces * ones)
    yield Posting(Role.TRACES, "trace_memory", "read", words * ones)
    yield Posting(Role.TRACES, "trace_memory", "write", words * ones + work.set_traces)
    yield Posting(Role.TRACES, "rounder", "draw", work.random("traces") * traces * ones)


def _learn(work: Work, stage: str, visits: Visits) -> Iterator[Posting]:
    yield Posting(stage, "trace_memory", "read", visits.traces)
    yield Posting(stage, "weight_memory", "read", visits.words)
    yield Posting(stage, "weight_memory", "write", visits.words)
    yield Posting(stage, "engine", "update", visits.visited)
    yield Posting(stage, OPERATIONS, "MAC", visits.asked)
    yield Posting(stage, "rounder", "draw", work.random("weights") * visits.visited)


def _readout(work: Work) -> Iterator[Posting]:
    """Spikes are counted, counts added up by class and classes compared; learning decides nothing."""
    plan, asked = work.plan, work.asked
    counted = asked.outputs.sum(axis=1, keepdims=True) + plan.neurons + plan.n_classes
    yield Posting(Role.READOUT, "readout", "add", np.zeros_like(counted) if asked.learns else counted)
    yield Posting(Role.READOUT, OPERATIONS, "weight update", work.updates)
