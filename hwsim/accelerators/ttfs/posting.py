"""What sorts and passes do, posted to the ledger: every action of the machine with its closed form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hwsim.accelerators.ttfs.plan import Plan
from hwsim.accelerators.ttfs.timing import LayerWork, sort_cycles, sort_stage
from hwsim.contract.ledger import OPERATIONS, Posting


def postings(plan: Plan, works: Sequence[LayerWork]) -> Iterator[Posting]:
    """Every action of every layer."""
    for work in works:
        yield from _sort_actions(plan, work)
        yield from _pass_actions(plan, work)


def _sort_actions(plan: Plan, work: LayerWork) -> Iterator[Posting]:
    stage, listed = sort_stage(work.planned), work.counts.listed[:, :, 0]
    yield Posting(stage, "spikes", "read", sort_cycles(plan, work))
    yield Posting(stage, "queue", "write", listed)
    yield Posting(stage, "sorter", "insert", listed)
    yield Posting(stage, "sorter", "clear", np.ones_like(listed))


def _pass_actions(plan: Plan, work: LayerWork) -> Iterator[Posting]:
    """Element actions, fetches, what the layer gives, and what the network asked for."""
    planned, counts = work.planned, work.counts
    widths, words, bias_words = (
        np.array(sizes, np.int64) for sizes in (planned.widths, planned.words, planned.bias_words)
    )
    output = planned is plan.layers[-1]
    all_ticks = plan.ticks + plan.starts.get(planned.name, 0)  # of a pass that nothing stops
    first_of_position = np.arange(widths.size) == 0  # which writes how many spikes the position has
    found = {
        ("queue", "read"): counts.spikes,
        ("weights", "read"): counts.spikes * words + bias_words,
        ("pe", "forward"): (counts.spikes + counts.ticks) * widths,
        ("pe", "load"): np.broadcast_to(widths, counts.spikes.shape),
        ("spikes", "write"): counts.fires * 0 if output else counts.fires + first_of_position,
        ("decision", "add"): counts.rivals if output else counts.rivals * 0,
        (OPERATIONS, "AC"): counts.listed * widths,
        (OPERATIONS, "membrane update"): np.broadcast_to(all_ticks * widths, counts.spikes.shape),
    }
    if plan.spec.coding == "ttfs":
        found |= {
            ("pe", "accumulate"): counts.accumulates,
            ("pe", "update"): counts.updates,
            ("pe", "check"): counts.checks,
            ("pe", "fire"): counts.fires,
        }
    else:
        found |= {
            ("pe", "integrate"): counts.accumulates,
            ("pe", "compare"): counts.updates,
            ("pe", "reset"): counts.fires,
        }
    for (component, action), values in found.items():
        yield Posting(planned.name, component, action, np.ascontiguousarray(values).reshape(len(values), -1))
