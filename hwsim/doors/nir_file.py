"""Networks in NIR (Neuromorphic Intermediate Representation, Pedersen et al. 2024) as float graphs.

NIR has no timestep, no reset mode and no quantisation, so these are for the caller to say.  Time is discrete: one step
of Euler, in which a membrane takes the synaptic current of the same timestep, and weights that lead back to neurons
read the spikes of the timestep before.  Recurrence of another form, nodes of another kind, dangling nodes and shapes
that do not fit are refused by name; nothing is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hwsim.doors.graph import (
    Added,
    Floats,
    Graph,
    Neurons,
    Synapse,
    Votes,
    Weighted,
)
from hwsim.doors.nir_layers import Layers
from hwsim.doors.nir_loops import back_edges, flattened
from hwsim.doors.nir_values import by_channel, legal, one, said, steps, widths
from hwsim.errors import TraceError, UsageError
from hwsim.printable import one_line, shortened

Fires = Literal["above", "at"]
Reset = Literal["hard", "soft"]


@dataclass(frozen=True, slots=True)
class Discrete:
    """What NIR leaves open; where it is not said, that of the file's metadata, else 1 ms, `hard` and `above`."""

    dt_s: float | None = None
    reset: Reset | None = None
    fires: Fires | None = None


def read_nir(path: Path, discrete: Discrete, bits: int) -> Graph:
    """The network of a file, for inputs over time of so many bits.

    It decides by counts of output spikes, or by the membranes of a leaky integrator at the end.

    Raises UsageError without the library nir, TraceError for a file or node that cannot be taken.
    """
    try:
        import nir
    except ImportError:
        raise UsageError("NIR files are read by the library nir: pip install 'hwsim[nir]'") from None
    if not path.exists():
        raise TraceError(f"{shortened(path)}: cannot be read: No such file or directory")
    try:
        read = nir.read(path, type_check=False)  # which would give a dangling node an input of its own
    except Exception as error:  # of any kind: the library checks types while it builds, with errors of many classes
        raise TraceError(f"{shortened(path)}: {one_line(str(error))[:140]}") from None
    return _Reading(read, discrete, bits).graph()


class _Reading(Layers):
    """Nodes of a NIR graph, in order."""

    def __init__(self, read: Any, discrete: Discrete, bits: int) -> None:
        nodes, self.edges = flattened(read)
        super().__init__(nodes, bits)
        self.late: dict[str, str] = {}  # weights -> neurons of which they read the timestep before
        self.own: set[str] = set()  # neurons that lead to themselves without weights
        self.discrete = discrete
        self.alias: dict[str, str] = {}  # NIR node -> node that gives its values

    def graph(self) -> Graph:
        """All nodes, checked."""
        for name, node in self.nodes.items():
            if node is None:
                raise TraceError(f"node '{name}': is None, as exporters write what they cannot say: export it again")
        ends = {
            kind: [n for n, node in self.nodes.items() if type(node).__name__ == kind] for kind in ("Input", "Output")
        }
        for kind, found in ends.items():
            if len(found) != 1:
                raise TraceError(
                    f"network: wanted one {kind} node, found {len(found)}: {', '.join(found[:4]) or 'none'}"
                )
        self._open_loops()
        for name in self._order():
            self._take(name)
        (output,) = ends["Output"]
        last = self.made[self.alias[output]]
        nodes = list(self.made.values())
        for node in nodes:
            if isinstance(node, Neurons) and np.isinf(node.threshold).all() and node is not last:
                raise TraceError(f"node '{node.name}': never fires, so only the output may follow")
        if isinstance(last, Neurons):
            silent = bool(np.isinf(last.threshold).all())
            nodes.append(Votes("readout", (last.name,), last.shape, 1, "membrane" if silent else "spikes"))
        return Graph(tuple(nodes))

    def _open_loops(self) -> None:
        """Find what leads back: weights from neurons to neurons, or neurons to themselves; other loops are refused."""
        firsts = [name for name, node in self.nodes.items() if type(node).__name__ == "Input"]
        closing = back_edges([*firsts, *self.nodes], self.edges)
        for last, first in closing:
            sources = [a for a, b in self.edges if b == last]
            leads_back_only = all((last, b) in closing for a, b in self.edges if a == last)
            if last == first and self._is(first, _NEURONS):
                self.own.add(first)
            elif self._is(first, _NEURONS) and self._is(last, _WEIGHTS) and len(sources) == 1 and leads_back_only:
                if not self._is(sources[0], _NEURONS):
                    raise TraceError(f"node {self._told(last, sources[0])}: recurrent, and reads no neurons")
                self.late[last] = sources[0]
            else:
                raise TraceError(
                    f"node {self._told(last, first)}: recurrent other than by weights from neurons to neurons alone"
                )

    def _is(self, name: str, kinds: Iterable[str]) -> bool:
        return type(self.nodes[name]).__name__ in kinds

    def _told(self, *names: str) -> str:
        return ", ".join(f"'{name}' ({type(self.nodes[name]).__name__})" for name in names)

    def _order(self) -> list[str]:
        """Names from the input on, what reads the timestep before anywhere; dangling nodes are refused."""
        for name, node in self.nodes.items():
            kind = type(node).__name__
            if kind != "Input" and not any(b == name for _, b in self.edges):
                raise TraceError(f"node '{name}' ({kind}): nothing leads to it")
            if kind != "Output" and not any(a == name for a, _ in self.edges):
                raise TraceError(f"node '{name}' ({kind}): leads nowhere, so exporting may have lost what follows it")
        order: list[str] = []
        left = sorted(self.nodes, key=lambda name: not self._is(name, ("Input",)))
        while left:
            ready = [name for name in left if all(source in order for source in self._sources(name))]
            order += ready
            left = [name for name in left if name not in ready]
        return order

    def _sources(self, name: str) -> list[str]:
        """What a node reads of its own timestep."""
        return [a for a, b in self.edges if b == name and a != b and name not in self.late]

    def _take(self, name: str) -> None:
        node, kind = self.nodes[name], type(self.nodes[name]).__name__
        sources = [self.alias[source] for source in self._sources(name)]
        if len(sources) > 1:
            shape = self.made[sources[0]].shape
            self._put(Added(f"{legal(name)}.sum", tuple(sources), shape, steps(node, shape)))
            sources = [f"{legal(name)}.sum"]
        handler = getattr(self, f"_{kind.lower()}", None)
        if handler is None:
            raise TraceError(f"node '{name}' ({kind}): is no kind of node that a trace can say; {_WHAT}")
        if name in self.late:
            sources = [legal(self.late[name])]
        self.alias[name] = made = handler(legal(name), node, sources)
        if name in self.late:
            back = self.made[made]
            assert isinstance(back, Weighted)
            self.made[made] = replace(back, delayed=True)

    def _if(self, name: str, node: Any, sources: list[str]) -> str:
        """One timestep is v + r x."""
        return self._neurons(name, node, sources, np.ones(1), by_channel(name, "r", node.r))

    def _i(self, name: str, node: Any, sources: list[str]) -> str:
        return self._if(name, node, sources)

    def _lif(self, name: str, node: Any, sources: list[str]) -> str:
        """Forward Euler: v + dt / tau (v_leak - v + r x)."""
        share = self._share(name, node, "tau")
        v_leak = by_channel(name, "v_leak", node.v_leak)
        gain = share * by_channel(name, "r", node.r)
        return self._neurons(name, node, sources, 1 - share, gain, share * v_leak)

    def _li(self, name: str, node: Any, sources: list[str]) -> str:
        return self._lif(name, node, sources)

    def _cubalif(self, name: str, node: Any, sources: list[str]) -> str:
        """Forward Euler: i + dt / tau_syn (w_in x - i) first, then v + dt / tau_mem (r i - v) with that i."""
        if np.any(node.v_leak):
            raise TraceError(f"node '{name}': wanted v_leak 0 beside a synaptic current, found another")
        share, of_current = self._share(name, node, "tau_mem"), self._share(name, node, "tau_syn")
        gain = share * by_channel(name, "r", node.r) * of_current * by_channel(name, "w_in", node.w_in)
        return self._neurons(name, node, sources, 1 - share, gain, synapse=Synapse(1 - of_current))

    def _cubali(self, name: str, node: Any, sources: list[str]) -> str:
        return self._cubalif(name, node, sources)

    def _share(self, name: str, node: Any, key: str) -> Floats:
        """What a timestep is of a time constant."""
        tau = by_channel(name, key, getattr(node, key))
        dt = float(said(node, "dt", 1e-3)) if self.discrete.dt_s is None else self.discrete.dt_s
        if (dt > tau).any():
            kind = type(node).__name__
            raise TraceError(
                f"node '{name}' ({kind}): wanted a timestep of at most {key} = {tau.min():g} s, found {dt:g} s"
            )
        return dt / tau

    def _neurons(
        self,
        name: str,
        node: Any,
        sources: list[str],
        leak: Floats,
        gain: Floats,
        drive: Floats | float = 0.0,
        synapse: Synapse | None = None,
    ) -> str:
        shape, fires = self.made[sources[0]].shape, hasattr(node, "v_threshold")
        threshold = by_channel(name, "v_threshold", node.v_threshold) if fires else np.full(1, np.inf)
        given = {"v_threshold": threshold, "tau": leak, "r": gain, "tau_syn": leak if synapse is None else synapse.leak}
        for key, values in given.items():
            if values.size not in (1, shape[2]):
                raise TraceError(f"node '{name}': wanted {key} of {shape[2]} channels, found {values.size}")
        v_reset = one(name, "v_reset", node.v_reset) if getattr(node, "v_reset", None) is not None else 0.0
        reset = self.discrete.reset or said(node, "reset", "hard")
        return self._put(
            Neurons(
                name,
                tuple(sources),
                self.made[sources[0]].shape,
                leak,
                threshold,
                gain,
                drive,
                reset if fires else "none",
                v_reset if fires and reset == "hard" else 0.0,
                (self.discrete.fires or said(node, "fires", "above")) == "at",
                bool(said(node, "delayed_reset", 0)),
                bool(said(node, "reset_after_sum", 0)),
                synapse=synapse,
                feedback=np.ones(1) if name in map(legal, self.own) else None,
                widths=widths(node),
            )
        )


_WHAT = (
    "Input, Output, Conv1d, Conv2d, Linear, Affine, SumPool2d, AvgPool2d, Flatten, IF, I, LIF, LI, CubaLIF and "
    "CubaLI are"
)
_NEURONS = ("IF", "LIF", "CubaLIF")
_WEIGHTS = ("Conv1d", "Conv2d", "Linear", "Affine")
