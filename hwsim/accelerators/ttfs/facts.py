"""What the laws that hold for every machine need to know of the ttfs machine."""

from __future__ import annotations

from hwsim.contract.facts import Facts

FACTS = Facts(
    frozen=("early_stop.element=run", "early_stop.hidden=never", "early_stop.output=never"),
    prices_only=("technology.vdd_v=0.8", "weights.corner=standard", "clock.network.gated_fraction=0.5"),
    spike_driven=frozenset(
        {
            ("queue", "read"),
            ("queue", "write"),
            ("sorter", "insert"),
            ("pe", "accumulate"),
            ("operations", "AC"),
        }
    ),
    # A spike with a negative weight keeps neurons from firing, and fewer outputs that fire may be more that tie.
    computed=frozenset({("pe", "fire"), ("spikes", "write"), ("decision", "add")}),
)
