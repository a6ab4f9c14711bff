"""What the jobs of every engine do, as postings."""

from __future__ import annotations

from collections.abc import Iterator

from hwsim.accelerators.lstm.engines import Engine
from hwsim.accelerators.lstm.plan import Plan
from hwsim.accelerators.lstm.work import StepWork, by_layer
from hwsim.contract.ledger import Posting


def postings(plan: Plan, built: list[Engine], works: list[StepWork]) -> Iterator[Posting]:
    """Every action of every engine's jobs."""
    found = by_layer(plan, works)
    for engine in built:
        for posted in found[engine.layer].posted:
            if posted.stage == engine.role:
                counts = engine.of_jobs(posted.counts)
                yield posted._replace(stage=engine.name, counts=counts if len(counts) > 1 else counts[0])
