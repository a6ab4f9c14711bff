"""Whether a machine can play a trace: its coding, its registers, its memories and its clock."""

from __future__ import annotations

from collections.abc import Mapping

from hwsim.accelerators.ttfs.plan import AnyCoding, Plan
from hwsim.accelerators.ttfs.spec import TtfsSpec
from hwsim.components.memory import Sram
from hwsim.contract.fit import refuse_narrow, refuse_small
from hwsim.errors import ArchitectureError, UsageError
from hwsim.traces.direct.rate import RateTrace
from hwsim.traces.network.layers import Conv2d, Flatten, Linear, Readout, is_delayed
from hwsim.traces.ttfs.check import MOST_WEIGHT_BITS
from hwsim.traces.ttfs.trace import FirstSpikeTrace


def check_trace(spec: TtfsSpec, trace: AnyCoding) -> None:
    """Raise UsageError for what the machine is not set to or cannot do, ArchitectureError for registers too narrow."""
    coding = "ttfs" if isinstance(trace, FirstSpikeTrace) else "rate"
    if coding != spec.coding:
        why = "its neurons may fire again" if coding == "rate" else "its neurons fire once, and times carry the values"
        raise UsageError(
            f"coding: the machine is set to '{spec.coding}', but {trace.provenance.name} is '{coding}': {why}; "
            f"use --set coding={coding}, or a trace of coding '{spec.coding}'"
        )
    if isinstance(trace, FirstSpikeTrace):
        _check_elements(spec, trace)
    else:
        _check_rate(spec, trace)


def _check_elements(spec: TtfsSpec, trace: FirstSpikeTrace) -> None:
    """Threshold, ramp and bias must be numbers that the machine's registers can hold."""
    for layer in trace.network.weighted():
        neurons = trace.network.neurons[layer.name]
        biases = [] if layer.bias is None else [int(layer.bias.min()), int(layer.bias.max())]
        for key, bits, values in (
            ("slope_bits", spec.pe.slope_bits, [neurons.ramp]),
            ("potential_bits", spec.pe.potential_bits, [neurons.v_threshold, *biases]),
        ):
            highest = (1 << (bits - 1)) - 1
            if not (-highest - 1 <= min(values) and max(values) <= highest):
                raise ArchitectureError(
                    f"pe.{key}: threshold, ramp or bias of {layer.name} reach {max(values, key=abs)}, "
                    f"{bits} bits hold {-highest - 1} to {highest}"
                )


def _check_rate(spec: TtfsSpec, trace: RateTrace) -> None:
    """The machine adds weights to potentials, compares and subtracts, and nothing else."""
    if trace.inputs is None:
        raise UsageError(
            f"{trace.provenance.name}: the input spikes of a rate-coded trace follow from raw inputs: none"
        )
    for layer in trace.network.layers[1:]:
        if isinstance(layer, Readout):
            raise UsageError(
                f"layer '{layer.name}': the machine decides by sums of its last layer, which must not fire"
            )
        if is_delayed(layer):
            raise UsageError(f"layer '{layer.name}': the machine has no way for spikes of the timestep before")
        if not isinstance(layer, Conv2d | Linear | Flatten) or (isinstance(layer, Conv2d) and layer.groups > 1):
            raise UsageError(f"layer '{layer.name}': the machine has convolutions of one group and linear layers only")
        if isinstance(layer, Conv2d) and not layer.window.is_square:
            raise UsageError(f"layer '{layer.name}': the machine has square windows only, alike on all sides")
        if isinstance(layer, Conv2d | Linear) and layer.weights.bits > MOST_WEIGHT_BITS:
            raise UsageError(
                f"layer '{layer.name}': the machine has weights of at most {MOST_WEIGHT_BITS} bits, "
                f"found {layer.weights.bits}"
            )
        neuron = layer.neuron if isinstance(layer, Conv2d | Linear) else None
        if neuron is not None and (neuron.leaks or neuron.reset != "soft" or not neuron.plain):
            wanted = "neurons without leak that fire 1 above their threshold, and never -1, and subtract it at once"
            raise UsageError(f"layer '{layer.name}': the machine has {wanted}")
        if neuron is not None and neuron.membrane_bits > spec.pe.potential_bits:
            raise ArchitectureError(
                f"pe.potential_bits: {layer.name} needs {neuron.membrane_bits}, it has {spec.pe.potential_bits}"
            )


def check_fit(plan: Plan) -> None:
    """Raise ArchitectureError where memories are too small for a network, or slower than the clock, or cores idle."""
    if plan.spec.cores > len(plan.layers):
        raise ArchitectureError(
            f"cores: {len(plan.layers)} layers have weights, so at most as many cores have work, got {plan.spec.cores}"
        )
    _check_clock(plan.spec)
    _check_ticks(plan)
    _check_words(plan)
    _check_capacities(plan)
    _check_queue(plan)


def _check_words(plan: Plan) -> None:
    """A spike is a word of its channel and its tick; the decision compares potentials."""
    spec, ticks = plan.spec, (plan.ticks - 1).bit_length()
    refuse_narrow("the output", [("decision.bits", spec.pe.potential_bits, spec.decision.bits)])
    for planned in plan.layers:
        channels = (plan.network[planned.source].shape[2] - 1).bit_length()
        refuse_narrow(planned.source, [("spikes.port_bits", channels + ticks, spec.spikes.port_bits)])


def _check_clock(spec: TtfsSpec) -> None:
    period_ns = 1e3 / spec.clock.frequency_mhz
    for key, memory in _memories(spec).items():
        cycle_ns = memory.priced_as(key, spec.technology).times_ns["cycle"]
        if cycle_ns > period_ns * (1 + 1e-9):
            raise ArchitectureError(
                f"clock.frequency_mhz: an access of {key} takes {cycle_ns:.3g} ns, a cycle lasts {period_ns:.3g} ns"
            )


def _memories(spec: TtfsSpec) -> Mapping[str, Sram]:
    return {"weights": spec.weights, "queue": spec.queue, "spikes": spec.spikes}


def _check_ticks(plan: Plan) -> None:
    spec = plan.spec
    if spec.sorter.buckets < plan.ticks:
        raise ArchitectureError(f"sorter.buckets: {plan.ticks} ticks need as many, it has {spec.sorter.buckets}")
    if spec.coding == "ttfs" and 1 << spec.pe.time_bits <= plan.ticks:  # one code more for silence
        raise ArchitectureError(
            f"pe.time_bits: {plan.ticks} ticks and silence need {plan.ticks.bit_length()}, got {spec.pe.time_bits}"
        )


def _check_capacities(plan: Plan) -> None:
    spec = plan.spec
    for core in range(spec.cores):
        for key, needed, there in (
            ("weights", plan.weight_bits(core), spec.weights.total_bits),
            ("spikes", plan.spikes_bits(core), spec.spikes.capacity_bits),
        ):
            refuse_small(key, f"the layers of core {core} need", needed, there)


def _check_queue(plan: Plan) -> None:
    spec = plan.spec
    limits = {
        "queue.capacity_kib": spec.queue.capacity_bits // spec.queue.port_bits,
        "sorter.pointer_bits": 1 << spec.sorter.pointer_bits,
    }
    key, holds = min(limits.items(), key=lambda limit: limit[1])
    for planned in plan.layers:
        if plan.listed(planned) > holds:
            raise ArchitectureError(
                f"{key}: up to {plan.listed(planned)} spikes under a window of {planned.name}, "
                f"each memory of the queue holds {holds}"
            )
        index_bits = (planned.taps - 1).bit_length()
        if index_bits + spec.sorter.pointer_bits > spec.queue.port_bits:
            raise ArchitectureError(
                f"queue.port_bits: an index of {index_bits} bits ({planned.name}) and a pointer of "
                f"{spec.sorter.pointer_bits} do not fit in {spec.queue.port_bits}"
            )
