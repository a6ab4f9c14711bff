"""Early stops of the ttfs machine and its own arithmetic: what they may save and what they may never change."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from accelerators.ttfs.cases import OFF, TRACES, machine, tallied, totals, trace_of
from numba import config
from traces.ttfs import cases

from hwsim import api
from hwsim.accelerators.ttfs import Machine
from hwsim.traces.slicing import first


@pytest.mark.parametrize("make", [cases.perceptron, cases.convolutions, lambda: cases.perceptron(start=3)])
def test_early_stops_save_work_and_never_change_a_decision(make):
    trace = trace_of(make, samples=6 if make is cases.convolutions else 30)
    rules = list(product(("run", "gate"), ("never", "slopes", "reach"), ("never", "first_spike")))
    work = {}
    for element, hidden, output in rules:
        overrides = (f"early_stop.element={element}", f"early_stop.hidden={hidden}", f"early_stop.output={output}")
        m = machine(*overrides)
        run = m.functional(trace)
        np.testing.assert_array_equal(
            run.trace.decisions["recorded"].classes, trace.decisions["recorded"].classes, err_msg=str(overrides)
        )
        for name, times in trace.times.items():
            if name != trace.network.network.output.name or output == "never":
                np.testing.assert_array_equal(run.trace.times[name], times)
        counts = totals(tallied(trace, *overrides)["static"])
        work[element, hidden, output] = sum(
            int(n.sum()) for key, n in counts.items() if key.action in ("update", "accumulate", "forward")
        )
    assert work["gate", "reach", "first_spike"] < work["gate", "slopes", "never"] <= work["run", "never", "never"]
    assert work["run", "reach", "never"] <= work["run", "slopes", "never"] <= work["run", "never", "never"]


def test_the_decision_of_lasting_potentials_survives_early_stops():
    """Slopes go on after the last spike there, so that silent outputs may still overtake each other."""
    for seed in range(4):
        network = cases.perceptron((12, 9, 4), psp="lasting", ramp=0, start=2, seed=seed)
        quiet = replace(network, neurons={k: replace(n, v_threshold=1 << 20) for k, n in network.neurons.items()})
        for net in (network, quiet):
            trace = cases.recorded(net, 40, seed=seed)
            run = machine("early_stop.hidden=slopes").functional(trace)
            np.testing.assert_array_equal(run.trace.decisions["recorded"].classes, trace.decisions["recorded"].classes)


def test_spikes_after_a_stop_cost_nothing():
    """The output layer's pass ends with its first spike: what would come later is neither read nor added."""
    network = cases.perceptron((6, 5, 3), start=2)
    trace = cases.recorded(network, 20, seed=6)
    tally = tallied(trace, "early_stop.element=run", "array.columns=4")["static"]
    counts, late = totals(tally), 0
    for sample in range(20):
        times, hidden = trace.times["fc2"][sample].ravel(), trace.times["fc1"][sample].ravel()
        fired = times[times >= 0]
        stop = int(fired.min()) + 2 if fired.size else 99
        before = ((hidden >= 0) & (hidden <= stop)).sum()
        late += (hidden > stop).sum()
        assert counts["fc2", "queue", "read"][sample] == before
        assert counts["fc2", "pe", "accumulate"][sample] == 3 * before
        assert counts["fc2", "queue", "write"][sample] == (hidden >= 0).sum()
    assert late > 0


def test_functional_equals_the_integer_reference():
    trace = cases.recorded(cases.convolutions(), 9, recorded_samples=4)
    run = machine(*OFF).functional(trace)
    for name, times in trace.times.items():
        np.testing.assert_array_equal(run.trace.times[name], times)
    np.testing.assert_array_equal(run.trace.decisions["raw inputs"].classes, trace.decisions["test"].classes)
    assert run.notes["decisions that differ from the trace"] == 0
    assert run.notes["hidden times that differ from the trace"] == "conv1 0, conv2 0"
    assert run.notes["additions that saturated"] == "conv1 0, conv2 0, fc 0"
    assert run.notes["accuracy of the trace on them"] == trace.decisions["test"].accuracy


@pytest.mark.skipif(config.DISABLE_JIT, reason="1,000 images take minutes in interpreted kernels")
@pytest.mark.parametrize("path", sorted(TRACES.glob("*ttfs*.npz")), ids=lambda path: path.stem)
@pytest.mark.parametrize("stops", [(), OFF])
def test_functional_equals_the_shipped_networks(path, stops):
    """Decisions of 1,000 test images, hidden times of the recorded ones, with and without early stops."""
    trace = first(api.load_trace(path), samples=20)
    sizes = tuple(f"{memory}.capacity_kib=64" for memory in ("weights", "spikes", "queue"))
    m = Machine(api.load_architecture("ttfs", (*sizes, *stops)).spec)
    run = m.functional(trace)
    for name in list(trace.times)[: None if stops else -1]:
        np.testing.assert_array_equal(run.trace.times[name], trace.times[name])
    of = {
        int(i): int(c) for i, c in zip(trace.decisions["test"].sample_ids, trace.decisions["test"].classes, strict=True)
    }
    found = run.trace.decisions["raw inputs"]
    assert [of[int(i)] for i in found.sample_ids] == found.classes.tolist()
    assert found.labels.size >= 1000


def test_narrow_registers_saturate_and_say_so():
    trace = cases.recorded(cases.perceptron(), 30)
    run = machine(*OFF, "pe.slope_bits=8", "pe.potential_bits=11").functional(trace)
    saturated, differing = (
        run.notes[key] for key in ("additions that saturated", "hidden times that differ from the trace")
    )
    assert int(saturated.split(", ")[0].removeprefix("fc1 ")) > 0
    assert int(differing.removeprefix("fc1 ")) > 0
    as_network = replace(
        trace.network,
        neurons={k: replace(n, slope_bits=8, potential_bits=11) for k, n in trace.network.neurons.items()},
    )
    expected = cases.recorded(as_network, 30)
    for name, times in expected.times.items():
        np.testing.assert_array_equal(run.trace.times[name], times)
