"""Pictures as files and as text, the same bytes for the same picture."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from hwsim.errors import UsageError, guess
from hwsim.files import written_whole
from hwsim.printable import shortened
from hwsim.view.plots.style import styled

_PATH, _DECIMALS = re.compile(rb'\bd="[^"]*"'), re.compile(rb"(\.\d\d)\d+")
_WITHOUT_DATE: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def save(figure: Figure, path: str | Path) -> None:
    """Write a picture as PNG, SVG or PDF, as the name ends; it appears whole or not at all.

    Raises UsageError for another ending and for a place that cannot be written.
    """
    path = Path(path)
    kind = check_format(path)
    try:
        with written_whole(path) as file:
            file.write(_content(figure, kind))
    except OSError as error:
        raise UsageError(f"{shortened(path)}: cannot be written: {error.strerror or error}") from None


def check_format(path: Path) -> str:
    """What a file is to be, by its ending.

    Raises UsageError for what is none of the three.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in _WITHOUT_DATE:
        endings = [f".{each}" for each in _WITHOUT_DATE]
        near = guess(path.suffix, endings)
        raise UsageError(f"{shortened(path)}: wanted a name that ends in .png, .svg or .pdf{near}")
    return kind


def to_svg(figure: Figure) -> str:
    """A picture as an SVG element with text as text, to be put into a page."""
    svg = _content(figure, "svg", {"svg.fonttype": "none"}).decode()
    return svg[svg.index("<svg") :]


def _content(figure: Figure, kind: str, settings: dict[Any, Any] | None = None) -> bytes:
    found = io.BytesIO()
    with styled(), matplotlib.rc_context(settings or {}):
        figure.savefig(found, format=kind, metadata=_WITHOUT_DATE[kind])
    content = found.getvalue()
    return _PATH.sub(_shorter, content) if kind == "svg" else content


def _shorter(path: re.Match[bytes]) -> bytes:
    """A path to hundredths of a point, which nobody sees, in half the space."""
    return _DECIMALS.sub(rb"\1", path[0])
