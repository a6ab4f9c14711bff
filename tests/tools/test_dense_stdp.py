"""Learning with whole matrices, with which CPU time is compared, learns what kernels driven by events learn."""

from dataclasses import replace

import numpy as np
import pytest
from reproduction.dense import DenseCore
from traces.plastic import cases

from hwsim.traces.plastic.encode import input_spikes
from hwsim.traces.plastic.golden import LearningCore
from hwsim.traces.plastic.trace import Presentation

ADAPTIVE = {"strength_step_mv": 0.25, "strength_lowest_mv": 2.0, "strength_highest_mv": 6.0, "most_responding": 2}


@pytest.mark.parametrize("rule", ["pairwise", "windowed"])
@pytest.mark.parametrize("kind", ["direct", "layer"])
@pytest.mark.parametrize("one_winner", [False, True])
@pytest.mark.parametrize("changes", [{}, ADAPTIVE], ids=["fixed strength", "adaptive strength"])
def test_dense_learning_is_that_driven_by_events(rule, kind, one_winner, changes):
    net = cases.network(
        None,
        neuron=cases.neurons(one_winner=one_winner),
        learning=cases.stdp(rule),
        inhibiting=cases.inhibition(kind, **changes),
    )
    dense, events, fired = DenseCore(net), LearningCore(net), 0
    values = cases.samples(8)
    for sample, pixels in enumerate(values):
        shown = Presentation("train", sample)
        spikes, learn = input_spikes(net, shown, pixels), sample % 4 != 3
        ours, theirs = dense.present(spikes, learn), events.present(spikes, shown, learn).spikes
        assert ours.tolist() == theirs.tolist()
        np.testing.assert_allclose(dense.weights, events.weights, rtol=2e-5, atol=1e-6)
        np.testing.assert_allclose(dense.theta, events.theta, rtol=1e-5, atol=1e-6)
        assert dense.strength == pytest.approx(float(events.strength), rel=1e-6)
        fired += int(ours.sum())
    assert fired > 10, "too few spikes to tell anything"


def test_what_was_learned_goes_on_alike():
    net = cases.network(None)
    events = LearningCore(net)
    for sample, pixels in enumerate(cases.samples(3)):
        shown = Presentation("train", sample)
        events.present(input_spikes(net, shown, pixels), shown, True)
    dense = DenseCore(net, events.state(3))
    shown = Presentation("train", 7)
    spikes = input_spikes(net, shown, cases.samples(1, seed=8)[0])
    assert dense.present(spikes, True).tolist() == events.present(spikes, shown, True).spikes.tolist()
    np.testing.assert_allclose(dense.weights, events.weights, rtol=2e-5, atol=1e-6)


def test_fixed_point_is_not_learned_densely():
    with pytest.raises(ValueError, match="FP32"):
        DenseCore(replace(cases.network(None), formats=cases.formats()))
