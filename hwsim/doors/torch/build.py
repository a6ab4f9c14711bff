"""From the calls of one timestep of a forward pass to a float graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from hwsim.doors.graph import (
    Added,
    Flattened,
    Floats,
    Graph,
    Joined,
    Neurons,
    Node,
    Pooled,
    Shape,
    Source,
    Upsampled,
    Votes,
    Weighted,
)
from hwsim.doors.torch import windows
from hwsim.doors.torch.calls import Call
from hwsim.doors.torch.modules import (
    BACK,
    FUNCTIONS,
    INTO,
    NEURONS,
    class_of,
    hint,
    is_neurons,
    linear,
    neuron_key,
    refuse,
)
from hwsim.doors.torch.steps import ADDS, Timestep, is_copy
from hwsim.errors import TraceError
from hwsim.traces.network.window import Window

_NEAREST = ("nearest", "nearest-exact")
_NOTHING = {"Dropout", "Dropout2d", "Identity"}
_UNKNOWN = "is not among the neurons of docs/guides/neurons.md"
_TOLD = {"size", "dim", "shape", "device", "dtype", "__get__", "__len__"}


class Building:
    """Nodes as the calls of one timestep make them."""

    def __init__(self, source: Source, entries: Sequence[torch.Tensor], timestep: Timestep) -> None:
        self.nodes: dict[str, Node] = {source.name: source}
        self.timed, self.late = timestep.timed, timestep.late
        self._of: dict[int, str] = {id(entry): source.name for entry in entries}
        self._flat: dict[str, Shape] = {}  # flattened node -> shape before
        self._late_shapes: dict[str, Shape] = {}  # neurons that are read late -> shape
        self._with_own: dict[int, str] = {}  # tensor -> neurons whose spikes of the timestep before are added in it
        self._joined: dict[int, list[torch.Tensor]] = {}  # tensor -> vectors of which it is made
        for call in timestep.calls:
            self._take(call)

    def _take(self, call: Call) -> None:
        """Take a call, after those that give what it reads."""
        if call.module is None:
            given = self._function(call)
        else:
            given = self._module(call)
        if given is not None:
            self._of[id(call.gives[0])] = given

    def graph(self, readout: str) -> Graph:
        """The graph, its decision included."""
        *loose, name = [name for name in self.nodes if not self._is_read(name)] or list(self.nodes)[-1:]
        if loose:
            raise TraceError(f"module '{loose[0]}': nothing of the network reads it")
        last = self.nodes[name] = self.nodes.pop(name)
        for node in self.nodes.values():
            if isinstance(node, Neurons) and np.isinf(node.threshold).all() and node is not last:
                raise TraceError(f"module '{node.name}': gives its membrane, so only a decision may follow")
        if isinstance(last, Neurons):
            silent = bool(np.isinf(last.threshold).all())
            of: Any = "membrane" if silent and readout == "spikes" else readout
            self.nodes["readout"] = Votes("readout", (last.name,), last.shape, 1, of)
        elif readout != "spikes":
            raise TraceError("readout: wanted neurons as the last module for a readout of membranes")
        return Graph(tuple(self.nodes.values()))

    def _put(self, node: Node) -> str:
        name, n = node.name, 2
        while name in self.nodes:  # a module without weights may be used at several places
            name, n = f"{node.name}.{n}", n + 1
        self.nodes[name] = replace(node, name=name)
        return name

    def _shape(self, tensor: torch.Tensor) -> Shape:
        sizes = list(tensor.shape)[2 if id(tensor) in self.timed else 1 :]
        if len(sizes) == 1:
            return 1, 1, sizes[0]
        if len(sizes) in (2, 3):
            return sizes[1], sizes[2] if len(sizes) == 3 else 1, sizes[0]
        raise TraceError(f"network: wanted vectors, lines or maps [channel, y, x] between modules, found {sizes}")

    def _shape_of(self, source: str) -> Shape:
        """Of a node, or of neurons that are yet to come and read late."""
        return self.nodes[source].shape if source in self.nodes else self._late_shapes[source]

    def _module(self, call: Call) -> str:
        module, name, taken = call.module, call.name, call.takes[0]
        assert module is not None
        fires, kind = neuron_key(module) is not None, class_of(module)
        if not fires and (kind is None or is_neurons(module)):
            refuse(name, module, hint(module) or (_UNKNOWN if is_neurons(module) else "cannot be said in a trace"))
        if not any(id(taken) in known for known in (self._of, self.late, self._joined)):
            refuse(name, module, "reads what no module or function of the network gives")
        if id(taken) in self.late:
            if fires or kind not in ("Conv1d", "Conv2d", "Linear"):
                refuse(name, module, f"reads '{self.late[id(taken)]}' of the timestep before: only weights may")
            return self._late_weights(name, module, taken, self._shape(call.gives[0]))
        if id(taken) in self._joined:
            if kind != "Linear":
                refuse(name, module, "reads vectors side by side: only a Linear may")
            return self._split_linear(name, module, self._joined[id(taken)])
        if fires:
            return self._neurons(call)
        if id(taken) in self._with_own:
            own = self._with_own[id(taken)]
            refuse(name, module, f"reads a sum with the spikes of '{own}' of the timestep before: only '{own}' may")
        if kind in _NOTHING:
            return self._of[id(taken)]
        shape = self._shape(call.gives[0]) if call.gives[0].dim() > 1 else (1, 1, 1)
        handler = {
            "Conv1d": self._conv,
            "Conv2d": self._conv,
            "ConvTranspose1d": self._transposed,
            "ConvTranspose2d": self._transposed,
            "Linear": self._linear,
            "BatchNorm1d": self._batch_norm,
            "BatchNorm2d": self._batch_norm,
            "AvgPool1d": self._pool,
            "AvgPool2d": self._pool,
            "MaxPool1d": self._pool,
            "MaxPool2d": self._pool,
            "AdaptiveAvgPool1d": self._adaptive_pool,
            "AdaptiveAvgPool2d": self._adaptive_pool,
            "Upsample": self._upsample,
            "Flatten": self._flatten,
            "VotingLayer": self._votes,
        }[str(kind)]
        return handler(name, module, self._of[id(taken)], shape)

    def _neurons(self, call: Call) -> str:
        """Neurons, after the layers that their module has within."""
        module, name, taken = call.module, call.name, call.takes[0]
        key = None if module is None else neuron_key(module)
        assert module is not None and key is not None
        source, shape, traits = self._of[id(taken)], self._shape(call.gives[0]), dict(NEURONS[key](name, module))
        into, back = traits.pop(INTO, None), traits.pop(BACK, None)
        if into is not None:
            source = self._linear(f"{name}.{INTO}", into, source, shape)
        if back is not None:
            self._late_shapes[name] = shape
            weights: Any = self._conv if isinstance(back, torch.nn.Conv2d) else self._linear
            made = self._delayed(weights(f"{name}.{BACK}", back, name, shape))
            source = self._put(Added(f"{name}.sum", (source, made), shape))
        if (own := self._with_own.get(id(taken))) is not None:
            if own != name:
                refuse(name, module, f"takes the spikes of '{own}' of the timestep before without weights")
            traits["feedback"] = traits.get("feedback", 0.0) + np.ones(1)
        for trait in ("leak", "threshold", "gain", "feedback"):
            if isinstance(traits.get(trait), np.ndarray):
                traits[trait] = self._by_channel(name, module, trait, traits[trait], shape)
        if (synapse := traits.get("synapse")) is not None:
            leak = self._by_channel(name, module, "leak of the synaptic current", synapse.leak, shape)
            traits["synapse"] = replace(synapse, leak=leak)
        return self._put(Neurons(name, (source,), shape, **traits))

    def _delayed(self, made: str) -> str:
        """Have a layer of weights read the timestep before."""
        node = self.nodes[made]
        assert isinstance(node, Weighted)
        self.nodes[made] = replace(node, delayed=True)
        return made

    def _late_weights(self, name: str, module: Any, taken: torch.Tensor, shape: Shape) -> str:
        source = self.late[id(taken)]
        self._late_shapes[source] = self._shape(taken)
        weights = self._linear if class_of(module) == "Linear" else self._conv
        return self._delayed(weights(name, module, source, shape))

    def _split_linear(self, name: str, module: Any, parts: Sequence[torch.Tensor]) -> str:
        """A Linear over vectors side by side: one over each, and their sum."""
        weights = torch.split(module.weight.detach(), [part.shape[-1] for part in parts], dim=1)
        shape, made = (1, 1, len(module.weight)), []
        for number, (part, weight) in enumerate(zip(parts, weights, strict=True)):
            layer = linear(weight)
            if number == 0:
                layer.bias = module.bias
            if id(part) in self.late:
                made.append(self._late_weights(f"{name}.{number}", layer, part, shape))
            else:
                made.append(self._linear(f"{name}.{number}", layer, self._of[id(part)], shape))
        return self._put(Added(name, tuple(made), shape))

    def _by_channel(self, name: str, module: Any, trait: str, value: Floats, shape: Shape) -> Floats:
        """One value, or one a channel; of every position it must be the same within a channel."""
        if value.size == shape[0] * shape[1] * shape[2]:
            rows = value.reshape(shape[2], -1)
            if (rows == rows[:, :1]).all():
                value = rows[:, 0]
        if value.size not in (1, shape[2]):
            refuse(name, module, f"wanted one {trait}, or one a channel, found {value.size} for {shape}")
        return value

    def _conv(self, name: str, module: Any, source: str, shape: Shape) -> str:
        """Over a map or a line."""
        if module.padding_mode != "zeros":
            refuse(name, module, f"wanted padding by zeros, found {module.padding_mode}")
        window, out = windows.of_convolution(module), module.weight.shape[0]
        weight = module.weight.detach().double().cpu().numpy().reshape(out, -1, *window.kernel).transpose(2, 3, 1, 0)
        return self._put(Weighted(name, (source,), shape, weight, _bias(module), window, module.groups))

    def _transposed(self, name: str, module: Any, source: str, shape: Shape) -> str:
        """Taps come in reverse order."""
        window = windows.of_transposed(module, self.nodes[source].shape, shape)
        (rows, columns), sides = window.extent, window.padding
        if not all(0 <= side < most for side, most in zip(sides, (rows, rows, columns, columns), strict=True)):
            refuse(name, module, f"wanted padding from output_padding to {rows - 1} rows and {columns - 1} columns")
        groups, channels = module.groups, self.nodes[source].shape[2]
        weight = module.weight.detach().double().cpu().numpy()
        by_group = weight.reshape(groups, channels // groups, -1, *window.kernel).transpose(3, 4, 1, 0, 2)
        taps = by_group.reshape(*window.kernel, channels // groups, shape[2])[::-1, ::-1]
        return self._put(Weighted(name, (source,), shape, taps, _bias(module), window, groups))

    def _linear(self, name: str, module: Any, source: str, shape: Shape) -> str:
        weight, bias = module.weight.detach().double().cpu().numpy(), _bias(module)
        if (chw := self._flat.get(source)) is not None:  # channels come first in PyTorch, last here
            height, width, channels = chw
            weight = weight.reshape(-1, channels, height, width).transpose(0, 2, 3, 1).reshape(len(weight), -1)
        if self._shape_of(source)[:2] != (1, 1):
            refuse(name, module, "wanted a vector: put a Flatten before it")
        if (parts := self._linear_parts(source)) is None:
            return self._put(Weighted(name, (source,), shape, weight.T[None, None], bias, linear=True))
        for number, part in enumerate(parts):  # two in a row are one
            shift = None if part.bias is None else weight @ part.bias
            if number == 0 and bias is not None:
                shift = bias if shift is None else shift + bias
            self.nodes[part.name] = replace(part, shape=shape, weight=part.weight @ weight.T, bias=shift)
        last = self.nodes.pop(source)
        return self._put(replace(last, name=name, shape=shape))

    def _linear_parts(self, source: str) -> list[Weighted] | None:
        """Fully connected layers that another can be multiplied into: one, or all of a sum; nothing else reads them."""
        before = self.nodes.get(source)
        parts = [self.nodes[name] for name in before.inputs] if isinstance(before, Added) else [before]
        found = [each for each in parts if isinstance(each, Weighted) and each.linear]
        inner = [each.name for each in found if each is not before]
        apart = all(sum(name in node.inputs for node in self.nodes.values()) == 1 for name in inner)
        return found if len(found) == len(parts) and apart and not self._is_read(source) else None

    def _is_read(self, name: str) -> bool:
        return any(name in node.inputs for node in self.nodes.values())

    def _batch_norm(self, name: str, module: Any, source: str, _shape: Shape) -> str:
        before = self.nodes[source]
        if not isinstance(before, Weighted) or self._is_read(source):
            refuse(name, module, "can be folded only into weights that nothing else reads")
        if module.training or module.running_var is None:
            refuse(name, module, "wanted statistics of training: call model.eval()")
        scale = 1 / np.sqrt(module.running_var.double().cpu().numpy() + module.eps)
        shift = -module.running_mean.double().cpu().numpy() * scale
        if module.affine:
            gamma, beta = (each.detach().double().cpu().numpy() for each in (module.weight, module.bias))
            scale, shift = scale * gamma, shift * gamma + beta
        if hasattr(module, "alpha") and hasattr(module, "v_th"):
            refuse(name, module, "scales by a threshold that hwsim does not know: fold it before")
        bias = 0.0 if before.bias is None else before.bias
        self.nodes[source] = replace(before, weight=before.weight * scale, bias=bias * scale + shift)
        return source

    def _pool(self, name: str, module: Any, source: str, shape: Shape) -> str:
        known = str(class_of(module))
        kind = "max" if known.startswith("Max") else "avg"
        pooled = self._pooled(name, source, shape, kind, windows.pool_options(kind, module), known.endswith("1d"))
        if isinstance(pooled, str):
            refuse(name, module, pooled)
            raise AssertionError
        return self._put(pooled)

    def _pooled(
        self, name: str, source: str, shape: Shape, kind: str, options: Mapping[str, Any], flat: bool
    ) -> Pooled | str:
        """The node, or what was wanted of it."""
        before = self.nodes[source].shape
        window = windows.of_pool(options, flat, before, shape)
        if window.dilation != (1, 1):
            return f"wanted a pool without dilation, found {window.dilation}"
        if kind == "max":
            return Pooled(name, (source,), shape, "max", window)
        if (divisor := windows.divisor(options, window, before, shape)) is None:
            return "wanted one divisor for all windows: with count_include_pad, and without ceil_mode or where it fits"
        return Pooled(name, (source,), shape, "sum", window, divisor)

    def _functional_pool(self, call: Call, source: str) -> str:
        """`max_pool2d(x, kernel, stride)` and the like."""
        kind, shape = "avg" if "avg" in call.name else "max", self._shape(call.gives[0])
        options = windows.call_options(kind, call.arguments, call.options)
        pooled = self._pooled(f"pool{len(self.nodes)}", source, shape, kind, options, call.name.endswith("1d"))
        if isinstance(pooled, str):
            raise TraceError(f"function '{call.name}' after '{source}': {pooled}")
        return self._put(pooled)

    def _adaptive_pool(self, name: str, module: Any, source: str, shape: Shape) -> str:
        """Means of equal windows, or places that are repeated where there are more after it than before."""
        before = self.nodes[source].shape
        if (factor := _factor(before, shape)) is not None:
            return source if factor == (1, 1) else self._put(Upsampled(name, (source,), shape, factor))
        kernel = _factor(shape, before)
        if kernel is None:
            found = " to ".join(f"{height} x {width}" for height, width, _ in (before, shape))
            wanted = f"wanted equal windows, or a whole number of places for each, found {found}"
            if module is None:
                raise TraceError(f"function 'adaptive_avg_pool2d' after '{source}': {wanted}")
            refuse(name, module, wanted)
        window = Window(kernel) if shape[:2] == (1, 1) else Window(kernel, kernel)
        return self._put(Pooled(name, (source,), shape, "sum", window, window.taps))

    def _upsample(self, name: str, module: Any, source: str, shape: Shape) -> str:
        factor = _factor(self.nodes[source].shape, shape)
        if factor is None or module.mode not in _NEAREST:
            refuse(name, module, f"wanted nearest neighbours and whole factors, found {module.mode}")
        return self._put(Upsampled(name, (source,), shape, factor))

    def _interpolated(self, call: Call, source: str) -> str:
        """`interpolate(x, size, scale_factor, mode)`, of nearest neighbours."""
        given = {**dict(zip(("input", "size", "scale_factor", "mode"), call.arguments, strict=False)), **call.options}
        shape, mode = self._shape(call.gives[0]), given.get("mode", "nearest")
        factor = _factor(self.nodes[source].shape, shape)
        if factor is None or mode not in _NEAREST:
            wanted = "wanted nearest neighbours and whole factors"
            raise TraceError(f"function '{call.name}' after '{source}': {wanted}, found {mode}")
        return self._put(Upsampled(f"upsample{len(self.nodes)}", (source,), shape, factor))

    def _flatten(self, name: str, _module: Any, source: str, shape: Shape) -> str:
        if self.nodes[source].shape == shape:
            return source
        made = self._put(Flattened(name, (source,), shape))
        self._flat[made] = self.nodes[source].shape
        return made

    def _votes(self, name: str, module: Any, source: str, shape: Shape) -> str:
        votes = self.nodes[source].shape[2] // shape[2]
        return self._put(Votes(name, (source,), shape, votes, "spikes"))

    def _function(self, call: Call) -> str | None:
        name = call.name
        taken = next((t for t in call.takes if id(t) in self._of or id(t) in self.late), None)
        if taken is None:
            raise TraceError(f"function '{name}': reads what no module of the network gives")
        timed = id(taken) in self.timed, id(call.gives[0]) in self.timed
        if is_copy(name) or (timed[0] != timed[1] and name in ("flatten", "view", "reshape", "unflatten")):
            return self._copied(call, taken)
        if name in ADDS:
            return self._added(call)
        known = [self._of[id(tensor)] for tensor in call.takes if id(tensor) in self._of]
        if name == "stack":
            return known[0]
        if name == "cat":
            return self._side_by_side(call)
        if known and not any(id(tensor) in self.late for tensor in call.takes):
            if name in ("flatten", "reshape", "view"):
                return self._flatten(f"flatten{len(self.nodes)}", None, known[0], self._shape(call.gives[0]))
            if name.lstrip("_") in ("max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d"):
                return self._functional_pool(call, known[0])
            if name == "adaptive_avg_pool2d":
                return self._adaptive_pool(f"pool{len(self.nodes)}", None, known[0], self._shape(call.gives[0]))
            if name == "interpolate":
                return self._interpolated(call, known[0])
            if name in _TOLD:
                return None
        after = f"'{known[0]}'" if known else f"'{self.late[id(taken)]}' of the timestep before"
        raise TraceError(
            f"function '{name}' after {after}: cannot be said in a trace; {', '.join(sorted(FUNCTIONS))} can"
        )

    def _copied(self, call: Call, taken: torch.Tensor) -> str | None:
        for known in (self.late, self._with_own, self._of):
            if id(taken) in known:
                known[id(call.gives[0])] = known[id(taken)]
        return self._of.get(id(taken))

    def _added(self, call: Call) -> str:
        """A sum of two branches, or of one and the spikes that its neurons gave one timestep before."""
        known = [tensor for tensor in call.takes if id(tensor) in self._of]
        late = [self.late[id(tensor)] for tensor in call.takes if id(tensor) in self.late]
        if len(call.takes) != 2 or len(known) + len(late) != 2 or not known or call.options.get("alpha", 1) != 1:
            after = f"'{self._of[id(known[0])]}'" if known else f"'{late[0]}' of the timestep before"
            raise TraceError(f"function '{call.name}' after {after}: wanted a sum of two branches of the network")
        if late:
            self._with_own[id(call.gives[0])] = late[0]
            return self._of[id(known[0])]
        names = tuple(self._of[id(tensor)] for tensor in known)
        return self._put(Added(f"add{len(self.nodes)}", names, self._shape(call.gives[0])))

    def _side_by_side(self, call: Call) -> str | None:
        """Maps side by side; vectors for a Linear to take apart."""
        maps = all(id(tensor) in self._of and tensor.dim() == 4 + (id(tensor) in self.timed) for tensor in call.takes)
        dim = call.options.get("dim", call.arguments[1] if len(call.arguments) > 1 else 0)
        if maps and len(call.takes) > 1 and dim % call.gives[0].dim() == call.gives[0].dim() - 3:
            names = tuple(self._of[id(tensor)] for tensor in call.takes)
            return self._put(Joined(f"cat{len(self.nodes)}", names, self._shape(call.gives[0])))
        self._joined[id(call.gives[0])] = list(call.takes)
        axis = call.options.get("dim", call.arguments[1] if len(call.arguments) > 1 else 0)
        known = all(id(tensor) in self._of or id(tensor) in self.late for tensor in call.takes)
        vectors = all(tensor.dim() == 2 + (id(tensor) in self.timed) for tensor in call.takes)
        if not known or not vectors or axis not in (-1, call.gives[0].dim() - 1):
            wanted = "wanted channels of maps side by side, or vectors before a Linear"
            raise TraceError(f"function 'cat': {wanted}, all of the network")
        return None


def _factor(small: Shape, large: Shape) -> tuple[int, int] | None:
    """How often rows and columns of one map go into those of another; None where that is no whole number."""
    whole = all(b % a == 0 for a, b in zip(small[:2], large[:2], strict=True))
    return (large[0] // small[0], large[1] // small[1]) if whole else None


def _bias(module: Any) -> Floats | None:
    if module.bias is None:
        return None
    bias: Floats = module.bias.detach().double().cpu().numpy()
    return bias
