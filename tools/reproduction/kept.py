"""Papers' tables as they were found, as JSON, with what shows that they would be found otherwise today."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import hwsim
from hwsim.errors import UsageError
from reproduction.designs import DATA, TRACES, digest, digest_of_data
from reproduction.rows import Paper, Row, Section

KEPT = DATA / "papers.json"
"""What the documents show; `tools/reproduce.py --all --write` writes it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A paper's tables, and what they were made from, as `Used.plain` has it."""

    paper: Paper
    used: Mapping[str, Any]


def to_json(found: Mapping[str, Found]) -> str:
    """The text of the kept file."""
    plain = {name: {**asdict(each.paper), "used": each.used} for name, each in found.items()}
    return json.dumps(plain, indent=1) + "\n"


def kept(path: Path = KEPT) -> dict[str, Found]:
    """What was kept, by name.  Raises UsageError where there is no such file."""
    if not path.is_file():
        raise UsageError(f"{path}: is not there; tools/reproduce.py --all --write makes it")
    return {name: _found(each) for name, each in json.loads(path.read_text(encoding="utf-8")).items()}


def stale(used: Mapping[str, Any]) -> list[str]:
    """What of a paper's designs, traces and files is otherwise today, a line each; nothing is played for it."""
    lines = []
    for name, settings, before in used["designs"]:
        if digest(hwsim.load_architecture(name, settings)) != before:
            lines.append(f"design {name} {' '.join(settings)}")
    for name, before in used["traces"].items():
        if not (TRACES / name).exists() or hwsim.load_trace(TRACES / name).sha256 != before:
            lines.append(f"trace {name}")
    return lines + [f"file {name}" for name, before in used["data"].items() if digest_of_data(name) != before]


def _found(plain: Mapping[str, Any]) -> Found:
    sections = [
        Section(each["title"], [Row(**row) for row in each["rows"]], each["notes"]) for each in plain["sections"]
    ]
    return Found(Paper(plain["title"], sections, plain["objection"], plain["answer"]), plain["used"])
