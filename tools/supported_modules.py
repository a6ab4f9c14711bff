"""Write the table of modules that `hwsim.capture` takes into its guide, from the code that takes them.

    python tools/supported_modules.py

Run it after a change of hwsim/doors/torch/modules.py or hwsim/doors/torch/neurons; a test says when.
"""

from __future__ import annotations

import sys
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "guides" / "own-network.md"
MARKS = ("<!-- modules, by tools/supported_modules.py -->\n", "<!-- end of modules -->\n")


def table() -> str:
    """The table as it stands in the guide; needs torch."""
    from hwsim.doors.torch.lstm.reading import CELLS
    from hwsim.doors.torch.modules import CONTAINERS, FUNCTIONS, HINTS, NEURONS, WHOLE

    lines = ["| what | taken |", "|---|---|"]
    lines += [f"| `{name}` | see [neurons](neurons.md) |" for name in NEURONS]
    lines += [f"| `{name}` | {about or 'as it is'} |" for name, about in WHOLE.items()]
    lines += [f"| `{name}` | {about} |" for name, about in CONTAINERS.items()]
    lines += [f"| `{name}` | {about}; see [other codings](#other-codings) |" for name, about in CELLS.items()]
    lines += [f"| function `{name}` | {about} |" for name, about in FUNCTIONS.items()]
    lines += [f"| `{name}` | refused: {about} |" for name, about in HINTS.items()]
    return "\n".join(lines) + "\n"


def with_table(text: str) -> str:
    """The guide with the present table between its marks."""
    before, _, rest = text.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    return f"{before}{MARKS[0]}\n{table()}\n{MARKS[1]}{after}"


def main() -> int:
    """Write; 0."""
    GUIDE.write_text(with_table(GUIDE.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
