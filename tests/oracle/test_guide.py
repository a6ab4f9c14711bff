"""The guide's own code runs as it stands, one block after another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "oracle.md"


def test_the_guide_runs(capsys):
    pytest.importorskip("torch")
    blocks = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec"), names)
    assert re.fullmatch(r"\d+ pJ in the mean, \d+ to \d+ of a sample\n", capsys.readouterr().out)
    assert names["conv"].weights.weight.grad.abs().max() > 0
