"""Networks without spikes on a digital machine, layer by layer, at the time that a chip took for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from hwsim.accelerators.digital import Machine
from hwsim.contract.flip_flops import CLOCK
from hwsim.contract.run import RunName
from hwsim.designs import Architecture
from hwsim.report.price import LEAKAGE, PricedRun, leakage_of, price, rows_of
from hwsim.report.report import Row
from hwsim.run.play import play
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.geometry import n_words
from hwsim.traces.network.layers import Conv2d, Flatten, Input, Layer, Linear, Network, Neuron, Pool, StoredWeights
from hwsim.traces.network.window import Window
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import PackedSpikes

BITS = 16
BOUNDS = ("value", "low", "high")
_OUTSIDE = ("dram",)  # another chip

Parts = dict[str, float]
"""Energy by component in mJ."""


@dataclass(frozen=True, slots=True)
class Convolution:
    """One layer, and a pool behind it where `pool` says its kernel and stride."""

    name: str
    channels: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    groups: int = 1
    pool: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class At:
    """What a chip says of a layer that is no prediction."""

    on_s: float  # of an image
    busy_s: float  # of it at work
    elements: int  # in use
    zeros: float  # of what it reads


class Played:
    """A network on a machine in one pass, with the zeros that each layer reads."""

    def __init__(self, architecture: Architecture, convolutions: Sequence[Convolution], shape: tuple[int, int, int]):
        self.architecture, self.convolutions, self.shape = architecture, convolutions, shape

    @cached_property
    def trace(self) -> Trace:
        """The network; its spikes are none, as what is zero is stated."""
        network = _network(self.convolutions, self.shape)
        nothing = {
            layer.name: PackedSpikes(
                np.zeros((1, 1, layer.shape[0] * layer.shape[1], n_words(layer.shape[2])), np.uint64), layer.shape
            )
            for layer in network.spiking()
        }
        return Trace(network, 1, nothing, None, {}, _PROVENANCE)

    def densities(self, zeros: Mapping[str, float]) -> dict[str, float]:
        """Share that is not zero of what each layer gives: what the next one reads, through a pool if there is one.

        Zeros before a pool are not published, those of its result stand for them; of the last layer those it reads.
        """
        found, names = {}, [each.name for each in self.convolutions]
        for each, following in zip(self.convolutions, [*names[1:], names[-1]], strict=True):
            found[each.name] = 1 - zeros[following]
            if each.pool:
                found[f"{each.name}.pool"] = found[each.name]
        return found

    def priced(self, zeros: Mapping[str, float]) -> PricedRun:
        """Counts, times and prices of the batch."""
        spec = self.architecture.spec
        stated = replace_density(spec.baseline, self.densities(zeros))
        machine = Machine(spec.model_copy(update={"baseline": stated}))
        workload = machine.baseline(self.trace, "qann")
        (run,) = price(play(workload, "compiled"), workload, machine.components(workload), machine.clock_mhz)
        return replace(run, name=RunName.QANN)


def replace_density(baseline: object, by_layer: Mapping[str, float]) -> object:
    """The same baseline with the zeros of single layers."""
    return baseline.model_copy(update={"density_by_layer": dict(by_layer)})  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Layers:
    """What a run says of its layers, for one image."""

    run: PricedRun

    @cached_property
    def rows(self) -> Sequence[Row]:
        """How often each action happens, and what that takes."""
        return rows_of(self.run)

    def array_s(self, layer: str) -> float:
        """Seconds in which the array works for a layer."""
        cycles = int(self.run.tally.busy_cycles[layer].sum())  # the array's stage is called like the layer
        return cycles / self.run.clock_mhz / 1e6 / self.run.workload.together

    def energy_mj(self, layer: str, at: At, elements: int) -> tuple[Parts, Parts, Parts]:
        """Energy by component of an image, on chip, at the chip's time: value, low, high.

        Actions as counted. The clock of what is at work runs for the time at work, of elements in use only, the gated
        rest and leakage for all of the time.
        """
        found = tuple(self._of_bound(layer, at, elements, bound) for bound in BOUNDS)
        return found[0], found[1], found[2]

    def _of_bound(self, layer: str, at: At, elements: int, bound: str) -> Parts:
        column = {"value": "energy_pj", "low": "low_pj", "high": "high_pj"}[bound]
        sums: Parts = {}
        for row in self.rows:
            if row.layer == layer and row.action != LEAKAGE and row.component not in _OUTSIDE:
                sums[row.component] = sums.get(row.component, 0.0) + getattr(row, column) * 1e-9
        sums[CLOCK] = sums.get(CLOCK, 0.0) * at.busy_s / self.array_s(layer) * at.elements / elements
        each = getattr(self.run.components[CLOCK].actions["cycle"], bound)
        sums[CLOCK] += each * 1e-9 * self.run.flip_flops * self.run.clock_mhz * 1e6 * at.on_s
        outside = sum(
            getattr(self.run.components[name].leakage_uw, bound) * self.run.workload.hardware.instances[name]
            for name in _OUTSIDE
        )
        sums["leakage"] = (getattr(leakage_of(self.run), bound) - outside) * 1e-3 * at.on_s
        return sums

    def megabytes(self, layer: str, component: str, bytes_each: float) -> float:
        """What moves in or out of a memory for a layer and image."""
        counts = [row.count for row in self.rows if row.layer == layer and row.component == component]
        return sum(counts) * bytes_each / 1e6


def _network(convolutions: Sequence[Convolution], shape: tuple[int, int, int]) -> Network:
    """Weights of 0, so that sums of 16 bits hold them as on the chip; a network without spikes multiplies them too."""
    layers: list[Layer] = [Input("input", (), shape, BITS)]
    for each in convolutions:
        last = layers[-1]
        window = Window.square(each.kernel, each.stride, each.padding)
        side = (last.shape[0] + 2 * each.padding - each.kernel) // each.stride + 1
        per_group = last.shape[2] // each.groups
        layers.append(
            Conv2d(
                each.name,
                (last.name,),
                (side, side, each.channels),
                window,
                each.groups,
                _nothing((each.kernel, each.kernel, per_group, each.channels)),
                None,
                Neuron(1, 0, np.ones(each.channels, np.int64), "soft", 0, BITS, 0),
            )
        )
        if each.pool:
            kernel, stride = each.pool
            side = (side - kernel) // stride + 1
            window = Window.square(kernel, stride)
            layers.append(Pool(f"{each.name}.pool", (each.name,), (side, side, each.channels), "max", window))
    flat = int(np.prod(layers[-1].shape))
    layers.append(Flatten("flat", (layers[-1].name,), (1, 1, flat)))
    layers.append(Linear("end", ("flat",), (1, 1, 1), _nothing((1, 1, flat, 1)), None, None))
    return Network(tuple(layers))


def _nothing(shape: tuple[int, int, int, int]) -> StoredWeights:
    return StoredWeights(np.zeros(shape, np.int16), BITS, np.ones(shape[-1], np.float32))


_PROVENANCE = Provenance("convolutions", "none", "none", "CC0-1.0", "none", "none", 0, True, ())
