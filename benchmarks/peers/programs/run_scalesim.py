"""SCALE-Sim: two layers on an output-stationary array of 8 x 16, memories estimated, no traces written."""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from telling import Told

told = Told()

from scalesim.scale_sim import scalesim  # noqa: E402

CONFIG = """\
[general]
run_name = run
[architecture_presets]
ArrayHeight = 8
ArrayWidth = 16
IfmapSramSzkB = 64
FilterSramSzkB = 64
OfmapSramSzkB = 64
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Dataflow = os
Bandwidth = 10
ReadRequestBuffer = 64
WriteRequestBuffer = 64
[layout]
IfmapCustomLayout = False
IfmapSRAMBankBandwidth = 10
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterCustomLayout = False
FilterSRAMBankBandwidth = 10
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = false
[run_presets]
InterfaceBandwidth = CALC
UseRamulatorTrace = False
"""
FIELDS = ("name", "height", "width", "kernel", "kernel", "channels", "filters")


def main(folder, calls):
    layers = json.loads((Path(folder) / "layers.json").read_text())
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        (place / "array.cfg").write_text(CONFIG)
        rows = [",".join([*(str(layer[field]) for field in FIELDS), "1", "1:1", ""]) for layer in layers]
        (place / "layers.csv").write_text("\n".join(["header", *rows]) + "\n")
        (place / "layout.csv").write_text("header\n" + "".join(f"{layer['name']},{'1,' * 20}\n" for layer in layers))
        told.ready()
        for _ in range(calls + 1):
            told.timed(simulate, place)
            with (place / "run" / "COMPUTE_REPORT.csv").open() as file:
                table = csv.DictReader(file, skipinitialspace=True)
                told.did(array_cycles=sum(float(row["Total Cycles"]) for row in table))
    told.tell(version("scalesim"))


def simulate(place):
    run = scalesim(
        save_disk_space=True,
        verbose=False,
        config=str(place / "array.cfg"),
        topology=str(place / "layers.csv"),
        layout=str(place / "layout.csv"),
    )
    run.run_scale(top_path=str(place))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
