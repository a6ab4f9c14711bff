"""A systolic array of neurons that fire at most once (YOSO, arXiv 2006.09982)."""

from hwsim.accelerators.ttfs.machine import Ttfs as Machine

__all__ = ["Machine"]
