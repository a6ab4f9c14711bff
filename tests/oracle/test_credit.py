"""Shared credit: slopes of all spikes add up to what they cost, and are Shapley values of the machine itself."""

from __future__ import annotations

from math import factorial
from pathlib import Path

import numpy as np
import pytest
from accelerators.digital import cases as digital
from accelerators.imc import cases
from oracle.flips import oracle_of, repeated
from traces.direct.networks import Sketch

import hwsim
from hwsim.errors import UsageError
from hwsim.traces.planes import unpack_channels
from hwsim.traces.trace import PackedSpikes

TRACES = Path(__file__).resolve().parents[2] / "traces"
WHOLE_WORDS = {"htree__bits": 1}
"""A tree that moves bit by bit, so that no word of it is rounded up."""


def plain(seed):
    """A drawn network in which every layer reads spikes as they are: borders, strides, groups, dilation."""
    rng = np.random.default_rng(seed)
    sketch = Sketch((int(rng.integers(4, 8)), int(rng.integers(4, 8)), 2), bits=3, seed=seed)
    sketch.conv(6, kernel=3, padding=1, bits=5)
    for groups in (2, 1):
        padding = tuple(int(each) for each in rng.integers(0, 3, 4))
        stride = tuple(int(each) for each in rng.integers(1, 3, 2))
        sketch.conv(4, kernel=2, stride=stride, padding=padding, groups=groups, dilation=int(rng.integers(1, 3)))
    sketch.flatten()
    sketch.linear(5, bits=3)
    sketch.linear(4, neuron=None)
    return sketch.network()


def fires_of(trace):
    return {name: unpack_channels(each.words, each.shape[2]) > 0 for name, each in trace.spikes.items()}


def silent_of(trace):
    return {name: each.each(np.zeros_like) for name, each in trace.spikes.items()}


def credited(oracle, trace):
    """Slopes times spikes, added up: [sample]."""
    _, slopes = oracle.slopes(trace.spikes, trace.inputs)
    fires = fires_of(trace)
    return sum((fires[name] * slopes[name].astype(np.float64)).sum(axis=(1, 2, 3)) for name in slopes)


@pytest.mark.parametrize("packing", ["none", "layers"])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("changes", [{}, {"rows_per_read": 3, "dac__bits": 2}, {"chip__replicate": "spare"}], ids=str)
def test_credits_of_all_spikes_add_up_to_what_they_cost(packing, seed, changes):
    """As far as float32, in which slopes are given; tests/kernels/test_read_shares.py has the reads themselves."""
    trace = cases.random_trace(plain(seed), rate=0.4)
    spec = cases.small(packing=packing, **WHOLE_WORDS, **changes)
    shared, single = (oracle_of(spec, trace, "dynamic_pj", credit=credit) for credit in ("shared", "single"))
    wanted = (shared(trace.spikes, trace.inputs).values - shared(silent_of(trace), trace.inputs).values).astype(float)
    assert wanted.min() > 0
    np.testing.assert_allclose(credited(shared, trace), wanted, rtol=1e-6)
    assert (credited(single, trace) < 0.9 * wanted).all()


def test_words_of_the_tree_are_all_that_does_not_add_up():
    """They are rounded up, row by row, on the shipped network by a part in a hundred thousand."""
    trace = hwsim.load_trace(TRACES / "fashion_dietsnn.npz")
    oracle = hwsim.Oracle("imc", trace, objective="dynamic_pj", credit="shared")
    wanted = oracle(trace.spikes).values - oracle(silent_of(trace)).values
    np.testing.assert_allclose(credited(oracle, trace), wanted, rtol=1e-5)


def test_shapley_values_of_the_machine_by_brute_force():
    """Every subset of seven spikes is a sample: the mean, over all orders, of what a spike adds as it comes."""
    trace = cases.random_trace(plain(1), timesteps=1, samples=1, rate=0.5)
    first, second, *_ = trace.spikes
    fires = fires_of(trace)
    chosen = [(name, *place) for name, most in ((first, 5), (second, 2)) for place in np.argwhere(fires[name])[:most]]
    n = len(chosen)
    assert n == 7
    many = repeated(trace, 1 << n)
    spikes = silent_of(many)
    for number, (name, _, t, place, channel) in enumerate(chosen):
        members = np.flatnonzero(np.arange(1 << n) >> number & 1)
        spikes[name].words[members, t, place, channel // 64] |= np.uint64(1) << np.uint64(channel % 64)
    oracle = oracle_of(cases.small(**WHOLE_WORDS), trace, "dynamic_pj", credit="shared")
    costs = oracle(spikes, many.inputs).values
    sizes = np.array([number.bit_count() for number in range(1 << n)])
    _, slopes = oracle.slopes(spikes, many.inputs)
    together = 0
    for number, (name, _, t, place, channel) in enumerate(chosen):
        without = np.flatnonzero(np.arange(1 << n) >> number & 1 == 0)
        orders = [factorial(size) * factorial(n - 1 - size) / factorial(n) for size in sizes[without]]
        wanted = (orders * (costs[without | 1 << number] - costs[without])).sum()
        alone = costs[1 << number] - costs[0]
        together += wanted < 0.999 * alone
        assert slopes[name][-1, t, place, channel] == pytest.approx(wanted, rel=1e-6)
        assert slopes[name][1 << number, t, place, channel] == pytest.approx(alone, rel=1e-6)
    assert together  # some of them meet in a read


def test_a_spike_alone_in_its_reads_and_a_silent_neuron_have_the_slopes_of_single_flips():
    trace = cases.random_trace(plain(2), rate=0.3)
    spec = cases.small()
    single, shared = (
        oracle_of(spec, trace, "energy_pj", credit=credit).slopes(trace.spikes, trace.inputs)[1]
        for credit in ("single", "shared")
    )
    for name, fires in fires_of(trace).items():
        one, other = (np.broadcast_to(each[name], fires.shape) for each in (single, shared))
        np.testing.assert_array_equal(other[~fires], one[~fires])
        assert (other[fires] >= one[fires] * (1 - 1e-6)).all()
        assert (other[fires] > one[fires] * 1.01).any()

    lonely = {name: PackedSpikes(np.zeros_like(each.words), each.shape) for name, each in trace.spikes.items()}
    for name, each in lonely.items():
        each.words[:, 1, each.shape[0] * each.shape[1] // 2, 0] = 1
        several = [
            oracle_of(spec, trace, "energy_pj", credit=c).slopes(lonely, trace.inputs)[1] for c in ("single", "shared")
        ]
        np.testing.assert_array_equal(*(found[name] for found in several))
        each.words[:] = 0


@pytest.mark.parametrize(
    "spec", [cases.small(skip="none"), digital.variant(), digital.variant(skip="gate")], ids=["imc", "skip", "gate"]
)
def test_where_costs_are_in_proportion_to_spikes_both_are_the_same(spec):
    """`imc` that reads everything, and `digital`, whose time is of single spikes whatever the credit."""
    trace = cases.random_trace(plain(3), samples=2)
    both = [
        oracle_of(spec, trace, "energy_pj", credit=c).slopes(trace.spikes, trace.inputs)[1]
        for c in ("single", "shared")
    ]
    for name in both[0]:
        np.testing.assert_array_equal(both[0][name], both[1][name])


def test_on_digital_they_add_up_as_they_are():
    trace = cases.random_trace(plain(3), samples=2)
    oracle = oracle_of(digital.variant(), trace, "dynamic_pj")
    wanted = oracle(trace.spikes, trace.inputs).values - oracle(silent_of(trace), trace.inputs).values
    np.testing.assert_allclose(credited(oracle, trace), wanted, rtol=1e-6)


def test_oracles_of_other_bits_have_the_same_credit():
    trace = cases.random_trace(plain(0))
    layers = [layer.name for layer in trace.network if hasattr(layer, "weights")]
    assert oracle_of(cases.small(), trace, "dynamic_pj", credit="shared").at_bits({layers[-1]: 2}).credit == "shared"


def test_a_credit_that_there_is_not():
    trace = cases.random_trace(plain(0))
    with pytest.raises(UsageError, match="credit: wanted"):
        oracle_of(cases.small(), trace, "dynamic_pj", credit="divided")
