"""Where joules, cycles and square millimetres of a simulation come from: counts, prices and the critical path."""

from hwsim.explanation.explanation import Explanation, explain

__all__ = ["Explanation", "explain"]
