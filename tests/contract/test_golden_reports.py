"""Reports of every shipped architecture on a synthetic trace and on every shipped one, as last looked at.

`make golden` writes the folder beside this file anew; read the difference before keeping it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from contract.families import DIRECT, TRACES, family_of, recorded
from numba import config

from hwsim import api, arch
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.slicing import first

FOLDER = Path(__file__).parent / "golden"
ENERGY_TOLERANCE = 1e-9
MOST_SAMPLES = 2


def synthetic():
    """A small perceptron with held-out logits, so that early exit is calibrated as shipped."""
    trace = synthesize("mlp:60-40-30-10", timesteps=4, samples=3, rate=0.12, seed=7)
    held_out = synthesize("mlp:60-40-30-10", timesteps=4, samples=200, rate=0.0, seed=8).logits["recorded"]
    return replace(trace, logits={**trace.logits, "calibration": held_out})


def pairs():
    """Designs with the traces that they play; recorded ones take minutes without the compiler."""
    shipped = [] if config.DISABLE_JIT else recorded()
    return [*((design, "synthetic") for design in arch.shipped()), *((design, path.stem) for design, path in shipped)]


def load(architecture, name):
    """A shipped trace or the machine's synthetic one."""
    if name == "synthetic":
        family = family_of(api.load_architecture(architecture))
        return synthetic() if family is DIRECT else family.trace(next(iter(family.networks)))
    trace = api.load_trace(TRACES / f"{name}.npz")
    return first(trace, samples=min(MOST_SAMPLES, trace.n_samples))


def summarised(architecture, trace):
    """What a report comes down to: exact counts, times and exits, energies."""
    report = api.simulate(api.load_architecture(architecture), trace)
    return {
        "early_exit": None if report.early_exit is None else [report.early_exit.threshold, report.early_exit.histogram],
        "storage_bits": {row.storage: [row.used_bits, row.provided_bits] for row in report.storage},
        "instances": {row.component: row.instances for row in report.area},
        "area_mm2": report.area_mm2.value,
        "runs": {run.name: run_summary(run) for run in report.runs},
    }


def run_summary(run):
    return {
        "latency_ns": run.samples.latency_ns,
        "hardware_accuracy": None if run.hardware_accuracy is None else asdict(run.hardware_accuracy),
        "timesteps": run.samples.timesteps,
        "operations": run.operations,
        "accuracy": run.accuracy,
        "counts": {f"{row.layer}/{row.component}/{row.action}": row.count for row in run.rows},
        "energy_pj": {
            figure: [getattr(getattr(run, figure), bound) for bound in ("value", "low", "high")]
            for figure in ("energy_pj", "dynamic_pj", "clock_pj", "leakage_pj", "edp_pj_ns")
            if getattr(run, figure) is not None
        },
    }


def without_energies(summary):
    return {key: value for key, value in summary.items() if key not in ("energy_pj", "area_mm2", "runs")} | {
        name: {key: value for key, value in run.items() if key != "energy_pj"} for name, run in summary["runs"].items()
    }


@pytest.mark.parametrize(("architecture", "trace"), pairs())
def test_report_is_as_stored(architecture, trace):
    file = FOLDER / f"{architecture}-{trace}.json"
    assert file.is_file(), f"{file.name} is not there yet: `make golden` writes it; read it before keeping it"
    stored = json.loads(file.read_text())
    found = summarised(architecture, load(architecture, trace))
    assert without_energies(found) == without_energies(stored)
    assert found["area_mm2"] == pytest.approx(stored["area_mm2"], rel=ENERGY_TOLERANCE)
    for name, run in found["runs"].items():
        for figure, energies in run["energy_pj"].items():
            assert energies == pytest.approx(stored["runs"][name]["energy_pj"][figure], rel=ENERGY_TOLERANCE)


def regenerate():
    """Write every golden report."""
    FOLDER.mkdir(exist_ok=True)
    for architecture, trace in pairs():
        text = json.dumps(summarised(architecture, load(architecture, trace)), indent=1)
        (FOLDER / f"{architecture}-{trace}.json").write_text(text + "\n")


if __name__ == "__main__":
    regenerate()
