"""The errors that hwsim raises for a reason a user can mend; each message is one line.

HwsimError
├── ArchitectureError   an architecture file, an override or a price that cannot be used
├── TraceError          a trace file or network that cannot be used
├── ModelError          a schedule or ledger that breaks the model's own rules
└── UsageError          options that contradict each other
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping


class HwsimError(Exception):
    """Base of every error that says what a user can do about it."""


class ArchitectureError(HwsimError):
    """An architecture description breaks a rule; the message names file, line, key, value and rule."""


class TraceError(HwsimError):
    """A trace or its network breaks a rule; the message names file, array, wanted and found."""


class ModelError(HwsimError):
    """A machine model produced a schedule or counts that contradict themselves."""


class UsageError(HwsimError):
    """A command or call was given options that do not go together."""


def guess(word: str, known: Collection[str], written: Mapping[str, str] | None = None) -> str:
    """A closing clause that names the nearest known word, whatever its case and as it is `written`, or nothing."""
    spelt = {each.casefold(): each for each in known}
    near = [spelt[each] for each in difflib.get_close_matches(word.casefold(), list(spelt), n=1)]
    return f"; did you mean '{(written or {}).get(near[0], near[0])}'?" if near else ""
