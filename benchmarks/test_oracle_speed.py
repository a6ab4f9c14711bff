"""The cost oracle in a training loop: a batch that it has not seen, and what a term adds to a training step.

Nothing here asserts a time.  Yardsticks run in the same minutes: one pass of popcount over the packed spikes of the
batch, and the training step itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_simulate_speed import popcount_ms, shipped, unseen

import hwsim
from hwsim.traces.direct.trace import Trace
from hwsim.traces.planes import unpack_channels
from hwsim.traces.slicing import first

BATCH, CALLS, STEPS = 64, 15, 50
OBJECTIVES: dict[str, Any] = {
    "energy, latency and EDP": {"energy_pj": 1.0, "latency_ns": 1.0, "edp_pj_ns": 1.0},
    "dynamic energy, not played": "dynamic_pj",
}


def tensors(trace: Trace) -> dict[str, Any]:
    """Spikes as a training loop has them: float32 [timestep, sample, channel, y, x]."""
    found = {}
    for name, packed in trace.spikes.items():
        bits = unpack_channels(packed.words, packed.shape[2])
        maps = bits.reshape(*bits.shape[:2], *packed.shape).transpose(1, 0, 4, 2, 3)
        found[name] = np.ascontiguousarray(maps, np.float32)
    return found


def images(trace: Trace) -> NDArray[Any]:
    """Inputs as a training loop has them: [sample, channel, y, x]."""
    assert trace.inputs is not None
    return np.moveaxis(trace.inputs.values[:BATCH], -1, 1)


def medians(call: Callable[[Any], Any], arguments: Iterable[Any]) -> tuple[float, float]:
    """Milliseconds on the clock and of the processor, the medians of calls."""
    wall, spent = [], []
    for argument in arguments:
        begin, began = perf_counter(), process_time()
        call(argument)
        wall.append(1e3 * (perf_counter() - begin))
        spent.append(1e3 * (process_time() - began))
    return median(wall), median(spent)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("design", ["imc", "digital"])
def test_a_batch_that_was_not_seen(design, objective, capsys):
    trace = first(shipped(), BATCH)
    oracle = hwsim.Oracle(design, trace, objective=OBJECTIVES[objective])
    batches = [(tensors(each), images(each)) for each in (unseen(trace, n) for n in range(CALLS + 1))]
    assert oracle(*batches[0]).value > 0
    wall, spent = medians(lambda batch: oracle(*batch), batches[1:])
    slopes, _ = medians(lambda batch: oracle.slopes(*batch), batches[1:])
    with capsys.disabled():
        told = f"{wall:.1f} ms ({spent:.1f} ms of processor), {wall / popcount_ms(trace):.0f} popcounts"
        print(f"\n{design}, {BATCH} samples, {objective}: {told}")
        print(f"  with the slopes of all spikes: {slopes:.1f} ms")


@pytest.mark.parametrize(("every", "in_turn"), [(1, False), (50, False), (50, True)])
@pytest.mark.parametrize("design", ["imc", "digital"])
def test_a_term_beside_a_training_step(design, every, in_turn, capsys):
    """Steps of the network that the shipped trace is of: alone, with the term, and with what stands for it, in turns.

    What stands for it is the plainest term that PyTorch has of the same spikes, sums of them times known numbers.
    """
    torch = pytest.importorskip("torch")
    pytest.importorskip("training.dietsnn.model")
    from training.dietsnn.model import Geometry, SpikingNetwork

    from hwsim.oracle.torch import Term

    torch.manual_seed(0)
    net = SpikingNetwork(Geometry((28, 28, 1), (16, 32, 64, 256), 10, 4), dropout=0.0)
    optimiser = torch.optim.SGD(net.parameters(), lr=1e-3)
    trace = first(shipped(), BATCH)
    pixels = torch.from_numpy(images(trace).astype(np.float32))
    labels = torch.zeros(BATCH, dtype=torch.long)
    oracle = hwsim.Oracle(design, trace)
    term = Term(oracle, every=every, in_turn=in_turn, relative=True)
    layers = {f"conv{i + 1}": f"convs.{i}" for i in range(3)} | {"fc1": "hidden"}
    known = {name: torch.rand(4, 1, *each.shape[2:]) for name, each in _taken(oracle, net, layers, pixels).items()}

    def bare(monitor: Any) -> Any:
        return sum((each * known[name]).sum() for name, each in monitor.take()[0].items())

    def step(cost: Callable[[Any], Any] | None) -> tuple[float, float]:
        begin, began = perf_counter(), process_time()
        monitor = oracle.monitor(net, layers) if cost is not None else None
        loss = torch.nn.functional.cross_entropy(net(pixels).sum(0), labels)
        if cost is not None and monitor is not None:
            loss = loss + 0.01 * cost(monitor)
            monitor.remove()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return 1e3 * (perf_counter() - begin), 1e3 * (process_time() - began)

    kinds = [None, term, bare]
    for cost in kinds * 2:
        step(cost)
    n, rng = STEPS if every > 1 else 10, np.random.default_rng(0)
    orders = rng.permuted(np.tile(np.arange(len(kinds)), (n, 1)), axis=1)  # memory is as the step before left it
    found = np.zeros((n, len(kinds), 2))
    for i, order in enumerate(orders):
        for kind in order:
            found[i, kind] = step(kinds[kind])
    wall, spent = np.median(found[:, 0], axis=0)
    with capsys.disabled():
        turns = ", layers in turn" if in_turn else ""
        print(f"\n{design}, every {every}{turns}: a step {wall:.0f} ms, {spent:.0f} of processor; on top of it")
        for each, told in ((1, "the term"), (2, "sums of spikes times numbers")):
            added = found[:, each].mean(axis=0) / found[:, 0].mean(axis=0) - 1
            typical = np.median(found[:, each], axis=0) / np.median(found[:, 0], axis=0) - 1
            print(f"  {told}: {typical[0]:+.1%} at the median, {added[0]:+.1%} in the mean of {n}", end="")
            print(f" (of processor {typical[1]:+.1%} and {added[1]:+.1%})")


def _taken(oracle: Any, net: Any, layers: dict[str, str], pixels: Any) -> dict[str, Any]:
    """Spikes of one forward pass."""
    with oracle.monitor(net, layers) as monitor:
        net(pixels)
        found: dict[str, Any] = monitor.take()[0]
    return found
