"""Standard networks as geometries with seeded weights, for traces that are drawn instead of recorded.

| name | after |
|---|---|
| vgg9-cifar | SpikeSim (arXiv 2210.12899, its training code): convolutions 64x2 A 128x2 A 256x3 A, then 1024-10 |
| vgg9-spikesim | the same as its published estimate counts it: stride 2 in the convolution before each pool, no pool |
| vgg16-cifar, vgg16-imagenet | DIET-SNN (arXiv 2008.03658, its code): configuration D, average pools, 4096-4096-N |
| vgg16-gap-cifar | DT-SNN (arXiv 2305.17346, SEENN code): configuration D, global average pool, one classifier |
| resnet19-cifar | DT-SNN (SEENN code): stem 128, [3, 3, 2] of 128, 256, 512; shortcut average pool, then 1 x 1 |
| resnet20-cifar | He et al. 2016 (arXiv 1512.03385): 16, 32, 64 channels, 3 blocks each; shortcut 1 x 1, stride 2 |
| mlp:A-B-C | fully connected, as many layers as sizes given |
| mixed | small, and all drawn by the seed: `hwsim.traces.network.mixed` |

A is a 2 x 2 average pool.  No layer but those of `mixed` has a bias.  It knows geometry only: thresholds are plausible,
not trained.
"""

from __future__ import annotations

import math
import re
from typing import Literal

import numpy as np

from hwsim.errors import UsageError, guess
from hwsim.kernels.counter_rng import stream_key
from hwsim.printable import shortened
from hwsim.traces.network.layers import (
    Add,
    Conv2d,
    Flatten,
    Input,
    Layer,
    Linear,
    Network,
    Neuron,
    Pool,
    SeededWeights,
    Shape,
)
from hwsim.traces.network.limits import MAX_SIZE
from hwsim.traces.network.mixed.network import MIXED, mixed_network
from hwsim.traces.network.window import Window

WEIGHT_BITS = 4
_Plan = tuple[int | str, ...]
_CIFAR = (32, 32, 3)
_VGG9: _Plan = (64, 64, "A", 128, 128, "A", 256, 256, 256, "A")
_VGG9_STRIDED: _Plan = (64, "64/2", 128, "128/2", 256, 256, "256/2")
_VGG16: _Plan = (64, 64, "A", 128, 128, "A", 256, 256, 256, "A", 512, 512, 512, "A", 512, 512, 512)
_VGG: dict[str, tuple[Shape, _Plan, tuple[int, ...]]] = {
    "vgg9-cifar": (_CIFAR, _VGG9, (1024, 10)),
    "vgg9-spikesim": (_CIFAR, _VGG9_STRIDED, (1024, 10)),
    "vgg16-cifar": (_CIFAR, _VGG16, (4096, 4096, 10)),
    "vgg16-imagenet": ((224, 224, 3), (*_VGG16, "A"), (4096, 4096, 1000)),
    "vgg16-gap-cifar": (_CIFAR, (*_VGG16, "G"), (10,)),
}
_RESNET: dict[str, tuple[int, tuple[int, ...], bool]] = {
    "resnet19-cifar": (128, (3, 3, 2), True),
    "resnet20-cifar": (16, (3, 3, 3), False),
}
GEOMETRIES = (*_VGG, *_RESNET, "mlp:784-800-10", MIXED)


def network_of(geometry: str, seed: int) -> Network:
    """The named network with weights seeded by `seed`; raises UsageError for a name that is not known."""
    draft = _Draft(seed)
    if geometry == MIXED:
        return mixed_network(seed)
    if geometry in _VGG:
        _draw_vgg(draft, *_VGG[geometry])
    elif geometry in _RESNET:
        _draw_resnet(draft, *_RESNET[geometry])
    elif re.fullmatch(r"mlp:[0-9]{1,7}(-[0-9]{1,7}){2,30}", geometry):
        _draw_mlp(draft, geometry)
    else:
        known = ", ".join(GEOMETRIES)
        raise UsageError(
            f"geometry: wanted one of {known} (any sizes) or an LSTM such as lstm:28x28-128-10, found "
            f"'{shortened(geometry)}'{guess(geometry[:64], GEOMETRIES)}"
        )
    return Network(tuple(draft.layers))


def _draw_vgg(draft: _Draft, shape: Shape, plan: _Plan, classifier: tuple[int, ...]) -> None:
    draft.input(shape)
    for step in plan:
        channels, _, stride = str(step).partition("/")
        if channels.isdigit():
            draft.conv(draft.next_name("conv"), int(channels), stride=int(stride or 1))
        else:
            draft.average(draft.next_name("pool"), 2 if step == "A" else draft.last.shape[0])
    draft.classify(classifier)


def _draw_resnet(draft: _Draft, stem: int, blocks: tuple[int, ...], pooled_shortcut: bool) -> None:
    draft.input(_CIFAR)
    draft.conv("stem", stem)
    for stage, count in enumerate(blocks):
        for block in range(count):
            stride = 2 if stage > 0 and block == 0 else 1
            _draw_block(draft, f"stage{stage + 1}.block{block + 1}", stem << stage, stride, pooled_shortcut)
    draft.average("pool", draft.last.shape[0])
    draft.classify((10,))


def _draw_block(draft: _Draft, name: str, channels: int, stride: int, pooled_shortcut: bool) -> None:
    """Two convolutions and a shortcut; their currents are added before the second neuron."""
    source = draft.last
    shortcut, gain = source.name, 1 << (WEIGHT_BITS - 1)
    if stride > 1:
        if pooled_shortcut:
            draft.average(f"{name}.pool", stride)
        one_by_one = 1 if pooled_shortcut else stride
        shortcut, gain = draft.conv(f"{name}.shortcut", channels, 1, one_by_one, fires=False), 1
    draft.conv(f"{name}.conv1", channels, stride=stride, source=source)
    current = draft.conv(f"{name}.conv2", channels, fires=False)
    shape = draft.last.shape
    neuron = draft.neuron(channels, 9 * channels)
    draft.layers.append(Add(f"{name}.add", (current, shortcut), shape, (1, gain), neuron))


def _draw_mlp(draft: _Draft, geometry: str) -> None:
    first, *rest = (int(size) for size in geometry.removeprefix("mlp:").split("-"))
    if not all(1 <= size <= MAX_SIZE for size in (first, *rest)):
        raise UsageError(f"geometry: wanted sizes from 1 to {MAX_SIZE}, found '{geometry}'")
    draft.input((1, 1, first))
    draft.classify(tuple(rest))


class _Draft:
    """A network under construction; each method adds a layer after the last one, or after `source`."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.layers: list[Layer] = []

    @property
    def last(self) -> Layer:
        return self.layers[-1]

    def next_name(self, kind: str) -> str:
        return f"{kind}{1 + sum(layer.name.startswith(kind) for layer in self.layers)}"

    def input(self, shape: Shape) -> None:
        self.layers.append(Input("input", (), shape, 8))

    def weights(self, name: str, shape: tuple[int, int, int, int]) -> SeededWeights:
        return SeededWeights(shape, WEIGHT_BITS, stream_key(self.seed, "weights", name))

    def neuron(self, channels: int, fan_in: int) -> Neuron:
        """Leak 15/16 and a threshold of two standard deviations of a current with a tenth of its inputs spiking."""
        threshold = int(2 * math.sqrt(0.1 * fan_in) * 4.3) << 4
        return Neuron(15, 4, np.full(channels, threshold, dtype=np.int64), "soft", 4, 24)

    def conv(
        self,
        name: str,
        channels: int,
        kernel: int = 3,
        stride: int = 1,
        source: Layer | None = None,
        fires: bool = True,
    ) -> str:
        source = source or self.last
        height, width, n_in = source.shape
        window = Window.square(kernel, stride, kernel // 2)
        shape = (*window.out_size(height, width), channels)
        weights = self.weights(name, (kernel, kernel, n_in, channels))
        neuron = self.neuron(channels, kernel**2 * n_in) if fires else None
        self.layers.append(Conv2d(name, (source.name,), shape, window, 1, weights, bias=None, neuron=neuron))
        return name

    def average(self, name: str, kernel: int) -> None:
        height, width, channels = self.last.shape
        shape = (height // kernel, width // kernel, channels)
        kind: Literal["avg"] = "avg"
        self.layers.append(Pool(name, (self.last.name,), shape, kind, Window.square(kernel, kernel)))

    def classify(self, sizes: tuple[int, ...]) -> None:
        """Fully connected layers, the last of which gives logits; a Flatten first if there is anything to flatten."""
        height, width, channels = self.last.shape
        if (height, width) != (1, 1):
            n_in = height * width * channels
            self.layers.append(Flatten("flatten", (self.last.name,), (1, 1, n_in)))
        for index, size in enumerate(sizes, start=1):
            n_in = self.last.shape[2]
            neuron = self.neuron(size, n_in) if index < len(sizes) else None
            weights = self.weights(f"fc{index}", (1, 1, n_in, size))
            self.layers.append(Linear(f"fc{index}", (self.last.name,), (1, 1, size), weights, bias=None, neuron=neuron))
