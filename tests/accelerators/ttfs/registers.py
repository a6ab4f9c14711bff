"""A systolic array of first-spike elements, every register of every element in every cycle, in plain Python.

Written from the manual, for small arrays.  A controller at the corner sends tokens: for every tick s the spikes of that
time, each for as many cycles as the weight banks take to deliver the weights of all elements in use, then the end of
the tick for `tick_cycles`.  A token moves one element a cycle, down the first column and along every row, so that
element (r, c) sees it r + c cycles after the corner.  On its first cycle there a spike adds its weight to the slope,
and the end of a tick adds the slope to the potential and compares.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from traces.ttfs.cases import saturate


@dataclass
class Neurons:
    """What the elements are told before a pass, and their weights [spike source][element]."""

    weights: list[list[int]]
    bias: list[int]
    threshold: int
    ramp: int
    start: int
    window: int
    windowed: bool
    slope_bits: int
    potential_bits: int


@dataclass
class Element:
    """Registers of one element."""

    u: int
    slope: int = 0
    ticks: int = 0
    fired: int = -1
    fired_in_cycle: int = -1
    begun: bool = False  # whether anything of this tick has come
    token: tuple | None = None
    accumulates: list[int] = field(default_factory=list)  # ticks in which a weight was added
    history: list[tuple[int, int, int]] = field(default_factory=list)  # slope, potential, time after each tick


@dataclass
class Banks:
    """Weight memory: every bank gives one word of `width` bits a cycle."""

    count: int
    width: int
    weight_bits: int

    def cycles(self, elements: int) -> int:
        """Cycles until the weights of one spike for so many elements have left the banks."""
        bits_left, cycles = elements * self.weight_bits, 0
        while bits_left > 0 or cycles == 0:
            for _ in range(self.count):
                bits_left -= self.width
            cycles += 1
        return cycles


@dataclass
class Array:
    """R x C elements of which the first `len(bias)` in rows are in use."""

    rows: int
    columns: int
    tick_cycles: int
    banks: Banks
    neurons: Neurons

    def run(self, spikes):
        """Play spikes (time, source) in order of time: elements, the end of each tick at the corner, all cycles."""
        self.elements = [Element(u) for u in self.neurons.bias]
        tokens, tick_ends = self._tokens(spikes)
        cycle = 0
        while cycle < len(tokens) or any(element.token is not None for element in self.elements):
            self._cycle(cycle, tokens[cycle] if cycle < len(tokens) else None)
            cycle += 1
        return self.elements, tick_ends, len(tokens)

    def _tokens(self, spikes):
        """What enters the corner in each cycle, and the first cycle after each tick."""
        tokens, ends, issue = [], [], self.banks.cycles(len(self.elements))
        for s in range(self.neurons.start + self.neurons.window):
            for time, source in spikes:
                if time == s:
                    tokens += [("spike", source)] + [("wait",)] * (issue - 1)
            tokens += [("tick",)] + [("wait",)] * (self.tick_cycles - 1)
            ends.append(len(tokens))
        return tokens, ends

    def _cycle(self, cycle, entering):
        """All registers take their next values at once."""
        before = [element.token for element in self.elements]
        for index, element in enumerate(self.elements):
            r, c = divmod(index, self.columns)
            if r == c == 0:
                element.token = entering
            else:
                element.token = before[index - self.columns] if c == 0 else before[index - 1]
            if element.token is not None:
                self._act(index, element, cycle)

    def _act(self, index, element, cycle):
        neurons = self.neurons
        if element.token[0] == "spike":
            self._begin_tick(element)
            if element.fired < 0:
                weight = neurons.weights[element.token[1]][index]
                element.slope = saturate(element.slope + weight, neurons.slope_bits)
                element.accumulates.append(element.ticks)
        elif element.token[0] == "tick":
            self._begin_tick(element)
            if element.fired < 0:
                element.u = saturate(element.u + element.slope, neurons.potential_bits)
                if element.ticks >= neurons.start and element.u >= neurons.threshold:
                    element.fired, element.fired_in_cycle = element.ticks - neurons.start, cycle
            element.history.append((element.slope, element.u, element.fired))
            element.ticks += 1
            element.begun = False

    def _begin_tick(self, element):
        """What the tick itself does to the slope, before its first spike."""
        neurons, s = self.neurons, element.ticks
        if element.begun:
            return
        element.begun = True
        if neurons.windowed and s == neurons.window:
            element.slope = neurons.ramp if s > neurons.start else 0
        if s == neurons.start:
            element.slope = saturate(element.slope + neurons.ramp, neurons.slope_bits)


def last_tick(elements, spikes, neurons, hidden, output):
    """The last tick that is played, from what all elements hold after every tick, and who is known to stay silent."""
    final = neurons.start + neurons.window - 1
    silent = set()
    for s in range(final + 1):
        alive = [e for i, e in enumerate(elements) if e.history[s][2] < 0 and i not in silent]
        if hidden == "reach" and neurons.windowed and s == neurons.window:
            rest = neurons.ramp * (final - s)
            silent = {
                i for i, e in enumerate(elements) if e.history[s][2] < 0 and e.history[s][1] + rest < neurons.threshold
            }
            alive = [e for i, e in enumerate(elements) if e.history[s][2] < 0 and i not in silent]
        if output == "first_spike" and any(e.history[s][2] >= 0 for e in elements):
            return s, silent
        if hidden == "never":
            continue
        pending = any(time > s for time, _ in spikes)
        over = not neurons.windowed or s >= neurons.window or neurons.ramp == 0
        if output is not None and not (neurons.windowed and s >= neurons.window):
            over = False
        if not alive or (s >= neurons.start and over and not pending and all(e.history[s][0] <= 0 for e in alive)):
            return s, silent
    return final, silent
