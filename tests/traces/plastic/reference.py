"""Learning networks in plain Python, from the docstring of `hwsim.traces.plastic.trace`: integers, or 64-bit floats.

Nothing of the kernels is used; numbers of the fixed-point twin are unbounded integers.
"""

import hashlib
import math

MASK = (1 << 64) - 1


def key_of(*labels):
    return int.from_bytes(hashlib.sha256("/".join(map(str, labels)).encode()).digest()[:8], "little")


def word(key, counter):
    """SplitMix64's output number `counter` of a generator started at `key` less one increment."""
    z = (key + counter * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def label_of(part, sample_id, passed=0, repeat=0):
    beyond = [passed, repeat] if passed or repeat else []
    return "/".join(map(str, [part, sample_id, *beyond]))


def spikes_of(net, part, sample_id, values, passed=0, repeat=0):
    """The pixels that fire at each step, rest steps too."""
    coding, key = net.coding, key_of(net.seed, "poisson", label_of(part, sample_id, passed, repeat))
    peak = coding.peak_millihertz * coding.dt_us * 2**32 // 10**9 * (2 + repeat) // 2
    steps = [
        [i for i, x in enumerate(values) if word(key, t * net.pixels + i) >> 32 < min(int(x) * peak // 255, 2**32)]
        for t in range(coding.present_steps)
    ]
    return steps + [[] for _ in range(coding.rest_steps)]


class Numbers:
    """Arithmetic of one presentation; this one of 64-bit floats, in real units."""

    def __init__(self, net):
        self.net = net

    def of(self, value, _quantity):
        return value

    def scaled(self, value, units, bits, _quantity, _stream, _counter, _source=None):
        return value * units / 2**bits

    def highest(self, _quantity):
        return math.inf

    def initial(self, i):
        return (word(key_of(self.net.seed, "initial"), i) >> 40) / 2**24 * self.net.stdp.initial_highest

    def factor(self, total):
        return self.net.stdp.weight_sum / total * 2**16


class Integers(Numbers):
    """Fixed point: values are integers in units of 2**-n."""

    def begin(self, label):
        names = ("weights", "normalise", "membranes", "pre", "post", "theta", "inhibitory")
        self.streams = {name: key_of(self.net.seed, name, label) for name in names}

    def of(self, value, quantity):
        return math.floor(value * 2 ** self.net.formats[quantity].fraction_bits + 0.5)

    def scaled(self, value, units, bits, quantity, stream, counter, source=None):
        """value * units / 2**bits, from the format of `source` to that of `quantity`."""
        form = self.net.formats[quantity]
        bits += self.net.formats[source or quantity].fraction_bits - form.fraction_bits
        exact = value * units
        if bits <= 0:
            return exact * 2**-bits
        below, quotient = exact % 2**bits, exact // 2**bits
        if form.rounding == "nearest":
            return quotient + (2 * below >= 2**bits)
        if form.rounding == "stochastic":
            drawn = word(self.streams[stream], counter) // 2 ** (64 - bits)
            return quotient + (below + drawn >= 2**bits)
        return quotient

    def highest(self, quantity):
        form = self.net.formats[quantity]
        return 2 ** (form.integer_bits + form.fraction_bits) - 1

    def initial(self, i):
        return (word(key_of(self.net.seed, "initial"), i) >> 40) * self.of(
            self.net.stdp.initial_highest, "weights"
        ) >> 24

    def factor(self, total):
        return self.of(self.net.stdp.weight_sum, "weights") * 2**16 // total


class Reference:
    """Weights w[i][j] and thresholds that presentations change, and what was held at a limit."""

    def __init__(self, net, numbers):
        self.net, self.a = net, numbers(net)
        self.p, self.n = net.pixels, net.neurons.count
        self.w = [[self.a.initial(i * self.n + j) for j in range(self.n)] for i in range(self.p)]
        self.theta = [0] * self.n
        self.strength = self.a.of(net.inhibition.strength_mv, "membranes")
        self.held = dict.fromkeys(("w_high", "w_low", "v_high", "v_low", "theta_high", "up", "down"), 0)

    def at_most(self, value, limit, name):
        self.held[name] += value > limit
        return min(value, limit)

    def at_least(self, value, limit, name):
        self.held[name] += value < limit
        return max(value, limit)

    def normalise(self):
        for j in range(self.n):
            total = sum(self.w[i][j] for i in range(self.p))
            factor = self.a.factor(total) if total else 0
            for i in range(self.p):
                scaled = self.a.scaled(self.w[i][j], factor, 16, "weights", "normalise", i * self.n + j)
                self.w[i][j] = self.at_most(scaled, self.a.of(self.net.stdp.w_highest, "weights"), "w_high")

    def present(self, steps, part, sample_id, learn, passed=0, repeat=0):
        """The neurons that fire at each step; `activity` has what every step does."""
        a, rule, p, n = self.a, self.net.stdp, self.p, self.n
        if isinstance(a, Integers):
            a.begin(label_of(part, sample_id, passed, repeat))
        if learn and rule.weight_sum and repeat == 0:
            self.normalise()
        if learn:
            leak = self.net.neurons.theta_leak
            self.theta = [a.scaled(x, leak, 16, "thresholds", "theta", j) for j, x in enumerate(self.theta)]
        self.v, self.pre, self.post = [0] * n, [0] * p, [0] * n
        self.waits, self.totals, self.u, self.u_waits = [0] * n, [0] * n, [0] * n, [0] * n
        self.window_pixels, self.window_neurons = set(), set()
        self.activity, self.visited, self.sources, raster = [], set(), [], []
        for t, pixels in enumerate(steps):
            self.leak(t, learn)
            for j in range(n):
                if not self.waits[j]:
                    total = sum(self.w[i][j] for i in pixels)
                    counter = (2 * t + 1) * n + j
                    added = a.scaled(total, 1, 0, "membranes", "membranes", counter, "weights")
                    self.v[j] = self.at_most(self.v[j] + added, a.highest("membranes"), "v_high")
            raster.append(self.fire(learn))
            inhibiting = self.inhibit(t, raster[-1])
            conflict = learn and any(i in self.visited for i in pixels)
            self.down, self.up, self.visited = set(), set(), set()
            if learn:
                self.learn(pixels, raster[-1], t)
            self.visited = {i for i, _ in self.down | self.up}
            sides = [len({pair[k] for pair in pairs}) for pairs, k in ((self.down, 0), (self.down, 1))]
            sides += [len({pair[k] for pair in pairs}) for pairs, k in ((self.up, 1), (self.up, 0))]
            self.activity.append([len(pixels), len(raster[-1]), inhibiting, *sides, int(conflict)])
        if learn:
            self.adapt(raster)
        return raster

    def adapt(self, raster):
        rule = self.net.inhibition
        limits = rule.strength_step_mv, rule.strength_lowest_mv, rule.strength_highest_mv
        step, low, high = (self.a.of(x, "membranes") for x in limits)
        if step and len({j for winners in raster for j in winners}) > rule.most_responding:
            self.strength = min(self.strength + step, high)
        elif step:
            self.strength = max(self.strength - step, low)

    def leak(self, t, learn):
        a, cells, n, p = self.a, self.net.neurons, self.n, self.p
        for j in range(n):
            self.v[j] = a.scaled(self.v[j], cells.leak, 16, "membranes", "membranes", 2 * t * n + j)
            if learn:
                self.post[j] = a.scaled(self.post[j], self.net.stdp.post_leak, 16, "traces", "post", t * n + j)
        if learn:
            for i in range(p):
                self.pre[i] = a.scaled(self.pre[i], self.net.stdp.pre_leak, 16, "traces", "pre", t * p + i)

    def fire(self, learn):
        a, cells = self.a, self.net.neurons
        threshold = a.of(cells.v_threshold_mv, "membranes")
        ready = [j for j in range(self.n) if not self.waits[j]]
        self.waits = [max(wait - 1, 0) for wait in self.waits]
        winners = [j for j in ready if self.v[j] >= threshold + self.theta[j]]
        if cells.one_winner and winners:
            winners = [max(winners, key=lambda j: (self.v[j] - self.theta[j], -j))]
        for j in winners:
            self.v[j], self.waits[j] = a.of(cells.v_reset_mv, "membranes"), cells.refractory_steps
            if learn:
                raised = self.theta[j] + a.of(cells.theta_plus_mv, "thresholds")
                self.theta[j] = self.at_most(raised, a.highest("thresholds"), "theta_high")
        return winners

    def inhibit(self, t, winners):
        """Lower potentials for what others did some steps ago; how many of them there are."""
        rule = self.net.inhibition
        self.sources.append(winners if rule.kind == "direct" else self.fire_layer(t, winners))
        if t < rule.delay_steps:
            return 0
        arriving, lowest = self.sources[t - rule.delay_steps], self.a.of(self.net.neurons.v_lowest_mv, "membranes")
        for j in range(self.n):
            others = len([k for k in arriving if k != j])
            if others:
                self.v[j] = self.at_least(self.v[j] - others * self.strength, lowest, "v_low")
        return len(arriving)

    def fire_layer(self, t, driven):
        a, cells, fired = self.a, self.net.inhibition.neurons, []
        for j in range(self.n):
            self.u[j] = a.scaled(self.u[j], cells.leak, 16, "membranes", "inhibitory", t * self.n + j)
            if self.u_waits[j]:
                self.u_waits[j] -= 1
                continue
            if j in driven:
                self.u[j] = self.at_most(
                    self.u[j] + a.of(cells.drive_mv, "membranes"), a.highest("membranes"), "v_high"
                )
            if self.u[j] >= a.of(cells.v_threshold_mv, "membranes"):
                fired.append(j)
                self.u[j], self.u_waits[j] = a.of(cells.v_reset_mv, "membranes"), cells.refractory_steps
        return fired

    def learn(self, pixels, winners, t):
        one = min(self.a.of(1.0, "traces"), self.a.highest("traces"))
        rule = self.net.stdp
        for i in pixels:
            self.pre[i] = one
        if rule.rule == "pairwise":
            for j in range(self.n):
                self.depress(pixels, j, t)
            for j in winners:
                self.post[j] = one
                self.potentiate(j, 1, t)
            return
        for j in winners:
            self.post[j] = one
            self.totals[j] += 1
        self.window_pixels |= set(pixels)
        self.window_neurons |= set(winners)
        if (t + 1) % rule.window_steps == 0:
            for j in range(self.n):
                if j in self.window_neurons:
                    self.potentiate(j, math.ceil(max(self.totals) / rule.spikes_per_factor), t)
                else:
                    self.depress(self.window_pixels, j, t)
            self.window_pixels, self.window_neurons = set(), set()

    def potentiate(self, j, factor, t):
        size = self.p * self.n
        for i in range(self.p):
            if self.pre[i]:
                self.up.add((i, j))
            counter = (2 * t + 1) * size + i * self.n + j
            rate = self.net.stdp.potentiation * factor
            delta = self.a.scaled(self.pre[i], rate, 20, "weights", "weights", counter, "traces")
            if delta:
                self.held["up"] += 1
                self.w[i][j] = self.at_most(
                    self.w[i][j] + delta, self.a.of(self.net.stdp.w_highest, "weights"), "w_high"
                )

    def depress(self, pixels, j, t):
        for i in pixels:
            if self.post[j]:
                self.down.add((i, j))
            counter = 2 * t * self.p * self.n + i * self.n + j
            rate = self.net.stdp.depression
            delta = self.a.scaled(self.post[j], rate, 20, "weights", "weights", counter, "traces")
            if delta:
                self.held["down"] += 1
                self.w[i][j] = self.at_least(self.w[i][j] - delta, 0, "w_low")
