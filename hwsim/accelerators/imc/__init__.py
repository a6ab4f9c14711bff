"""In-memory computing: RRAM crossbars with ADCs and per-timestep early exit (DT-SNN, arXiv 2305.17346)."""

from hwsim.accelerators.imc.machine import Imc as Machine

__all__ = ["Machine"]
