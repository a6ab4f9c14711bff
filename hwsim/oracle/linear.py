"""The linear model that stands in for a machine between two batches that are played, and how far it was off.

    cost(batch) = cost of the batch that was played + sum of slope * (mean spikes - mean spikes then)

Slopes are those of the batch that was played, in the mean over its samples.  Where costs are in proportion to spikes
(docs/guides/oracle.md) that is exact for any batch with the same raw inputs.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Drift:
    """Of each batch that was played after others, what the linear model said of it, relative to what it cost."""

    errors: list[float] = field(default_factory=list)

    @property
    def last(self) -> float:
        """That of the batch played last, 0 before there is one."""
        return self.errors[-1] if self.errors else 0.0

    @property
    def mean(self) -> float:
        """The mean of their magnitudes."""
        return sum(map(abs, self.errors)) / len(self.errors) if self.errors else 0.0

    @property
    def worst(self) -> float:
        """The largest of them."""
        return max(map(abs, self.errors), default=0.0)

    def note(self, said: float, cost: float) -> None:
        """Add one."""
        self.errors.append((said - cost) / cost if cost else 0.0)

    def __str__(self) -> str:
        n = len(self.errors)
        return (
            f"linear model off by {self.last:+.2%} last, {self.mean:.2%} in the mean, {self.worst:.2%} at worst of {n}"
        )
