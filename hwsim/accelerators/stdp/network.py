"""The network that a core runs: a trace's, in the core's formats and with its rules."""

from __future__ import annotations

from dataclasses import replace

from hwsim.accelerators.stdp.spec import StdpSpec
from hwsim.errors import ArchitectureError, TraceError
from hwsim.traces.plastic.check import check_plastic
from hwsim.traces.plastic.trace import QUANTITIES, PlasticNetwork


def network_on(spec: StdpSpec, network: PlasticNetwork) -> PlasticNetwork:
    """Formats, kind of inhibition and rule of the core; rates, windows, strengths and leaks of the trace.

    Raises ArchitectureError where the trace's parameters do not fit the core's formats.
    """
    coding, inhibition, stdp = network.coding, network.inhibition, network.stdp
    if spec.rest_steps != "trace":
        coding = replace(coding, rest_steps=spec.rest_steps)
    if spec.repeats != "trace":
        coding = replace(coding, most_repeats=spec.repeats)
    if spec.inhibition_delay_steps != "trace":
        inhibition = replace(inhibition, delay_steps=spec.inhibition_delay_steps)
    step = inhibition.strength_step_mv if spec.adaptive_inhibition else 0.0
    forms = {name: spec.format_of(name).fixed for name in QUANTITIES}
    changed = replace(
        network,
        coding=coding,
        inhibition=replace(inhibition, kind=spec.inhibition, strength_step_mv=step),
        stdp=replace(stdp, rule=spec.stdp, weight_sum=stdp.weight_sum if spec.normalise else 0.0),
        formats={name: form for name, form in forms.items() if form is not None} or None,  # None for FP32
    )
    try:
        check_plastic(changed)
    except TraceError as error:
        raise ArchitectureError(f"the trace's network does not fit this machine's settings: {error}") from None
    return changed
