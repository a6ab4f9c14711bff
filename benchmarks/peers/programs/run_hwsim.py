"""hwsim: a design on traces that it has not seen before, with the report."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from telling import Told

told = Told()

import numpy as np  # noqa: E402

import hwsim  # noqa: E402
from hwsim.traces.network.weights import weights_of  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from peers.workloads import execute_behind  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("calls", type=int)
    parser.add_argument("design")
    parser.add_argument("batch")
    parser.add_argument("--execute", action="store_true", help="run the network behind its input spikes, too")
    parser.add_argument("settings", nargs="*")
    options = parser.parse_args()
    architecture = hwsim.load_architecture(options.design, options.settings)
    place = options.folder / "hwsim" / options.batch
    traces = with_one_network([hwsim.load_trace(place / f"{call:03d}.npz") for call in range(options.calls + 1)])
    told.ready()
    for trace in traces:
        report = told.timed(execute_and_simulate if options.execute else simulate, architecture, trace)
        told.did(**work(report, trace.n_samples))
    told.tell(version("hwsim"))


def with_one_network(traces):
    """Traces of one network, which is in every file: whoever simulates as he goes has it once, as a peer has."""
    network = traces[0].network
    for trace in traces[1:]:
        for layer, same in zip(trace.network.layers, network.layers, strict=True):
            if not np.array_equal(*(weights_of(one) if hasattr(one, "weights") else 0 for one in (layer, same))):
                sys.exit(f"{layer.name}: the files have several networks")
    return [replace(trace, network=network) for trace in traces]


def simulate(architecture, trace):
    return hwsim.simulate(architecture, trace, engine="compiled", accuracy_samples=0)


def execute_and_simulate(architecture, trace):
    """The same after the network ran and gave the spikes that the trace has."""
    for sample, words in enumerate(trace.spikes["fc1"].words):
        for name, found in execute_behind(trace.network, words).spikes.items():
            if not np.array_equal(found.words[0], trace.spikes[name].words[sample]):
                sys.exit(f"{name}: other spikes than in the trace")
    return simulate(architecture, trace)


def work(report, samples):
    run = report.runs[0]
    cycles = sum(stage.busy_cycles for stage in run.stages if stage.stage == stage.layer)
    return {
        "synaptic_events": round(samples * run.operations["AC"]),
        "array_cycles": round(samples * cycles),
        "energy_pj": round(samples * run.energy_pj.value),
        "area_um2": round(1e6 * report.area_mm2.value),
    }


if __name__ == "__main__":
    main()
