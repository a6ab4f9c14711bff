"""A core that learns by spike-timing-dependent plasticity (Putra and Shafique, FSpiNN, arXiv 2007.08860)."""

from hwsim.accelerators.stdp.machine import Stdp as Machine

__all__ = ["Machine"]
