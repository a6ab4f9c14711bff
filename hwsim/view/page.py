"""One page as a single file that asks no network: a skeleton, its style, and text that is only ever text."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape
from pathlib import Path

from hwsim.printable import printable

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""Of what a page may load: nothing."""


def document(title: str, body: str, style: str = "", script: str = "") -> str:
    """A whole page of some markup; `title` is text, `style` and `script` are ours.  It may ask for nothing."""
    common = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    ending = f"<script>{script}</script>\n" if script else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{text(title)}</title>\n<style>{common}{style}</style>\n</head>\n"
        f"<body>\n{body}\n{ending}</body>\n</html>\n"
    )


def text(value: str) -> str:
    """Text of anybody: it ends no element, begins none and closes no attribute."""
    return escape(printable(value), quote=True)


def heading(value: str, level: int = 2) -> str:
    """A heading."""
    return f"<h{level}>{text(value)}</h{level}>\n"


def paragraph(value: str) -> str:
    """A paragraph."""
    return f"<p>{text(value)}</p>\n"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> str:
    """A table of text, scrolling by itself where it is too wide; columns are flush right but for those in `left`."""
    head = "".join(f'<th scope="col"{_side(place, left)}>{text(name)}</th>' for place, name in enumerate(columns))
    body = "".join(
        "<tr>" + "".join(f"<td{_side(place, left)}>{text(cell)}</td>" for place, cell in enumerate(row)) + "</tr>\n"
        for row in rows
    )
    return f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n'


def _side(place: int, left: Collection[int]) -> str:
    return ' class="left"' if place in left else ""
