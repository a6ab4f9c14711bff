"""How pictures look: a column of a paper, colours that everybody tells apart, and styles of users."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from hwsim.errors import UsageError, guess
from hwsim.files import open_file
from hwsim.printable import cut, shortened
from hwsim.view.terminal.number import unit_of

WIDTH_IN = 3.5
"""Of a column of the IEEE's and the ACM's papers of two."""
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")
"""Of M. Okabe and K. Ito, Color Universal Design (2008), without black."""
REST = "#9a9a9a"
INK, PALE = "#222222", "#6b6b6b"
ON_LIGHT, ON_DARK = "#1f1f1f", "#fefefe"
"""Text on colours of the picture's own, which stay as they are where a page turns dark and INK does with it."""
CAUSE_COLOURS = {
    "busy": "#0072b2",
    "starved": "#f2dc8c",
    "blocked": "#d55e00",
    "arbitrating": "#cc79a7",
    "idle": "#efefef",
}
BOUND_COLOURS = {"compute": "#0072b2", "memory": "#d55e00", "traffic": "#009e73"}
LONGEST_NAME = 24
_POINTS_PER_INCH = 72
_LETTER_WIDTH = 0.68  # of the font size: bold DejaVu Sans, on average and a little more
_FEW_DECADES = 150
_OURS: dict[Any, Any] = {
    "figure.figsize": (WIDTH_IN, 2.6),
    "figure.dpi": 200,
    "figure.titlesize": 7,
    "figure.titleweight": "bold",
    "savefig.dpi": 300,
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.edgecolor": PALE,
    "axes.labelcolor": INK,
    "text.color": INK,
    "text.parse_math": False,  # names of layers are names
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "xtick.color": PALE,
    "ytick.color": PALE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.pad": 5.0,  # in line with labels of longer ticks
    "ytick.minor.pad": 5.0,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "legend.fontsize": 6,
    "legend.frameon": False,
    "legend.handlelength": 1.2,
    "legend.handletextpad": 0.5,
    "legend.columnspacing": 1.0,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.5,
    "hatch.linewidth": 0.4,
    "svg.fonttype": "path",
    "svg.hashsalt": "hwsim",
    "pdf.fonttype": 42,
}


@contextmanager
def styled(style: str | Path | None = None) -> Iterator[None]:
    """Draw within as hwsim does, and then as a style of matplotlib's or a file of one says.

    Raises UsageError for what is neither.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_OURS)
        if style is not None:
            matplotlib.rcParams.update(_read(style))
        yield


def _read(style: str | Path) -> dict[Any, Any]:
    """The parameters of a style; matplotlib logs what is wrong with one and goes on."""
    path = Path(style)
    if not path.exists():
        from matplotlib import style as styles

        if str(style) not in styles.library:
            raise UsageError(
                f"style: {shortened(style)}: neither a file nor a style of matplotlib"
                f"{guess(str(style), list(styles.library))}"
            )
        return dict(styles.library[str(style)])
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("matplotlib")
    logger.addHandler(handler)
    propagates, logger.propagate = logger.propagate, False
    try:
        with open_file(path):
            pass
        found = matplotlib.rc_params_from_file(path, use_default_template=False)
    except (OSError, ValueError, KeyError, UnicodeDecodeError) as error:
        raise UsageError(f"style: {shortened(style)}: cannot be read: {cut(str(error), 90)}") from None
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates
    if said:
        raise UsageError(f"style: {shortened(style)}: {cut(' '.join(said[0].split()), 100)}")
    return {**found}


def page(height_in: float, title: str = "") -> Figure:
    """A new picture as wide as the style says, with a line above it that says of what."""
    width = matplotlib.rcParams["figure.figsize"][0]
    figure = Figure(figsize=(width, height_in), layout="constrained")
    if title:
        letters = int(width * _POINTS_PER_INCH / (matplotlib.rcParams["font.size"] * _LETTER_WIDTH))
        figure.suptitle(_shortened(title, letters), x=0.01, ha="left")
    return figure


def _shortened(title: str, letters: int) -> str:
    """`design, trace, run` of at most so many letters: the trace is cut first."""
    first, _, rest = title.partition(", ")
    middle, _, last = rest.rpartition(", ")
    room = letters - len(first) - len(last) - 4
    return cut(f"{first}, {cut(middle, room)}, {last}" if middle and len(middle) > room > 3 else title, letters)


def decades(axis: Axis) -> None:
    """Write the ticks of a logarithmic axis as plain numbers, those between decades only where there is one or none."""
    axis.set_major_locator(LogLocator(10, numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
    low, high = sorted(axis.get_view_interval())
    if high / low < _FEW_DECADES:
        axis.set_minor_locator(LogLocator(10, subs=(2, 5)))
        axis.set_minor_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
    else:
        axis.set_minor_formatter(NullFormatter())


def named(name: str, longest: int = LONGEST_NAME) -> str:
    """A name from a file, as a picture has room for it."""
    return cut(name, longest)


def in_unit(largest: float, unit: str, scale: float) -> tuple[float, str]:
    """What values, in `scale` units each, are divided by so that the largest is readable, and the unit then."""
    factor, text = unit_of(largest * scale, unit)
    return factor / scale, f"µ{text[1:]}" if text.startswith("u") else text
