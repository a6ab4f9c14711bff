from hwsim.components.accumulator import Accumulator
from hwsim.components.adc import Adc
from hwsim.components.clock import ClockNetwork
from hwsim.components.crossbar import Crossbar
from hwsim.components.given import PricedSpec
from hwsim.components.interconnect import HTree, Wire
from hwsim.components.lookup import SigmaE
from hwsim.components.memory import Sram
from hwsim.components.neuron import Neuron
from hwsim.components.price import Price, Priced
from hwsim.components.rram_crossbar import RramCrossbar
from hwsim.components.sram_crossbar import SramCrossbar
from hwsim.components.technology import Technology

__all__ = [
    "Accumulator",
    "Adc",
    "ClockNetwork",
    "Crossbar",
    "HTree",
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
