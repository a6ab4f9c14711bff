"""Text that a terminal prints and never obeys: names, descriptions and sources come from files of anybody."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from hwsim.printable import printable


class PlainConsole(Console):
    """A console that takes neither markup nor escape sequences from what it prints."""

    def __init__(self, **options: Any) -> None:
        """What a rich Console takes, but for `markup`, `emoji` and `highlight`, which are off."""
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """The text of every string that is printed or in a table."""
        return super().render_str(printable(text), **options)


def headed(heading: str, rest: str = "") -> Text:
    """A line that begins in bold."""
    return Text.assemble((printable(heading), "bold"), f"  {printable(rest)}" if rest else "")
