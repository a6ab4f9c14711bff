"""What the body of a drawn network is made of: functions that add layers after the last one."""

from __future__ import annotations

from collections.abc import Callable

from hwsim.traces.network.mixed.dice import Dice
from hwsim.traces.network.mixed.neurons import drawn_neuron
from hwsim.traces.network.mixed.sketch import Sketch
from hwsim.traces.network.window import Window

LARGEST = 255
"""The largest activation: 8 bits, which the shipped designs multiply and pool."""
_CHANNELS, _MOST_DILATION, _MOST_SPREAD = 5, 3, 4
_MOST_CURRENTS = 4
"""That are added up."""
LARGEST_MAP = 8
"""Rows and columns that an upsampled map has at most."""


def _window(sketch: Sketch, most_dilation: int = 1) -> Window:
    """A window that fits on the last layer: a square one, or one that differs in all that it can."""
    dice, sizes = sketch.dice, sketch.last.shape[:2]
    if dice.once_in(2):
        kernel = dice.whole(1, min(3, *sizes))
        return Window.square(kernel, dice.whole(1, 2), dice.whole(0, kernel - 1))
    kernel, down, above, below, dilation = _axis(dice, sizes[0], most_dilation)
    across, right, before, after, apart = _axis(dice, sizes[1], most_dilation)
    return Window((kernel, across), (down, right), (above, below, before, after), (dilation, apart))


def _axis(dice: Dice, size: int, most_dilation: int) -> tuple[int, int, int, int, int]:
    """Kernel, stride, padding before and after, and dilation along an axis."""
    kernel = dice.whole(1, min(3, size))
    dilation = dice.whole(1, max(min(most_dilation, (size - 1) // max(kernel - 1, 1)), 1))
    reach = dilation * (kernel - 1)
    return kernel, dice.whole(1, 3), dice.whole(0, reach), dice.whole(0, reach), dilation


def _convolution(sketch: Sketch) -> None:
    sketch.conv(sketch.dice.whole(1, _CHANNELS), _window(sketch, _MOST_DILATION))


def _grouped_convolution(sketch: Sketch) -> None:
    """As many groups as channels, or a divisor of them."""
    channels = sketch.last.shape[2]
    groups = sketch.dice.one_of([n for n in range(1, channels + 1) if channels % n == 0])
    sketch.conv(groups * sketch.dice.whole(1, 2), _window(sketch), groups=groups)


def _transposed_convolution(sketch: Sketch) -> None:
    """One of a small map; its windows move by more than a place now and then."""
    dice, sizes = sketch.dice, sketch.last.shape[:2]
    if max(sizes) > _MOST_SPREAD:
        return _convolution(sketch)
    kernel, spread = ((dice.whole(1, most), dice.whole(1, most)) for most in (3, 3))
    sides = []
    for taps, apart, size in zip(kernel, spread, sizes, strict=True):
        before, reach = dice.whole(0, taps - 1), taps - 1
        sides += [before, dice.whole(min(max(reach - before - (size - 1) * apart, 0), reach), reach)]
    window = Window(kernel, (1, dice.one_of([1, 1, 2])), (sides[0], sides[1], sides[2], sides[3]), spread=spread)
    sketch.conv(dice.whole(1, _CHANNELS), window)
    return None


def _pool(sketch: Sketch) -> None:
    window = _window(sketch)
    sums_fit = sketch.largest(sketch.last) * window.taps <= LARGEST >> sketch.signed(sketch.last)
    sketch.pool(not sums_fit or sketch.dice.once_in(2), window)


def _pooled_currents(sketch: Sketch) -> None:
    """A convolution whose currents are pooled before the neurons."""
    dice, source = sketch.dice, sketch.last
    currents = sketch.conv(dice.whole(1, _CHANNELS), _window(sketch), fires=0)
    window, spread = _window(sketch), 64 * (sketch.largest(source) + 1)
    pooled = sketch.pool(window.taps > _MOST_CURRENTS or dice.once_in(2), window)
    sketch.sum([pooled], [1], drawn_neuron(dice, currents.shape[2], spread, sketch.widest))


def _residual(sketch: Sketch) -> None:
    """Two paths of currents, or a current and what it was made of, added before the neuron."""
    dice, source = sketch.dice, sketch.last
    channels = source.shape[2]
    kernel = 3 if min(source.shape[:2]) >= 3 else 1
    main = sketch.conv(channels, Window.square(kernel, 1, kernel // 2), fires=0)
    other = source if dice.once_in(2) else sketch.conv(channels, Window(), source, fires=0)
    spread = 64 * (sketch.largest(source) + 1)
    sketch.sum([main, other], [1, dice.one_of([-3, 1, 4])], drawn_neuron(dice, channels, spread, sketch.widest))


def _skip(sketch: Sketch) -> None:
    """Activations and what a convolution makes of them, added without a neuron: no longer 0 or 1."""
    dice, source = sketch.dice, sketch.last
    if sketch.largest(source) * 3 + 3 > LARGEST >> sketch.signed(source):
        return _convolution(sketch)
    branch = sketch.conv(source.shape[2], Window())
    sketch.sum([source, branch], [dice.whole(1, 3), dice.whole(1, 3)])
    return None


def _side_by_side(sketch: Sketch) -> None:
    """What there is and what a convolution makes of it, in any order, or twice the same."""
    dice, source = sketch.dice, sketch.last
    branch = source if dice.once_in(3) else sketch.conv(dice.whole(1, _CHANNELS), Window())
    sketch.concat([source, branch] if dice.once_in(2) else [branch, source, *[branch][: dice.whole(0, 1)]])


def _upsample(sketch: Sketch) -> None:
    """Small maps to larger ones: as large as the largest that is drawn, or half more."""
    height, width, _ = sketch.last.shape
    rows, columns = (sketch.dice.whole(1, max(1, LARGEST_MAP // size)) for size in (height, width))
    sketch.upsample((rows, columns))


def _recurrent(sketch: Sketch) -> None:
    """A current of the last layer, and of the sum's own neurons or of others a timestep before."""
    dice, own = sketch.dice, sketch.dice.once_in(2)
    source = sketch.last if own else sketch.conv(dice.whole(1, _CHANNELS), Window())
    channels, kernel = dice.whole(1, _CHANNELS), dice.one_of([1, 3])
    forward = sketch.conv(channels, Window(), source, fires=0)
    back = sketch.late(channels, kernel, None if own else source)
    spread = 64 * (sketch.largest(source) + 1)
    sketch.sum([forward, back], [1, 1], drawn_neuron(dice, channels, spread, sketch.widest))


STEPS: tuple[Callable[[Sketch], None], ...] = (
    _convolution,
    _convolution,
    _grouped_convolution,
    _transposed_convolution,
    _pool,
    _pooled_currents,
    _residual,
    _skip,
    _side_by_side,
    _upsample,
    _recurrent,
)
"""One of these is drawn at a time; a new kind of layer is a function and a line here."""
