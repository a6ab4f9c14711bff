"""From a trained integer network to a trace: layers, recorded spikes, logits and where they come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from hwsim.errors import TraceError
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import Conv2d, Flatten, Input, Layer, Linear, Network, Neuron, StoredWeights
from hwsim.traces.network.window import Window
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import Inputs, Logits
from training.common.data import Images
from training.common.provenance import Amounts, recorded_first, trained_provenance
from training.dietsnn.integer import Execution, execute_exactly, pack
from training.dietsnn.quantise import QuantBlock, QuantNetwork

INPUT_BITS = 8


@dataclass(frozen=True, slots=True)
class Source:
    """What the provenance says of a training run."""

    dataset: str
    licence: str
    command: str
    seed: int
    device: str
    recipe: str  # how it was trained, in one line
    float_accuracy: tuple[float, ...]  # test split, at each T

    def provenance(self, network: Network, accuracy: tuple[float, ...], held_out: tuple[float, ...]) -> Provenance:
        """The provenance of a trace that reached `accuracy` on the whole test split and `held_out` on the other."""
        widths = "-".join(str(layer.shape[2]) for layer in network if not isinstance(layer, Input | Flatten))
        held = " ".join(f"{100 * a:.2f}" for a in held_out)
        notes = (
            f"trained on {self.device}; {self.recipe}; "
            f"held-out accuracy at T = 1.. {held} %; weights act on raw pixels 0 to 255"
        )
        return trained_provenance(self, f"DIET-SNN {widths}", accuracy, self.float_accuracy, notes)


def network_of(trained: QuantNetwork) -> Network:
    """The integer network as the trace format has it; the layers are input, conv1.., flatten, fc1, fc2."""
    geometry = trained.geometry
    *convolutions, hidden = trained.spiking()
    layers: list[Layer] = [Input("input", (), geometry.image, INPUT_BITS)]
    for k, (block, shape) in enumerate(zip(convolutions, geometry.maps(), strict=True)):
        layers.append(_convolution(f"conv{k + 1}", layers[-1].name, block, shape))
    layers.append(Flatten("flatten", (layers[-1].name,), (1, 1, geometry.n_flat())))
    height, width, channels = geometry.maps()[-1]
    # torch flattens (channel, y, x), the trace (y, x, channel)
    rows = _integers(hidden.integer_weight()).reshape(-1, channels, height, width).transpose(2, 3, 1, 0)
    weights = _stored(rows.reshape(1, 1, geometry.n_flat(), -1), hidden.precision.weight_bits, hidden.scale())
    shape = (1, 1, geometry.channels[-1])
    layers.append(Linear("fc1", ("flatten",), shape, weights, _bias(hidden), _neuron(hidden)))
    output = _integers(trained.integer_output()).T[None, None]
    scale = trained.log_step.exp().expand(geometry.n_classes)
    logits = _stored(output, trained.precision.weight_bits, scale)
    layers.append(Linear("fc2", ("fc1",), (1, 1, geometry.n_classes), logits, None, None))
    return Network(tuple(layers))


def trace_of(trained: QuantNetwork, test: Images, held: Images, amounts: Amounts, source: Source) -> Trace:
    """Execute the integer network on all test and held-out samples and record it.

    The accuracy in the provenance is that of these integers over all of `test`.
    """
    network, timesteps = network_of(trained), trained.geometry.timesteps
    order = recorded_first(test.y, amounts, source.seed)
    samples = test.take(order)
    recorded = execute_exactly(network, samples.x[: amounts.recorded], timesteps, keep_spikes=True)
    scale = float(trained.log_step.detach().exp())
    first = samples.take(np.arange(amounts.recorded))
    logits = {
        "recorded": _logits(recorded, first, scale, "test"),
        "test": _logits(execute_exactly(network, test.x, timesteps, keep_spikes=False), test, scale, "test"),
        "calibration": _logits(execute_exactly(network, held.x, timesteps, keep_spikes=False), held, scale, "train"),
    }
    return Trace(
        network=network,
        timesteps=timesteps,
        spikes={name: pack(spikes) for name, spikes in recorded.spikes.items()},
        inputs=Inputs(samples.x, samples.y, samples.ids),
        logits=logits,
        provenance=source.provenance(
            network, tuple(logits["test"].accuracy().tolist()), tuple(logits["calibration"].accuracy().tolist())
        ),
    )


def _logits(run: Execution, samples: Images, scale: float, split: str) -> Logits:
    return Logits(_narrowed(run.logits), scale, samples.y, samples.ids, split)


def _narrowed(values: NDArray[np.int64]) -> NDArray[np.int32]:
    limits = np.iinfo(np.int32)
    if values.min() < limits.min or values.max() > limits.max:
        raise TraceError(f"logits: wanted 32-bit integers, found {values.min()} to {values.max()}")
    return values.astype(np.int32)


def _convolution(name: str, source: str, block: QuantBlock, shape: tuple[int, int, int]) -> Conv2d:
    values = _integers(block.integer_weight()).transpose(2, 3, 1, 0)
    weights = _stored(values, block.precision.weight_bits, block.scale())
    return Conv2d(name, (source,), shape, Window.square(3, block.stride, 1), 1, weights, _bias(block), _neuron(block))


def _neuron(block: QuantBlock) -> Neuron:
    precision = block.precision
    return Neuron(
        leak=int(block.leak),
        leak_bits=precision.leak_bits,
        v_threshold=_integers(block.integer_threshold()),
        reset="soft",
        fraction_bits=block.fraction_bits,
        membrane_bits=precision.membrane_bits,
    )


def _bias(block: QuantBlock) -> NDArray[np.int32] | None:
    bias = block.integer_bias()
    return None if bias is None else _integers(bias).astype(np.int32)


def _stored(values: NDArray[np.int64], bits: int, scale: Tensor) -> StoredWeights:
    return StoredWeights(
        np.ascontiguousarray(values.astype(np.int8)), bits, scale.detach().cpu().numpy().astype(np.float32)
    )


def _integers(x: Tensor) -> NDArray[np.int64]:
    values = x.detach().cpu().double().round().long().numpy()
    return np.asarray(values, dtype=np.int64)
