"""Models of torch as tests want them."""

from __future__ import annotations

import torch

STEP, BIAS_STEP = 2.0**-6, 2.0**-3


def on_lattice(model):
    """Weights on multiples of 2^-6 of which each output channel has the largest, biases of 2^-3: nothing is rounded."""
    with torch.no_grad():
        for module in model.modules():
            for weight, bias in weights_of(module):
                values = torch.randint(-24, 25, weight.shape).float()
                if "Transpose" in type(module).__name__:  # [in, out / groups, ...]
                    values.unflatten(0, (module.groups, -1))[:, 0].flatten(2)[..., 0] = 127
                else:
                    values.flatten(1)[:, 0] = 127
                weight.copy_(values * STEP)
                if bias is not None:
                    bias.copy_(torch.randint(-3, 4, bias.shape).float() * BIAS_STEP)
        for module in model.modules():
            if callable(getattr(module, "reset", None)):  # of SpikingJelly, on which the model may have been run
                module.reset()
    return model.eval()


def weights_of(module):
    """Weights with their biases: those of layers, and of neurons that have some within."""
    weight = getattr(module, "weight", None)
    if isinstance(weight, torch.Tensor) and weight.dim() > 1:
        yield weight, module.bias
    for name in ("input_weights", "recurrent_weights"):
        if isinstance(within := getattr(module, name, None), torch.Tensor):
            yield within, None
