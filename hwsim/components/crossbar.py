"""A crossbar of either device; `device` says which."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hwsim.components.rram_crossbar import RramCrossbar
from hwsim.components.sram_crossbar import SramCrossbar

Crossbar = Annotated[RramCrossbar | SramCrossbar, Field(discriminator="device")]
