"""The names of a machine's runs."""

from __future__ import annotations

STATIC = "static"
"""The run with every decision off: all timesteps of the trace."""


EARLY_EXIT = "early exit"
"""The run in which each sample stops at its own timestep, which it does not go beyond before the decision."""


OVERLAPPED = "early exit, overlapped"
"""The same with later timesteps under way during a decision; what has started when it says exit ran in vain."""


STREAMED = "stream"
"""The run in which samples follow each other as closely as they can; the others begin with an empty machine."""
