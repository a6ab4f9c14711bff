"""Generated bad architecture files: whatever is wrong, one ArchitectureError of one line."""

from __future__ import annotations

import random
from collections.abc import Iterator

from arch.machines import VALID, load_text, refusal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwsim.errors import ArchitectureError

LINES = VALID.splitlines()
KEYED = [index for index, line in enumerate(LINES) if ":" in line and not line.startswith("#")]
WRONG = ["x y", "[]", "{a: 1}", "-1e9", "'4'", "null", "1e400", ".nan", "[1, [2]]", "*a", "&a 4", "!!str 4", "010", ""]
FITS = {"source": {"x y", "'4'"}, "sizes": {"[]"}, "converter": {""}, "exit": {""}}  # wrong elsewhere, right there


def broken_files(rng: random.Random) -> Iterator[str | bytes]:
    """Texts that are certainly wrong, however the schema reads them."""
    for index in KEYED:
        head, _, _ = LINES[index].partition(":")
        for value in WRONG:
            if value not in FITS.get(head.strip(), set()):
                yield "\n".join([*LINES[:index], f"{head}: {value}", *LINES[index + 1 :]])
        yield "\n".join([*LINES[:index], f"{head}q:{LINES[index].partition(':')[2]}", *LINES[index + 1 :]])
        yield "\n".join([*LINES[: index + 1], LINES[index], *LINES[index + 1 :]])
        yield "\n".join([*LINES[:index], "\t" + LINES[index], *LINES[index + 1 :]])
        yield "\n".join([*LINES[:index], LINES[index] + " : ]", *LINES[index + 1 :]])
    for end in range(0, len(VALID) - len("  overlap: true\n")):
        yield VALID[:end]
    for _ in range(100):
        data = bytearray(VALID.encode())
        data[rng.randrange(len(data))] = rng.choice((0, 1, 7, 27, 128, 192, 255))
        yield bytes(data)
    for _ in range(100):
        yield rng.randbytes(rng.randrange(1, 400))


def test_at_least_five_hundred_broken_files_are_refused_in_one_line(tmp_path):
    texts = list(broken_files(random.Random(7)))
    assert len(texts) >= 500
    for text in texts:
        try:
            message = refusal(tmp_path, text)
        except AssertionError:
            raise AssertionError(f"accepted or not one line: {text!r}") from None
        assert message.startswith("toy.yaml:")
        assert len(message) < 400


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(VALID)), st.integers(0, 12), st.text(max_size=12))
def test_any_splice_loads_or_is_refused_in_one_line(tmp_path, start, length, inserted):
    text = VALID[:start] + inserted + VALID[start + length :]
    try:
        load_text(tmp_path, text.encode("utf-8", "surrogatepass"))
    except ArchitectureError as error:
        assert str(error).isprintable()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=20), st.text(max_size=20))
def test_any_override_applies_or_is_refused_in_one_line(tmp_path, key, value):
    for setting in (f"{key}={value}", f"converter.bits={value}", f"converter.{key}=4", key + value):
        try:
            load_text(tmp_path, VALID, setting)
        except ArchitectureError as error:
            assert str(error).isprintable()
