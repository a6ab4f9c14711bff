"""Fine-tuning of the integer network with a weighted term for its costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from training.common.loop import Augmentation, Stage, TensorImages, accumulated_loss, as_pixels, augment
from training.cost.terms import Term, watched
from training.dietsnn.quantise import QuantNetwork


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is the same of all settings: how many images are learned from, once, in batches."""

    images: int
    batch: int
    rate: float
    shift: int
    flip: bool
    bf16: bool  # products of weights and inputs in bfloat16, while training

    def stage(self, seed: int) -> Stage:
        """As a stage of the training tools."""
        return Stage("cost", 1, self.rate, 0.0, self.batch, seed, Augmentation(self.shift, self.flip), bf16=self.bf16)

    def loss(self, network: QuantNetwork, pixels: Tensor, labels: Tensor) -> Tensor:
        """What is trained on beside a term."""
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=self.bf16):
            logits = network(pixels)
        return accumulated_loss(logits.float(), labels)

    @property
    def steps(self) -> int:
        """Updates of weights."""
        return max(1, self.images // self.batch)


def batches(recipe: Recipe, seed: int, images: TensorImages) -> Iterator[tuple[float, Tensor, Tensor]]:
    """Progress, pixels and labels of each step; a seed has its own images, in its own order."""
    torch.manual_seed(seed)
    order = torch.randperm(len(images.y))[: recipe.images]
    augmentation = recipe.stage(seed).augmentation
    for k in range(recipe.steps):
        index = order[k * recipe.batch : (k + 1) * recipe.batch]
        yield (k + 1) / recipe.steps, as_pixels(augment(images.x[index], augmentation)), images.y[index]


def tune(
    network: QuantNetwork, recipe: Recipe, seed: int, images: TensorImages, term: Term | None, weight: float
) -> None:
    """Train the network on with `weight` times the term beside the loss of its recipe."""
    stage = recipe.stage(seed)
    optimiser = torch.optim.AdamW(network.parameters(), lr=stage.peak_rate, weight_decay=0.0)
    network.train()
    with watched(network) as spikes:
        for progress, pixels, labels in batches(recipe, seed, images):
            for group in optimiser.param_groups:
                group["lr"] = stage.rate(progress)
            loss = recipe.loss(network, pixels, labels)
            if term is not None:
                loss = loss + weight * term(spikes, pixels)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
