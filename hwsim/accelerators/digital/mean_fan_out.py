"""Accumulates as published equations count them: spikes times the mean fan-out.

    accumulates of a layer = rho * OP        rho = spikes per neuron of the layer that it reads, OP = dense operations

The form in which DIET-SNN's group counts compute energy, recalled, not read.  OP counts the zeros of the padding.  A
pooled or upsampled map has the rate of the layer that it is made of, a sum of maps the sum of their rates, maps side by
side the mean over all channels, an input over time that of its events; of a raw input that stays every value counts
once.  rho * OP is a rational number, and counts are integers: they are given in units of 1 / `denominator` of an
accumulate, and the price of one is divided by as much.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from heapq import heappop, heappush
from math import ceil, lcm, prod

import numpy as np

from hwsim.accelerators.digital.plan import Plan, Task
from hwsim.contract.arrays import IntArray
from hwsim.errors import ArchitectureError
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.geometry import macs
from hwsim.traces.network.layers import Concat, Network, is_delayed, neuron_of

_MOST = 1 << 62  # counts of a sample stay below, so that they do not overflow


def spiking_terms(network: Network, name: str) -> Mapping[str, Fraction]:
    """Layers with neurons, or the raw input, that a map follows from, and how often the rate of each is in its own."""
    found, times = dict[str, Fraction](), {name: Fraction(1)}
    ahead = [-network.places[name]]  # the last in network order first, so that it is known how often each is in the map
    while ahead:
        layer = network.layers[-heappop(ahead)]
        if neuron_of(layer) is not None or not layer.inputs:
            found[layer.name] = times[layer.name]
            continue
        for source in layer.inputs:
            if source not in times:
                heappush(ahead, -network.places[source])
            share = Fraction(network[source].shape[2], layer.shape[2]) if isinstance(layer, Concat) else 1
            times[source] = times.get(source, Fraction(0)) + times[layer.name] * share
    return found


def denominator(plan: Plan) -> int:
    """The least common denominator of all fan-outs of a network; 1 where fan-outs are counted exactly.

    Raises ArchitectureError where it is so large that counts could overflow.
    """
    if plan.spec.fan_out == "exact":
        return 1
    common, most = 1, 0
    for task in plan.tasks:
        if task.unit == "ac":
            for name, times in spiking_terms(plan.network, task.layer.inputs[0]).items():
                common = lcm(common, _fan_out(plan.network, task, name).denominator * times.denominator)
                most += ceil(macs(task.layer, plan.network) * plan.timesteps * times)
    if common * most > _MOST:
        raise ArchitectureError(
            f"fan_out: the mean fan-outs of this network have the common denominator {common}, in which its counts "
            "would be too large; use 'exact'"
        )
    return common


def mean_accumulates(plan: Plan, unit: int, task: Task, trace: Trace, samples: slice) -> IntArray | None:
    """Count rho * OP in units of 1 / `unit`, the `denominator`: int64 [sample, timestep, channel job, position job].

    They are booked on the first job of each timestep.  None where the fan-out of every spike is counted.
    """
    if plan.spec.fan_out == "exact" or task.unit != "ac":
        return None
    network = plan.network
    n = len(range(*samples.indices(trace.n_samples)))
    counts = np.zeros((n, plan.timesteps, *task.tiling.shape), np.int64)
    for name, times in spiking_terms(network, task.layer.inputs[0]).items():
        scale = int(_fan_out(network, task, name) * unit * times) * plan.images
        if name in trace.spikes:
            ones = np.bitwise_count(trace.spikes[name].words[samples]).sum(axis=(2, 3), dtype=np.int64)
            if is_delayed(task.layer):
                ones = np.pad(ones[:, :-1], ((0, 0), (1, 0)))
            counts[:, :, 0, 0] += ones * scale
        elif network.input.over_time and trace.inputs is not None:
            events = np.abs(trace.inputs.values[: trace.n_samples][samples].astype(np.int32))
            counts[:, :, 0, 0] += events.sum(axis=(2, 3, 4), dtype=np.int64) * scale
        else:
            counts[:, :, 0, 0] += prod(network[name].shape) * scale
    return counts


def _fan_out(network: Network, task: Task, name: str) -> Fraction:
    """Dense operations of a task for each neuron of a layer that it follows from."""
    return Fraction(macs(task.layer, network), prod(network[name].shape))
