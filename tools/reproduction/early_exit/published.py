"""What DT-SNN's paper prints, as far as it could be read: each figure stands here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """What it prints of one network, on CIFAR-10."""

    name: str
    geometry: str
    rate: str  # spikes a neuron and timestep, all layers alike: not of the paper, measured for such networks by LoAS
    timesteps: float  # mean
    edp: str  # over that of four timesteps

    @property
    def exit(self) -> str:
        """Both figures of early exit."""
        return f"{self.edp} at {self.timesteps}"


VGG = Published("VGG-16", "vgg16-gap-cifar", "0.18", 1.46, "0.20")
RESNET = Published("ResNet-19", "resnet19-cifar", "0.31", 1.27, "0.16")
TIMESTEPS = 4

ENERGY_GROWS, LATENCY_GROWS = "4.9x", "8x"
"""T = 8 over T = 1, VGG-16, Fig. 1B."""
SHARES = {"digital peripherals": "45 %", "crossbar and ADC": "25 %"}
"""Of the energy of VGG-16, Fig. 1A."""
