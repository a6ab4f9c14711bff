"""Weight bits by layer, learned under a budget of energy, beside the same bits in all layers.

While bits are learned, weights are cut to the nearest whole number of bits, on steps that grow by powers of two: what
is left are integers of the start's own steps.  The gradient to a layer's bits is what a bit more changes in its
weights, times what they do to the loss, and what a bit more costs by the oracle where the budget is exceeded.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import log

import torch
from torch import Tensor, nn

import hwsim
import hwsim.oracle.torch as costs
from hwsim.doors.torch.rounding import straight_through
from training.cost.grid import Bench
from training.cost.journal import Line
from training.cost.terms import names, watched
from training.cost.tuning import batches, tune
from training.dietsnn.quantise import QuantBlock, QuantNetwork

LEAST_BITS = 2
BITS_A_STEP = 0.1
"""That the layers' bits together move at most in a step (our choice)."""


PENALTY = 30.0
"""Of the share of the start's energy that is above the budget (our choice)."""


SECOND = 1000
"""Added to the seed of the second half of the training, in which bits stay."""


class Cut(nn.Module):
    """Cuts weights in steps of `start` bits to a learned number of bits from 2 to that."""

    def __init__(self, start: int) -> None:
        super().__init__()
        self.start, self.bits = start, nn.Parameter(torch.tensor(float(start)))

    @property
    def whole(self) -> int:
        """The nearest number of bits."""
        return min(max(round(float(self.bits.detach())), LEAST_BITS), self.start)

    def forward(self, weight: Tensor) -> Tensor:
        """Integers in a float, with a gradient to weights and bits."""
        here = self.whole
        low, high = max(here - 1, LEAST_BITS), min(here + 1, self.start)
        with torch.no_grad():
            slope = (cut(weight, high, self.start) - cut(weight, low, self.start)) / max(high - low, 1)
        return cut(weight, here, self.start) + slope * (self.bits - self.bits.detach())


def cut(weight: Tensor, bits: int, start: int) -> Tensor:
    """Weights in steps of `start` bits, rounded to what `bits` can say in steps that are a power of two as large."""
    step, top = 2 ** (start - bits), 2 ** (bits - 1) - 1
    found: Tensor = straight_through((weight / step).clamp(-top, top)) * step
    return found


def cuts(network: QuantNetwork) -> dict[str, Cut]:
    """New ones for all layers with weights, by the names of the trace."""
    found = {name: Cut(block.precision.weight_bits) for name, block in named(network).items()}
    for name, block in named(network).items():
        block.cut = found[name]
    return found


def named(network: QuantNetwork) -> dict[str, QuantBlock | QuantNetwork]:
    """What holds the weights of each layer; the network those of the last one."""
    return dict(zip([*names(network), "fc2"], [*network.spiking(), network], strict=True))


@torch.no_grad()
def narrow(network: QuantNetwork, bits: Mapping[str, int]) -> None:
    """Give layers so many bits for good: fewer steps that are larger, and membranes with more fraction bits for it."""
    for name, block in named(network).items():
        less = block.precision.weight_bits - bits[name]
        block.precision, block.cut = replace(block.precision, weight_bits=bits[name]), None
        if isinstance(block, QuantBlock):
            block.weight.div_(2**less)
            block.fraction_bits += less
            block.log_threshold.sub_(less * log(2))
        else:
            block.output_weight.div_(2**less)
            block.log_step.add_(less * log(2))


def settings(options: argparse.Namespace, most: int) -> Iterator[Line]:
    """Bits that are the same in all layers, from `most` down, and budgets; a seed after another."""
    for seed in options.seeds:
        for bits in range(most, LEAST_BITS - 1, -1):
            yield {"kind": "bits", "machine": options.bits, "rule": f"{bits} in all", "seed": seed}
        for budget in options.budgets:
            rule = f"learned, {100 * budget:g} %"
            yield {"kind": "bits", "machine": options.bits, "rule": rule, "budget": budget, "seed": seed}


def learned(bench: Bench, setting: Line) -> Line:
    """What comes of a setting."""
    network = bench.network
    if "budget" in setting:
        bits = _learn(bench, network, setting)
    else:
        bits = dict.fromkeys(named(network), int(setting["rule"].partition(" ")[0]))
        narrow(network, bits)
        tune(network, bench.recipe, setting["seed"], bench.training, None, 0.0)
    tune(network, bench.recipe, setting["seed"] + SECOND, bench.training, None, 0.0)
    return {**setting, "bits": bits, **bench.judge(network)}


def _learn(bench: Bench, network: QuantNetwork, setting: Line) -> dict[str, int]:
    """Train weights and bits together; the network ends with the last bits that met the budget, or else the last."""
    oracle = hwsim.Oracle(setting["machine"], bench.start, objective="energy_pj")
    layers, budget, stage = cuts(network), setting["budget"], bench.recipe.stage(setting["seed"])
    bits = {name: layer.bits for name, layer in layers.items()}
    kept = {id(each) for each in bits.values()}
    weights = [each for each in network.parameters() if id(each) not in kept]
    optimiser = torch.optim.AdamW(weights, lr=stage.peak_rate, weight_decay=0.0)
    of_bits = torch.optim.SGD(list(bits.values()), lr=BITS_A_STEP)
    met: dict[str, int] | None = None
    network.train()
    with watched(network) as spikes:
        for progress, pixels, labels in batches(bench.recipe, setting["seed"], bench.training):
            optimiser.param_groups[0]["lr"] = stage.rate(progress)
            loss = bench.recipe.loss(network, pixels, labels)
            still = {name: each.detach() for name, each in spikes.items()}
            share = costs.loss(oracle, still, pixels, every=bench.options.every, relative=True, weight_bits=bits)
            (loss + PENALTY * (share - budget).clamp(min=0)).backward()
            nn.utils.clip_grad_norm_(list(bits.values()), 1.0)
            for each in (optimiser, of_bits):
                each.step()
                each.zero_grad()
            _keep_in_range(layers)
            whole = {name: layer.whole for name, layer in layers.items()}
            if oracle.at_bits(whole).reference.value <= budget * oracle.reference.value:
                met = whole
    found = met or whole
    narrow(network, found)
    return found


@torch.no_grad()
def _keep_in_range(layers: Mapping[str, Cut]) -> None:
    for layer in layers.values():
        layer.bits.clamp_(LEAST_BITS, layer.start)
