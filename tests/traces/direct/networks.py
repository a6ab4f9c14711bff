"""Small networks and traces for tests: random ones of every layer kind, and a fixed convolutional one."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import strategies as st

from hwsim.traces import (
    Add,
    Concat,
    Conv2d,
    Flatten,
    Input,
    Inputs,
    Layer,
    Linear,
    Logits,
    Network,
    Neuron,
    Pool,
    Provenance,
    Readout,
    StoredWeights,
    Synapse,
    Trace,
    Upsample,
    Window,
)
from hwsim.traces.direct.events import EventTrace
from hwsim.traces.direct.golden import execute


def pair(value):
    """One number for rows and columns, or one of each."""
    return (value, value) if isinstance(value, int) else tuple(value)


def sides(value):
    """One number for top, bottom, left and right, or one of each."""
    return (value,) * 4 if isinstance(value, int) else tuple(value)


def met(layer, axis, output):
    """Row (axis 0) or column (axis 1) of each tap of a window, beside the map if it meets none; its own of others."""
    if not hasattr(layer, "window"):
        return [output]
    window = layer.window
    first = output * window.stride[axis] - window.padding[2 * axis]
    places = [first + tap * window.dilation[axis] for tap in range(window.kernel[axis])]
    return [-1 if place % window.spread[axis] else place // window.spread[axis] for place in places]


def lies_between(layer, axis, output):
    """Which taps of a window fall between the places of a spread map, or of padding spread alike."""
    if not hasattr(layer, "window"):
        return [False]
    window = layer.window
    first = output * window.stride[axis] - window.padding[2 * axis]
    return [(first + tap * window.dilation[axis]) % window.spread[axis] > 0 for tap in range(window.kernel[axis])]


def windows_of(size, kernel, stride, padding, dilation=1):
    """How many windows fit along an axis with padding before and after it, by trying them all."""
    last = size + padding[1] - 1
    return sum(begin + dilation * (kernel - 1) <= last for begin in range(-padding[0], last + 1, stride))


class Sketch:
    """A network under construction; each method adds a layer that reads the last one and returns its name."""

    def __init__(self, shape, bits=8, seed=0, over_time=False, signed=False):
        self.rng = np.random.default_rng(seed)
        self.layers: list[Layer] = [Input("input", (), shape, bits, over_time, signed)]

    @property
    def last(self):
        return self.layers[-1]

    def __getitem__(self, name):
        return next(layer for layer in self.layers if layer.name == name)

    def add(self, layer):
        self.layers.append(layer)
        return layer.name

    def name(self, kind):
        return f"{kind}{len(self.layers)}"

    def weights(self, shape, bits=4):
        half = 1 << (bits - 1)
        values = self.rng.integers(-half, half, shape, dtype=np.int8 if bits <= 8 else np.int16)
        if bits == 1:
            values = 2 * values + 1
        return StoredWeights(values, bits, self.rng.random(shape[3], dtype=np.float32) + np.float32(0.1))

    def neuron(self, channels, reset="soft", leak=13, leak_bits=4, fraction_bits=3, membrane_bits=16, scale=64):
        top = (1 << (membrane_bits - 1)) - 1
        threshold = np.minimum(self.rng.integers(1, 4 * scale, channels), top)
        v_reset = int(self.rng.integers(-2, 3)) if reset == "hard" else 0
        return Neuron(
            leak, leak_bits, threshold.astype(np.int64), reset, fraction_bits, membrane_bits, max(v_reset, -top)
        )

    def bias(self, channels):
        return self.rng.integers(-40, 40, channels, dtype=np.int32)

    def window(self, source, kernel, stride, padding=0, dilation=1, spread=1):
        """A window of numbers or pairs, and how many of it fit on a layer."""
        window = Window(pair(kernel), pair(stride), sides(padding), pair(dilation), pair(spread))
        sizes = [
            windows_of(
                size * window.spread[i] - window.spread[i] + 1,
                window.kernel[i],
                window.stride[i],
                window.padding[2 * i :],
                window.dilation[i],
            )
            for i, size in enumerate(self[source].shape[:2])
        ]
        return window, tuple(sizes)

    def conv(
        self,
        channels,
        kernel=3,
        stride=1,
        padding=1,
        groups=1,
        bits=4,
        source=None,
        neuron=True,
        bias=False,
        dilation=1,
        spread=1,
    ):
        source = source or self.last.name
        window, size = self.window(source, kernel, stride, padding, dilation, spread)
        n_in = self[source].shape[2]
        return self.add(
            Conv2d(
                self.name("conv"),
                (source,),
                (*size, channels),
                window,
                groups,
                self.weights((*window.kernel, n_in // groups, channels), bits),
                self.bias(channels) if bias else None,
                self.neuron(channels) if neuron is True else neuron or None,
            )
        )

    def linear(self, n_out, bits=4, neuron=True, bias=False):
        return self.add(
            Linear(
                self.name("fc"),
                (self.last.name,),
                (1, 1, n_out),
                self.weights((1, 1, self.last.shape[2], n_out), bits),
                self.bias(n_out) if bias else None,
                self.neuron(n_out) if neuron is True else neuron or None,
            )
        )

    def pool(self, kind="avg", kernel=2, stride=2, padding=0):
        window, size = self.window(self.last.name, kernel, stride, padding)
        return self.add(Pool(self.name("pool"), (self.last.name,), (*size, self.last.shape[2]), kind, window))

    def flatten(self):
        height, width, channels = self.last.shape
        return self.add(Flatten(self.name("flatten"), (self.last.name,), (1, 1, height * width * channels)))

    def sum(self, inputs, gains, neuron=None, bias=False):
        shape = self[inputs[0]].shape
        neuron = self.neuron(shape[2]) if neuron is True else neuron
        values = self.bias(shape[2]) if bias else None
        return self.add(Add(self.name("add"), tuple(inputs), shape, tuple(gains), neuron, values))

    def concat(self, *names):
        """Layers side by side."""
        channels = sum(self[name].shape[2] for name in names)
        return self.add(Concat(self.name("concat"), names, (*self[names[0]].shape[:2], channels)))

    def upsample(self, rows, columns):
        height, width, channels = self.last.shape
        shape = height * rows, width * columns, channels
        return self.add(Upsample(self.name("upsample"), (self.last.name,), shape, (rows, columns)))

    def recurrent(self, channels, kernel=1, neuron=True, bias=False, source=None):
        """Weights that read `source`, weights that read the neurons of the step before, and neurons on their sum."""
        source, padding = source or self.last.name, kernel // 2
        come_back = f"add{len(self.layers) + 2}"
        if self[source].shape[:2] == (1, 1) and kernel == 1:
            self.linear(channels, neuron=None)
            forward = self.last.name
            weights = self.weights((1, 1, channels, channels), 5)
            back = Linear(self.name("back"), (come_back,), (1, 1, channels), weights, None, None, True)
        else:
            forward = self.conv(channels, kernel, padding=padding, source=source, neuron=None)
            weights = self.weights((kernel, kernel, channels, channels), 5)
            shape = self[forward].shape
            bias_back = self.bias(channels) if bias else None
            window = Window.square(kernel, 1, padding)
            back = Conv2d(self.name("back"), (come_back,), shape, window, 1, weights, bias_back, None, True)
        self.add(back)
        return self.sum([forward, back.name], [1, 1], neuron=neuron, bias=bias)

    def readout(self, of="spikes", votes=1):
        shape = (1, 1, self.last.shape[2] // votes)
        return self.add(Readout(self.name("readout"), (self.last.name,), shape, votes, of))

    def network(self):
        return Network(tuple(self.layers))


def raw_inputs(network, samples, timesteps, seed=0):
    """Random inputs of a network, over time where it takes them so."""
    steps = (timesteps,) if network.input.over_time else ()
    shape = (samples, *steps, *network.input.shape)
    low, high = network.input.values
    return np.random.default_rng(seed).integers(low, high + 1, shape, dtype=network.input.dtype)


def small_network(seed=0, channels=20):
    """Input 6 x 6 x 1: conv, avg pool, conv, residual add with neuron, flatten, two fully connected layers."""
    sketch = Sketch((6, 6, 1), seed=seed)
    sketch.conv(channels, bias=True)
    pooled = sketch.pool("avg")
    branch = sketch.conv(channels, source=pooled)
    current = sketch.conv(channels, source=branch, neuron=None)
    sketch.sum([current, branch], [1, 3], neuron=True)
    sketch.flatten()
    sketch.linear(70)
    sketch.linear(10, neuron=None, bias=True)
    return sketch.network()


def trace_of(network, samples=3, timesteps=3, extra=2, seed=0):
    """A trace of `network` on random inputs, `extra` of them beyond the recorded samples, by the golden kernel."""
    rng = np.random.default_rng(seed)
    count = samples + extra
    values = raw_inputs(network, count, timesteps, seed)
    labels = rng.integers(0, network.n_classes, count)
    ids = rng.permutation(100 + count)[:count].astype(np.int64)
    run = execute(network, values, timesteps)
    recorded = Logits(run.logits[:samples], 0.25, labels[:samples], ids[:samples], "test")
    larger = Logits(run.logits, 0.25, labels, ids, "test")
    spikes = {name: packed.first(samples) for name, packed in run.spikes.items()}
    provenance = Provenance(
        name="small",
        dataset="random",
        split="test",
        licence="CC0-1.0",
        framework="none",
        command="none",
        seed=seed,
        synthetic=False,
        accuracy=tuple(larger.accuracy().tolist()),
    )
    logits = {"recorded": recorded, "test": larger}
    kind = EventTrace if network.input.over_time else Trace
    return kind(network, timesteps, spikes, Inputs(values, labels, ids), logits, provenance)


@st.composite
def neurons(draw, channels, plain=False):
    """Neurons at all corners of the rules: no leak, full leak, one-bit rounding, tiny membranes that saturate, fire at
    or above their threshold, are reset at once, a step later or never; unless `plain` with a synaptic current or
    feedback now and then.
    """
    leak_bits = draw(st.integers(0, 6))
    membrane_bits = draw(st.sampled_from([4, 8, 12, 24, 32]))
    top = (1 << (membrane_bits - 1)) - 1
    reset = draw(st.sampled_from(["soft", "hard", "soft", "hard", "none"]))
    signed = draw(st.integers(0, 2)) == 0
    threshold = draw(st.lists(st.integers(int(signed), min(top, 300)), min_size=channels, max_size=channels))
    leaks = draw(st.lists(st.integers(0, 1 << leak_bits), min_size=channels, max_size=channels))
    delayed_reset = draw(st.booleans())
    synapse = feedback = None
    if not plain and draw(st.integers(0, 2)) == 0:
        bits = draw(st.integers(0, 6))
        left = draw(st.lists(st.integers(0, 1 << bits), min_size=channels, max_size=channels))
        synapse = Synapse(np.array(left, np.int64) if draw(st.booleans()) else left[0], bits, draw(st.booleans()))
    if not plain and draw(st.integers(0, 2)) == 0:
        back = st.integers(-min(top, 200), min(top, 200))
        feedback = np.array(draw(st.lists(back, min_size=channels, max_size=channels)), np.int64)
    return Neuron(
        leak=np.array(leaks, np.int64) if draw(st.integers(0, 3)) == 0 else leaks[0],
        leak_bits=leak_bits,
        v_threshold=np.array(threshold, dtype=np.int64),
        reset=reset,
        fraction_bits=draw(st.integers(0, 5)),
        membrane_bits=membrane_bits,
        v_reset=draw(st.integers(-min(top, 20), min(top, 20))) if reset == "hard" else 0,
        fires_at_threshold=draw(st.booleans()),
        delayed_reset=delayed_reset,
        reset_after_sum=reset == "hard" and delayed_reset and draw(st.booleans()),
        synapse=synapse,
        feedback=feedback,
        signed=signed,
    )


@st.composite
def networks(draw, recurrent=False):
    """Random valid networks of up to about ten layers, of every kind, over at most 6 x 6 positions.

    With `recurrent` some layers read the timestep before: own spikes that come back, or others late.
    """
    size = draw(st.integers(3, 6))
    shape, over_time = (size, size, draw(st.integers(1, 3))), draw(st.integers(0, 2)) == 0
    bits = draw(st.integers(1, 3 if over_time else 8))
    signed = bits > 1 and draw(st.integers(0, 3)) == 0
    sketch = Sketch(shape, bits=bits, seed=draw(st.integers(0, 999)), over_time=over_time, signed=signed)
    kinds = [_draw_conv, _draw_conv, _draw_spread, _draw_pool, _draw_residual, _draw_activation_sum]
    kinds += [_draw_concat, _draw_upsample, _draw_pooled_currents]
    for _ in range(draw(st.integers(0, 4))):
        draw(st.sampled_from(kinds + [_draw_recurrent, _draw_late] * recurrent))(draw, sketch)
    if not any(getattr(layer, "neuron", None) for layer in sketch.layers):
        _draw_conv(draw, sketch)
    if sketch.last.shape[:2] != (1, 1) or draw(st.booleans()):
        sketch.flatten()
    if recurrent and draw(st.booleans()):
        n_out = draw(st.integers(1, 9))
        sketch.recurrent(n_out, neuron=draw(neurons(n_out)))
    if draw(st.booleans()):
        n_out = draw(st.integers(1, 9))
        sketch.linear(n_out, bits=draw(st.integers(2, 8)), neuron=draw(neurons(n_out)), bias=draw(st.booleans()))
    votes = draw(st.integers(0, 3))  # 0: the last layer does not fire
    n_out = draw(st.integers(2, 5)) * max(votes, 1)
    last = draw(neurons(n_out)) if votes else None
    sketch.linear(n_out, neuron=last, bias=draw(st.booleans()))
    if votes:
        of_membrane = votes == 1 and last.membrane_bits <= 31 and draw(st.booleans())
        sketch.readout(draw(st.sampled_from(["membrane", "mean_membrane"])) if of_membrane else "spikes", votes)
    return sketch.network()


def _draw_window(draw, sketch, most_dilation):
    """Kernel, stride, padding and dilation of any window that fits on the last layer; square ones one in two times."""
    square, by_axis = draw(st.booleans()), []
    sizes = sketch.last.shape[:2]
    for size in (min(sizes),) * 2 if square else sizes:
        if by_axis and square:
            by_axis *= 2
            break
        kernel, stride = draw(st.integers(1, min(3, size))), draw(st.integers(1, 3))
        dilation = 1 if square else draw(st.integers(1, most_dilation))
        before = draw(st.integers(0, dilation * (kernel - 1)))
        after = before if square else draw(st.integers(0, dilation * (kernel - 1)))
        if size + before + after <= dilation * (kernel - 1):
            dilation, before, after = 1, 0, 0
        by_axis.append((kernel, stride, (before, after), dilation))
    kernel, stride, padding, dilation = zip(*by_axis, strict=True)
    return {"kernel": kernel, "stride": stride, "padding": padding[0] + padding[1], "dilation": dilation}


def _draw_spread(draw, sketch):
    """A transposed convolution of a map that is small."""
    if max(sketch.last.shape[:2]) > 4:
        return _draw_conv(draw, sketch)
    kernel, spread = (tuple(draw(st.integers(1, 3)) for _ in "yx") for _ in range(2))
    dilation = draw(st.sampled_from([1, 1, 2]))
    padding = []
    for size, k, apart in zip(sketch.last.shape[:2], kernel, spread, strict=True):
        reach = dilation * (k - 1)
        before = draw(st.integers(0, reach))
        padding += [before, draw(st.integers(min(max(reach - (size - 1) * apart - before, 0), reach), reach))]
        if (size - 1) * apart + sum(padding[-2:]) < reach:
            padding[-2] = reach
    channels = draw(st.integers(1, 3))
    sketch.conv(
        channels,
        kernel,
        draw(st.sampled_from([1, 1, 2])),
        padding,
        dilation=dilation,
        spread=spread,
        neuron=draw(neurons(channels)),
    )
    return None


def _draw_conv(draw, sketch):
    n_in = sketch.last.shape[2]
    groups = n_in if draw(st.integers(0, 3)) == 0 else 1
    channels = groups * draw(st.integers(1, 2 if groups > 1 else 5))
    sketch.conv(
        channels,
        **_draw_window(draw, sketch, 3),
        groups=groups,
        bits=draw(st.integers(2, 8)),
        neuron=draw(neurons(channels)),
        bias=draw(st.booleans()),
    )


def _draw_pool(draw, sketch):
    window = _draw_window(draw, sketch, 1)
    del window["dilation"]
    sketch.pool(draw(st.sampled_from(["avg", "max"])), **window)


def _draw_pooled_currents(draw, sketch):
    """Currents, pooled before the neurons that take them."""
    channels = draw(st.integers(1, 4))
    sketch.conv(channels, **_draw_window(draw, sketch, 3), neuron=None, bias=draw(st.booleans()))
    _draw_pool(draw, sketch)
    sketch.sum([sketch.last.name], [draw(st.sampled_from([1, 3, -2]))], neuron=draw(neurons(channels)))


def _draw_residual(draw, sketch):
    """Two paths of currents, or a current and an identity, added before the neuron."""
    source, channels = sketch.last.name, sketch.last.shape[2]
    first = sketch.conv(channels, source=source, neuron=None, bias=draw(st.booleans()))
    identity = draw(st.booleans())
    second = source if identity else sketch.conv(channels, kernel=1, padding=0, source=source, neuron=None)
    gains = [draw(st.sampled_from([1, 2])), draw(st.sampled_from([-3, 1, 4]))]
    sketch.sum([first, second], gains, neuron=draw(neurons(channels)), bias=draw(st.booleans()))


def _draw_concat(draw, sketch):
    """What there is beside itself, or what a convolution makes of it."""
    source, channels = sketch.last.name, draw(st.integers(1, 4))
    branch = source if draw(st.booleans()) else sketch.conv(channels, source=source, neuron=draw(neurons(channels)))
    sketch.concat(*draw(st.permutations([source, branch])))


def _draw_upsample(draw, sketch):
    if max(sketch.last.shape[:2]) <= 6:
        sketch.upsample(draw(st.integers(1, 3)), draw(st.integers(1, 2)))


def _draw_recurrent(draw, sketch):
    """A convolution of the layer's own spikes of the timestep before."""
    kernel = draw(st.sampled_from([1, 3, 5]))
    channels = draw(st.integers(1, 4))
    sketch.recurrent(channels, kernel, neuron=draw(neurons(channels)), bias=draw(st.booleans()))


def _draw_late(draw, sketch):
    """Neurons that are read at once and a timestep later, by layers that lie after them."""
    channels = draw(st.integers(1, 4))
    source = sketch.conv(channels, neuron=draw(neurons(channels)))
    now = sketch.conv(channels, source=source, neuron=None)
    late = sketch.conv(channels, source=source, neuron=None)
    sketch.layers[-1] = dataclasses.replace(sketch[late], delayed=True)
    sketch.sum([now, late], [1, 2], neuron=draw(neurons(channels)))


def _draw_activation_sum(draw, sketch):
    """A residual sum of activations without a neuron, which is not binary."""
    source, channels = sketch.last.name, sketch.last.shape[2]
    branch = sketch.conv(channels, source=source, neuron=draw(neurons(channels)))
    sketch.sum([source, branch], [draw(st.integers(1, 3)), draw(st.integers(1, 3))])
