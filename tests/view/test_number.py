"""Numbers in tables."""

from __future__ import annotations

import pytest

from hwsim.view.terminal.number import plain


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (0, "0"),
        (0.00323149, "0.003231"),
        (0.00003446, "3.446e-05"),
        (1500.04, "1,500"),
        (9999.6, "10,000"),
        (11249.9, "11,250"),
        (-20684, "-20,680"),
        (1234567, "1,235,000"),
        (12345678, "1.235e+07"),
    ],
)
def test_numbers_of_up_to_ten_million_have_no_exponent(value, wanted):
    assert plain(value) == wanted
