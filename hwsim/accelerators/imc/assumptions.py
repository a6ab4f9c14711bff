"""Simplifications of published estimates that an architecture may switch on by name; all are off unless it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from hwsim.arch.schema import ComponentSpec

if TYPE_CHECKING:
    from hwsim.traces.network.layers import Network


class Assumptions(ComponentSpec):
    """What is counted in another way than the machine works; SpikeSim's estimate (arXiv 2210.12899) takes all of them.

    - `conversion: pe`: a PE holds the kernel offsets of one block of channels, its crossbars' column currents are added
      before the PE's one set of ADCs, and so each column of a PE is converted once instead of once a crossbar.
    - `peripherals: pe_read`: whenever a PE reads a position it pays one H-tree transfer, one fetch from the global
      buffer, one access of the tile's spike buffer and one neuron update, whatever it moves; nothing else uses them.
    - `activations: whole_maps`: instead of a few rows, the whole input of each layer is kept, in the membrane memory
      and as wide as a membrane.
    - `membrane_layers`: only so many layers with weights, from the first on, have memory for their membranes.
    - `classifier: off_chip`: the fully connected layers after the last convolution run elsewhere, at no cost here.
    """

    conversion: Literal["crossbar", "pe"] = "crossbar"
    peripherals: Literal["traffic", "pe_read"] = "traffic"
    activations: Literal["rows", "whole_maps"] = "rows"
    membrane_layers: Annotated[int, Field(ge=1)] | Literal["all"] = "all"
    classifier: Literal["on_chip", "off_chip"] = "on_chip"

    @property
    def by_pe(self) -> bool:
        """Whether anything is counted by reads of PEs, so that there is no skipping parts of one."""
        return self.conversion == "pe" or self.peripherals == "pe_read"

    @property
    def switched_on(self) -> str:
        """Those that are not as the machine works, in words."""
        mine = self.model_dump(exclude={"source"})
        changed = [name for name, value in mine.items() if value != type(self).model_fields[name].default]
        return ", ".join(f"{name} {mine[name]}" for name in changed) or "none"

    def off_chip(self, network: Network) -> frozenset[str]:
        """Names of the layers with weights that run elsewhere; none of a network without convolutions."""
        if self.classifier == "on_chip":
            return frozenset()
        from hwsim.traces.network.layers import Conv2d, Linear

        last = max((i for i, layer in enumerate(network) if isinstance(layer, Conv2d)), default=len(network.layers))
        return frozenset(layer.name for layer in network.layers[last + 1 :] if isinstance(layer, Linear))

    def map_values(self, network: Network) -> int:
        """Values of the inputs of all layers with weights on this chip, where they are kept whole; else none."""
        if self.activations == "rows":
            return 0
        away = self.off_chip(network)
        read = (network[layer.inputs[0]].shape for layer in network.weighted() if layer.name not in away)
        return sum(height * width * channels for height, width, channels in read)


AS_IT_WORKS = Assumptions(source="nothing is simplified")
