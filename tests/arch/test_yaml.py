from __future__ import annotations

import random

import pytest
import yaml

from hwsim.arch.files import shipped_folder
from hwsim.arch.nodes import plain
from hwsim.arch.yaml_text import MAX_DEPTH, parse
from hwsim.errors import ArchitectureError


def read(text: str):
    return plain(parse(text, lambda line: f"f:{line}"))


def refused(text: str) -> str:
    with pytest.raises(ArchitectureError) as caught:
        read(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1e-3", 0.001),
        ("1E+3", 1000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-2.5e2", -250.0),
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("0.0", 0.0),
        ("true", True),
        ("false", False),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("no", "no"),
        ("y", "y"),
        ("12:30", "12:30"),
        ("2020-01-01", "2020-01-01"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("1e", "1e"),
        ("e3", "e3"),
        ("-", None),
        ("=", "="),
        ("'4'", "4"),
        ('"true"', "true"),
        ("'010'", "010"),
        ("'null'", "null"),
        ("'.nan'", ".nan"),
        ("null", None),
    ],
)
def test_words_mean_what_an_engineer_reads(word, value):
    if word == "-":  # a list item without a value
        assert "has no value" in refused("a:\n  -\n")
        return
    got = read(f"a: {word}")["a"]
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "fragment"),
    [
        ("", 1, "empty"),
        ("# only a comment\n", 1, "empty"),
        ("a: 1\nb: 010\n", 2, "b: a number has no leading zero, got 010"),
        ("a: 00\n", 1, "leading zero"),
        ("a: 01.5\n", 1, "leading zero"),
        ("a: .nan\n", 1, "finite"),
        ("a: NaN\n", 1, "finite"),
        ("a: -.inf\n", 1, "finite"),
        ("a: inf\n", 1, "finite"),
        ("a: 1e999\n", 1, "finite"),
        ("a: 1" + "0" * 30 + "\n", 1, "18 digits"),
        ("a: True\n", 1, "write true for 'True'"),
        ("a: ~\n", 1, "write null"),
        ("a: 1\nb: 2\na: 3\n", 3, "a: already given in line 1"),
        ("a:\n  x: 1\n  y: 2\n  x: 3\n", 4, "a.x: already given in line 2"),
        ("a: {x: 1, x: 2}\n", 1, "a.x: already given in line 1"),
        ("a: 1\nb:\n", 2, "b: has no value"),
        ("b: &x 1\n", 1, "anchors"),
        ("a: 1\nb: *x\n", 2, "aliases"),
        ("b: &x [1]\n", 1, "anchors"),
        ("b: !!int 3\n", 1, "tags"),
        ("b: !!python/object/apply:os.system [ls]\n", 1, "tags"),
        ("a: 1\n<<: {b: 1}\n", 2, "merge keys"),
        ("%YAML 1.1\n---\na: 1\n", 1, "directives"),
        ("a: 1\n---\nb: 1\n", 2, "second"),
        ("a: 1\n...\n---\nb: 1\n", 3, "second"),
        ("a:\n\tb: 1\n", 2, "spaces, not tabs"),
        ("a: 1\n  \tb: 1\n", 2, "spaces, not tabs"),
        ("? [a]\n: 1\n", 1, "a key is a plain name"),
        ("? {a: 1}\n: 1\n", 1, "a key is a plain name"),
        ("1: 2\n", 1, "a key is a plain name"),
        ("a b: 2\n", 1, "a key is a plain name"),
        ("a: [1, 2\n", 2, "not YAML"),
        ("a: 'x\n", 2, "not YAML"),
        ("a: b: c\n", 1, "not YAML"),
        ("a: @x\n", 1, "not YAML"),
        ('a: "\\q"\n', 1, "not YAML"),
        ('a: "\\UFFFFFFFF"\n', 1, "not YAML"),
        ('a: "\\ud800"\n', 1, "cannot be printed (U+D800)"),
        ("a: 10\u00a0um\n", 1, "cannot be printed (U+00A0)"),
        ('a: "\\x07"\n', 1, "cannot be printed (U+0007)"),
        ("a: 1\nb: \x01\n", 2, "not text"),
    ],
)
def test_traps_are_refused_with_their_line(text, line, fragment):
    message = refused(text)
    assert message.startswith(f"f:{line}: ")
    assert fragment in message
    assert message.isprintable()


def test_nesting_is_limited_and_never_recurses_away():
    deep = "a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert refused(deep.replace("a: ", "a: [").replace("]", "]", 1) + "]").startswith("f:1: a: nested deeper")
    assert refused("[" * 60_000).startswith("f:1: ")
    assert refused("a: " + "{a: " * 20_000).startswith("f:1: ")
    assert refused("\n".join(" " * depth + "a:" for depth in range(40))).startswith("f:")
    inside = "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert isinstance(read(f"a: {inside}"), dict)


def test_nested_values_and_block_text():
    text = "a:\n  b: [1, {c: x}]\n  d: >\n    two\n    words\ne: plain words: no"
    assert "not YAML" in refused(text)
    assert read(text.replace(": no", "")) == {"a": {"b": (1, {"c": "x"}), "d": "two words\n"}, "e": "plain words"}


def test_places_are_those_of_the_keys():
    root = parse("a:\n  b: 1\n\n  c:\n    - 5\n    - 6\n", lambda line: f"f:{line}")
    assert root.value["a"].place == "f:1"
    assert root.value["a"].value["b"].place == "f:2"
    assert root.value["a"].value["c"].place == "f:4"
    assert [item.place for item in root.value["a"].value["c"].value] == ["f:5", "f:6"]


def test_both_parsers_of_pyyaml_read_the_same(monkeypatch):
    """Shipped designs and damaged pieces of them, with libyaml's parser and without."""
    draw = random.Random(5)
    shipped = [path.read_text() for path in sorted(shipped_folder().glob("*.yaml"))]
    letters = "ab01 \n\n  :-#'\"{}[],&*!|>%@`?\\~.\t\x85\u2028\ufeffé\x00=<"
    texts = list(shipped)
    for _ in range(3000):
        whole = draw.choice(shipped)
        start = draw.randrange(len(whole))
        text = whole[start : start + draw.randrange(2, 200)]
        for _ in range(draw.randrange(1, 5)):
            place = draw.randrange(len(text) + 1)
            text = text[:place] + draw.choice(letters) + text[place + draw.randrange(2) :]
        texts.append(text)

    def outcomes():
        for text in texts:
            try:
                yield parse(text, str)
            except ArchitectureError as error:
                yield str(error)

    found = list(outcomes())
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    assert found == list(outcomes())
    assert len({each for each in found if isinstance(each, str)}) > 100
    assert sum(not isinstance(each, str) for each in found) > 100
