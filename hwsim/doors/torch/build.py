"""From the calls of one timestep of a forward pass to a float graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from hwsim.doors.graph import (
    Added,
    Floats,
    Graph,
    Joined,
    Neurons,
    Shape,
    Source,
    Votes,
    Weighted,
)
from hwsim.doors.torch.calls import Call
from hwsim.doors.torch.layers import Layers
from hwsim.doors.torch.modules import FUNCTIONS, NEURONS, class_of, hint, is_neurons, neuron_key
from hwsim.doors.torch.neurons.traits import BACK, INTO, linear, refuse
from hwsim.doors.torch.steps import ADDS, Timestep, is_copy
from hwsim.errors import TraceError

_NOTHING = {"Dropout", "Dropout2d", "Identity"}
_UNKNOWN = "is not among the neurons of docs/guides/neurons.md"
_TOLD = {"size", "dim", "shape", "device", "dtype", "__get__", "__len__"}


class Building(Layers):
    """Nodes as the calls of one timestep make them."""

    def __init__(self, source: Source, entries: Sequence[torch.Tensor], timestep: Timestep) -> None:
        super().__init__(timestep.timed)
        self.nodes[source.name] = source
        self.late = timestep.late
        self._of: dict[int, str] = {id(entry): source.name for entry in entries}
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
