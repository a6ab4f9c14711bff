"""What a batch's spikes cost on a machine, exactly and with gradients, for use inside a training loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.later import exports

if TYPE_CHECKING:
    from hwsim.oracle.cost import Cost
    from hwsim.oracle.oracle import Oracle

__all__ = ["Cost", "Oracle"]

__getattr__ = exports(__name__, {"cost": ["Cost"], "oracle": ["Oracle"]})
