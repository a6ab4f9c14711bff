"""Sweeps and searches over designs: thousands of points, each a row, none lost and none run twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.later import exports

if TYPE_CHECKING:
    from hwsim.sweep.axis import Axis, parse_axis
    from hwsim.sweep.figures import Constraint, Objective, objectives, parse_constraint
    from hwsim.sweep.journal import load
    from hwsim.sweep.page import to_html
    from hwsim.sweep.pareto import feasible, front
    from hwsim.sweep.search import Search
    from hwsim.sweep.sensitivity import sensitivities
    from hwsim.sweep.space import Asked, Space
    from hwsim.sweep.sweeping import Where, space_of, sweep
    from hwsim.sweep.tables import to_csv, write_parquet
    from hwsim.sweep.tuning import tune

__all__ = [
    "Asked",
    "Axis",
    "Constraint",
    "Objective",
    "Search",
    "Space",
    "Where",
    "feasible",
    "front",
    "load",
    "objectives",
    "parse_axis",
    "parse_constraint",
    "sensitivities",
    "space_of",
    "sweep",
    "to_csv",
    "to_html",
    "tune",
    "write_parquet",
]

__getattr__ = exports(
    __name__,
    {
        "axis": ["Axis", "parse_axis"],
        "figures": ["Constraint", "Objective", "objectives", "parse_constraint"],
        "pareto": ["feasible", "front"],
        "journal": ["load"],
        "page": ["to_html"],
        "search": ["Search"],
        "sensitivity": ["sensitivities"],
        "space": ["Asked", "Space"],
        "sweeping": ["Where", "space_of", "sweep"],
        "tables": ["to_csv", "write_parquet"],
        "tuning": ["tune"],
    },
)
