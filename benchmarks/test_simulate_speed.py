"""Whole simulations: processor time in process, on spikes that were not seen before, and of points of a sweep.

Nothing here asserts a time.  The yardstick is one pass of popcount over the packed spikes of the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np
import pytest

from hwsim import api
from hwsim.contract.batches import whole
from hwsim.contract.run import RunName
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.direct.trace import Trace
from hwsim.traces.slicing import first
from hwsim.traces.trace import PackedSpikes

TRACES = Path(__file__).resolve().parents[1] / "traces"
CALLS = 9
SETTLED = 60  # calls of one sample, after which Python has adapted what it runs
POINTS: dict[str, dict[str, tuple[str, Any]]] = {  # a key that changes prices, times or structure alone, by design
    "imc": {
        "prices": ("clock.network.gated_fraction", np.linspace(0.5, 0.9, CALLS + 1)),
        "times": ("neuron.cycles", range(10, 11 + CALLS)),
        "structure": ("chip.pes_per_tile", range(4, 5 + CALLS)),
    },
    "digital": {
        "prices": ("clock.network.gated_fraction", np.linspace(0.5, 0.9, CALLS + 1)),
        "times": ("neuron.cycles", range(10, 11 + CALLS)),
        "structure": ("array.rows", range(17, 18 + CALLS)),
    },
}


@cache
def shipped() -> Trace:
    trace = api.load_trace(TRACES / "fashion_dietsnn.npz")
    assert isinstance(trace, Trace)
    return trace


@cache
def drawn(geometry: str, timesteps: int, samples: int) -> Trace:
    return synthesize(geometry, timesteps, samples, 0.15, seed=1)


def unseen(trace: Trace, seed: int) -> Trace:
    """The same network with spikes and inputs that no simulation has seen: samples in another order, maps shifted."""
    rng = np.random.default_rng(seed)
    order, shift = rng.permutation(trace.n_samples), int(rng.integers(1, 9))
    spikes = {
        name: PackedSpikes(np.roll(packed.words[order], shift, axis=2), packed.shape)
        for name, packed in trace.spikes.items()
    }
    inputs = trace.inputs and replace(trace.inputs, values=np.roll(trace.inputs.values, shift, axis=1))
    own = {name: replace(each, values=each.values[order]) for name, each in trace.logits.items() if name == "recorded"}
    return replace(trace, spikes=spikes, inputs=inputs, logits={**trace.logits, **own})


def milliseconds(call: Callable[[Any], Any], arguments: Iterable[Any]) -> float:
    """Median processor time of calls."""
    found = []
    for argument in arguments:
        begin = process_time()
        call(argument)
        found.append(1e3 * (process_time() - begin))
    return median(found)


def popcount_ms(trace: Trace) -> float:
    return milliseconds(lambda _: [np.bitwise_count(each.words).sum() for each in trace.spikes.values()], range(CALLS))


def asked(report: Any) -> tuple[Any, ...]:
    """What a training loop asks for: no table."""
    run = report.runs[-1]
    return run.energy_pj, run.latency_ns, run.edp_pj_ns, run.timesteps, run.accuracy


@pytest.mark.parametrize("design", ["imc", "digital"])
@pytest.mark.parametrize(
    ("make", "samples"),
    [(shipped, 64), (shipped, 1), (lambda: drawn("vgg16-cifar", 4, 32), 32)],
    ids=["shipped, 64", "shipped, 1", "vgg16-cifar, 32"],
)
def test_spikes_that_were_not_seen(design, make, samples, capsys):
    architecture, trace = api.load_architecture(design), first(make(), samples)

    def call(each: Trace) -> Any:
        return asked(api.simulate(architecture, each, engine="compiled", accuracy_samples=0))

    assert call(unseen(trace, 0))[0].value > 0
    taken = [milliseconds(call, [unseen(trace, seed) for seed in range(1, CALLS + 1)])]
    if samples == 1:
        for seed in range(CALLS + 1, CALLS + SETTLED):
            call(unseen(trace, seed))
        taken.append(milliseconds(call, [unseen(trace, seed) for seed in range(CALLS + SETTLED, 2 * CALLS + SETTLED)]))
    with capsys.disabled():
        told = ", then ".join(f"{each:.2f} ms" for each in taken)
        popcounts = taken[-1] / popcount_ms(trace)
        print(f"\n{design}, {samples} samples, {trace.provenance.name}: {told}, {popcounts:.0f} popcounts")


@pytest.mark.parametrize("kind", ["prices", "times", "structure"])
@pytest.mark.parametrize("design", ["imc", "digital"])
def test_points_of_a_sweep(design, kind, capsys):
    base, trace, (key, values) = api.load_architecture(design), first(shipped(), 16), POINTS[design][kind]

    def point(value: Any) -> Any:
        varied = api.load_architecture(base, [f"{key}={value}"])
        return asked(api.simulate(varied, trace, engine="compiled", accuracy_samples=0, keep=True))

    found = [point(values[0])]
    taken = milliseconds(lambda value: found.append(point(value)), values[1:])
    assert all(one != other for one, other in pairwise(found))
    with capsys.disabled():
        print(f"\n{design}, 16 samples, another {key} ({kind}): {taken:.2f} ms a point")


def test_a_batch_is_one_call(capsys):
    """What plays the schedules of all samples, beside playing them one by one."""
    from hwsim import accelerators
    from hwsim.engine import compiled_engine

    architecture, trace = api.load_architecture("imc"), shipped()
    (batch,) = accelerators.machine("imc")(architecture.spec).lower(trace).batches
    schedules = whole(batch.runs[RunName.STATIC])
    together = milliseconds(lambda _: compiled_engine.run_all(schedules), range(CALLS))
    alone = milliseconds(lambda _: [compiled_engine.run(each) for each in schedules], range(3))
    jobs = schedules.n_jobs * len(schedules)
    assert jobs > 1e5 or len(schedules) == trace.n_samples
    with capsys.disabled():
        print(f"\n{jobs} jobs of {len(schedules)} samples: {together:.1f} ms together, {alone:.1f} ms one by one")
