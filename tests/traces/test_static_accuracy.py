"""What traces of every coding say is right of their largest set of samples, counted one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwsim.traces import read_trace

TRACES = Path(__file__).resolve().parents[2] / "traces"


def decided(trace):
    """The largest set: for each sample the class that the network gives it, and its label."""
    if trace.coding == "ttfs":
        largest = max(trace.decisions.values(), key=lambda each: len(each.labels))
        return list(zip(largest.classes.tolist(), largest.labels.tolist(), strict=True))
    largest = max(trace.logits.values(), key=lambda each: len(each.labels))
    sums = largest.values.astype(object).sum(axis=1)  # of all timesteps
    return [
        (max(range(len(row)), key=row.__getitem__), int(label)) for row, label in zip(sums, largest.labels, strict=True)
    ]


@pytest.mark.parametrize("name", ["fashion_dietsnn", "events_digits", "mnist_rate", "mnist_lstm", "mnist_ttfs"])
def test_the_accuracy_is_that_of_the_largest_set(name):
    trace = read_trace(TRACES / f"{name}.npz")
    pairs = decided(trace)
    right = sum(found == label for found, label in pairs) / len(pairs)
    assert trace.static_accuracy() == (pytest.approx(right, abs=1e-12), len(pairs))
    assert trace.accuracy_by_timestep()[-1] == trace.static_accuracy()[0]
