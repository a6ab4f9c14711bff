"""How a learning network lies in a core's memories and how many accesses its parts take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from hwsim.accelerators.stdp.spec import StdpSpec
from hwsim.components.memory import Sram
from hwsim.traces.plastic.trace import PlasticNetwork

INPUT_BITS = 8
QUEUES = 2
"""Memories of the queue and of the currents, for a step each: one is read while the other is filled."""


@dataclass(frozen=True)
class Plan:
    """A network on the machine."""

    spec: StdpSpec
    network: PlasticNetwork
    n_classes: int

    @property
    def pixels(self) -> int:
        """Input pixels P."""
        return self.network.pixels

    @property
    def neurons(self) -> int:
        """Excitatory neurons N."""
        return self.network.neurons.count

    @property
    def layer(self) -> bool:
        """Whether inhibition has neurons of its own."""
        return self.network.inhibition.kind == "layer"

    @property
    def presentation(self) -> int:
        """Steps of a presentation, at rest too."""
        return self.network.coding.present_steps + self.network.coding.rest_steps

    def bits(self, quantity: str) -> int:
        """Stored bits of a value of one of `QUANTITIES`; membranes have a sign."""
        return self.spec.format_of(quantity).number(sign=quantity == "membranes").bits

    def words(self, count: int, bits: int, memory: Sram) -> int:
        """Accesses for values that lie side by side."""
        return -(-count * bits // memory.port_bits)

    @cached_property
    def weight_words(self) -> int:
        """Accesses for one weight that lies by itself."""
        return self.words(1, self.bits("weights"), self.spec.weight_memory)

    def row_words(self, count: int) -> int:
        """Accesses for weights of one pixel: its whole row, or each of `count` weights by itself."""
        if self.spec.layout == "post_major":
            return count * self.weight_words
        return self.words(self.neurons, self.bits("weights"), self.spec.weight_memory)

    def column_words(self, count: int) -> int:
        """Accesses for weights of one neuron: its whole column, or each of `count` weights by itself."""
        if self.spec.layout == "pre_major":
            return count * self.weight_words
        return self.words(self.pixels, self.bits("weights"), self.spec.weight_memory)

    @cached_property
    def all_weight_words(self) -> int:
        """Accesses for all input weights."""
        if self.spec.layout == "post_major":
            return self.neurons * self.column_words(self.pixels)
        return self.pixels * self.row_words(self.neurons)

    @cached_property
    def inhibition_words(self) -> int:
        """Accesses for a row of inhibitory weights; none where they are not stored."""
        dense = self.spec.inhibition_storage == "dense"
        return self.words(self.neurons, self.bits("weights"), self.spec.inhibition_memory) if dense else 0

    @cached_property
    def state_bits(self) -> int:
        """Bits of a neuron: membrane, adaptive threshold, refractory count, and those of its inhibitory one."""
        own = self.bits("membranes") + self.bits("thresholds") + self.network.neurons.refractory_steps.bit_length()
        return own + self.inhibitory_bits

    @property
    def inhibitory_bits(self) -> int:
        """Bits of an inhibitory neuron's membrane and refractory count; 0 without a layer."""
        refractory = self.network.inhibition.neurons.refractory_steps.bit_length()
        return self.bits("membranes") + refractory if self.layer else 0

    @property
    def in_memory(self) -> bool:
        """Whether a spike changes neurons where they are stored, not sums in registers."""
        return self.spec.neuron_state == "memory"

    def neighbour_words(self, count: int) -> int:
        """Accesses for the state of neighbouring neurons, from the start of a word on."""
        return self.words(count, self.state_bits, self.spec.neuron_memory)

    @property
    def group_words(self) -> int:
        """Accesses for the state of as many neurons as the adders change at once."""
        return self.neighbour_words(min(self.spec.adder.lanes, self.neurons))

    @cached_property
    def state_words(self) -> int:
        """Accesses for the state of all neurons; if spikes change it there, every group starts a word."""
        if not self.in_memory:
            return self.neighbour_words(self.neurons)
        groups, rest = divmod(self.neurons, self.spec.adder.lanes)
        return groups * self.group_words + self.neighbour_words(rest)

    @cached_property
    def current_words(self) -> int:
        """Accesses for the currents of all neurons."""
        return self.words(self.neurons, self.bits("membranes"), self.spec.current_memory)

    @property
    def groups(self) -> int:
        """Groups of as many neurons as the adders have lanes."""
        return -(-self.neurons // self.spec.adder.lanes)

    @property
    def queue_reads(self) -> int:
        """Reads of a spike from the queue: for every group whose currents the adders hold meanwhile, or one."""
        return 1 if self.in_memory else self.groups

    def trace_words(self, count: int) -> int:
        """Accesses for neighbouring traces."""
        return self.words(count, self.bits("traces"), self.spec.trace_memory)

    @cached_property
    def input_words(self) -> int:
        """Accesses for a raw sample."""
        return self.words(self.pixels, INPUT_BITS, self.spec.input_memory)

    @property
    def event_bits(self) -> int:
        """Bits of a pixel's number."""
        return max(1, (self.pixels - 1).bit_length())

    @cached_property
    def event_words(self) -> int:
        """Accesses for one input spike in the queue."""
        return self.words(1, self.event_bits, self.spec.event_queue)

    @property
    def dense_synapses(self) -> int:
        """Inhibitory weights as full matrices: from neurons to neurons, and to a layer of their own."""
        return self.neurons**2 * (2 if self.layer else 1)

    @property
    def sparse_bits(self) -> int:
        """Inhibition without matrices: the one strength, as wide as membranes, and a weight a neuron of a layer."""
        return self.bits("membranes") + (self.neurons * self.bits("weights") if self.layer else 0)

    def needed_bits(self) -> dict[str, int]:
        """What the network needs of each memory, in whole words; of the queue's of one."""
        spec = self.spec
        dense_rows = self.dense_synapses // self.neurons
        words = {
            "weight_memory": self.all_weight_words,
            "inhibition_memory": dense_rows * self.inhibition_words,
            "neuron_memory": self.state_words,
            "trace_memory": self.trace_words(self.pixels + self.neurons),
            "input_memory": self.input_words,
            "event_queue": self.pixels * self.event_words,
            "current_memory": 0 if self.in_memory else self.current_words,
        }
        return {key: n * getattr(spec, key).port_bits for key, n in words.items()}
