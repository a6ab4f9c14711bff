"""What the body of a drawn network is made of: functions that add layers after the last one."""

from __future__ import annotations

from collections.abc import Callable

from hwsim.traces.network.mixed.neurons import drawn_neuron
from hwsim.traces.network.mixed.sketch import Sketch

LARGEST = 255
"""The largest activation: 8 bits, which the shipped designs multiply and pool."""
_CHANNELS = 5
LARGEST_MAP = 8
"""Rows and columns that an upsampled map has at most."""


def _window(sketch: Sketch) -> tuple[int, int, int]:
    """Kernel, stride and padding of a window that fits on the last layer."""
    kernel = sketch.dice.whole(1, min(3, *sketch.last.shape[:2]))
    return kernel, sketch.dice.whole(1, 2), sketch.dice.whole(0, kernel - 1)


def _convolution(sketch: Sketch) -> None:
    sketch.conv(sketch.dice.whole(1, _CHANNELS), _window(sketch))


def _grouped_convolution(sketch: Sketch) -> None:
    """As many groups as channels, or a divisor of them."""
    channels = sketch.last.shape[2]
    groups = sketch.dice.one_of([n for n in range(1, channels + 1) if channels % n == 0])
    sketch.conv(groups * sketch.dice.whole(1, 2), _window(sketch), groups=groups)


def _pool(sketch: Sketch) -> None:
    kernel, stride, _ = _window(sketch)
    sums_fit = sketch.largest(sketch.last) * kernel**2 <= LARGEST
    sketch.pool(not sums_fit or sketch.dice.once_in(2), kernel, stride)


def _residual(sketch: Sketch) -> None:
    """Two paths of currents, or a current and what it was made of, added before the neuron."""
    dice, source = sketch.dice, sketch.last
    channels = source.shape[2]
    kernel = 3 if min(source.shape[:2]) >= 3 else 1
    main = sketch.conv(channels, (kernel, 1, kernel // 2), fires=0)
    other = source if dice.once_in(2) else sketch.conv(channels, (1, 1, 0), source, fires=0)
    spread = 64 * (sketch.largest(source) + 1)
    sketch.sum([main, other], [1, dice.one_of([-3, 1, 4])], drawn_neuron(dice, channels, spread, sketch.widest))


def _skip(sketch: Sketch) -> None:
    """Activations and what a convolution makes of them, added without a neuron: no longer 0 or 1."""
    dice, source = sketch.dice, sketch.last
    if sketch.largest(source) * 3 + 3 > LARGEST:
        return _convolution(sketch)
    branch = sketch.conv(source.shape[2], (1, 1, 0))
    sketch.sum([source, branch], [dice.whole(1, 3), dice.whole(1, 3)])
    return None


def _side_by_side(sketch: Sketch) -> None:
    """What there is and what a convolution makes of it, in any order, or twice the same."""
    dice, source = sketch.dice, sketch.last
    branch = source if dice.once_in(3) else sketch.conv(dice.whole(1, _CHANNELS), (1, 1, 0))
    sketch.concat([source, branch] if dice.once_in(2) else [branch, source, *[branch][: dice.whole(0, 1)]])


def _upsample(sketch: Sketch) -> None:
    """Small maps to larger ones: as large as the largest that is drawn, or half more."""
    height, width, _ = sketch.last.shape
    rows, columns = (sketch.dice.whole(1, max(1, LARGEST_MAP // size)) for size in (height, width))
    sketch.upsample((rows, columns))


def _recurrent(sketch: Sketch) -> None:
    """A current of the last layer, and of the sum's own neurons or of others a timestep before."""
    dice, own = sketch.dice, sketch.dice.once_in(2)
    source = sketch.last if own else sketch.conv(dice.whole(1, _CHANNELS), (1, 1, 0))
    channels, kernel = dice.whole(1, _CHANNELS), dice.one_of([1, 3])
    forward = sketch.conv(channels, (1, 1, 0), source, fires=0)
    back = sketch.late(channels, kernel, None if own else source)
    spread = 64 * (sketch.largest(source) + 1)
    sketch.sum([forward, back], [1, 1], drawn_neuron(dice, channels, spread, sketch.widest))


STEPS: tuple[Callable[[Sketch], None], ...] = (
    _convolution,
    _convolution,
    _grouped_convolution,
    _pool,
    _residual,
    _skip,
    _side_by_side,
    _upsample,
    _recurrent,
)
"""One of these is drawn at a time; a new kind of layer is a function and a line here."""
