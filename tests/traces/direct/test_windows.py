"""Windows of any form: what PyTorch computes, and what a file says of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from traces.direct.networks import Sketch, trace_of

from hwsim.traces import Conv2d, Neuron, Pool, Window, read_trace, write_trace
from hwsim.traces.codings import verify
from hwsim.traces.direct.golden import execute
from hwsim.traces.direct.products import ExactProducts
from hwsim.traces.file.layers import layer_record
from hwsim.traces.manifest import version_of

torch = pytest.importorskip("torch")
functional = torch.nn.functional


def summed(sketch, inputs):
    """Currents of the last layer, a convolution of the input: [sample, value]."""
    found = ExactProducts([sketch.last])(sketch.last, inputs.astype(np.int32), 0, 0)
    return found.reshape(len(inputs), -1)


def pooled(sketch, inputs):
    """What the last layer gives, flattened: membranes of neurons that read it through weights of one and never fire."""
    sketch.flatten()
    n = sketch.last.shape[2]
    sketch.linear(n, neuron=Neuron(1, 0, np.full(n, (1 << 30) - 1, np.int64), "none", 0, 31))
    sketch.last.weights.values[:] = np.eye(n)
    sketch.readout("membrane")
    return execute(sketch.network(), inputs, 1).logits[:, 0]


def pictures(sketch):
    return sketch.rng.integers(0, 1 << sketch.layers[0].bits, (2, *sketch.layers[0].shape), dtype=np.uint8)


def as_torch(values):
    return torch.from_numpy(values.astype(np.float64)).permute(0, 3, 1, 2)


def as_vector(values):
    return values.permute(0, 2, 3, 1).flatten(1).numpy().astype(np.int64)


def of_conv(layer, x):
    weight = torch.from_numpy(layer.weights.values.astype(np.float64)).permute(3, 2, 0, 1)
    top, bottom, left, right = layer.window.padding
    padded = functional.pad(x, (left, right, top, bottom))
    return functional.conv2d(padded, weight, None, layer.window.stride, 0, layer.window.dilation, layer.groups)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_convolution_is_that_of_torch(data):
    size = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 8))
    groups = data.draw(st.sampled_from([1, 2]))
    sketch = Sketch((*size, 2 * groups), bits=4, seed=data.draw(st.integers(0, 99)))
    kernel, dilation = [data.draw(st.integers(1, 4)) for _ in "yx"], [data.draw(st.integers(1, 3)) for _ in "yx"]
    padding = []
    for n, k, d in zip(size, kernel, dilation, strict=True):
        reach = d * (k - 1)
        padding += [data.draw(st.integers(min(reach, max(reach + 1 - n, 0)), reach)), reach]
    stride = [data.draw(st.integers(1, 3)) for _ in "yx"]
    sketch.conv(3 * groups, kernel, stride, padding, groups, neuron=None, dilation=dilation)
    inputs = pictures(sketch)
    wanted = of_conv(sketch.last, as_torch(inputs))
    assert tuple(wanted.shape[2:]) == sketch.last.shape[:2]
    np.testing.assert_array_equal(summed(sketch, inputs), as_vector(wanted))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_transposed_convolution_is_that_of_torch(data):
    """The format's page says which window it is: with taps in reverse order over a map that is spread by the stride."""
    size = [data.draw(st.integers(1, 6)) for _ in "yx"]
    groups = data.draw(st.sampled_from([1, 2]))
    sketch = Sketch((*size, 2 * groups), bits=4, seed=data.draw(st.integers(0, 99)))
    kernel, stride, dilation = ([data.draw(st.integers(1, 3)) for _ in "yx"] for _ in range(3))
    padding, more, sides = [], [], []
    for k, s, d, n in zip(kernel, stride, dilation, size, strict=True):
        reach, whole = d * (k - 1), (n - 1) * s + d * (k - 1) + 1
        cut = data.draw(st.integers(0, min(reach, (whole - 1) // 2)))
        padding.append(cut)
        more.append(data.draw(st.integers(0, min(cut, max(s, d) - 1))))
        sides += [reach - cut, reach - cut + more[-1]]
    sketch.conv(3 * groups, kernel, 1, sides, groups, neuron=None, dilation=dilation, spread=stride)
    inputs, layer = pictures(sketch), sketch.last
    reversed_taps = layer.weights.values[::-1, ::-1].astype(np.float64)  # [y, x, in / groups, out]
    by_group = reversed_taps.reshape(*kernel, 2, groups, 3).transpose(3, 2, 4, 0, 1).reshape(2 * groups, 3, *kernel)
    weight = torch.from_numpy(by_group.copy())
    wanted = functional.conv_transpose2d(as_torch(inputs), weight, None, stride, padding, more, groups, dilation)
    assert tuple(wanted.shape[2:]) == layer.shape[:2]
    np.testing.assert_array_equal(summed(sketch, inputs), as_vector(wanted))


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("ceil_mode", [False, True])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_pool_is_that_of_torch(kind, ceil_mode, data):
    """In ceil mode the format's page gives the padding after the map that PyTorch adds."""
    size = [data.draw(st.integers(1, 8)) for _ in "yx"]
    kernel = [data.draw(st.integers(1, 4)) for _ in "yx"]
    stride = [data.draw(st.integers(1, 4)) for _ in "yx"]
    least = [max(-(-(k - n) // 2), 0) for n, k in zip(size, kernel, strict=True)]
    padding = [data.draw(st.integers(low, max(k // 2, low))) for low, k in zip(least, kernel, strict=True)]
    if any(p > k // 2 for p, k in zip(padding, kernel, strict=True)):
        return  # PyTorch pads by at most half a kernel
    sketch = Sketch((*size, 2), bits=4, seed=data.draw(st.integers(0, 99)))
    inputs = pictures(sketch)
    x = as_torch(inputs)
    if kind == "max":
        wanted = functional.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil_mode)
    else:
        wanted = functional.avg_pool2d(x, kernel, stride, padding, ceil_mode, divisor_override=1)
    sides = []
    for n, k, s, p, out in zip(size, kernel, stride, padding, wanted.shape[2:], strict=True):
        sides += [p, max((out - 1) * s + k - n - p, p) if ceil_mode else p]
    sketch.pool(kind, kernel, stride, sides)
    assert sketch.last.shape[:2] == tuple(wanted.shape[2:])
    np.testing.assert_array_equal(pooled(sketch, inputs), as_vector(wanted))


def test_a_convolution_in_one_dimension_is_one_over_maps_of_width_1():
    sketch = Sketch((44, 1, 32), bits=1)
    sketch.conv(48, kernel=(5, 1), padding=0)
    layer, inputs = sketch.last, pictures(sketch)
    assert layer.shape == (40, 1, 48)
    weight = torch.from_numpy(layer.weights.values[:, 0].astype(np.float64)).permute(2, 1, 0)
    wanted = functional.conv1d(torch.from_numpy(inputs[:, :, 0].astype(np.float64)).transpose(1, 2), weight)
    found = summed(sketch, inputs).reshape(2, 40, 48)
    np.testing.assert_array_equal(found, wanted.transpose(1, 2).numpy())


def windowed():
    sketch = Sketch((7, 6, 2), bits=3)
    sketch.conv(4, kernel=(3, 2), stride=(2, 1), padding=(0, 2, 1, 0), dilation=(1, 2))
    sketch.pool("max", kernel=2, stride=(2, 1), padding=(1, 0, 0, 1))
    sketch.pool("avg", kernel=(2, 1), stride=1)
    sketch.conv(3, kernel=(1, 2), padding=0, spread=(1, 3))
    sketch.flatten()
    sketch.linear(3, neuron=None)
    return sketch.network()


def test_a_file_keeps_them(tmp_path):
    trace = trace_of(windowed())
    write_trace(tmp_path / "t.npz", trace)
    again = read_trace(tmp_path / "t.npz")
    assert [layer.window for layer in again.network.layers[1:5]] == [
        Window((3, 2), (2, 1), (0, 2, 1, 0), (1, 2)),
        Window((2, 2), (2, 1), (1, 0, 0, 1)),
        Window((2, 1), (1, 1)),
        Window((1, 2), spread=(1, 3)),
    ]
    assert verify(again).ok
    assert version_of(again) == 3


def test_a_file_says_one_number_where_it_says_all():
    square = Sketch((6, 6, 1))
    square.conv(2, kernel=3, stride=2, padding=1)
    square.pool("avg", kernel=2, stride=1)
    conv, pool = map(layer_record, square.layers[1:])
    assert json.dumps(conv).startswith(
        '{"name": "conv1", "kind": "conv2d", "inputs": ["input"], "shape": [3, 3, 2], '
        '"kernel": 3, "stride": 2, "padding": 1, "groups": 1, "weights"'
    )
    assert list(pool)[4:] == ["pool", "kernel", "stride"]
    assert list(pool.values())[4:] == ["avg", 2, 1]
    conv, pool, _, spread = map(layer_record, windowed().layers[1:5])
    assert (spread["spread"], "dilation" in spread) == ([1, 3], False)
    assert [conv[key] for key in ("kernel", "stride", "padding", "dilation")] == [[3, 2], [2, 1], [0, 2, 1, 0], [1, 2]]
    assert [pool[key] for key in ("kernel", "stride", "padding")] == [2, [2, 1], [1, 0, 0, 1]]


@pytest.mark.parametrize("layer", [Conv2d, Pool])
def test_what_is_square_is_of_the_version_that_it_was(layer):
    sketch = Sketch((6, 6, 1))
    sketch.conv(2, kernel=3, padding=1)
    sketch.pool(kernel=2, stride=1, padding=int(layer is Pool))
    if layer is Conv2d:
        sketch.conv(2, kernel=(3, 1), padding=0)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    assert version_of(trace_of(sketch.network())) == 3
    plain = Sketch((6, 6, 1))
    plain.conv(2, kernel=3, padding=1)
    plain.pool(kernel=2, stride=1)
    plain.flatten()
    plain.linear(3, neuron=None)
    assert version_of(trace_of(plain.network())) == 1
