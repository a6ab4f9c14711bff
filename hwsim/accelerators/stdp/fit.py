"""Whether a learning network fits the memories and random numbers of a core."""

from __future__ import annotations

from collections.abc import Iterator

from hwsim.accelerators.stdp.plan import Plan
from hwsim.contract.fit import refuse_narrow, refuse_small
from hwsim.errors import ArchitectureError
from hwsim.kernels.poisson import CHANCE_BITS
from hwsim.kernels.stdp.rules import FACTOR_BITS, RATE_BITS


def check_fit(plan: Plan) -> None:
    """Raise ArchitectureError where a memory is too small for a network, or random numbers are too narrow."""
    spec = plan.spec
    for key, needed in plan.needed_bits().items():
        who = f"{plan.pixels} pixels and {plan.neurons} neurons need"
        refuse_small(key, who, needed, getattr(spec, key).capacity_bits)
    refuse_narrow(f"{plan.neurons} neurons", [("readout.bits", _count_bits(plan), spec.readout.bits)])
    for message in _too_narrow(plan):
        raise ArchitectureError(message)


def _count_bits(plan: Plan) -> int:
    """Bits of all output spikes of a presentation, if no neuron ever rests longer than it must."""
    each = -(-plan.presentation // (plan.network.neurons.refractory_steps + 1))
    return (plan.neurons * each).bit_length()


def _too_narrow(plan: Plan) -> Iterator[str]:
    """Random numbers as wide as what they are added to before it is rounded off."""
    spec, forms = plan.spec, plan.network.formats
    if spec.encoder.bits < CHANCE_BITS:
        yield f"encoder.bits: the trace's coding draws {CHANCE_BITS} bits for each pixel, not {spec.encoder.bits}"
    if forms is None:
        return
    fraction = {name: form.fraction_bits for name, form in forms.items()}
    rounded_off = {
        "weights": max(RATE_BITS + fraction["traces"] - fraction["weights"], FACTOR_BITS),
        "membranes": max(fraction["weights"] - fraction["membranes"], FACTOR_BITS),
        "traces": FACTOR_BITS,
        "thresholds": FACTOR_BITS,
    }
    for name, bits in rounded_off.items():
        if spec.rounds_randomly(name) and bits > spec.rounder.bits:
            yield f"rounder.bits: {name} round {bits} bits off stochastically, random numbers have {spec.rounder.bits}"
