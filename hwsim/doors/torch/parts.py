"""Parts of a batch that ran beside each other, put together."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def joined(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """Tensors [sample, ...] of several devices as one on the first of them."""
    return torch.cat([part.to(parts[0].device) for part in parts])
