"""What the jobs of every engine do, as postings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hwsim.accelerators.lstm.engines import Engine
from hwsim.accelerators.lstm.work import StepWork
from hwsim.contract.ledger import Posting


def postings(built: list[Engine], works: Mapping[str, StepWork]) -> Iterator[Posting]:
    """Every action of every engine's jobs."""
    for engine in built:
        for posted in works[engine.layer].posted:
            if posted.stage == engine.role:
                counts = engine.of_jobs(posted.counts)
                yield posted._replace(stage=engine.name, counts=counts if len(counts) > 1 else counts[0])
