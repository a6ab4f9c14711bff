"""What the laws that hold for every machine need to know of the digital machine."""

from __future__ import annotations

from dataclasses import replace

from hwsim.contract.facts import Facts

_SHARED = Facts(
    prices_only=("technology.temperature_k=350", "clock.network.gated_fraction=0.5", "dram.law=hbm"),
    spike_driven=frozenset({("ac", "add"), ("operations", "AC")}),
)

FACTS = replace(
    _SHARED,
    by_design={
        "digital_on_chip": replace(_SHARED, prices_only=_SHARED.prices_only[:-1]),
        "digital_compute": replace(_SHARED, prices_only=("mac.given.mac_pj=3.2", "ac.given.add_pj=0.1")),
    },
)
