"""A systolic array's fill and drain, against the closed form of output-stationary runs on generated layers.

Folds of an R x C array are ceil(M / R) ceil(N / C) for M output positions and N channels; with K products a sum such a
run takes folds (R + C + K - 2) - 1 cycles.
"""

from __future__ import annotations

import random
from math import ceil

import pytest
from accelerators.digital import cases as digital
from accelerators.imc import cases
from pydantic import ValidationError
from traces.direct.networks import Sketch

from hwsim.accelerators.digital import Machine


def layers(seed):
    """A network of one drawn convolution, or linear layer, behind another, and the second's M, N and K."""
    rng = random.Random(seed)
    size, channels, wide = rng.randint(3, 9), rng.randint(1, 9), rng.randint(1, 40)
    sketch = Sketch((size, size, 2), bits=2, seed=seed)
    sketch.conv(channels)
    if rng.random() < 0.3:
        sketch.flatten()
        sketch.linear(wide, neuron=None)
        return sketch.network(), 1, wide, size * size * channels
    kernel = rng.randint(1, 3)
    stride, padding = rng.randint(1, 2), rng.randint(0, kernel // 2)
    sketch.conv(wide, kernel=kernel, stride=stride, padding=padding)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    side = (size + 2 * padding - kernel) // stride + 1
    return sketch.network(), side * side, wide, kernel * kernel * channels


@pytest.mark.parametrize("seed", range(100))
def test_dense_cycles_equal_the_closed_form_of_output_stationary_runs(seed):
    network, positions, channels, products = layers(seed)
    rng = random.Random(1000 + seed)
    rows, columns, timesteps = rng.randint(1, 32), rng.randint(1, 32), rng.randint(1, 3)
    order = rng.choice(["timestep_outer", "layer_outer"])
    spec = digital.without_memory(
        skip=rng.choice(["none", "gate"]),
        loop_order=order,
        array__rows=rows,
        array__columns=columns,
        array__skew="systolic",
    )
    trace = cases.random_trace(network, timesteps=timesteps, samples=1)
    (batch,) = Machine(spec).lower(trace).batches
    name = [layer.name for layer in digital.weighted(network)][1]
    (stage,) = [stage for stage in batch.schedules["static"][0].stages if stage.name == name]
    folds = ceil(positions / rows) * ceil(channels / columns)
    for t in range(timesteps):
        assert stage.service[stage.timestep == t].sum() == folds * (rows + columns + products - 2) - 1


def test_without_a_skew_a_tile_takes_its_products_alone():
    network, positions, channels, products = layers(3)
    trace = cases.random_trace(network, timesteps=1, samples=1)
    spec = digital.without_memory(skip="gate", array__rows=4, array__columns=4)
    (batch,) = Machine(spec).lower(trace).batches
    name = [layer.name for layer in digital.weighted(network)][1]
    (stage,) = [stage for stage in batch.schedules["static"][0].stages if stage.name == name]
    assert stage.service.sum() == ceil(positions / 4) * ceil(channels / 4) * products


def test_rows_that_skip_cannot_pass_operands_along():
    with pytest.raises(ValidationError, match=r"array\.skew: systolic"):
        digital.variant(skip="skip", array__skew="systolic")
