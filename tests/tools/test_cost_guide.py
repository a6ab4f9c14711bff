"""The guide of training with costs has the tables that its journals give, and what it says of them holds."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from training.cost.journal import read
from training.cost.table import tables

DOCS = Path(__file__).resolve().parents[2] / "docs"


SHOWN = {
    "cost-in-training": [0, 1, 2, 3, 4],
    "cost-epoch": [1, 2, 3, 4],
    "cost-epoch-seeds": [1, 2, 3, 4],
    "weight-bits": [1],
}
"""Which of a journal's tables the guide has: what can be won is there once."""


@pytest.mark.parametrize("name", SHOWN)
def test_the_guide_has_the_tables_of_its_journal(name):
    guide = (DOCS / "guides" / "cost-in-training.md").read_text()
    found = tables(read(DOCS / "data" / f"{name}.jsonl"))
    for number in SHOWN[name]:
        assert found[number] in guide
