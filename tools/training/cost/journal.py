"""Settings that are done, a JSON object a line: the first says what is the same of all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hwsim.errors import UsageError

Line = dict[str, Any]
RUN = "run"


def read(path: Path) -> list[Line]:
    """All lines, the first of which is that of the run; raises UsageError for what is no such file."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise UsageError(f"{path}, line {number}: no JSON: {error.msg}") from None
    if not found or not all(isinstance(line, dict) and "kind" in line for line in found) or found[0]["kind"] != RUN:
        raise UsageError(f"{path}: wanted a journal of tools/train_with_cost.py, whose first line says what was run")
    return found


class Journal:
    """A file that grows by a line a setting; one of another run is refused."""

    def __init__(self, path: Path, run: Mapping[str, Any]) -> None:
        self.path, self.lines = path, [] if not path.is_file() else read(path)
        if not self.lines:
            self.add({"kind": RUN, **run})
        kept = {name: value for name, value in self.lines[0].items() if name != "kind"}
        plain = json.loads(json.dumps(run))
        if differing := sorted(name for name in {*kept, *plain} if kept.get(name) != plain.get(name)):
            name = differing[0]
            raise UsageError(
                f"--out {path}: holds settings of another run, whose {name} is {kept.get(name)} and not "
                f"{plain.get(name)}; give another file"
            )

    def add(self, line: Line) -> None:
        """Append a line."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.lines.append(line)

    def has(self, setting: Mapping[str, Any]) -> bool:
        """Whether a line says all that the setting says."""
        return any(all(line.get(name) == value for name, value in setting.items()) for line in self.lines)


def of_kind(lines: Sequence[Line], kind: str) -> list[Line]:
    """The lines of a kind."""
    return [line for line in lines if line["kind"] == kind]
