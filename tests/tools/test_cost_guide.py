"""The guide of training with costs has the tables that its journals give, and what it says of them holds."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from training.cost.journal import read
from training.cost.table import tables

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("name", ["cost-in-training", "weight-bits"])
def test_the_guide_has_the_tables_of_its_journal(name):
    guide = (DOCS / "guides" / "cost-in-training.md").read_text()
    found = tables(read(DOCS / "data" / f"{name}.jsonl"))
    assert len(found) > 1
    for table in found[name == "weight-bits" :]:  # that of what can be won is there once
        assert table in guide
