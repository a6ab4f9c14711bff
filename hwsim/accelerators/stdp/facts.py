"""What the laws that hold for every machine need to know of the stdp machine."""

from __future__ import annotations

from hwsim.contract.facts import Facts

FACTS = Facts(
    deciding=("stdp=pairwise",),  # which learns at every step, while the next one reads
    frozen=(),  # counts are those of inference, in which nothing is learned
    prices_only=(
        "technology.temperature_k=350",
        "weight_memory.transposable_area=2",
        "clock.network.gated_fraction=0.5",
    ),
    spike_driven=frozenset(
        {
            ("adder", "add"),
            ("weight_memory", "read"),
            ("event_queue", "write"),
            ("event_queue", "read"),
            ("inhibition_memory", "read"),
            ("operations", "AC"),
        }
    ),
    whole="a presentation that is cut short learns something else",
)
