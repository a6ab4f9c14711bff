"""How energy and time grow with timesteps, DT-SNN's Fig. 1B, and what decides it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reproduction.early_exit.chips import DEFAULT, ONE_COPY, SPIKESIM, STATIC, Configuration, play_on, synthetic
from reproduction.early_exit.published import ENERGY_GROWS, LATENCY_GROWS, VGG
from reproduction.rows import Row, Section, ratio


def growth_rows(configuration: Configuration) -> list[Row]:
    """How energy and latency grow with timesteps on one chip."""
    energy, time = _growth(configuration)
    what = "VGG-16: {} of T = 8 over T = 1"
    return [
        Row(what.format("energy"), ENERGY_GROWS, ratio(energy), "Fig. 1B", {"energy": energy}, headline=True),
        Row(what.format("latency"), LATENCY_GROWS, ratio(time), "Fig. 1B", {"latency": time}, headline=True),
    ]


def _growth(configuration: Configuration, *settings: str) -> tuple[float, float]:
    """Energy and latency of 8 timesteps over one, VGG-16."""
    run = play_on(configuration, synthetic(VGG, 8), STATIC, *settings).runs[0]
    energy, time = (np.mean(rows, axis=0) for rows in (run.samples.energy_pj, run.samples.latency_ns))
    return float(energy[-1] / energy[0]), float(time[-1] / time[0])


@dataclass(frozen=True, slots=True)
class _Assumption:
    """One thing that is changed of a configuration."""

    what: str
    configuration: Configuration
    settings: tuple[str, ...]
    why: str


_GROWTH = (
    _Assumption("SpikeSim's, as above", SPIKESIM, (), "the part that does not grow costs energy and hardly any time"),
    _Assumption(
        "the first layer on one copy",
        ONE_COPY,
        (),
        "its bits are read one after another: it takes most of the first timestep's time",
    ),
    _Assumption(
        "timesteps follow each other by rows",
        SPIKESIM,
        ("pipelining=rows",),
        "layers of a timestep overlap with those of the one before, so that time grows less than timesteps do",
    ),
    _Assumption(
        "the first layer at every timestep",
        SPIKESIM,
        ("direct_input=every_step",),
        "nothing is left that does not grow: SpikeSim's script, whose energy is proportional to T",
    ),
    _Assumption("arch/imc.yaml, as above", DEFAULT, (), "first layer multiplied beside the crossbars, once"),
    _Assumption(
        "arch/imc.yaml, 512 multipliers for the first layer",
        DEFAULT,
        ("first_layer_mac.lanes=512",),
        "those of the shipped chip are for a network with a quarter of the channels",
    ),
    _Assumption(
        "arch/imc.yaml, first layer on crossbars, once", DEFAULT, ("direct_input=once",), "8 digits a pixel, once"
    ),
    _Assumption(
        "arch/imc.yaml, first layer on crossbars, every timestep",
        DEFAULT,
        ("direct_input=every_step",),
        "rows of timesteps overlap, and leakage and clock follow time",
    ),
)


def growth() -> Section:
    """What decides how energy and time grow with timesteps."""
    rows, paper = [], f"{ENERGY_GROWS}, {LATENCY_GROWS}"
    for assumption in _GROWTH:
        energy, time = _growth(assumption.configuration, *assumption.settings)
        numbers = {"energy": energy, "latency": time}
        rows.append(Row(assumption.what, paper, f"{ratio(energy)}, {ratio(time)}", assumption.why, numbers))
    return Section(
        "Energy and latency of T = 8 over T = 1, VGG-16, one thing changed at a time (Fig. 1B)",
        rows,
        [
            f"The paper's two figures do not follow from one simple assumption: energy {ENERGY_GROWS} needs a part "
            f"that does not grow, of {_standing():.1f} timesteps' size, and latency {LATENCY_GROWS} needs that part to "
            "take no time."
        ],
    )


def _standing() -> float:
    """Part s that does not grow, in timesteps, from (s + 8) / (s + 1) as the paper has it for energy."""
    grows = float(ENERGY_GROWS.rstrip("x"))
    return (8 - grows) / (grows - 1)
