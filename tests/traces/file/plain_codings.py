"""Exporters of first spikes and sequences in plain Python, written from docs/formats/trace.md alone."""

import random
from itertools import product
from math import prod

from traces.file.plain_exporter import packed, right_shift, words, write

PROVENANCE = {
    "name": "plain",
    "dataset": "drawn",
    "split": "drawn",
    "licence": "CC0-1.0",
    "framework": "",
    "command": "",
    "notes": "",
    "seed": 1,
    "synthetic": False,
    "accuracy": [],
    "float_accuracy": [],
    "recipe": None,
}
GATES = ("input", "forget", "candidate", "output")


def clamped(value, bits):
    return max(-1 << bits - 1, min((1 << bits - 1) - 1, value))


def samples_arrays(name, rng, count, classes):
    """Labels and ids of raw inputs, and of sets that are the first of them."""
    labels, ids = [rng.randrange(classes) for _ in range(count)], [3 * n + 1 for n in range(count)]
    return {f"{name}/labels": ("<i8", [count], labels), f"{name}/sample_ids": ("<i8", [count], ids)}


def first_of(arrays, source, name, count):
    """Labels and ids of a set that is the first of another."""
    fields = ("labels", "sample_ids")
    return {f"{name}/{field}": ("<i8", [count], arrays[f"{source}/{field}"][2][:count]) for field in fields}


class FirstSpikes:
    """A convolution, a flatten and two linear layers whose neurons fire once."""

    LAYERS = (
        {"name": "input", "kind": "input", "inputs": [], "shape": [4, 4, 2], "bits": 6},
        {
            "name": "conv",
            "kind": "conv2d",
            "inputs": ["input"],
            "shape": [2, 2, 3],
            "kernel": 3,
            "stride": 2,
            "padding": 1,
        }
        | {"groups": 1, "weights": {"kind": "stored", "bits": 5}, "bias": True, "neuron": None},
        {"name": "flat", "kind": "flatten", "inputs": ["conv"], "shape": [1, 1, 12]},
        {"name": "fc", "kind": "linear", "inputs": ["flat"], "shape": [1, 1, 5]}
        | {"weights": {"kind": "stored", "bits": 3}, "bias": False, "neuron": None},
        {"name": "out", "kind": "linear", "inputs": ["fc"], "shape": [1, 1, 3]}
        | {"weights": {"kind": "stored", "bits": 8}, "bias": True, "neuron": None},
    )

    def __init__(self, seed, window, psp, overlap):
        self.rng, self.window, self.psp = random.Random(seed), window, psp
        self.weights, self.biases, self.arrays, self.neurons = {}, {}, {}, {}
        self.shapes = {layer["name"]: layer["shape"] for layer in self.LAYERS}
        for layer in self.LAYERS:
            if "weights" in layer:
                self.draw(layer, overlap)

    def draw(self, layer, overlap):
        name, k, bits = layer["name"], layer.get("kernel", 1), layer["weights"]["bits"]
        n_in, n_out = self.shapes[layer["inputs"][0]][2], layer["shape"][2]
        shape, half = [k, k, n_in, n_out], 1 << bits - 1
        values = self.weights[name] = [self.rng.randint(-half // 2, half - 1) for _ in range(prod(shape))]
        stored = ("|i1", shape, values) if bits > 4 else ("|u1", [len(values) + 1 >> 1], packed(values))
        biases = self.biases[name] = [self.rng.randint(-20, 60) * layer["bias"] for _ in range(n_out)]
        self.arrays |= {f"{name}/weights": stored, f"{name}/weight_scale": ("<f4", [n_out], [1.0] * n_out)}
        if layer["bias"]:
            self.arrays[f"{name}/bias"] = "<i4", [n_out], biases
        ramp = half
        self.neurons[name] = {
            "v_threshold": ramp * self.window + ramp // 2,
            "ramp": ramp,
            "start": self.window - overlap,
            "slope_bits": 10,
            "potential_bits": 13,
        }

    def input_times(self, values):
        m = (1 << self.LAYERS[0]["bits"]) - 1
        return [((m - x) * (self.window - 1) * 2 + m) // (2 * m) if x else -1 for x in values]

    def taps(self, layer, y, x):
        """Places under an output in the order of their indices, with the places of their weights."""
        height, width, n_in = self.shapes[layer["inputs"][0]]
        if layer["kind"] == "linear":
            return [(i, i) for i in range(n_in)]
        k, found = layer["kernel"], []
        for ky, kx, i in product(range(k), range(k), range(n_in)):
            row, column = y * layer["stride"] - layer["padding"] + ky, x * layer["stride"] - layer["padding"] + kx
            if 0 <= row < height and 0 <= column < width:
                found.append(((row * width + column) * n_in + i, (ky * k + kx) * n_in + i))
        return found

    def neuron(self, layer, place, times):
        """When it fires, and its potential at the end."""
        own, (y, x, c), n_out = self.neurons[layer["name"]], place, layer["shape"][2]
        u, slope, when = self.biases[layer["name"]][c], 0, -1
        weights, taps = self.weights[layer["name"]], self.taps(layer, y, x)
        for s in range(own["start"] + self.window):
            if s == self.window and self.psp == "windowed":
                slope = own["ramp"] if s > own["start"] else 0
            if s == own["start"]:
                slope = clamped(slope + own["ramp"], own["slope_bits"])
            for read, tap in taps:
                if times[read] == s:
                    slope = clamped(slope + weights[tap * n_out + c], own["slope_bits"])
            if when < 0:
                u = clamped(u + slope, own["potential_bits"])
                if s >= own["start"] and u >= own["v_threshold"]:
                    when = s - own["start"]
        return when, u

    def run(self, values):
        """Times of each weighted layer, and the class."""
        times, found = self.input_times(values), {}
        for layer in self.LAYERS[1:]:
            if "weights" in layer:
                ends = [self.neuron(layer, place, times) for place in product(*map(range, layer["shape"]))]
                times = found[layer["name"]] = [when for when, _ in ends]
        fires = [when if when >= 0 else self.window for when in times]
        decided = min(range(len(ends)), key=lambda c: (fires[c], -ends[c][1], c))
        return found, decided

    def export(self, path, recorded=2, samples=4):
        first, classes = self.LAYERS[0], self.LAYERS[-1]["shape"][2]
        top = (1 << first["bits"]) - 1
        raw = [
            [self.rng.choice([0, self.rng.randint(1, top)]) for _ in range(prod(first["shape"]))]
            for _ in range(samples)
        ]
        runs = [self.run(values) for values in raw]
        arrays = self.arrays | samples_arrays("inputs", self.rng, samples, classes)
        arrays["inputs/values"] = "|u1", [samples, *first["shape"]], [v for values in raw for v in values]
        for name in self.weights:
            times = [when for found, _ in runs[:recorded] for when in found[name]]
            arrays[f"{name}/times"] = "<i2", [recorded, *self.shapes[name]], times
        sets = {"recorded": recorded, "test": samples}
        for name, count in sets.items():
            arrays[f"decisions/{name}/classes"] = "<i2", [count], [decided for _, decided in runs[:count]]
            arrays |= first_of(arrays, "inputs", f"decisions/{name}", count)
        manifest = {
            "format": "hwsim-trace",
            "version": 1,
            "coding": "ttfs",
            "window": self.window,
            "psp": self.psp,
            "neurons": self.neurons,
            "samples": recorded,
            "layers": list(self.LAYERS),
            "inputs": {"samples": samples},
            "decisions": {name: {"samples": count, "split": "drawn"} for name, count in sets.items()},
            "provenance": PROVENANCE,
        }
        write(path, manifest, arrays)
        return runs


class Sequences:
    """Spiking LSTMs: `activations` of input, forget, candidate, output and cell, the same in every layer."""

    def __init__(
        self, seed, hidden, activations, over, carry, per_step, elements=4, features=3, timesteps=3, classes=3
    ):
        self.rng, self.over, self.carry, self.per_step = random.Random(seed), over, carry, per_step
        self.elements, self.features, self.timesteps, self.classes = elements, features, timesteps, classes
        self.activations = dict(zip((*GATES, "cell"), activations, strict=True))
        self.layers, self.values, self.arrays = [], {}, {}
        width = self.features
        for index, units in enumerate(hidden):
            self.draw(f"lstm{index}", width, units, 4 - 4 * (index % 2))
            width = units
        self.store("readout", "weights", "|i1", [width, self.classes], -8, 7)
        self.store("readout", "bias", "<i4", [self.classes], -5, 5)

    def store(self, layer, name, descr, shape, low, high):
        values = [self.rng.randint(low, high) for _ in range(prod(shape))]
        self.values[layer, name], self.arrays[f"{layer}/{name}"] = values, (descr, shape, values)
        return values

    def draw(self, name, width, units, fraction_bits):
        self.store(name, "input_weights", "|i1", [4, width, units], -8, 7)
        self.store(name, "hidden_weights", "|i1", [4, units, units], -8, 7)
        self.store(name, "biases", "<i4", [5, units], -100, 160)
        thresholds = self.store(name, "v_thresholds", "<i8", [5, units], 0, 250)
        described = {}
        for index, (gate, activation) in enumerate(self.activations.items()):
            fires = "multi" not in activation
            if not fires:
                thresholds[index * units : (index + 1) * units] = [0] * units
            described[gate] = {
                "activation": activation,
                "reset": self.rng.choice(["soft", "hard"]),
                "leak": self.rng.randint(10, 16),
                "leak_bits": 4,
                "membrane_bits": 12 if fires else 32,
                "input_shift": 8 - fraction_bits if gate == "cell" else self.rng.randint(0, 3),
                "hidden_shift": 0 if gate == "cell" else 3,
                "value_shift": 0 if fires else 5,
            }
        layer = {"name": name, "hidden": units, "weight_bits": 4, "fraction_bits": fraction_bits, "state_bits": 9}
        self.layers.append(layer | {"units": described})

    def activate(self, layer, gate, unit, current, membranes):
        """What a unit gives, 1.0 as 2^p."""
        own, p = layer["units"][gate], layer["fraction_bits"]
        signed = own["activation"].startswith("signed")
        if "multi" in own["activation"]:
            return max(-(1 << p) if signed else 0, min(1 << p, right_shift(current, own["value_shift"])))
        index = [*GATES, "cell"].index(gate)
        threshold = self.values[layer["name"], "v_thresholds"][index * layer["hidden"] + unit]
        leaked = right_shift(membranes.get((gate, unit), 0) * own["leak"], own["leak_bits"])
        v = clamped(leaked + current, own["membrane_bits"])
        spike = 1 if v > threshold else -1 if signed and v < -threshold else 0
        if spike:
            v = v - spike * threshold if own["reset"] == "soft" else 0
        membranes[gate, unit] = v
        return spike * (1 << p)

    def step(self, layer, x, state, hidden, membranes):
        """Spikes of everything that fires, of one cell step, and the next state."""
        name, n, p = layer["name"], layer["hidden"], layer["fraction_bits"]
        w_x, w_h, biases = (self.values[name, key] for key in ("input_weights", "hidden_weights", "biases"))
        given = {}
        for gate, (label, own) in enumerate(list(layer["units"].items())[:4]):
            given[label] = []
            for unit in range(n):
                arriving = sum(value * w_x[(gate * len(x) + i) * n + unit] for i, value in enumerate(x))
                back = sum(value * w_h[(gate * n + i) * n + unit] for i, value in enumerate(hidden))
                current = (arriving << own["input_shift"]) + (back << own["hidden_shift"]) + biases[gate * n + unit]
                given[label].append(self.activate(layer, label, unit, current, membranes))
        following = [
            clamped(right_shift(f * c, p) + right_shift(i * g, p), layer["state_bits"])
            for i, f, g, c in zip(given["input"], given["forget"], given["candidate"], state, strict=True)
        ]
        shift = layer["units"]["cell"]["input_shift"]
        given["cell"] = [
            self.activate(layer, "cell", unit, (c << shift) + biases[4 * n + unit], membranes)
            for unit, c in enumerate(following)
        ]
        signs = {label: [(v > 0) - (v < 0) for v in values] for label, values in given.items()}
        signs["hidden"] = [o * s for o, s in zip(signs["output"], signs["cell"], strict=True)]
        return signs, following

    def run(self, sample):
        """Signs {(layer, units): {(element, timestep): [unit]}} and logits [timestep][class] of a sample."""
        flowing = {(n, t): sample[n] for n in range(self.elements) for t in range(self.timesteps)}
        found = {}
        for layer in self.layers:
            nothing, membranes, states, hidden = [0] * layer["hidden"], {}, {}, {}
            for n, t in product(range(self.elements), range(self.timesteps)):
                if t == 0 and not self.carry:
                    membranes = {}
                before = (n - 1, t) if self.per_step else (n, t - 1) if t else (n - 1, self.timesteps - 1)
                given = states.get(before, nothing), hidden.get(before, nothing)
                signs, states[n, t] = self.step(layer, flowing[n, t], *given, membranes)
                hidden[n, t] = signs["hidden"]
                for label, values in signs.items():
                    found.setdefault((layer["name"], label), {})[n, t] = values
            flowing = hidden
        weights, bias = self.values["readout", "weights"], self.values["readout", "bias"]
        read = range(self.elements - 1 if self.over == "last" else 0, self.elements)
        logits = []
        for t in range(self.timesteps):
            counted = [sum(flowing[n, t][unit] for n in read) for unit in range(self.layers[-1]["hidden"])]
            sums = [sum(v * weights[i * self.classes + c] for i, v in enumerate(counted)) for c in range(self.classes)]
            logits.append([value + added for value, added in zip(sums, bias, strict=True)])
        return found, logits

    def recorded(self):
        """Whose spikes are stored, with their planes."""
        for layer in self.layers:
            for label, own in layer["units"].items():
                if "multi" not in own["activation"]:
                    yield layer["name"], label, 1 + own["activation"].startswith("signed"), layer["hidden"]
            cell = layer["units"]["cell"]["activation"]
            yield layer["name"], "hidden", 1 + cell.startswith("signed"), layer["hidden"]

    def export(self, path, recorded=2, samples=3):
        shape = [samples, self.elements, self.features]
        values = [self.rng.randint(-32, 31) for _ in range(prod(shape))]
        rows = [values[start : start + self.features] for start in range(0, len(values), self.features)]
        raw = [rows[start : start + self.elements] for start in range(0, len(rows), self.elements)]
        runs = [self.run(sample) for sample in raw]
        arrays = self.arrays | samples_arrays("inputs", self.rng, samples, self.classes)
        arrays["inputs/values"] = "|i1", shape, values
        steps = list(product(range(self.elements), range(self.timesteps)))
        for layer, label, planes, units in self.recorded():
            given = [run[layer, label][step] for run, _ in runs[:recorded] for step in steps]
            bits = [[[int(v != 0) for v in values], [int(v < 0) for v in values]][:planes] for values in given]
            shape = [recorded, self.elements, self.timesteps, planes, (units + 63) // 64]
            arrays[f"{layer}/{label}/spikes"] = (
                "<u8",
                shape,
                [w for each in bits for plane in each for w in words(plane, units)],
            )
        sets = {"recorded": recorded, "test": samples}
        for name, count in sets.items():
            logits = [value for _, steps in runs[:count] for step in steps for value in step]
            arrays[f"logits/{name}/values"] = "<i2", [count, self.timesteps, self.classes], logits
            arrays |= first_of(arrays, "inputs", f"logits/{name}", count)
        manifest = {
            "format": "hwsim-trace",
            "version": 1,
            "coding": "sequence",
            "timesteps": self.timesteps,
            "samples": recorded,
            "elements": self.elements,
            "features": self.features,
            "input_bits": 6,
            "membrane_carry": self.carry,
            "state_per_step": self.per_step,
            "layers": self.layers,
            "readout": {"classes": self.classes, "weight_bits": 4, "over": self.over},
            "inputs": {"samples": samples},
            "logits": {name: {"samples": count, "scale": 0.5, "split": "drawn"} for name, count in sets.items()},
            "provenance": PROVENANCE,
        }
        write(path, manifest, arrays)
        return runs
