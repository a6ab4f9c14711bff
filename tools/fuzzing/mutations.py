"""Small changes of bytes, values and words, each drawn from one random generator."""

from __future__ import annotations

import copy
import math
from random import Random
from typing import Any

INTEGERS = (0, 1, -1, 2, 7, 8, 63, 64, 127, 255, 256, 4096, 65535, 2**20, 2**31 - 1, 2**31, 2**32, 2**63, 2**64, 10**40)
FLOATS = (0.0, -0.0, 0.5, 1.0, 1e-300, 5e-324, 1e22, 1e300, 1.7e308, -1e308, math.pi)
TEXTS = ("", " ", "x", "imc", "none", "as_needed", "\u0663", "\x1b[31m", "[bold]", "\u202e", "a" * 300, "../x", "null")
TOKENS = (
    "&a ",
    "*a",
    "!!str ",
    "<<: ",
    "{",
    "}",
    "[",
    "]",
    "- ",
    "? ",
    ": ",
    "|\n",
    ">\n",
    "%YAML 1.1\n",
    "---\n",
    "#",
)
MORE_TOKENS = (
    "...\n",
    "\t",
    "\x00",
    "\ufeff",
    "\u0663",
    '"\\UFFFFFFFF"',
    "'",
    '"',
    "1e999",
    ".nan",
    "0x10",
    "1_0",
    "~",
)
MARKS = (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"\x93NUMPY")


def of_bytes(rng: Random, content: bytes) -> bytes:
    """A few bytes flipped, set, cut out, put in or moved."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(data) + 1) if rng.random() < 0.5 else _near_mark(rng, data)
        match rng.randrange(7):
            case 0 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(data):
                data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            case 2:
                width = rng.choice((2, 4, 8))
                data[at : at + width] = (rng.choice(INTEGERS) % 256**width).to_bytes(width, "little")
            case 3:
                del data[at : at + rng.choice((1, 2, 8, 64, 1000))]
            case 4:
                data[at:at] = rng.randbytes(rng.choice((1, 2, 8, 64)))
            case 5:
                start = rng.randrange(len(data) + 1)
                data[at:at] = data[start : start + rng.choice((4, 30, 46, 200))]
            case _:
                data[at:at] = rng.choice(MARKS)
    return bytes(data[: rng.randrange(len(data) + 1)]) if rng.random() < 0.05 else bytes(data)


def _near_mark(rng: Random, data: bytearray) -> int:
    """A place within a header, where bytes have a meaning."""
    at = data.find(rng.choice(MARKS), rng.randrange(len(data) + 1))
    return min(len(data), max(at, 0) + rng.randrange(60))


def of_text(rng: Random, content: str) -> str:
    """Pieces of a text cut out, doubled, moved, or with a token that means something put in."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(content) + 1)
        match rng.randrange(5):
            case 0:
                content = content[:at] + content[at + rng.choice((1, 1, 3, 20)) :]
            case 1:
                content = (
                    content[:at] + chr(rng.choice((9, 10, 32, 58, 123, 0x85, 0x2028, 0x663, 0x1F600))) + content[at:]
                )
            case 2:
                start = rng.randrange(len(content) + 1)
                content = content[:at] + content[start : start + rng.choice((1, 8, 60))] + content[at:]
            case _:
                content = content[:at] + rng.choice((*TOKENS, *MORE_TOKENS)) + content[at:]
    return content


def scalar(rng: Random) -> Any:
    """Any number, text, flag or nothing."""
    pool: tuple[Any, ...] = rng.choice((INTEGERS, FLOATS, TEXTS, (True, False, None)))
    return rng.choice(pool)


def value(rng: Random, depth: int = 0) -> Any:
    """A scalar, or a small list or mapping of them."""
    kind = rng.random()
    if depth > 3 or kind < 0.8:
        return scalar(rng)
    if kind < 0.9:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(("a", "value", "low", "high", "source")): value(rng, depth + 1) for _ in range(rng.randrange(4))}


def near(rng: Random, old: Any) -> Any:
    """A value like `old`, or another one."""
    if rng.random() < 0.4:
        return value(rng)
    match old:
        case bool():
            return not old
        case int():
            return rng.choice((old + 1, old - 1, -old, 2 * old, old * 1000, old + 0.5, float(old), str(old)))
        case float():
            return rng.choice(
                (old * 10.0, old / 1e6, -old, old * 1e250, old * 1e-250, round(old) if abs(old) < 1e9 else 0)
            )
        case str():
            return of_text(rng, old)
        case list():
            return rng.choice((old[1:], old + old, [], old[::-1], [*old, value(rng)]))
    return value(rng)


def of_tree(rng: Random, tree: Any) -> Any:
    """A tree of mappings and lists with a few of its values replaced, taken out, put in or exchanged."""
    changed = copy.deepcopy(tree)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = _places(changed)
        if not places:
            return value(rng)
        holder, key = rng.choice(places)
        match rng.randrange(8):
            case 0:
                del holder[key]
            case 1:
                other, there = rng.choice(places)
                if there in other if isinstance(other, dict) else there < len(other):
                    holder[key] = copy.deepcopy(other[there])
            case 2 if isinstance(holder, dict):
                holder[rng.choice((*TEXTS, f"{key}x"))] = value(rng)
            case 3 if isinstance(holder, list):
                holder.insert(key, value(rng))
            case _:
                holder[key] = near(rng, holder[key])
    return changed


def _places(tree: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    ahead = [tree]
    while ahead:
        node = ahead.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        found += [(node, key) for key in keys]
        ahead += [node[key] for key in keys]
    return found
