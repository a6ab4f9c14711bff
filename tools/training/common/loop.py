"""Training on every timestep's accumulated logits, resumable after each epoch."""

from __future__ import annotations

import hashlib
import json
import math
import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from hwsim.errors import HwsimError
from training.common.data import Images

EVALUATION_BATCH = 250

Judged = Literal["every", "last"]
"""Which timesteps' summed logits are trained and chosen on: every one (DT-SNN), or only the last (DIET-SNN)."""


class CheckpointError(HwsimError):
    """A checkpoint cannot be used; the message names the file."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What may happen to a training image: a shift of up to `shift` pixels each way, a left-right flip."""

    shift: int
    flip: bool


@dataclass(frozen=True, slots=True)
class Stage:
    """One run over the training set: AdamW with a short warm-up and a cosine to zero."""

    name: str
    epochs: int
    peak_rate: float
    weight_decay: float
    batch: int
    seed: int
    augmentation: Augmentation
    judged: Judged = "every"
    bf16: bool = False  # products of weights and inputs in bfloat16

    def rate(self, progress: float) -> float:
        """Learning rate at `progress` in [0, 1] of the stage."""
        warm_up = 0.05
        return self.peak_rate * min(progress / warm_up, 0.5 * (1 + math.cos(math.pi * progress)))


@dataclass(frozen=True, slots=True)
class TensorImages:
    """A split on the device: uint8 [sample, height, width, channel] and labels."""

    x: Tensor
    y: Tensor

    @classmethod
    def of(cls, images: Images, device: str) -> TensorImages:
        """Copy of `images` on `device`."""
        return cls(torch.from_numpy(images.x.copy()).to(device), torch.from_numpy(images.y).to(device))

    def batches(self, size: int) -> Iterator[Tensor]:
        """Pixels as the networks take them, in order."""
        for part in torch.split(self.x, size):
            yield as_pixels(part)


def as_pixels(x: Tensor) -> Tensor:
    """uint8 [sample, height, width, channel] as floats 0 to 255 [sample, channel, height, width], strides unchanged."""
    return x.permute(0, 3, 1, 2).float()


def augment(x: Tensor, how: Augmentation) -> Tensor:
    """A shifted and perhaps flipped copy of uint8 [sample, height, width, channel], zeros where nothing was."""
    n, height, width, _ = x.shape
    s = how.shift
    rows = torch.arange(height, device=x.device) + torch.randint(0, 2 * s + 1, (n, 1), device=x.device)
    columns = torch.arange(width, device=x.device).expand(n, width)
    if how.flip:
        columns = torch.where(torch.rand(n, 1, device=x.device) < 0.5, width - 1 - columns, columns)
    columns = columns + torch.randint(0, 2 * s + 1, (n, 1), device=x.device)
    padded = functional.pad(x, (0, 0, s, s, s, s))
    return padded[torch.arange(n, device=x.device)[:, None, None], rows[:, :, None], columns[:, None, :]]


def accumulated_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over t of the cross entropy of the logits *summed* over the timesteps up to t.

    The sum, not the mean: it is what an accumulator holds and what an exit unit's softmax sees at that timestep.
    """
    summed = logits.cumsum(0)
    return functional.cross_entropy(summed.flatten(0, 1), labels.repeat(logits.shape[0]))


def last_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of the logits summed over all timesteps: the loss of DIET-SNN."""
    return functional.cross_entropy(logits.sum(0), labels)


@torch.no_grad()
def accuracy(network: nn.Module, images: TensorImages) -> list[float]:
    """Fraction right after each timestep, from summed logits."""
    network.eval()
    logits = torch.cat([network(pixels) for pixels in images.batches(EVALUATION_BATCH)], 1)
    return (logits.cumsum(0).argmax(2) == images.y).double().mean(1).tolist()


class Trainer:
    """Trains one network through one stage, keeping the epoch that is best on the held-out samples.

    A network gives logits [timestep, sample, class], not accumulated, of pixels [sample, c, h, w]; after a step its
    `project` returns parameters to their ranges.
    """

    def __init__(self, network: nn.Module, stage: Stage, train: TensorImages, held: TensorImages) -> None:
        self.network, self.stage, self.train, self.held = network, stage, train, held
        self.loss = accumulated_loss if stage.judged == "every" else last_loss
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=stage.peak_rate, weight_decay=stage.weight_decay)
        self.state: dict[str, Any] = {"epoch": 0, "best_score": -1.0, "best": None, "best_accuracy": []}

    def run(self, checkpoint: Path, say: Callable[[str], None]) -> list[float]:
        """Train, or resume from `checkpoint`; the network ends as its best epoch; its held-out accuracy at each T."""
        self._resume(checkpoint, say)
        while self.state["epoch"] < self.stage.epochs:
            started = time.monotonic()
            loss = self._epoch(self.state["epoch"])
            self._judge(accuracy(self.network, self.held))
            self._save(checkpoint)
            say(self._line(loss, time.monotonic() - started))
        if self.state["best"] is not None:
            self.network.load_state_dict(self.state["best"])
        return list(self.state["best_accuracy"])

    def _epoch(self, epoch: int) -> float:
        n, size = len(self.train.y), self.stage.batch
        torch.manual_seed(self.stage.seed * 1000 + epoch)  # an epoch is the same whether the run was resumed or not
        self.network.train()
        order = torch.randperm(n).to(self.train.y.device)
        n_batches = max(1, n // size)
        total = 0.0
        for k in range(n_batches):
            index = order[k * size : (k + 1) * size]
            for group in self.optimizer.param_groups:
                group["lr"] = self.stage.rate((epoch + (k + 1) / n_batches) / self.stage.epochs)
            pixels = as_pixels(augment(self.train.x[index], self.stage.augmentation))
            with torch.autocast(pixels.device.type, torch.bfloat16, enabled=self.stage.bf16):
                logits = self.network(pixels)
            loss = self.loss(logits.float(), self.train.y[index])
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            self.network.project()  # type: ignore[operator]
            total += loss.item()
        return total / n_batches

    def _judge(self, held: list[float]) -> None:
        self.state["epoch"] += 1
        self.state["held"] = held
        score = sum(held) / len(held) if self.stage.judged == "every" else held[-1]
        if score > self.state["best_score"]:
            best = {name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()}
            self.state |= {"best": best, "best_score": score, "best_accuracy": held}

    def _line(self, loss: float, seconds: float) -> str:
        shown = " ".join(f"{100 * a:.2f}" for a in self.state["held"])
        return (
            f"{self.stage.name} epoch {self.state['epoch']}/{self.stage.epochs}: loss {loss:.4f}, "
            f"held-out accuracy at T = 1.. {shown} %, {seconds:.1f} s"
        )

    def _save(self, checkpoint: Path) -> None:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        part = checkpoint.with_name(checkpoint.name + ".part")
        torch.save(self.state | {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}, part)
        part.replace(checkpoint)

    def _resume(self, checkpoint: Path, say: Callable[[str], None]) -> None:
        if not checkpoint.is_file():
            return
        try:
            saved = torch.load(checkpoint, weights_only=True, map_location=self.train.y.device)
            self.network.load_state_dict(saved.pop("network"))
            self.optimizer.load_state_dict(saved.pop("optimizer"))
        except (RuntimeError, KeyError, ValueError, EOFError, pickle.UnpicklingError) as error:
            raise CheckpointError(f"{checkpoint}: not a checkpoint of this run; delete it to train again") from error
        self.state = saved
        say(f"{self.stage.name}: resumed after epoch {saved['epoch']}/{self.stage.epochs} from {checkpoint.name}")


def checkpoint_name(stage: str, settings: Mapping[str, object]) -> str:
    """A file name that changes with anything that changes the result."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return f"{stage}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.pt"
