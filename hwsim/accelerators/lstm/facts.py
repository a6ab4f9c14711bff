"""What the laws that hold for every machine need to know of the lstm machine."""

from __future__ import annotations

from hwsim.contract.facts import Facts

FACTS = Facts(
    deciding=("gate_ports=shared", "weight_copies=shared"),  # whose engines wait for ports
    prices_only=("technology.temperature_k=350", "clock.network.capacitance_ff=2", "clock.network.gated_fraction=0.5"),
    spike_driven=frozenset({("ac", "add"), ("weights", "read"), ("readout", "add"), ("readout_weights", "read")}),
)
