"""Samples, learning rule and number formats of a learning network on a terminal; it changes nothing."""

from __future__ import annotations

from rich.table import Table

from hwsim.traces.plastic.trace import PlasticTrace
from hwsim.view.terminal.plain_table import plain_table


def plastic_facts(trace: PlasticTrace) -> list[str]:
    """Coding, neurons, rule, formats."""
    network = trace.network
    coding, neurons, stdp, rule = network.coding, network.neurons, network.stdp, network.inhibition
    facts = [
        f"input: {network.pixels} pixels, Poisson up to {coding.peak_millihertz / 1000:g} Hz, steps of "
        f"{coding.dt_us / 1000:g} ms, {coding.present_steps} with input and {coding.rest_steps} of rest, "
        f"seed {network.seed}"
    ]
    if coding.most_repeats:
        facts.append(
            f"repeats: a sample that draws fewer than {coding.fewest_spikes} spikes is shown again, brighter, "
            f"up to {coding.most_repeats} times"
        )
    winners = "one winner a step" if neurons.one_winner else "several winners a step"
    by = "from neuron to neuron" if rule.kind == "direct" else f"by {neurons.count} inhibitory neurons"
    facts += [
        f"neurons: {neurons.count} excitatory, threshold {neurons.v_threshold_mv:g} mV above rest, "
        f"{neurons.theta_plus_mv:g} mV more a spike, {winners}",
        f"inhibition: {by}, {rule.strength_mv:g} mV at first, {rule.delay_steps} steps later",
    ]
    if rule.strength_step_mv:
        facts.append(
            f"its strength: from {rule.strength_lowest_mv:g} to {rule.strength_highest_mv:g} mV, "
            f"{rule.strength_step_mv:g} more after a presentation in which over {rule.most_responding} neurons fire"
        )
    windows = f" in windows of {stdp.window_steps} steps" if stdp.rule == "windowed" else ""
    facts.append(f"learning: {stdp.rule}{windows}, weights from 0 to {stdp.w_highest:g}, sum {stdp.weight_sum:g}")
    forms = (network.formats or {}).items()
    names = [f"{name} Q{form.integer_bits}.{form.fraction_bits} {form.rounding}" for name, form in forms]
    facts.append("formats: " + (", ".join(names) or "FP32"))
    if trace.state is not None:
        facts.append(f"learned: from {trace.state.samples:,} samples")
    return facts


def plastic_parts(trace: PlasticTrace) -> Table:
    """A row for each part."""
    table = plain_table("Parts", "part", "samples", "input spikes a sample", "output spikes a sample", left=("part",))
    for name, part in trace.parts.items():
        output = f"{trace.responses.mean():.1f}" if name == "train" and trace.responses.size else ""
        table.add_row(name, f"{len(part.labels):,}", f"{part.input_spikes.mean():.1f}", output)
    return table
