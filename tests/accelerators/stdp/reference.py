"""Every count of the stdp machine written once more from its description, one sample, step by step."""

from __future__ import annotations

from collections import Counter


def words(count, bits, port):
    return -(-count * bits // port)


class Twin:
    """Counts of one sample [step, N_ACTIVITY] on a machine's specification; small formats are those of `stdp`."""

    def __init__(self, spec, net, train):
        self.spec, self.net, self.train = spec, net, train
        self.p, self.n = net.pixels, net.neurons.count
        self.layer = net.inhibition.kind == "layer"
        self.weight_bits, self.trace_bits = (8, 11) if net.formats else (32, 32)
        self.membrane = 21 if net.formats else 32
        self.length = net.coding.present_steps + net.coding.rest_steps
        self.found = Counter()

    def book(self, component, action, count):
        self.found[component, action] += count

    def row(self, weights):
        """Accesses for some weights of one pixel."""
        port = self.spec.weight_memory.port_bits
        if self.spec.layout == "post_major":
            return weights * words(1, self.weight_bits, port)
        return words(self.n, self.weight_bits, port)

    def column(self, weights):
        """Accesses for some weights of one neuron."""
        port = self.spec.weight_memory.port_bits
        if self.spec.layout == "pre_major":
            return weights * words(1, self.weight_bits, port)
        return words(self.p, self.weight_bits, port)

    def state(self):
        """Accesses for membranes, thresholds and counts: refractory for 2 steps, an inhibitory neuron for 1."""
        theta = 20 if self.net.formats else 32
        bits, port = (
            self.membrane + theta + 2 + (self.membrane + 1 if self.layer else 0),
            self.spec.neuron_memory.port_bits,
        )
        if self.spec.neuron_state == "registers":
            return words(self.n, bits, port)
        return sum(words(size, bits, port) for size in self.groups())

    def groups(self):
        """Sizes of the groups that the adders change at once, each of which starts a word."""
        lanes = self.spec.adder.lanes
        return [min(lanes, self.n - first) for first in range(0, self.n, lanes)]

    def change(self, spikes):
        """Neurons read, changed and written for each of some spikes."""
        for _ in range(spikes):
            for action in ("read", "write"):
                self.book("neuron_memory", action, self.state())

    def traces(self, count):
        return words(count, self.trace_bits, self.spec.trace_memory.port_bits)

    def everything(self):
        """Accesses for all weights."""
        return self.n * self.column(self.p) if self.spec.layout == "post_major" else self.p * self.row(self.n)

    def prepare(self, presentations):
        every = self.everything()
        scaled = self.net.stdp.weight_sum > 0
        self.book("weight_memory", "read", 2 * every * scaled)
        self.book("weight_memory", "write", every * scaled)
        for component, action in (("engine", "sum"), ("engine", "scale"), ("operations", "MAC")):
            self.book(component, action, self.p * self.n * scaled)
        self.book("engine", "divide", self.n * scaled)
        self.book("engine", "decay", self.n * presentations)
        for action in ("read", "write"):
            self.book("neuron_memory", action, self.state() * presentations)

    def play(self, step, inputs, outputs, inhibiting):
        """Drawing, integration, neurons and inhibition."""
        spec, n = self.spec, self.n
        presents = step % self.length < self.net.coding.present_steps
        self.book("encoder", "draw", self.p * presents)
        self.book("input_memory", "read", words(self.p, 8, spec.input_memory.port_bits) * presents)
        self.book("event_queue", "write", inputs * presents)
        self.change(1)
        if spec.neuron_state == "memory":
            self.book("event_queue", "read", inputs)
            self.change(inputs + inhibiting)
            self.drive(outputs * self.layer)
        else:
            self.book("event_queue", "read", inputs * len(self.groups()))
            currents = (inputs > 0) * words(n, self.membrane, spec.current_memory.port_bits)
            for action in ("read", "write"):
                self.book("current_memory", action, currents)
        self.book("weight_memory", "read", inputs * self.row(n))
        self.book("adder", "add", inputs * n)
        for component, action in (("neuron", "update"), ("operations", "membrane update")):
            self.book(component, action, n * (2 if self.layer else 1))
        self.book("neuron", "inhibit", inhibiting * n)
        full = spec.inhibition_storage == "dense"
        self.book("neuron", "weigh", inhibiting * n * full)
        inhibition_row = words(n, self.weight_bits, spec.inhibition_memory.port_bits) * full
        self.book("inhibition_memory", "read", (inhibiting + outputs * self.layer) * inhibition_row)
        self.book("adder", "add", outputs * self.layer * (n if full else 1))

    def drive(self, spikes):
        """Inhibitory neurons that excitatory ones drive where they are stored: all, or the one in its group."""
        if self.spec.inhibition_storage == "dense":
            self.change(spikes)
            return
        bits = 2 * self.membrane + 20 + 2 + 1
        for action in ("read", "write"):
            self.book(
                "neuron_memory", action, spikes * words(max(self.groups()), bits, self.spec.neuron_memory.port_bits)
            )

    def learn(self, sets, depressed, potentiated):
        """Traces, then depression of pixels times neurons, then potentiation of neurons times pixels."""
        (pixels, neurons), (columns, rows) = depressed, potentiated
        self.book("engine", "decay", self.p + self.n)
        self.book("trace_memory", "read", self.traces(self.p + self.n))
        self.book("trace_memory", "write", self.traces(self.p + self.n) + sets)
        self.book("trace_memory", "read", self.traces(self.n) * (pixels * neurons > 0) + columns * self.traces(self.p))
        self.book("engine", "update", pixels * neurons + columns * rows)
        low, high = pixels * self.row(neurons) * (neurons > 0), columns * self.column(rows) * (rows > 0)
        if self.spec.skip == "none":  # all weights, in the order in which they lie
            low, high = self.everything() * (low > 0), self.everything() * (high > 0)
        for action in ("read", "write"):
            self.book("weight_memory", action, low + high)


def expected_counts(spec, net, sample, train):
    """(component, action) -> count."""
    twin, before = Twin(spec, net, train), 0
    p, n = twin.p, twin.n
    if train:
        twin.prepare(len(sample) // twin.length)
    for step, (inputs, outputs, inhibiting, low_p, low_n, high_n, high_p, _) in enumerate(sample):
        twin.book("operations", "AC", inputs * n + inhibiting * n + outputs * twin.layer)
        twin.book("operations", "MAC", low_p * low_n + high_n * high_p)
        if spec.skip == "silent":
            twin.play(step, inputs, outputs, inhibiting)
            if train:
                twin.learn(inputs + (before if step % twin.length else 0), (low_p, low_n), (high_n, high_p))
        else:
            twin.play(step, p, n, n)
            pairwise = net.stdp.rule == "pairwise"
            sweep = int(train and (pairwise or (step % twin.length + 1) % net.stdp.window_steps == 0))
            if train:
                twin.learn(0, (p * sweep, n * sweep), (n * sweep, p * sweep))
        before = outputs
    answered = sum(outputs for _, outputs, *_ in sample)
    twin.book("readout", "add", 0 if train else answered + n + 4)
    return twin.found
