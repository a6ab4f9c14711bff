"""What the crossbars compute, bit for bit: weights on cells, partial sums, converters that clip, cells that vary."""

from hwsim.accelerators.imc.functional.run import execute

__all__ = ["execute"]
