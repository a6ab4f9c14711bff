"""What a single spike costs, beside the whole machine asked again with that spike turned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from accelerators.digital import cases as digital
from accelerators.imc import cases
from oracle.flips import compared, cosine, oracle_of, together

import hwsim
from hwsim.errors import UsageError
from hwsim.traces.slicing import first

TRACES = Path(__file__).resolve().parents[2] / "traces"
SMALL = {"array__rows": 3, "array__columns": 2, "loop_order": "timestep_outer"}
WITHOUT_ONE_SPIKE_MANY_WAYS = (*cases.WINDOWS, cases.flattened_input, cases.binary, cases.wide)


def trace_of(network):
    return cases.random_trace(network(), timesteps=3, samples=1)


@pytest.mark.parametrize("network", WITHOUT_ONE_SPIKE_MANY_WAYS)
@pytest.mark.parametrize("changes", [{"skip": "gate"}, {}, SMALL], ids=["gate", "skip", "small array"])
def test_dynamic_energy_on_digital_is_exact(network, changes):
    """Borders, strides, groups, dilation, pools, sums, shortcuts and maps that are spread."""
    trace = trace_of(network)
    slopes, differences = together(compared(oracle_of(digital.variant(**changes), trace, "dynamic_pj"), trace, 120))
    assert np.abs(differences).max() > 0
    assert np.abs(slopes - differences).max() <= 1e-6 * np.abs(differences).max()


def test_maps_that_are_arranged_are_exact_where_a_spike_has_one_way():
    """conv8 is upsampled and then pooled, so that several copies of one spike fall into one sum."""
    trace = trace_of(cases.arranged)
    found = compared(oracle_of(digital.variant(skip="gate"), trace, "dynamic_pj"), trace, 60)
    del found["conv8"]
    slopes, differences = together(found)
    assert np.abs(slopes - differences).max() <= 1e-6 * np.abs(differences).max()


@pytest.mark.parametrize("design", ["imc", "digital"])
@pytest.mark.parametrize("objective", ["energy_pj", "latency_ns", "edp_pj_ns"])
def test_the_shipped_network(design, objective, capsys):
    """Skipped silence, conversions and slowest rows included; no flip changes the latency on imc, nor does a slope."""
    trace = first(hwsim.load_trace(TRACES / "fashion_dietsnn.npz"), 1)
    found = compared(hwsim.Oracle(design, trace, objective=objective), trace, 60)
    slopes, differences = together(found)
    if not differences.any():
        assert (design, objective) == ("imc", "latency_ns")
        assert not slopes.any()
        return
    similar, error = cosine(found)
    with capsys.disabled():
        print(f"\n{design}, {objective}: cosine {similar:.6f}, relative error {error:.1e}")
    assert similar >= 0.95


@pytest.mark.parametrize("network", [cases.convolutions, cases.residuals, cases.spread, cases.binary, cases.wide])
@pytest.mark.parametrize("digits", [1, 2])
def test_energy_on_imc_with_skipping(network, digits, capsys):
    trace = trace_of(network)
    similar, error = cosine(compared(oracle_of(cases.small(dac__bits=digits), trace, "dynamic_pj"), trace, 120))
    with capsys.disabled():
        print(f"\nimc, {network.__name__}, {digits} bits a digit: cosine {similar:.4f}, relative error {error:.1e}")
    assert similar >= 0.95


@pytest.mark.parametrize("network", [cases.convolutions, cases.residuals, cases.wide])
def test_latency_on_digital_follows_the_critical_path(network, capsys):
    trace = trace_of(network)
    similar, error = cosine(compared(oracle_of(digital.variant(), trace, "latency_ns"), trace, 200))
    with capsys.disabled():
        print(f"\ndigital, latency, {network.__name__}: cosine {similar:.4f}, relative error {error:.1e}")
    assert similar >= 0.95


def test_a_spike_that_comes_back_a_timestep_later_costs_then():
    """Recurrent layers read what they gave one timestep before: of the last timestep nothing is read."""
    from accelerators.test_recurrence import recurrent

    trace = cases.random_trace(recurrent(), timesteps=3, samples=1)
    slopes, differences = together(
        compared(oracle_of(digital.variant(loop_order="timestep_outer"), trace, "dynamic_pj"), trace, 200)
    )
    assert np.abs(slopes - differences).max() <= 1e-6 * np.abs(differences).max()


def test_a_weighted_sum_has_the_sum_of_slopes():
    trace = first(hwsim.load_trace(TRACES / "fashion_dietsnn.npz"), 2)
    weights = {"dynamic_pj": 0.5, "latency_ns": 3.0}
    parts = [hwsim.Oracle("digital", trace, objective=name).slopes(trace.spikes)[1] for name in weights]
    _, found = hwsim.Oracle("digital", trace, objective=weights).slopes(trace.spikes)
    for name in trace.spikes:
        wanted = sum(weight * part[name] for weight, part in zip(weights.values(), parts, strict=True))
        np.testing.assert_allclose(found[name], wanted, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(("design", "name"), [("lstm", "mnist_lstm"), ("ttfs", "mnist_ttfs")])
def test_other_machines_say_what_spikes_of_a_layer_cost_in_the_mean(design, name):
    """All spikes of a layer together cost what it saves to be silent."""
    trace = first(hwsim.load_trace(TRACES / f"{name}.npz"), 2)
    oracle = hwsim.Oracle(design, trace, objective="energy_pj")
    spikes = trace.spikes if design == "lstm" else {n: np.moveaxis(t, -1, 1) for n, t in trace.times.items()}
    cost, slopes = oracle.slopes(spikes)
    layer = next(iter(spikes))
    if design == "lstm":
        silent = {**spikes, layer: np.zeros((2, *spikes[layer].words.shape[1:3], spikes[layer].n_units))}
        fired = spikes[layer].counts().sum(axis=(1, 2))
    else:
        silent = {**spikes, layer: np.full_like(spikes[layer], -1)}
        fired = (spikes[layer] >= 0).reshape(2, -1).sum(axis=1)
    saved = cost.values - oracle(silent).values
    np.testing.assert_allclose(slopes[layer].reshape(2) * fired, saved, rtol=1e-5)


def test_slopes_are_those_of_all_timesteps():
    trace = first(hwsim.load_trace(TRACES / "fashion_dietsnn.npz"), 2)
    with pytest.raises(UsageError, match="run: slopes are those of run 'static'"):
        hwsim.Oracle("imc", trace, run="early exit").slopes(trace.spikes)
