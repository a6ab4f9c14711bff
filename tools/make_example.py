"""Cut the trace that comes with the package, `hwsim/example.npz`, from a shipped one.

    python tools/make_example.py traces/mnist_dietsnn.npz --out hwsim/example.npz

It keeps 16 samples with spikes, 64 raw inputs, and of every other set of logits 1,000 samples, those of the raw inputs
among them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwsim import api
from hwsim.errors import HwsimError, UsageError
from hwsim.traces.direct.trace import Trace
from hwsim.traces.io import write_trace
from hwsim.traces.slicing import first
from hwsim.traces.trace import Logits

SAMPLES, RAW_INPUTS, LOGITS = 16, 64, 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file; 0, or 2 with one line on stderr for a mistake of the user."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace", metavar="TRACE.npz", type=Path)
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args(arguments)
    try:
        if options.out.resolve() == options.trace.resolve():
            raise UsageError(f"--out: {options.out} is the trace that is read")
        whole = api.load_trace(options.trace)
        if not isinstance(whole, Trace):
            raise UsageError(f"{options.trace}: wanted a direct-coded trace, found {whole.coding}")
        write_trace(options.out, cut(whole), compress=True)
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def cut(whole: Trace) -> Trace:
    """The part of a trace that comes with the package; it says so in its notes."""
    few = first(whole, SAMPLES).with_inputs(RAW_INPUTS)
    assert few.inputs is not None
    raw = few.inputs.sample_ids
    logits = {name: found if name == "recorded" else _few(found, raw) for name, found in few.logits.items()}
    notes = f"{SAMPLES} samples, {RAW_INPUTS} raw inputs and {LOGITS} logits a set of {whole.provenance.name}"
    accuracy = tuple(float(each) for each in logits["test"].accuracy())
    origin = replace(whole.provenance, notes=notes, accuracy=accuracy)
    return replace(few, logits=logits, provenance=origin)


def _few(logits: Logits, raw: NDArray[np.int64]) -> Logits:
    """Some samples in their order, those with raw inputs among them."""
    kept = np.sort(np.argsort(~np.isin(logits.sample_ids, raw), kind="stable")[:LOGITS])
    values, labels, ids = (getattr(logits, name)[kept] for name in ("values", "labels", "sample_ids"))
    return Logits(values, logits.scale, labels, ids, logits.split)


if __name__ == "__main__":
    sys.exit(main())
