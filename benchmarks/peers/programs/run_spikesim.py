"""SpikeSim: its published script of energy, latency and area, as it is; in its environment lies what was fetched."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import sys
from pathlib import Path

from telling import Told

told = Told()

SCRIPT = Path(sys.prefix) / "ela_spikesim.py"


def main(calls):
    if not SCRIPT.is_file():
        sys.exit(f"{SCRIPT}: is not there; it is fetched from its repository where that can be reached")
    import numpy  # noqa: F401  the script's import, done once

    told.ready()
    for _ in range(calls + 1):
        text = told.timed(run)
        told.did(energy_pj=figure(r"total_energy ([0-9.e+]+) pJ", text))
        told.did(area_um2=figure(r"total_compute_area ([0-9.e+]+) ", text))
    told.tell("1")


def run():
    """What the script prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        runpy.run_path(str(SCRIPT))
    return printed.getvalue()


def figure(pattern, text):
    found = re.search(pattern, text)
    if found is None:
        sys.exit(f"{SCRIPT}: prints nothing like '{pattern}'")
    return round(float(found[1]))


if __name__ == "__main__":
    main(int(sys.argv[2]))
