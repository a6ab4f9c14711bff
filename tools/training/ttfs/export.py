"""From a trained fire-once network to traces: recorded times, decisions and where they come from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from hwsim.doors.torch.first_spike.integers import logit_scale, network_of
from hwsim.doors.torch.first_spike.timed import TimedNetwork
from hwsim.errors import TraceError
from hwsim.traces.direct.rate import RateTrace
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import Inputs
from hwsim.traces.ttfs.golden import FirstSpikes, execute_first_spike
from hwsim.traces.ttfs.trace import SILENT, Decisions, FirstSpikeNetwork, FirstSpikeTrace
from training.common.data import Images
from training.common.loop import TensorImages
from training.common.provenance import Amounts, recorded_first, trained_provenance
from training.ttfs.rate import accuracy_over, rate_trace
from training.ttfs.real import Geometry

BATCH = 250


@dataclass(frozen=True, slots=True)
class Origin:
    """What the provenance says of a training run."""

    dataset: str
    licence: str
    command: str
    seed: int
    real_accuracy: float  # of the ANN, test split
    notes: str

    def provenance(self, network: FirstSpikeNetwork, kind: str, accuracy: tuple[float, ...]) -> Provenance:
        """The provenance of a trace that reached `accuracy` on the whole test split."""
        widths = "-".join(str(layer.shape[2]) for layer in network.weighted())
        real = (self.real_accuracy,) if len(accuracy) == 1 else ()  # the ANN has no timesteps
        return trained_provenance(self, f"{kind} {widths}", accuracy, real, self.notes)


def trace_of(
    trained: TimedNetwork, geometry: Geometry, test: Images, amounts: Amounts, origin: Origin
) -> FirstSpikeTrace:
    """Execute the integers of `trained` on all test samples and record it.

    Raises TraceError where the torch execution fires one neuron at another tick, or decides one sample otherwise.
    """
    network = network_of(trained, geometry.image)
    order = recorded_first(test.y, amounts, origin.seed)
    samples = test.take(order)
    run = execute_first_spike(network, test.x)
    check_twice(trained, run, test)
    n = amounts.recorded
    decisions = {
        "recorded": Decisions(run.classes[order[:n]], samples.y[:n], samples.ids[:n], "test"),
        "test": Decisions(run.classes, test.y, test.ids, "test"),
    }
    return FirstSpikeTrace(
        network=network,
        times={name: times[order[:n]] for name, times in run.times.items()},
        inputs=Inputs(samples.x, samples.y, samples.ids),
        decisions=decisions,
        provenance=origin.provenance(network, "TTFS", (decisions["test"].accuracy,)),
    )


def rate_trace_of(
    trained: TimedNetwork, geometry: Geometry, test: Images, amounts: Amounts, origin: Origin
) -> RateTrace:
    """The same weights with neurons that fire again, executed on all test samples, logits of `amounts.inputs` kept."""
    network = network_of(trained, geometry.image)
    samples = test.take(recorded_first(test.y, amounts, origin.seed))
    provenance = origin.provenance(network, "rate-coded", accuracy_over(network, test))
    notes = f"{origin.notes}; neurons that fire again, on the weights of the TTFS network, not trained further"
    return rate_trace(network, samples, amounts.recorded, logit_scale(trained), replace(provenance, notes=notes))


@torch.no_grad()
def check_twice(trained: TimedNetwork, run: FirstSpikes, images: Images) -> None:
    """Raise TraceError unless the torch network gives every spike time and decision of hwsim's golden execution."""
    trained.eval()
    names, start = list(run.times), 0
    for pixels in TensorImages.of(images, "cpu").batches(BATCH):
        stop = start + len(pixels)
        for name, layer, firing in zip(names, trained.timed(), trained.firings(pixels), strict=True):
            tick = firing.tick.numpy()
            times = np.where(tick < layer.timing.window, tick, SILENT)
            times = times.transpose(0, 2, 3, 1) if times.ndim == 4 else times[:, None, None]
            _compare(f"{name}/times", times.astype(np.int16), run.times[name][start:stop], start)
        classes = trained(pixels)[0].argmax(1).numpy().astype(np.int16)
        _compare("decisions", classes, run.classes[start:stop], start)
        start = stop


def _compare(name: str, found: NDArray[np.int16], wanted: NDArray[np.int16], first: int) -> None:
    differing = np.argwhere(found != wanted)
    if len(differing):
        sample = first + int(differing[0, 0])
        raise TraceError(f"{name}: {len(differing)} differ between two executions, the first in sample {sample}")
