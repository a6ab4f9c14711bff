"""Models of torch as tests want them."""

from __future__ import annotations

import torch
from torch import nn


def on_lattice(model):
    """Weights on multiples of 2^-6 of which each channel has the largest, biases of 2^-3: nothing is rounded."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                values = torch.randint(-24, 25, module.weight.shape).float()
                values.flatten(1)[:, 0] = 127
                module.weight.copy_(values * 2**-6)
                if module.bias is not None:
                    module.bias.copy_(torch.randint(-3, 4, module.bias.shape).float() * 2**-3)
    return model.eval()
