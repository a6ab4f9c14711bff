"""An exporter of traces in plain Python, written from docs/formats/trace.md alone: no hwsim, no NumPy.

Values of a layer are a flat list in the order (y, x, channel).
"""

import hashlib
import json
import random
import struct
import zipfile
from itertools import product
from math import prod

CODES = {"|u1": "B", "|i1": "b", "<i2": "h", "<i4": "i", "<i8": "q", "<u8": "Q", "<f4": "f"}


def npy(descr, shape, values):
    """A file of version 1.0 and its data bytes."""
    data = struct.pack(f"<{len(values)}{CODES[descr]}", *values)
    text = repr({"descr": descr, "fortran_order": False, "shape": tuple(shape)}).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data, data


def write(path, manifest, arrays, method=zipfile.ZIP_STORED):
    """A trace of arrays {name: (descr, shape, values)}; the digests are filled in."""
    members, digests = {}, {}
    for name, array in arrays.items():
        members[name], data = npy(*array)
        digests[name] = hashlib.sha256(data).hexdigest()
    text = json.dumps(manifest | {"sha256": digests}).encode()
    members["manifest"], _ = npy("|u1", [len(text)], list(text))
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)


def packed(values):
    """Weights of 1 to 4 bits, two a byte, the earlier in the low four bits."""
    nibbles = [value & 0xF for value in values] + [0] * (len(values) % 2)
    return [low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True)]


def words(spikes, channels):
    """Spikes of one timestep, packed along channels: channel c is bit c % 64 of word c // 64."""
    rows = [spikes[start : start + channels] for start in range(0, len(spikes), channels)]
    return [
        sum(bit << c for c, bit in enumerate(row[first : first + 64]))
        for row in rows
        for first in range(0, channels, 64)
    ]


def both(value):
    """Of rows and columns."""
    return [value, value] if isinstance(value, int) else value


def right_shift(value, bits):
    """With half of what is lost added."""
    return value + (1 << bits >> 1) >> bits


class Runner:
    """A network in integers, of layers as the manifest has them and parameters {layer: {array: values}}."""

    def __init__(self, layers, parameters):
        self.layers, self.parameters = layers, parameters
        self.shapes = {layer["name"]: layer["shape"] for layer in layers}

    def run(self, inputs):
        """Spikes {layer: [timestep][place]} and logits [timestep][class] of one sample, `inputs` of each timestep."""
        spikes = {layer["name"]: [] for layer in self.layers if layer.get("neuron")}
        logits, self.values, self.states = [], {}, {}
        for now in inputs:
            self.before = dict(self.values)
            self.read_out = {name: list(v) for name, (v, _i) in self.states.items()}
            for layer in self.layers:
                name = layer["name"]
                self.values[name] = list(now) if layer["kind"] == "input" else self.give(layer)
                if name in spikes:
                    spikes[name].append(self.values[name])
            logits.append(self.values[self.layers[-1]["name"]])
        return spikes, logits

    def give(self, layer):
        """What a layer passes on."""
        name, channels = layer["name"], layer["shape"][2]
        sums = getattr(self, layer["kind"])(layer, [self.got(layer, source) for source in layer["inputs"]])
        bias = self.parameters.get(name, {}).get("bias", [0] * channels)
        if not layer.get("neuron"):
            return [value + bias[place % channels] if layer.get("bias") else value for place, value in enumerate(sums)]
        fraction = layer["neuron"]["fraction_bits"]
        drives = [(value << fraction) + bias[place % channels] for place, value in enumerate(sums)]
        return self.fire(name, layer["neuron"], drives, channels)

    def got(self, layer, source):
        if not layer.get("delayed"):
            return self.values[source]
        return self.before.get(source, [0] * prod(self.shapes[source]))

    def fire(self, name, neuron, drives, channels):
        """Neurons of one layer through one timestep."""
        own, top = self.parameters[name], 1 << neuron["membrane_bits"] - 1
        v, i = self.states.setdefault(name, ([0] * len(drives), [0] * len(drives)))
        last = self.values.get(name, [0] * len(drives))
        synapse, late, soft = neuron.get("synapse"), neuron.get("delayed_reset"), neuron["reset"] == "soft"

        def saturate(value):
            return max(-top, min(top - 1, value))

        def kept(value, leak, which, c):
            left = own[which][c] if leak["leak"] == "per_channel" else leak["leak"]
            return right_shift(value * left, leak["leak_bits"])

        def is_over(value, c):
            return value >= own["v_threshold"][c] if neuron.get("fires_at_threshold") else value > own["v_threshold"][c]

        def fires(value, c):
            return int(is_over(value, c)) - int(neuron.get("signed", False) and is_over(-value, c))

        spikes = []
        for place in range(len(drives)):
            c = place % channels
            drive = drives[place] + (own["feedback"][c] * last[place] if neuron.get("feedback") else 0)
            if synapse:
                before = i[place]
                i[place] = saturate(kept(before, synapse, "synapse_leak", c) + drive)
                drive = before if synapse.get("delayed") else i[place]
            due = fires(v[place], c) if late else 0
            start = neuron["v_reset"] if due and neuron["reset"] == "hard" else v[place]
            total = kept(start, neuron, "leak", c) + drive - (due * own["v_threshold"][c] if soft else 0)
            v[place] = neuron["v_reset"] if due and neuron.get("reset_after_sum") else saturate(total)
            spikes.append(fires(v[place], c))
            if spikes[-1] and not late and neuron["reset"] != "none":
                v[place] = v[place] - spikes[-1] * own["v_threshold"][c] if soft else neuron["v_reset"]
        return spikes

    def met(self, layer, place):
        """Taps (row, column) under an output with the position of the map that each meets."""
        height, width, _ = self.shapes[layer["inputs"][0]]
        padding = layer.get("padding", 0)
        before = [padding] * 2 if isinstance(padding, int) else padding[::2]
        axes = []
        for axis, size in enumerate((height, width)):
            stride, dilation, spread, kernel = (
                both(layer.get(key, 1))[axis] for key in ("stride", "dilation", "spread", "kernel")
            )
            reached = [(k, place[axis] * stride - before[axis] + k * dilation) for k in range(kernel)]
            axes.append([(k, at // spread) for k, at in reached if at % spread == 0 and 0 <= at // spread < size])
        return [((ky, kx), row * width + column) for (ky, row), (kx, column) in product(*axes)]

    def conv2d(self, layer, sources):
        weights, columns = self.parameters[layer["name"]]["weights"], both(layer["kernel"])[1]
        n_in, n_out = self.shapes[layer["inputs"][0]][2], layer["shape"][2]
        each, sums = n_in // layer["groups"], []
        for place in product(*map(range, layer["shape"])):
            o = place[2]
            first, total = o // (n_out // layer["groups"]) * each, 0
            for (ky, kx), position in self.met(layer, place):
                for i in range(each):
                    weight = weights[((ky * columns + kx) * each + i) * n_out + o]
                    total += weight * sources[0][position * n_in + first + i]
            sums.append(total)
        return sums

    def linear(self, layer, sources):
        weights, n_out = self.parameters[layer["name"]]["weights"], layer["shape"][2]
        return [sum(value * weights[i * n_out + o] for i, value in enumerate(sources[0])) for o in range(n_out)]

    def pool(self, layer, sources):
        channels, combine = layer["shape"][2], {"avg": sum, "max": max}[layer["pool"]]
        return [
            combine(sources[0][position * channels + place[2]] for _, position in self.met(layer, place))
            for place in product(*map(range, layer["shape"]))
        ]

    def flatten(self, _layer, sources):
        return sources[0]

    def concat(self, layer, sources):
        height, width, _ = layer["shape"]
        counts = [self.shapes[name][2] for name in layer["inputs"]]
        return [
            value
            for position in range(height * width)
            for source, n in zip(sources, counts, strict=True)
            for value in source[position * n : (position + 1) * n]
        ]

    def upsample(self, layer, sources):
        (fy, fx), (_, width, channels) = layer["factor"], self.shapes[layer["inputs"][0]]
        places = product(*map(range, layer["shape"]))
        return [sources[0][(y // fy * width + x // fx) * channels + c] for y, x, c in places]

    def add(self, layer, sources):
        return [sum(g * v for g, v in zip(layer["gains"], each, strict=True)) for each in zip(*sources, strict=True)]

    def readout(self, layer, sources):
        votes, (name,) = layer["votes"], layer["inputs"]
        if layer["of"] == "spikes":
            return [sum(sources[0][c * votes : (c + 1) * votes]) for c in range(layer["shape"][2])]
        v, _ = self.states[name]
        if layer["of"] == "mean_membrane":
            return list(v)
        return [now - then for now, then in zip(v, self.read_out.get(name, [0] * len(v)), strict=True)]


class Exporter:
    """Parameters drawn for some layers, and the trace of what the network does on drawn samples."""

    def __init__(self, seed, layers, coding, timesteps, version):
        self.rng, self.layers = random.Random(seed), layers
        self.coding, self.timesteps, self.version = coding, timesteps, version
        self.parameters, self.arrays = {}, {}
        self.shapes = {layer["name"]: layer["shape"] for layer in layers}
        for layer in layers:
            self.draw(layer)
        self.runner = Runner(layers, self.parameters)

    def store(self, layer, name, descr, shape, values, stored=None):
        self.parameters.setdefault(layer["name"], {})[name] = values
        self.arrays[f"{layer['name']}/{name}"] = descr, shape, values if stored is None else stored

    def drawn(self, count, low, high):
        return [self.rng.randint(low, high) for _ in range(count)]

    def signed(self, count, bits):
        return self.drawn(count, -1 << bits - 1, (1 << bits - 1) - 1)

    def draw(self, layer):
        channels, neuron = layer["shape"][2], layer.get("neuron")
        if "weights" in layer:
            n_in, bits = self.shapes[layer["inputs"][0]][2] // layer.get("groups", 1), layer["weights"]["bits"]
            shape = [*both(layer.get("kernel", 1)), n_in, channels]
            values = [v or 1 for v in self.drawn(prod(shape), -1, 0)] if bits == 1 else self.signed(prod(shape), bits)
            if bits > 4:
                self.store(layer, "weights", "|i1" if bits <= 8 else "<i2", shape, values)
            else:
                self.store(layer, "weights", "|u1", [len(values) + 1 >> 1], values, packed(values))
            self.store(layer, "weight_scale", "<f4", [channels], [0.125] * channels)
        if layer.get("bias"):
            self.store(layer, "bias", "<i4", [channels], self.drawn(channels, -4, 30))
        if neuron:
            self.store(layer, "v_threshold", "<i8", [channels], self.drawn(channels, 1, 40))
            if neuron["leak"] == "per_channel":
                self.store(layer, "leak", "<i8", [channels], self.drawn(channels, 0, 1 << neuron["leak_bits"]))
            synapse = neuron.get("synapse")
            if synapse and synapse["leak"] == "per_channel":
                self.store(layer, "synapse_leak", "<i8", [channels], self.drawn(channels, 0, 1 << synapse["leak_bits"]))
            if neuron.get("feedback"):
                self.store(layer, "feedback", "<i8", [channels], self.drawn(channels, -30, 30))

    def export(self, path, recorded=2, samples=3, method=zipfile.ZIP_STORED):
        """Write the trace; returns (spikes, logits) of each sample."""
        first, classes = self.layers[0], self.layers[-1]["shape"][2]
        over_time, top = self.coding == "events", (1 << first["bits"]) - 1
        steps = [self.timesteps] if over_time else []
        size, n_values = prod(first["shape"]), prod([*steps, *first["shape"]])
        raw = [
            [value if self.rng.random() < 0.6 else 0 for value in self.drawn(n_values, 0, top)] for _ in range(samples)
        ]
        runs = [self.runner.run(self.presented(sample, size, top)) for sample in raw]
        arrays = dict(self.arrays)
        for layer in self.layers:
            if layer.get("neuron"):
                height, width, channels = layer["shape"]
                shape = [recorded, self.timesteps, height * width, (channels + 63) // 64]
                given = [step for spikes, _ in runs[:recorded] for step in spikes[layer["name"]]]
                kinds = {"spikes": (-1, 1), "negative": (-1,)} if layer["neuron"].get("signed") else {"spikes": (1,)}
                for field, fired in kinds.items():
                    bits = [words([int(value in fired) for value in step], channels) for step in given]
                    arrays[f"{layer['name']}/{field}"] = "<u8", shape, [word for step in bits for word in step]
        labels, ids = self.drawn(samples, 0, classes - 1), [7 + 5 * n for n in range(samples)]
        arrays["inputs/values"] = "|u1", [samples, *steps, *first["shape"]], [v for sample in raw for v in sample]
        sets = {}
        for name, count, split in (
            ("recorded", recorded, "drawn"),
            ("test", samples, "drawn"),
            ("calibration", 1, "other"),
        ):
            found = [value for _, logits in runs[:count] for step in logits for value in step]
            descr = "<i2" if name == "recorded" and max(map(abs, found)) < 1 << 15 else "<i4"
            arrays[f"logits/{name}/values"] = descr, [count, self.timesteps, classes], found
            sets[name] = {"samples": count, "scale": 0.25, "split": split}
        for name, count in (("inputs", samples), *((f"logits/{name}", each["samples"]) for name, each in sets.items())):
            arrays[f"{name}/labels"] = "<i8", [count], labels[:count]
            arrays[f"{name}/sample_ids"] = "<i8", [count], ids[:count]
        write(path, self.manifest(recorded, samples, sets), arrays, method)
        return runs

    def presented(self, sample, size, top):
        """The input of each timestep."""
        if self.coding == "events":
            return [sample[t * size : (t + 1) * size] for t in range(self.timesteps)]
        if self.coding == "rate":
            return [
                [int((2 * (t + 1) * x + top) // (2 * top) > (2 * t * x + top) // (2 * top)) for x in sample]
                for t in range(self.timesteps)
            ]
        return [sample] * self.timesteps

    def manifest(self, recorded, samples, sets):
        return {
            "format": "hwsim-trace",
            "version": self.version,
            "timesteps": self.timesteps,
            "coding": self.coding,
            "samples": recorded,
            "layers": self.layers,
            "inputs": {"samples": samples},
            "logits": sets,
            "provenance": {
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
                "float_accuracy": [0.5],
                "recipe": None,
            },
        }
