"""A digital PE array that multiplies the raw input and accumulates spikes (DIET-SNN, arXiv 2008.03658)."""

from hwsim.accelerators.digital.machine import Digital as Machine

__all__ = ["Machine"]
