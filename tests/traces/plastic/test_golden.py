"""What is learned is the same to the bit on every machine, compiled or interpreted, whatever threads there are."""

import hashlib

import pytest
from traces.plastic.cases import formats, inhibition, network, neurons, samples, stdp

from hwsim.traces.plastic.golden import LearningCore
from hwsim.traces.plastic.run import show
from hwsim.traces.plastic.trace import Presentation

DIGESTS = {
    "FP32": "d58124e38f63465d",
    "nearest": "ba809e4999c419cf",
    "truncate": "69806f1319fbc2e4",
    "stochastic": "1f29ab2668d2f16b",
}
"""First 16 digits of SHA-256 of weights and thresholds, little-endian, as one machine has found them."""


@pytest.mark.parametrize("rounding", DIGESTS)
def test_weights_and_thresholds_are_those_of_every_machine(rounding):
    adaptive = inhibition(most_responding=3, strength_step_mv=0.75, strength_lowest_mv=3.5, strength_highest_mv=5.5)
    net = network(
        None if rounding == "FP32" else formats(rounding),
        pixels=60,
        neuron=neurons(count=20),
        learning=stdp("windowed", weight_sum=16.0),
        inhibiting=adaptive,
    )
    core = LearningCore(net)
    for k, values in enumerate(samples(25, net.pixels)):
        show(core, Presentation("train", k), values, learn=True)
    little_endian = (array.astype(array.dtype.newbyteorder("<")).tobytes() for array in (core.weights, core.theta))
    assert hashlib.sha256(b"".join(little_endian)).hexdigest()[:16] == DIGESTS[rounding]
