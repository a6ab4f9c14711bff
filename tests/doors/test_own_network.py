"""The guide to networks of one's own says what the code takes."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
import supported_modules

from hwsim.doors.torch.lstm.reading import CELLS
from hwsim.doors.torch.modules import CONTAINERS, FUNCTIONS, HINTS, NEURONS, WHOLE

pytestmark = pytest.mark.no_kernel


def test_the_table_in_the_guide_is_that_of_the_code():
    text = supported_modules.GUIDE.read_text()
    assert supported_modules.with_table(text) == text, "python tools/supported_modules.py writes it"


def test_the_table_has_a_row_for_everything():
    rows = supported_modules.table().splitlines()[2:]
    named = [row.split("`")[1] for row in rows]
    assert named == [*NEURONS, *WHOLE, *CONTAINERS, *CELLS, *FUNCTIONS, *HINTS]
    assert all("refused" in row for row in rows[-len(HINTS) :])


def test_what_is_taken_is_not_refused():
    assert not set(HINTS) & (set(WHOLE) | set(CELLS) | {key.partition(".")[2] for key in NEURONS})
