from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.later import exports

if TYPE_CHECKING:
    from hwsim.components.accumulator import Accumulator
    from hwsim.components.adc import Adc
    from hwsim.components.clock import ClockNetwork
    from hwsim.components.crossbar import Crossbar
    from hwsim.components.htree import HTree, Wire
    from hwsim.components.mac import Mac
    from hwsim.components.memory import Sram
    from hwsim.components.neuron import Neuron
    from hwsim.components.pricing.given import PricedSpec
    from hwsim.components.pricing.price import Price, Priced
    from hwsim.components.pricing.technology import Technology
    from hwsim.components.rram_crossbar import RramCrossbar
    from hwsim.components.sigma_e import SigmaE
    from hwsim.components.sram_crossbar import SramCrossbar

__all__ = [
    "Accumulator",
    "Adc",
    "ClockNetwork",
    "Crossbar",
    "HTree",
    "Mac",
    "Neuron",
    "Price",
    "Priced",
    "PricedSpec",
    "RramCrossbar",
    "SigmaE",
    "Sram",
    "SramCrossbar",
    "Technology",
    "Wire",
]

__getattr__ = exports(
    __name__,
    {
        "accumulator": ["Accumulator"],
        "adc": ["Adc"],
        "clock": ["ClockNetwork"],
        "crossbar": ["Crossbar"],
        "htree": ["HTree", "Wire"],
        "mac": ["Mac"],
        "memory": ["Sram"],
        "neuron": ["Neuron"],
        "pricing.given": ["PricedSpec"],
        "pricing.price": ["Price", "Priced"],
        "pricing.technology": ["Technology"],
        "rram_crossbar": ["RramCrossbar"],
        "sigma_e": ["SigmaE"],
        "sram_crossbar": ["SramCrossbar"],
    },
)
