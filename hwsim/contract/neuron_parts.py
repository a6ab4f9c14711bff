"""What neurons of a network need beside the unit that updates membranes, and how many bits of state they keep.

A synaptic current is a second state word: its leak, what it adds up and its register are the part `synapse`, in every
lane of the neuron unit.  Feedback of a neuron to itself is an addition, the part `feedback`, and a bit of state, its
last spike, or two of a signed one.  Signed spikes are a second comparison, with minus the threshold, the part
`lower_threshold`.  All are there only for networks that have them, priced by the law of logic whatever prices the unit
has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from hwsim.components.neuron import Neuron as Unit
from hwsim.components.pricing.price import Priced
from hwsim.components.pricing.technology import Technology

if TYPE_CHECKING:
    from hwsim.contract.fit import Width
    from hwsim.traces.network.layers import Network, Neuron

Actions = Mapping[str, tuple[str, ...]]
"""Component -> actions of it."""
SYNAPSE, FEEDBACK, LOWER_THRESHOLD = "synapse", "feedback", "lower_threshold"
ACTIONS: Actions = {SYNAPSE: ("update",), FEEDBACK: ("add",), LOWER_THRESHOLD: ("compare",)}


def neuron_parts(network: Network, away: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Parts that the neurons of a network need, by name; none without spikes, and none for layers that are `away`."""
    if network.activation_bits is not None:
        return ()
    from hwsim.traces.network.layers import neuron_of  # prices are asked for without any network

    here = (neuron_of(layer) for layer in network if layer.name not in away)
    neurons = [neuron for neuron in here if neuron is not None]
    there = {
        SYNAPSE: any(neuron.synapse is not None for neuron in neurons),
        FEEDBACK: any(neuron.feedback is not None for neuron in neurons),
        LOWER_THRESHOLD: any(neuron.signed for neuron in neurons),
    }
    return tuple(name for name, needed in there.items() if needed)


def priced_neuron_parts(names: Iterable[str], unit: Unit, technology: Technology) -> dict[str, Priced]:
    """Those of the parts that are among the names, for all lanes of a neuron unit."""
    made = {SYNAPSE: unit.synapse, FEEDBACK: unit.feedback, LOWER_THRESHOLD: unit.lower_threshold}
    return {name: made[name](technology) for name in names if name in made}


def part_operations(neuron: Neuron) -> Iterator[tuple[str, str]]:
    """What one update of a neuron asks of these parts: component and action, once each."""
    if neuron.synapse is not None:
        yield SYNAPSE, "update"
    if neuron.feedback is not None:
        yield FEEDBACK, "add"
    if neuron.signed:
        yield LOWER_THRESHOLD, "compare"


def state_words(neuron: Neuron) -> int:
    """State words of a neuron, each as wide as a membrane."""
    return 1 + (neuron.synapse is not None)


def state_bits(neuron: Neuron, membrane_bits: int) -> int:
    """Bits that a neuron keeps from timestep to timestep where a membrane has so many."""
    return state_words(neuron) * membrane_bits + (neuron.feedback is not None) * (1 + neuron.signed)


def synapse_widths(key: str, neuron: Neuron, there: Unit) -> Iterator[Width]:
    """Widths of synaptic currents against those of the unit under a key, for `refuse_narrow`; no leak needs no bits."""
    if neuron.synapse is not None:
        yield f"{key}.leak_bits", neuron.synapse.leak_bits if neuron.synapse.leaks else 0, there.leak_bits
