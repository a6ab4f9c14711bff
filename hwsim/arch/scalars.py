"""What a plain YAML word means in an architecture file: number, true, false, null or text.

YAML 1.1 as PyYAML reads it takes `1e-3` for text, `on` for a boolean, `010` for 8 and `12:30` for 750. Here a word is a
number if and only if it looks like one to an engineer, and everything doubtful is refused with the way to write it.
"""

from __future__ import annotations

import math
import re

from hwsim.arch.nodes import Scalar

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.?(?:nan|inf|infinity)", re.IGNORECASE)
_OTHER_SPELLINGS = {
    spelling: word
    for word, spellings in {
        "true": ("True", "TRUE"),
        "false": ("False", "FALSE"),
        "null": ("Null", "NULL", "~"),
    }.items()
    for spelling in spellings
}
_WORDS: dict[str, Scalar] = {"true": True, "false": False, "null": None}
MAX_DIGITS = 18  # an integer of 18 digits fits int64


def resolve(word: str) -> Scalar:
    """Value of a plain (unquoted) word.

    Raises:
        ValueError: the word is empty, not finite, or could be read in two ways; the message is the rule.

    """
    if not word:
        raise ValueError("has no value")
    if word in _WORDS:
        return _WORDS[word]
    if word in _OTHER_SPELLINGS:
        raise ValueError(f"write {_OTHER_SPELLINGS[word]} for {word!r}, or quote it if it is text")
    if _NOT_FINITE.fullmatch(word):
        raise ValueError(f"numbers are finite, got {word}")
    if _INTEGER.fullmatch(word):
        if len(word) > MAX_DIGITS:
            raise ValueError(f"an integer has at most {MAX_DIGITS} digits")
        return int(word)
    if _LEADING_ZERO.fullmatch(word):
        raise ValueError(f"a number has no leading zero, got {word}; quote it if it is text")
    if _FLOAT.fullmatch(word):
        number = float(word)
        if not math.isfinite(number):
            raise ValueError(f"numbers are finite, got {word}")
        return number
    return text(word)


def text(word: str) -> str:
    """The word itself, if every character of it can be printed; lines may end in it.

    Raises:
        ValueError: it holds control characters, invisible spaces, or halves of surrogate pairs.

    """
    for letter in word:
        if not letter.isprintable() and letter != "\n":
            raise ValueError(f"text has a character that cannot be printed (U+{ord(letter):04X})")
    return word
