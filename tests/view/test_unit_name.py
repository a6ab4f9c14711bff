"""Names of shared units say what they are in the room that there is."""

from __future__ import annotations

import pytest

from hwsim.view.terminal.unit_name import unit_name

SHARED = "neurons of conv1, conv2, fc2"


@pytest.mark.parametrize(
    ("name", "length", "wanted"),
    [
        (SHARED, len(SHARED), SHARED),
        (SHARED, len(SHARED) - 1, "neurons of conv1 and 2 more"),
        (SHARED, 26, "neurons of 3 layers"),
        (SHARED, 10, "neurons..."),
        ("crossbars of a, b", 100, "crossbars of a, b"),
        ("weight port", 100, "weight port"),
        ("weight port", 9, "weight..."),
        ("0", 100, "layer 0"),
        ("neurons of 0, 2", 100, "neurons of 0, 2"),
        ("", 5, ""),
    ],
)
def test_shared_units_keep_their_kind_and_how_many_they_are_of(name, length, wanted):
    assert unit_name(name, length) == wanted
    assert len(unit_name(name, length)) <= length
