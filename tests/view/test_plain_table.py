"""Rows that fit are the lines that rich's table makes of them."""

from __future__ import annotations

import io

import pytest

from hwsim.view.terminal.plain_table import bare_table, fitted_table, fitting_lines
from hwsim.view.terminal.plain_text import PlainConsole

COLUMNS = ("part", "", "value", "source")
ROWS = [
    ("adc", "", "", ""),
    ("", "convert", "1.67 pJ", "[1]"),
    ("メモリ\x1b[31m", "[bold]x", "1", ":smile:"),
    ("",) * 4,
]


def printed(what, width, **options):
    out = io.StringIO()
    PlainConsole(file=out, width=width, **options).print(what)
    return out.getvalue()


def table():
    made = bare_table()
    for column in COLUMNS:
        made.add_column(column, justify="right" if column in ("value", "source") else "left", no_wrap=True)
    for row in ROWS:
        made.add_row(*row, style="bold" if row[0] else "")
    return made


@pytest.mark.parametrize("width", range(30, 60))
def test_as_a_table(width):
    lines = fitting_lines(COLUMNS, ROWS, ("value", "source"), width)
    if lines is None:
        assert "…" in printed(table(), width)
    else:
        assert printed(lines, width) == printed(table(), width)


def test_headings_are_bold_on_a_terminal():
    lines = fitting_lines(COLUMNS, ROWS, ("value", "source"), 80)
    shown = printed(lines, 80, force_terminal=True, color_system="standard").splitlines()
    assert [line.startswith("\x1b[1m") for line in shown] == [True, True, False, True, False]


def test_a_cell_of_two_lines_is_left_to_the_table():
    assert fitting_lines(COLUMNS, [("a\nb", "", "", "")], (), 80) is None


TERMS = [("first_layer_mac", "conv1", "112,896", "23.67 nJ"), ("adc", "(whole chip)", "512", "13.46 pJ")]


@pytest.mark.parametrize("width", range(40, 70))
def test_a_fitted_table_leaves_columns_out_and_cuts_texts_but_no_number(width):
    made = fitted_table(("component", "layer", "count", "energy"), TERMS, ("component", "layer"), width, ("layer",))
    text = printed(made, width)
    assert max(map(len, text.splitlines())) <= width and "…" not in text
    for row in TERMS:
        assert all(number in text for number in row[2:])
    assert ("(whole chip)" in text) == (width >= 15 + 12 + 7 + 8 + 3 * 2)
    assert "first_layer_mac" in text  # 15 + 7 + 8 and 2 gaps of 2 are 34


def test_a_fitted_table_without_spare_columns_cuts_the_longest_text():
    made = fitted_table(("component", "layer", "count", "energy"), TERMS, ("component", "layer"), 40, ())
    lines = printed(made, 40).splitlines()
    assert {len(line) for line in lines} == {40}  # 40 less 7, 8 and 3 gaps of 2 leaves 19: 9 and 10 of 15 and 12
    assert lines[1].split()[0] == "first_..." and "(whole ..." in lines[2]
