"""Simulations against each other: ratios over the prices that they share, who pays, and what they were made of."""

from hwsim.comparison.comparing import compare
from hwsim.comparison.found import Comparison, Versus

__all__ = ["Comparison", "Versus", "compare"]
