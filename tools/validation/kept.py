"""Chips' figures as they were found, as JSON, with what shows that they would be found otherwise today."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hwsim import api
from hwsim.errors import UsageError
from validation.figures import FOLDER, PUBLISHED, Chip, Figure, Table

KEPT = FOLDER / "docs" / "data" / "chips.json"
"""What the documents show; `tools/validate.py --write` writes it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A chip with the state of its file and of all its prices when it was compared."""

    chip: Chip
    digest: str


def digest_of(file: str) -> str:
    """SHA-256 over a chip's file and the prices of its parts: other laws give another one, a comment does not."""
    loaded = api.load_architecture(PUBLISHED / file)
    prices = {
        name: [
            {action: _digits(price.low, price.value, price.high) for action, price in sorted(part.actions.items())},
            _digits(part.area_um2.value, part.leakage_uw.value, part.flip_flops),
        ]
        for name, part in sorted(api.components(loaded).items())
    }
    return hashlib.sha256(json.dumps([loaded.sha256, prices]).encode()).hexdigest()


def to_json(found: Sequence[Found]) -> str:
    """The text of the kept file."""
    return json.dumps({each.chip.name: {"digest": each.digest, **asdict(each.chip)} for each in found}, indent=1) + "\n"


def kept(path: Path = KEPT) -> dict[str, Found]:
    """What was kept, by name.  Raises UsageError where there is no such file."""
    if not path.is_file():
        raise UsageError(f"{path}: is not there; tools/validate.py --write makes it")
    return {name: _found(each) for name, each in json.loads(path.read_text(encoding="utf-8")).items()}


def _found(plain: Mapping[str, Any]) -> Found:
    figures = [Figure(**figure) for figure in plain["figures"]]
    tables = [Table(**table) for table in plain["tables"]]
    rest = {name: plain[name] for name in ("name", "title", "file", "notes")}
    return Found(Chip(figures=figures, tables=tables, **rest), plain["digest"])


def _digits(*values: float) -> list[str]:
    """Six digits, which do not depend on how a processor rounds."""
    return [f"{value:.6g}" for value in values]
