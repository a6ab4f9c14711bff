"""What is to be done with a trace that is learned from, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from hwsim import arguments
from hwsim.errors import UsageError
from hwsim.traces.plastic.trace import PlasticTrace

Phase = Literal["train", "infer", "both"]


def _in_silence(samples: Iterable[int], _what: str) -> Iterable[int]:
    return samples


@dataclass(frozen=True, slots=True)
class Session:
    """Which samples are shown, what watches them and what keeps what was learned."""

    phase: Phase = "both"
    passes: int = 1  # over the training samples
    until: int | None = None  # so many training samples in all, if that is less
    label_samples: int = 10_000  # at most
    track: Callable[[Iterable[int], str], Iterable[int]] = _in_silence  # gives the samples on, and may show where it is
    save: Callable[[PlasticTrace], None] | None = None  # takes the trace with what has been learned so far
    save_every: int = 0  # training samples; 0: only at the end

    def __post_init__(self) -> None:
        """Raise UsageError for a phase that there is not, for what is no number, and for what cannot be called."""
        arguments.one_of("phase", self.phase, get_args(Phase))
        for name, least in (("passes", 1), ("label_samples", 1), ("save_every", 0)):
            if arguments.whole(name, getattr(self, name)) < least:
                raise UsageError(f"{name}: must be at least {least}, got {getattr(self, name)}")
        arguments.whole_or_none("until", self.until)
        if not callable(self.track):
            raise UsageError(f"track: wanted a function that gives samples on, got {self.track!r}")
        if self.save is not None and not callable(self.save):
            raise UsageError(f"save: wanted a function that takes a trace, got {self.save!r}")
