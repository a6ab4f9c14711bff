"""What cells of a spiking LSTM offer against what limits them."""

from __future__ import annotations

from collections.abc import Iterator

from hwsim.accelerators.lstm.spec import LstmSpec
from hwsim.contract.levers import Lever, Limits, faster_clock, fitting, multiplied
from hwsim.traces.sequence.trace import SequenceTrace

_MEMORIES = ("weights", "input_weights", "readout_weights", "queue")


def levers(spec: LstmSpec, trace: SequenceTrace, limits: Limits) -> Iterator[Lever]:
    """Wider engines with the weights that they need, memories that fit, inputs multiplied once, the clock."""
    inputs = {"mac.lanes": spec.mac.lanes, "input_weights.port_bits": spec.input_weights.port_bits}
    spikes = {"ac.lanes": spec.ac.lanes, "weights.port_bits": spec.weights.port_bits}
    yield multiplied("multipliers", inputs)
    yield multiplied("adders", spikes)
    for key in _MEMORIES:
        if limits.energy.get(key, 0.0) > 0.01:
            yield from fitting(key, getattr(spec, key), limits.used.get(key, 1.0))
    if spec.input_product == "every_step":
        yield Lever("inputs once", [{"input_product": "once"}])
    if spec.schedule == "serial":
        yield Lever("a cell a timestep", [{"schedule": "pipelined"}])
    if spec.weight_copies == "shared":
        yield Lever("copies of weights", [{"weight_copies": "replicated"}])
    if spec.gate_ports == "shared":
        yield Lever("a port a gate", [{"gate_ports": "per_gate"}])
    yield from faster_clock(spec.clock.frequency_mhz)
