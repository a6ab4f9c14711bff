"""Pictures of reports, sweeps and traces: each a function that returns a matplotlib Figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.later import exports

if TYPE_CHECKING:
    from hwsim.view.plots.comparison_bars import compare
    from hwsim.view.plots.energy_bars import energy
    from hwsim.view.plots.exit_lines import exit_curve
    from hwsim.view.plots.floor_plan import floor
    from hwsim.view.plots.pareto_points import pareto
    from hwsim.view.plots.rate_points import rates
    from hwsim.view.plots.roofs import roofline
    from hwsim.view.plots.saving import save, to_svg
    from hwsim.view.plots.spike_raster import spikes
    from hwsim.view.plots.stage_strips import timeline
    from hwsim.view.plots.stall_bars import stalls
    from hwsim.view.plots.timestep_bars import timesteps
    from hwsim.view.plots.validation_points import validation

__all__ = [
    "compare",
    "energy",
    "exit_curve",
    "floor",
    "pareto",
    "rates",
    "roofline",
    "save",
    "spikes",
    "stalls",
    "timeline",
    "timesteps",
    "to_svg",
    "validation",
]

__getattr__ = exports(
    __name__,
    {
        "comparison_bars": ["compare"],
        "energy_bars": ["energy"],
        "exit_lines": ["exit_curve"],
        "floor_plan": ["floor"],
        "pareto_points": ["pareto"],
        "rate_points": ["rates"],
        "roofs": ["roofline"],
        "saving": ["save", "to_svg"],
        "spike_raster": ["spikes"],
        "stage_strips": ["timeline"],
        "stall_bars": ["stalls"],
        "timestep_bars": ["timesteps"],
        "validation_points": ["validation"],
    },
)
