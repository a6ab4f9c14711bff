"""Cells that run a spiking LSTM, its timesteps in a wavefront (Datta et al., arXiv 2210.12613)."""

from hwsim.accelerators.lstm.machine import Lstm as Machine

__all__ = ["Machine"]
