"""What tests of the imc machine share: its specification with any option changed, networks, random traces, counts."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from traces.direct.networks import Sketch

from hwsim import api
from hwsim.accelerators.imc import Machine
from hwsim.report.price import price
from hwsim.run.play import play
from hwsim.traces.direct.events import EventTrace
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import Flatten
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import Inputs, Logits, PackedSpikes

SILENT = 0.0
PLAIN = Path(__file__).parents[2] / "cases" / "imc_plain.yaml"


@cache
def plain_spec():
    return api.load_architecture(PLAIN).spec


def variant(**changes):
    """The plain machine with other values, `__` for a dot: variant(adc__bits=6); checked as a file would be."""
    values = plain_spec().model_dump()
    for key, value in changes.items():
        *path, last = key.split("__")
        place = values
        for step in path:
            place = place[step]
        place[last] = value
    return Machine.spec_type.model_validate(values)


def small(**changes):
    """A machine of tiny crossbars, so that small networks take several, and no early exit; `changes` go on top."""
    tiny = {
        "crossbar__rows": 8,
        "crossbar__columns": 6,
        "crossbar__cell_bits": 2,
        "rows_per_read": 8,
        "adc__columns_per_adc": 4,
        "chip__pes_per_tile": 2,
        "chip__crossbars_per_pe": 3,
        "early_exit__threshold": "never",
    }
    return variant(**(tiny | changes))


def convolutions(seed=0):
    """Stride, padding, groups, a pooled input, several weight widths, two fully connected layers."""
    sketch = Sketch((5, 6, 2), bits=3, seed=seed)
    sketch.conv(6, kernel=3, stride=2, padding=1, bits=5)
    sketch.conv(4, kernel=2, padding=1, groups=2, bits=2)
    sketch.pool("avg", kernel=2, stride=2)
    sketch.conv(3, kernel=1, padding=0, bits=8)
    sketch.flatten()
    sketch.linear(5, bits=3)
    sketch.linear(4, neuron=None)
    return sketch.network()


def residuals(seed=0):
    """An identity and a convolved shortcut, a sum of spikes that is not binary, a maximum."""
    sketch = Sketch((6, 4, 1), bits=2, seed=seed)
    first = sketch.conv(3)
    current = sketch.conv(3, source=first, neuron=None)
    joined = sketch.sum([current, first], [1, 2], neuron=True)
    left = sketch.conv(4, stride=2, source=joined, neuron=None)
    right = sketch.conv(4, kernel=1, padding=0, stride=2, source=joined, neuron=None)
    spikes = sketch.sum([left, right], [1, -3], neuron=True)
    more = sketch.conv(4, source=spikes)
    sketch.sum([spikes, more], [1, 2])
    sketch.pool("max", kernel=2, stride=1)
    sketch.conv(2, kernel=2, padding=1)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    return sketch.network()


def windows(seed=0):
    """Windows that are taller than wide, lie apart, or are padded on some sides only, and pools with padding."""
    sketch = Sketch((7, 5, 2), bits=2, seed=seed)
    sketch.conv(5, kernel=(3, 2), stride=(2, 1), padding=(0, 2, 1, 0), bits=5)
    sketch.pool("max", kernel=(2, 3), stride=(1, 2), padding=(1, 0, 1, 2))
    sketch.conv(4, kernel=(2, 3), padding=(1, 2, 0, 3), dilation=(3, 2), bits=3)
    sketch.pool("avg", kernel=(3, 2), stride=(2, 1), padding=(0, 1, 1, 0))
    sketch.conv(6, kernel=(1, 2), padding=0, groups=2)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    return sketch.network()


def spread(seed=0):
    """Transposed convolutions: of the raw input, in groups, and of what neither stride nor dilation leaves in step."""
    sketch = Sketch((3, 2, 2), bits=2, seed=seed)
    sketch.conv(4, kernel=(3, 4), padding=(1, 2, 2, 2), spread=2, bits=5)
    sketch.conv(4, kernel=2, padding=(0, 0, 1, 1), spread=(1, 3), groups=2, bits=3)
    sketch.pool("max", kernel=(2, 3), stride=(2, 3))
    sketch.conv(3, kernel=(2, 3), stride=(1, 2), padding=(1, 0, 2, 4), dilation=(1, 2), spread=(2, 3))
    sketch.flatten()
    sketch.linear(3, neuron=None)
    return sketch.network()


def flattened_input(seed=0):
    """The raw picture flattened, then fully connected layers."""
    sketch = Sketch((3, 4, 2), bits=4, seed=seed)
    sketch.flatten()
    sketch.linear(7)
    sketch.linear(3, neuron=None)
    return sketch.network()


def chain(seed=0):
    """No branches: convolutions, a pool, a classifier."""
    sketch = Sketch((6, 5, 1), bits=2, seed=seed)
    sketch.conv(5)
    sketch.conv(3, stride=2)
    sketch.pool("avg", kernel=2, stride=1)
    sketch.flatten()
    sketch.linear(4, neuron=None)
    return sketch.network()


def packed(bits):
    """0/1 [..., channel] as uint64 [..., word], channel c in bit c % 64 of word c // 64."""
    channels = bits.shape[-1]
    words = np.zeros((*bits.shape[:-1], -(-channels // 64)), np.uint64)
    for c in range(channels):
        words[..., c // 64] |= bits[..., c].astype(np.uint64) << np.uint64(c % 64)
    return words


def random_trace(network, timesteps=3, samples=2, rate=0.3, seed=0, steady=False):
    """Spikes that no neuron produced, at one rate, half of signed ones -1; the same at all timesteps if `steady`."""
    rng = np.random.default_rng([seed, timesteps, samples])
    spikes = {}
    for layer in network.spiking():
        height, width, channels = layer.shape
        shape = (samples, 1 if steady else timesteps, height * width, channels)
        bits = np.repeat(rng.random(shape) < rate, timesteps if steady else 1, axis=1)
        negative = packed(bits & (rng.random(bits.shape) < 0.5)) if layer.neuron.signed else None
        spikes[layer.name] = PackedSpikes(packed(bits), layer.shape, negative)
    steps = (timesteps,) if network.input.over_time else ()
    low, high = network.input.values
    values = rng.integers(low, high + 1, (samples, *steps, *network.input.shape), dtype=network.input.dtype)
    if rate == SILENT:
        values[:] = 0
    labels = rng.integers(0, network.n_classes, samples)
    ids = np.arange(samples, dtype=np.int64)
    logits = rng.integers(-60, 60, (samples, 1 if steady else timesteps, network.n_classes), dtype=np.int32)
    logits = np.repeat(logits, timesteps if steady else 1, axis=1)
    provenance = Provenance("random", "none", "test", "CC0-1.0", "none", "none", seed, True, ())
    recorded = Logits(logits, 1 / 32, labels, ids, "test")
    kind = EventTrace if network.input.over_time else Trace
    return kind(network, timesteps, spikes, Inputs(values, labels, ids), {"recorded": recorded}, provenance)


def with_logits(trace, values, labels=None, scale=1.0, name="recorded"):
    """The trace with other logits [sample, timestep, class] in one of its sets."""
    values = np.asarray(values, np.int32)
    labels = np.zeros(len(values), np.int64) if labels is None else np.asarray(labels, np.int64)
    logits = Logits(values, scale, labels, np.arange(len(values)), "test")
    return replace(trace, logits={**trace.logits, name: logits})


def with_spikes(trace, spikes):
    """The trace with other spikes, as PackedSpikes by layer."""
    return replace(trace, spikes=spikes)


def posted(workload, run=None):
    """Counts [sample, timestep] by (layer, component, action), every job counted: no engine is asked."""
    run = run or workload.runs[-1]
    totals = {}
    for batch in workload.batches:
        stages = {stage.name: stage for stage in batch.schedules[run][0].stages}
        parts = {}
        for posting in batch.ledger.postings:
            stage = stages.get(posting.stage)
            if stage is None:
                continue
            key = (stage.layer, posting.component, posting.action)
            part = parts.setdefault(key, np.zeros((len(batch.samples), workload.timesteps), np.int64))
            for job, t in enumerate(stage.timestep):
                part[:, t] += posting.counts[:, job]
        for key, counts in parts.items():
            totals.setdefault(key, []).append(counts)
    return {key: np.concatenate(counts) for key, counts in totals.items()}


def tallies(spec, trace, engine=None):
    """Lower and play a trace: (workload, tally by run)."""
    workload = Machine(spec).lower(trace)
    return workload, play(workload, engine or "simpy")


WINDOWS = (convolutions, windows, spread, residuals)
"""Windows of all forms."""


def tiny(seed=0):
    """The smallest network with a convolution in groups, a pooled input and a classifier."""
    sketch = Sketch((3, 3, 2), bits=3, seed=seed)
    sketch.conv(4, kernel=2, stride=2, padding=1, groups=2, bits=5)
    sketch.pool("avg", kernel=2, stride=1)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    return sketch.network()


def priced(spec, trace, components=None):
    """Lower, play and price a trace: {run name: PricedRun}, on other components if given."""
    workload, runs = tallies(spec, trace)
    machine = Machine(spec)
    parts = machine.components(workload) if components is None else components
    return {run.name: run for run in price(runs, workload, parts, machine.clock_mhz)}


def report(spec, trace, **options):
    """The whole report, as the Python interface gives it."""
    return api.simulate(replace(api.load_architecture("imc"), spec=spec), trace, **options)


def binary(seed=0):
    """Every weight meets a spike or the raw input: no pooled and no added activations; groups, strides, a shortcut."""
    sketch = Sketch((6, 5, 2), bits=3, seed=seed)
    first = sketch.conv(4, stride=2)
    grouped = sketch.conv(4, groups=2, source=first, neuron=None)
    sketch.sum([grouped, first], [1, 2], neuron=True)
    sketch.pool("max", kernel=2, stride=1)
    sketch.flatten()
    sketch.linear(6)
    sketch.linear(3, neuron=None)
    return sketch.network()


def wide(seed=0):
    """More channels than a word, a flit or a port holds, before and after flattening, and a residual from far away."""
    sketch = Sketch((3, 2, 40), bits=2, seed=seed)
    first = sketch.conv(70, kernel=2, padding=1)
    sketch.conv(66, kernel=1, padding=0, groups=2)
    last = sketch.conv(70, kernel=1, padding=0, neuron=None)
    sketch.sum([last, first], [1, 2], neuron=True)
    sketch.pool("avg", kernel=2, stride=2)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    return sketch.network()


def widths(seed=0):
    """Weights of 1 bit, of 9 to 16 bits and in between."""
    sketch = Sketch((4, 3, 2), bits=3, seed=seed)
    sketch.conv(5, kernel=2, bits=1)
    sketch.conv(5, groups=5, bits=13)
    sketch.conv(4, kernel=1, padding=0, bits=1)
    sketch.flatten()
    sketch.linear(6, bits=16)
    sketch.linear(3, bits=9, neuron=None)
    return sketch.network()


def arranged(seed=0):
    """Layers side by side, one of them twice, over groups and words; maps and a vector upsampled; all flattened."""
    sketch = Sketch((4, 5, 3), bits=3, seed=seed)
    first = sketch.conv(30, kernel=2, stride=2, padding=0)
    beside = sketch.conv(38, kernel=1, padding=0)
    sketch.concat(first, beside, first)
    grouped = sketch.conv(98, kernel=1, padding=0, groups=49, bits=2)
    sketch.upsample(2, 3)
    upper = sketch.conv(4, stride=2, groups=2)
    sketch.pool("avg", kernel=2, stride=1)
    sketch.conv(9, kernel=1, padding=0)
    sketch.pool("avg", kernel=1, stride=4)
    sketch.upsample(2, 3)
    sketch.pool("avg", kernel=2, stride=1)
    sketch.flatten()
    short = sketch.last.name
    sketch.linear(6)
    vector = sketch.last.name
    flat = []
    for name in (grouped, upper):
        sketch.layers.append(Flatten(sketch.name("flatten"), (name,), (1, 1, math.prod(sketch[name].shape))))
        flat.append(sketch.last.name)
    sketch.concat(*flat, vector, short)
    sketch.linear(3, neuron=None)
    return sketch.network()
