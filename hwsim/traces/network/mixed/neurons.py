"""Neurons drawn with any of the traits that a trace can say; a trait is a function of dice and neuron."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hwsim.traces.network.layers import Neuron, Synapse
from hwsim.traces.network.mixed.dice import Dice

WIDEST = 24
"""Bits of the widest membrane; what the shipped designs hold."""
_MOST_LEAK_BITS, _MOST_FRACTION_BITS = 6, 5


def drawn_neuron(dice: Dice, channels: int, spread: int, widest: int = WIDEST) -> Neuron:
    """Neurons of a layer whose currents are often as large as `spread` weight steps, with each trait once in three."""
    fraction_bits = dice.whole(0, _MOST_FRACTION_BITS)
    membrane_bits = dice.one_of([bits for bits in (4, 8, 12, 16, 24, 32) if bits <= widest])
    leak_bits = dice.whole(0, _MOST_LEAK_BITS)
    highest = min((2 * spread + 1) << fraction_bits, _top(membrane_bits))
    threshold = dice.integers(0, highest, (channels,))
    leak = dice.whole((1 << leak_bits) * 3 // 4, 1 << leak_bits)
    neuron = Neuron(leak, leak_bits, threshold, "soft", fraction_bits, membrane_bits)
    for trait in TRAITS:
        if dice.once_in(3):
            neuron = trait(dice, neuron)
    return neuron


def _top(membrane_bits: int) -> int:
    return (1 << (membrane_bits - 1)) - 1


def _hard_reset(dice: Dice, neuron: Neuron) -> Neuron:
    reach = min(_top(neuron.membrane_bits), 20)
    return replace(neuron, reset="hard", v_reset=dice.whole(-reach, reach))


def _no_reset(dice: Dice, neuron: Neuron) -> Neuron:
    return replace(neuron, reset="none", v_reset=0) if dice.once_in(2) else neuron


def _at_threshold(_dice: Dice, neuron: Neuron) -> Neuron:
    return replace(neuron, fires_at_threshold=True)


def _delayed_reset(dice: Dice, neuron: Neuron) -> Neuron:
    return replace(neuron, delayed_reset=True, reset_after_sum=neuron.reset == "hard" and dice.once_in(2))


def _leak_by_channel(dice: Dice, neuron: Neuron) -> Neuron:
    return replace(neuron, leak=_leaks(dice, neuron, neuron.leak_bits))


def _leaks(dice: Dice, neuron: Neuron, leak_bits: int) -> NDArray[np.int64]:
    return dice.integers(0, 1 << leak_bits, np.shape(neuron.v_threshold))


def _no_leak(_dice: Dice, neuron: Neuron) -> Neuron:
    return replace(neuron, leak=1 << neuron.leak_bits)


def _synapse(dice: Dice, neuron: Neuron) -> Neuron:
    """A synaptic current that leaks by channel once in two, and that the membrane takes late once in two."""
    bits = dice.whole(0, _MOST_LEAK_BITS)
    leak = _leaks(dice, neuron, bits) if dice.once_in(2) else dice.whole(0, 1 << bits)
    return replace(neuron, synapse=Synapse(leak, bits, delayed=dice.once_in(2)))


def _feedback(dice: Dice, neuron: Neuron) -> Neuron:
    reach = min(_top(neuron.membrane_bits), 100)
    return replace(neuron, feedback=dice.integers(-reach, reach, np.shape(neuron.v_threshold)))


def _signed(_dice: Dice, neuron: Neuron) -> Neuron:
    return replace(neuron, signed=True, v_threshold=np.maximum(neuron.v_threshold, 1))


TRAITS: tuple[Callable[[Dice, Neuron], Neuron], ...] = (
    _no_leak,
    _leak_by_channel,
    _hard_reset,
    _no_reset,
    _at_threshold,
    _delayed_reset,
    _synapse,
    _feedback,
    _signed,
)
"""What makes one neuron other than the next; each changes what those before it made, and a new one is a line here."""
