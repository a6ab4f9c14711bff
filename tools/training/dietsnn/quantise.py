"""Few-bit weights and integer neurons, trained through: what this network computes is what is exported, bit for bit.

Every layer lives on its own integer lattice: weights in steps, thresholds and biases in 2**-fraction_bits steps.  A
step per channel under one threshold per layer is the same freedom as one threshold per channel counted in steps, so the
latter is what is trained.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from hwsim.doors.torch.rounding import steps_of, straight_through
from training.common.blocks import SpikingBlock, fold
from training.common.neurons import Grid, lif
from training.dietsnn.crossbars import Crossbars
from training.dietsnn.model import SpikingNetwork

PIXEL_MAX = 255


@dataclass(frozen=True, slots=True)
class Precision:
    """Widths of everything that is stored: weights, leak, membrane and the membrane's fraction behind layer 1."""

    weight_bits: int = 4
    leak_bits: int = 4
    membrane_bits: int = 16
    fraction_bits: int = 4

    @property
    def weight_max(self) -> int:
        """Largest weight; the range is symmetric, so that a differential pair of cells can hold it."""
        return int(2 ** (self.weight_bits - 1)) - 1

    @property
    def grid(self) -> Grid:
        """The integers of the membrane."""
        return Grid(self.leak_bits, self.membrane_bits)


class QuantBlock(nn.Module):
    """A spiking layer in integers; a block of the float network is where it starts from.

    The leak is fixed at its nearest multiple of 2**-leak_bits; weights, thresholds and biases go on learning.
    """

    def __init__(self, block: SpikingBlock, precision: Precision, first: bool) -> None:
        super().__init__()
        self.stride = block.op.stride[0] if isinstance(block.op, nn.Conv2d) else 0
        self.timesteps, self.precision = block.timesteps, precision
        # raw pixels are up to 255 steps high, their currents fill the membrane without a fraction
        self.fraction_bits = 0 if first else precision.fraction_bits
        weight, bias = fold(block.op.weight.detach(), block.norm)
        step = steps_of(weight, precision.weight_max)
        threshold = block.threshold.detach() / step * (PIXEL_MAX if first else 1)
        self.weight = nn.Parameter(weight / step.reshape(-1, *[1] * (weight.dim() - 1)))
        self.log_threshold = nn.Parameter(threshold.log())
        self.bias_ratio = None if bias is None else nn.Parameter(bias.detach() / block.threshold.detach())
        self.register_buffer("leak", (block.leak.detach() * 2**precision.leak_bits).round())
        self.register_buffer("real_threshold", block.threshold.detach().clone())
        self.leak: Tensor
        self.real_threshold: Tensor
        self.crossbars: Crossbars | None = None  # that the products are read from; None: they are exact
        self.cut: nn.Module | None = None  # of weights to integers in fewer steps; None: they are rounded

    def integer_weight(self) -> Tensor:
        """Weights in steps, integers in a float: [channel_out, channel_in, k, k] or [n_out, n_in]."""
        return _integers(self.weight, self.precision, self.cut)

    def integer_threshold(self) -> Tensor:
        """Thresholds [channel] in 2**-fraction_bits steps, at least 1."""
        return straight_through(self.log_threshold.exp() * 2**self.fraction_bits).clamp(min=1)

    def integer_bias(self) -> Tensor | None:
        """Biases [channel] in 2**-fraction_bits steps; None for a block without normalisation, which has none."""
        if self.bias_ratio is None:
            return None
        return straight_through(self.bias_ratio * self.log_threshold.exp() * 2**self.fraction_bits)

    def scale(self) -> Tensor:
        """Real weight of one step on integer inputs [channel]: it gives each channel the layer's one real threshold."""
        return self.real_threshold * float(2**self.fraction_bits) / self.integer_threshold()

    def forward(self, x: Tensor) -> Tensor:
        """Spikes [timestep, sample, ...] of integer inputs [timestep or 1, sample, ...]."""
        current, threshold = self._currents(x.flatten(0, 1)), self.integer_threshold()
        if self.stride:
            threshold = threshold[:, None, None]
        leak = self.leak / 2**self.precision.leak_bits
        steps = current.view(*x.shape[:2], *current.shape[1:])
        return lif(steps, leak, threshold, self.timesteps, self.precision.grid)

    def _currents(self, x: Tensor) -> Tensor:
        """What reaches the membranes, in 2**-fraction_bits steps, of integer inputs [n, ...]."""
        weight, bias = self.integer_weight(), self.integer_bias()
        if self.crossbars is not None:
            current: Tensor = self.crossbars(x, weight, self.stride) * 2**self.fraction_bits
            return current if bias is None else current + (bias[:, None, None] if self.stride else bias)
        weight = weight * 2**self.fraction_bits
        if self.stride:
            return functional.conv2d(x, weight, bias, self.stride, padding=1)
        return functional.linear(x, weight, bias)


class QuantNetwork(nn.Module):
    """The float network on integers; the output layer has one step for all classes, so that logits share one unit."""

    def __init__(self, network: SpikingNetwork, precision: Precision) -> None:
        super().__init__()
        self.geometry, self.precision = network.geometry, precision
        self.blocks = nn.ModuleList(QuantBlock(b, precision, k == 0) for k, b in enumerate(network.blocks()))
        weight = network.output.weight.detach()
        step = steps_of(weight.reshape(1, -1), precision.weight_max)
        self.output_weight = nn.Parameter(weight / step)
        self.log_step = nn.Parameter(step.log())
        self.crossbars: Crossbars | None = None  # of the output layer
        self.cut: nn.Module | None = None

    def spiking(self) -> list[QuantBlock]:
        """The spiking layers from input to output."""
        return [block for block in self.blocks if isinstance(block, QuantBlock)]

    def integer_output(self) -> Tensor:
        """Output weights in steps [class, n_in]."""
        return _integers(self.output_weight, self.precision, self.cut)

    def forward(self, pixels: Tensor) -> Tensor:
        """Real logits (integers times one scale) of each timestep: [timestep, sample, class]."""
        *convolutions, last = self.spiking()
        x = pixels.unsqueeze(0)
        for block in convolutions:
            x = block(x)
        hidden = last(x.flatten(2))
        if self.crossbars is None:
            logits = functional.linear(hidden, self.integer_output())
        else:
            logits = self.crossbars(hidden.flatten(0, 1), self.integer_output(), 0).view(*hidden.shape[:2], -1)
        return logits * self.log_step.exp()

    def project(self) -> None:
        """Nothing to keep in range: thresholds are exponentials and weights are clamped where they are used."""


def _integers(weight: Tensor, precision: Precision, cut: nn.Module | None) -> Tensor:
    if cut is not None:
        found: Tensor = cut(weight)
        return found
    top = precision.weight_max
    return straight_through(weight.clamp(-top, top))
