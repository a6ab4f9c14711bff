"""The products of a layer as crossbars give them, in torch: cells that vary, one conversion a row block, gradients.

Written from docs/decisions/0006-functional-mode.md, apart from the functional mode itself, so that each checks the
other; with ideal cells both give the same integers.  Gradients are those of the cells as drawn; rounding and clipping
of conversions pass them unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hwsim.accelerators.imc.adc_range import off_levels, signed
from hwsim.accelerators.imc.functional.conversion import step_bits
from hwsim.accelerators.imc.plan.placement import conversion_blocks
from hwsim.accelerators.imc.plan.stored_weights import offset_of, slices_of, unit_of
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.errors import UsageError


class Site(NamedTuple):
    """What the rows of a layer are: kernel area times channels, or the neurons of what was flattened."""

    taps: int
    channels: int
    flattened: tuple[int, int]  # (positions, channels) of a flat input, in torch channel by channel
    input_bits: int


def check_design(spec: ImcSpec, name: str) -> None:
    """Raise UsageError for what a design states and training does not draw."""
    devices = spec.devices
    if spec.reference_columns:
        raise UsageError(f"--hardware {name}: signs.correction: reference_column is not trained through; popcount is")
    if devices.off_current != "before_adc" and not signed(spec):
        raise UsageError(f"--hardware {name}: devices.off_current: after_adc is not trained through; before_adc is")
    if spec.assumptions.conversion != "crossbar":
        raise UsageError(f"--hardware {name}: assumptions.conversion: pe is not trained through; crossbar is")


class Crossbars(nn.Module):
    """Crossbars of one layer; each call while training is another chip, all calls in evaluation are one."""

    def __init__(self, spec: ImcSpec, site: Site, weight_bits: int, sigma: float, key: int) -> None:
        super().__init__()
        self.spec, self.site, self.bits, self.sigma, self.key = spec, site, weight_bits, sigma, key
        slots = _slots(spec, site)
        self.register_buffer("slots", torch.from_numpy(slots), persistent=False)
        self.slots: Tensor
        self.digit_bits = min(site.input_bits, spec.dac.bits)
        self.step = 1 << step_bits(spec, slots.shape[1], (1 << self.digit_bits) - 1)
        self.lowest = -(1 << (spec.adc.bits - 1)) if signed(spec) else 0
        self.highest = (1 << (spec.adc.bits - signed(spec))) - 1

    def forward(self, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        """Products in weight steps [n, out, ...] of integers [n, c, h, w], or with stride 0 [n, in]."""
        columns, factors = self._cells(weight.detach())
        effective = torch.einsum("rpo,p->or", columns, factors) - self._offset()
        noisy = weight + (effective.reshape(weight.shape) - weight).detach()
        with torch.no_grad():
            read = self._read(x.detach(), weight, columns, factors, stride)
        line = functional.conv2d(x, noisy, None, stride, padding=1) if stride else functional.linear(x, noisy)
        return line + (read.reshape(line.shape) - line).detach()

    def _offset(self) -> int:
        return offset_of(self.spec, self.bits)

    def _cells(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Currents of cells above those that are off [row, part, out], rows in torch's order, and a part's worth."""
        spec = self.spec
        rows = weight.flatten(1).T
        if spec.signs.encoding == "differential":
            stored = [rows.clamp(min=0), (-rows).clamp(min=0)]
        else:
            stored = [torch.div(rows + self._offset(), unit_of(spec, self.bits), rounding_mode="floor")]
        lows = slices_of(spec, self.bits)
        cut = [torch.div(part, 1 << low, rounding_mode="floor") for part in stored for low in lows]
        levels = torch.stack(cut, 1) % spec.crossbar.levels
        unit = unit_of(spec, self.bits)
        worth = [unit * sign * 2**low for sign in (1, -1)[: len(stored)] for low in lows]
        currents = self._conduct(levels)
        if signed(spec):
            half = currents.shape[1] // 2
            return currents[:, :half] - currents[:, half:], torch.tensor(worth[:half], dtype=rows.dtype)
        return currents, torch.tensor(worth, dtype=rows.dtype)

    def _conduct(self, levels: Tensor) -> Tensor:
        if not self.sigma:
            return levels
        off, generator = off_levels(self.spec), None
        if not self.training:
            generator = torch.Generator(levels.device).manual_seed(self.key)
        z = torch.randn(levels.shape, generator=generator, device=levels.device)
        return ((levels + off) * (1 + self.sigma * z)).clamp_(min=0).sub_(off)

    def _read(self, x: Tensor, weight: Tensor, columns: Tensor, factors: Tensor, stride: int) -> Tensor:
        """Sums of codes in weight steps [n, out, positions], less the offset of every driven pulse."""
        kernel = weight.shape[2:]
        rows = functional.unfold(x, kernel, padding=1, stride=stride) if stride else x.unsqueeze(2)
        rows = rows.transpose(1, 2)  # [n, position, row]
        cells = functional.pad(columns.flatten(1), (0, 0, 0, 1))[self.slots]  # [phase, slot, part and out]
        total = rows.new_zeros(*rows.shape[:2], weight.shape[0])
        for digit in range(ceil(self.site.input_bits / self.digit_bits)):
            low = digit * self.digit_bits
            driven = torch.div(rows, 1 << low, rounding_mode="floor") % (1 << self.digit_bits)
            codes = self._convert(driven, cells).view(-1, factors.numel(), weight.shape[0])
            worth = torch.einsum("mpo,p->mo", codes, factors).view(total.shape)
            total += (worth - self._offset() * driven.sum(2, keepdim=True)) * (1 << low)
        return total.transpose(1, 2)

    def _convert(self, driven: Tensor, cells: Tensor) -> Tensor:
        """Codes in levels, added over row blocks: [n x position, part and out]."""
        blocks = functional.pad(driven.flatten(0, 1), (0, 1))[:, self.slots].transpose(0, 1)
        currents = torch.bmm(blocks, cells).div_(self.step).round_().clamp_(self.lowest, self.highest)
        return currents.sum(0).mul_(self.step)


def _slots(spec: ImcSpec, site: Site) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """The row of torch at each place of each read: int64 [phase of a row block, place]; one too many where none is."""
    block, within = conversion_blocks(spec, site.taps, site.channels)
    phase = block * ceil(spec.crossbar.rows / spec.rows_at_once) + within // spec.rows_at_once
    positions, channels = site.flattened if site.taps == 1 else (site.taps, site.channels)
    position, channel = np.divmod(np.arange(block.size), channels)
    of_torch = channel * positions + position
    members: Sequence[np.ndarray[tuple[int], np.dtype[np.int64]]] = [
        of_torch[phase == number] for number in np.unique(phase)
    ]
    slots = np.full((len(members), max(map(len, members))), block.size, np.int64)
    for line, found in zip(slots, members, strict=True):
        line[: found.size] = found
    return slots
