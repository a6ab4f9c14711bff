"""hwsim: a cycle-approximate simulator of neuromorphic accelerators, driven by real spike traces.

    report = hwsim.simulate("imc", "example")  # a design and a trace, by name or path
    print(report.to_table())

`capture` makes a trace of a PyTorch model, `compare` and `explain` say where figures come from, `Oracle` gives costs
with gradients; `hwsim.sweep`, `hwsim.make` and `hwsim.view.plots` are modules of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.errors import ArchitectureError, HwsimError, ModelError, TraceError, UsageError
from hwsim.later import exports
from hwsim.version import VERSION

if TYPE_CHECKING:
    from hwsim.comparison import Comparison, compare
    from hwsim.doors.capture import capture
    from hwsim.doors.events.stored import EventInputs
    from hwsim.doors.nir_export import to_nir
    from hwsim.doors.recordings import from_events, from_nir, run_on
    from hwsim.explanation import Explanation, explain
    from hwsim.oracle.oracle import Oracle
    from hwsim.public import (
        Advice,
        Report,
        advise,
        load_architecture,
        load_example,
        load_report,
        load_trace,
        simulate,
    )
    from hwsim.traces.plastic.parameters import Learner

__all__ = [
    "Advice",
    "ArchitectureError",
    "Comparison",
    "EventInputs",
    "Explanation",
    "HwsimError",
    "Learner",
    "ModelError",
    "Oracle",
    "Report",
    "TraceError",
    "UsageError",
    "__version__",
    "advise",
    "capture",
    "compare",
    "explain",
    "from_events",
    "from_nir",
    "load_architecture",
    "load_example",
    "load_report",
    "load_trace",
    "run_on",
    "simulate",
    "to_nir",
]

__version__ = VERSION

_ELSEWHERE = {
    "comparison": ["Comparison", "compare"],
    "doors.capture": ["capture"],
    "doors.events.stored": ["EventInputs"],
    "doors.nir_export": ["to_nir"],
    "doors.recordings": ["from_events", "from_nir", "run_on"],
    "oracle.oracle": ["Oracle"],
    "explanation": ["Explanation", "explain"],
    "traces.plastic.parameters": ["Learner"],
}
_OTHERS = {"__version__", *(name for names in _ELSEWHERE.values() for name in names)}
_PUBLIC = [name for name in __all__ if not name.endswith("Error") and name not in _OTHERS]

_MODULES = ("make", "oracle", "sweep", "traces", "view")
__getattr__ = exports(__name__, {"public": _PUBLIC, **_ELSEWHERE}, _MODULES)


def __dir__() -> list[str]:
    return [*__all__, *_MODULES]
