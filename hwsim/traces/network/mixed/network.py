"""Small networks drawn by a seed that mix all that the layers of a trace can say, for tests and for trying designs."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from hwsim.traces.network.layers import Input, Network, ReadOf
from hwsim.traces.network.mixed.dice import Dice
from hwsim.traces.network.mixed.neurons import WIDEST
from hwsim.traces.network.mixed.sketch import WEIGHT_BITS, Sketch
from hwsim.traces.network.mixed.steps import STEPS

MIXED = "mixed"
"""What such a network is called among the geometries."""
MOST_STEPS = 4
INPUT_BITS = 8
"""Of the widest inputs; what the shipped designs hold."""
_MOST_CLASSES, _MOST_VOTES = 5, 3


def mixed_network(
    seed: int,
    widest: int = WIDEST,
    most_steps: int = MOST_STEPS,
    weight_bits: int = WEIGHT_BITS,
    input_bits: int = INPUT_BITS,
) -> Network:
    """The network of a seed: up to `most_steps` steps of a body on maps of 3 to 6 rows and columns, and a classifier.

    The input lies there or changes over time, once in three; the last layer gives currents, or fires and is read out.
    Membranes have `widest` bits at most, weights `weight_bits`, inputs `input_bits`, which are signed once in three.
    """
    dice = Dice(seed, "mixed network")
    sketch = Sketch(dice, _input(dice, input_bits), widest, weight_bits)
    for _ in range(dice.whole(0, most_steps)):
        dice.one_of(STEPS)(sketch)
    if not sketch.fires:
        STEPS[0](sketch)
    if sketch.last.shape[:2] != (1, 1) or dice.once_in(4):
        sketch.flatten()
    if dice.once_in(2):
        sketch.linear(dice.whole(1, 9))
    _classify(sketch)
    return Network(tuple(sketch.layers))


def _input(dice: Dice, most: int) -> Input:
    shape = dice.whole(3, 6), dice.whole(3, 6), dice.whole(1, 3)
    if dice.once_in(3):
        return _signed(dice, Input("input", (), shape, dice.one_of([1, 1, 2, 3]), over_time=True))
    return _signed(dice, Input("input", (), shape, dice.whole(1, most)))


def _signed(dice: Dice, layer: Input) -> Input:
    """In two's complement, once in three where there are bits for it."""
    return replace(layer, signed=dice.once_in(3) and layer.bits > 1)


def _classify(sketch: Sketch) -> None:
    """Currents, spikes counted in groups of votes, or membranes."""
    dice, classes = sketch.dice, sketch.dice.whole(2, _MOST_CLASSES)
    how = dice.one_of((None, "spikes", *get_args(ReadOf)))
    if how is None:
        sketch.linear(classes, fires=False)
        return
    votes = dice.whole(1, _MOST_VOTES) if how == "spikes" else 1
    sketch.widest -= 1  # what a membrane that is read out changes by has a bit more
    sketch.linear(classes * votes)
    sketch.readout(votes, how)
