"""Knobs and their values: every form, and every way to get it wrong."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import UsageError
from hwsim.sweep.axis import parse_axis, written


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("32,64,128", ("32", "64", "128")),
        ("4:8", ("4", "5", "6", "7", "8")),
        ("4:9:2", ("4", "6", "8")),
        ("0.1:0.5:0.1", ("0.1", "0.2", "0.3", "0.4", "0.5")),
        ("1,2,4:6", ("1", "2", "4", "5", "6")),
        ("lin(0,1,5)", ("0", "0.25", "0.5", "0.75", "1")),
        ("lin(1,3,3)", ("1", "2", "3")),
        ("log(1,1000,4)", ("1", "10", "100", "1000")),
        ("log(16, 256, 5)", ("16", "32", "64", "128", "256")),
        ("im2col,kernel_split", ("im2col", "kernel_split")),
        ("none,auto,{conv1: 2, conv2: 4}", ("none", "auto", "{conv1: 2, conv2: 4}")),
        ("8,8,8.0,0x", ("8", "8.0", "0x")),
        ("true,false", ("true", "false")),
        ("never,0.5", ("never", "0.5")),
        ("'a,b',c", ("'a,b'", "c")),
        ("1e-3,0.001", ("1e-3",)),
    ],
)
def test_values(text, values):
    assert parse_axis(f"a.b={text}").values == values


def test_logarithms_have_equal_ratios_to_six_digits():
    values = [float(value) for value in parse_axis("early_exit.threshold=log(0.01,0.9,8)").values]
    assert (values[0], values[-1], len(values)) == (0.01, 0.9, 8)
    ratio = 90 ** (1 / 7)
    for i, value in enumerate(values):
        assert math.isclose(value, 0.01 * ratio**i, rel_tol=5e-6)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("adc.bits", "write KEY=VALUES"),
        ("9x=1", "write KEY=VALUES"),
        ("adc.bits=", "a value between commas is missing"),
        ("adc.bits=4,,8", "a value between commas is missing"),
        ("adc.bits=8:4", "a range goes upwards, got 8:4; write 4:8"),
        ("adc.bits=4:8:0", "a step must be more than 0, got 0"),
        ("adc.bits=0.1:0.5", "a range of numbers that are not whole needs a step"),
        ("adc.bits=a:b", "a range is FIRST:LAST"),
        ("adc.bits=1:2:3:4", "a range is FIRST:LAST"),
        ("adc.bits=log(0,1,4)", "log needs ends of more than 0, got 0"),
        ("adc.bits=log(1,10)", "write log(lo, hi, n), got 2 arguments"),
        ("adc.bits=log(1,10,1)", "log takes 2 to 100,000 values, got 1"),
        ("adc.bits=lin(1,x,3)", "must be a number, got x"),
        ("adc.bits=exp(1,2,3)", "unknown 'exp(...)', known: log(lo, hi, n), lin(lo, hi, n)"),
        ("adc.bits=0:1000000", "has more than 100,000 values"),
    ],
)
def test_mistakes_name_the_option_the_value_and_the_rule(text, said):
    with pytest.raises(UsageError) as raised:
        parse_axis(text)
    assert str(raised.value).startswith(f"--vary {text}: {said}")


@pytest.mark.parametrize("number", [1, 1.5, 0.1 + 0.2, 1e-9, 2.5e17, 123456789, 0.0, 1e300])
def test_numbers_read_back_to_six_digits(number):
    assert math.isclose(float(written(number)), number, rel_tol=5e-6)


PIECES = st.sampled_from(
    [
        *[
            "a.b",
            "=",
            ",",
            ":",
            "(",
            ")",
            "log",
            "lin",
            "[",
            "]",
            "{",
            "}",
            "'",
            '"',
            "1",
            "8",
            "-3",
            "0.5",
            "1e9",
            "1e400",
            "nan",
            "x",
            "é",
            "true",
            "null",
            "0x10",
            "007",
            "..",
        ],
        *("9" * 30, "\u2028", "\x00", "\n", " "),
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=30))
def test_any_text_is_an_axis_or_one_line(text):
    for written_so in (text, f"adc.bits={text}"):
        try:
            axis = parse_axis(written_so)
        except UsageError as error:
            assert "\n" not in str(error)
            assert str(error).isprintable()
        else:
            assert axis.values
            assert len(set(axis.values)) == len(axis.values)
