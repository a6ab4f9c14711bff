"""Which peers there are, on which work, beside which designs, and what differs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from peers.answers import read_answer
from peers.rounds import Side, Work
from peers.workloads import BATCH, write_convolution, write_spiking, write_vgg9

from hwsim.errors import UsageError

PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Ours:
    """A design that plays the work, so many samples a call, after the network was run if `executed`."""

    design: str
    batch: int
    settings: tuple[str, ...] = ()
    executed: bool = False


@dataclass(frozen=True)
class Comparison:
    """A peer, the work of both sides, the counts that must be equal, and what differs all the same."""

    name: str
    title: str
    work: str
    write: Callable[[Path, int], None]
    agree: tuple[str, ...]
    ours: tuple[Ours, ...]
    differs: tuple[str, ...]


_ON_CHIPS = (
    Ours("imc", 1),
    Ours("imc", BATCH),
    Ours("imc", 1, executed=True),
    Ours("digital", 1),
    Ours("digital", BATCH),
)
_REPLAY = (
    "hwsim counts and schedules the spikes of a trace and runs no neurons, unless the row says so; the peer runs them"
)
_REPORT = (
    "hwsim's report has energy, latency, EDP, area, stalls and bounds of prices, and standard errors where a call has "
    "several samples; accuracy on the hardware is off"
)

COMPARISONS = {
    each.name: each
    for each in (
        Comparison(
            "sanafe",
            "SANA-FE",
            "784-512-512-10, T = 100, a tenth of the inputs spiking",
            write_spiking,
            ("synaptic_events",),
            _ON_CHIPS,
            (
                _REPLAY,
                "SANA-FE's chip is its Loihi, a core a layer, with messages on a mesh; it simulates 103 steps, since a "
                "layer sees spikes a step late",
                "imc also decides after each timestep when to leave; both designs play a layer more, of one pixel, "
                "that stands for the inputs (78,400 products)",
                _REPORT,
            ),
        ),
        Comparison(
            "spikingjelly",
            "SpikingJelly",
            "784-512-512-10, T = 100, a tenth of the inputs spiking",
            write_spiking,
            ("synaptic_events",),
            _ON_CHIPS,
            (
                _REPLAY,
                "SpikingJelly multiplies dense matrices and counts synaptic operations: no hardware, energy or time",
                _REPORT,
            ),
        ),
        Comparison(
            "scalesim",
            "SCALE-Sim",
            "3 x 3 convolution of 8 to 16 channels on 12 x 12 and a classifier, dense, 8 x 16 PEs",
            write_convolution,
            ("array_cycles",),
            (
                Ours("digital", 1, ("array.skew=systolic", "skip=gate")),
                Ours("digital", BATCH, ("array.skew=systolic", "skip=gate")),
            ),
            (
                "SCALE-Sim makes the address of every operand in every cycle and estimates bandwidths, hwsim counts by "
                "closed form and schedules tiles with their memory traffic",
                _REPORT,
            ),
        ),
        Comparison(
            "spikesim",
            "SpikeSim's published script",
            "VGG-9, T = 5",
            write_vgg9,
            ("energy_pj", "area_um2"),
            (Ours("imc_spikesim", 1), Ours("imc_spikesim", BATCH)),
            (
                "the script is a closed form that looks at no spikes; hwsim counts them and schedules rows",
                _REPORT,
            ),
        ),
    )
}


def sides(comparison: Comparison, python: Path, folder: Path, calls: int) -> list[Side]:
    """The peer and the designs beside it, on the work in `folder`."""
    program = (python, PROGRAMS / f"run_{comparison.name}.py", folder)
    peer = Side(
        comparison.title, (*program, str(calls)), (*program, "0"), partial(_work_of_answer, label=comparison.title)
    )
    return [peer, *(_our_side(ours, folder, calls) for ours in comparison.ours)]


def _our_side(ours: Ours, folder: Path, calls: int) -> Side:
    label = f"hwsim, {ours.design}" + (f", {ours.batch} a call" if ours.batch > 1 else "")
    label += ", network executed" if ours.executed else ""
    settings = [f"--set={setting}" for setting in ours.settings]
    whole = (
        *(Path(sys.executable).with_name("hwsim"), "simulate", ours.design, folder / "hwsim" / "1" / "000.npz"),
        *(*settings, "--engine", "compiled", "--accuracy-samples", "0", "--quiet", "--json", "-"),
    )
    in_process = (sys.executable, PROGRAMS / "run_hwsim.py", folder, str(calls), ours.design, str(ours.batch))
    in_process += ("--execute",) if ours.executed else ()
    return Side(
        label,
        (*in_process, *ours.settings),
        whole if ours.batch == 1 and not ours.executed else None,
        partial(_work_of_report, label=label),
        ours.batch,
    )


def _work_of_answer(text: str, label: str) -> Work:
    return {name: entries[0] for name, entries in read_answer(text, label, calls=0).work.items()}


def _work_of_report(text: str, label: str) -> Work:
    try:
        report = json.loads(text)
        run = report["runs"][0]
        cycles = sum(stage["busy_cycles"] for stage in run["stages"] if stage["stage"] == stage["layer"])
        return {
            "synaptic_events": round(run["operations"]["AC"]),
            "array_cycles": round(cycles),
            "energy_pj": round(run["energy_pj"]["value"]),
            "area_um2": round(1e6 * report["area_mm2"]["value"]),
        }
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise UsageError(f"{label}: prints no report: {type(error).__name__}") from None
