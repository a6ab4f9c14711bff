"""The ways in which a machine can run a trace."""

from __future__ import annotations

from enum import StrEnum


class RunName(StrEnum):
    """What a run is called in a report; machines that learn have a run for each phase, with samples of its own."""

    STATIC = "static"
    """Every decision off: all timesteps of the trace."""
    EARLY_EXIT = "early exit"
    """Each sample stops at its own timestep, which it does not go beyond before the decision."""
    OVERLAPPED = "early exit, overlapped"
    """The same with later timesteps under way during a decision; what has started when it says exit ran in vain."""
    STREAMED = "stream"
    """Samples follow each other as closely as they can; in the other runs they begin with an empty machine."""
    TRAIN = "train"
    INFER = "infer"
    ANN = "ann"
    """The same network without spikes: every weight multiplied."""
    QANN = "qann"
    """The same with few-bit activations and zeros, the fair opponent."""

    @property
    def is_phase(self) -> bool:
        """Whether its samples are its own, so that nothing is compared with it."""
        return self in (RunName.TRAIN, RunName.INFER)

    @property
    def learns(self) -> bool:
        """Whether it changes weights and so has no accuracy of its own."""
        return self is RunName.TRAIN
