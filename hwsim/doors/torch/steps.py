"""One timestep among the calls of a forward pass: those that make the network, and what they read of the one before.

A model is written down for two timesteps or more, as a loop within it or as calls of it, so that spikes that come back
are seen.  A module of neurons that is called for the n-th time is at timestep n; what is computed of spikes, and of
slices of a sequence, has their time; the rest is the same at all.  Tensors with an axis of time are `timed`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from hwsim.doors.torch.calls import Call
from hwsim.errors import TraceError

COPIES = {"unsqueeze", "repeat", "expand", "contiguous", "to", "float", "clone", "detach", "double", "type"}
ENDS = {"mean", "sum", "append"}
"""Functions of spikes of all timesteps, after which there is nothing but a decision."""
TOGETHER = {"stack", "cat"}
"""Functions that end so, too, unless something reads what they give."""
ADDS = {"add", "add_", "iadd", "__add__", "__radd__", "__iadd__"}


@dataclass(frozen=True, slots=True)
class Timestep:
    """Calls in order; by number, tensors of the timestep before, with their neurons, and the axis of time of others."""

    calls: tuple[Call, ...]
    late: dict[int, str]
    timed: dict[int, int]


def is_copy(name: str) -> bool:
    """Whether a function gives the values that it takes, perhaps those of one timestep."""
    return name in COPIES or name.startswith("__get")


def one_timestep(
    calls: Sequence[Call],
    entries: Sequence[torch.Tensor],
    axis: int | None,
    whole: bool,
    fires: Callable[[Call], bool],
) -> Timestep:
    """The calls of the last timestep, of a model that is given entries; of all at once where modules take them `whole`.

    `axis` is that of time in entries that have one, `fires` says which modules are neurons.  Raises TraceError, by its
    name, for what reads other timesteps.
    """
    unrolled = _Unrolled(calls, entries, axis, fires)
    return Timestep(unrolled.network(whole), unrolled.late, unrolled.timed)


@dataclass(slots=True)
class _Step:
    """A call that has anything of the input: which steps gave that, who reads it, and its own time if it has one."""

    call: Call
    fires: bool
    sources: list[_Step]
    turn: int | None
    time: int | None
    readers: list[_Step] = field(default_factory=list)
    leads_on: bool = False  # to a module
    is_used: bool = False  # by anything of the network

    def look_ahead(self) -> None:
        """Find what becomes of it, once all that reads it knows."""
        self.leads_on = any(each.call.module is not None or each.leads_on for each in self.readers)
        self.is_used = any(not each.ends or each.is_used for each in self.readers)

    @property
    def ends(self) -> bool:
        """Whether it is no part of the network unless something reads it."""
        name = self.call.name
        return self.call.module is None and (is_copy(name) or name in TOGETHER | ENDS or self._counts)

    @property
    def _counts(self) -> bool:
        """Whether it adds to what an earlier timestep has added up, or the first one to what a later one adds up."""
        linked = [(each, self) for each in self.sources] + [(self, each) for each in self.readers]
        return not self.leads_on and any(
            {first.call.name, then.call.name} <= ADDS and (first.time or 0) < (then.time or 0) for first, then in linked
        )

    @property
    def told(self) -> str:
        """What it is, for messages."""
        kind = self.call.module
        return f"function '{self.call.name}'" if kind is None else f"module '{self.call.name}' ({type(kind).__name__})"


def _index(call: Call, axis: int) -> int | None:
    """The number of a timestep that a slice along an axis takes, or None for other slices."""
    asked = call.arguments[1]
    along = (asked if isinstance(asked, tuple) else (asked,))[axis : axis + 1]
    whole = asked[:axis] == (slice(None),) * axis if isinstance(asked, tuple) else axis == 0
    return along[0] if whole and along and isinstance(along[0], int) else None


class _Unrolled:
    """Calls as a graph over time."""

    def __init__(
        self, calls: Sequence[Call], entries: Sequence[torch.Tensor], axis: int | None, fires: Callable[[Call], bool]
    ) -> None:
        self.steps: list[_Step] = []
        self.fires = fires
        self.timed = {} if axis is None else {id(entry): axis for entry in entries}
        self.timesteps = None if axis is None else entries[0].shape[axis]
        self.late: dict[int, str] = {}
        self._taken: set[int] = set()
        self._made_by: dict[int, _Step | None] = {id(entry): None for entry in entries}
        self._turns: dict[int, int] = {}
        for call in calls:
            self._add(call)
        for step in reversed(self.steps):
            step.look_ahead()

    def _add(self, call: Call) -> None:
        fires, turn = self.fires(call), None
        takes = call.takes[:1] if fires else call.takes  # states that neurons take are their own
        if fires:
            turn = self._turns[id(call.module)] = self._turns.get(id(call.module), -1) + 1
        known = [tensor for tensor in takes if id(tensor) in self._made_by]
        if not known or not call.gives:
            return
        before, after = self.timed.get(id(known[0])), self._axis_after(call, known[0])
        if before is not None and fires:
            turn = None
        elif before is not None and call.name == "__getitem__" and (number := _index(call, before)) is not None:
            turn = number % known[0].shape[before]
        sources = [made for tensor in known if (made := self._made_by[id(tensor)]) is not None]
        times = [each.time for each in sources if each.time is not None and after is None]
        step = _Step(call, fires, sources, turn, max(times, default=None) if turn is None else turn)
        for source in sources:
            source.readers.append(step)
        self.steps.append(step)
        for tensor in call.gives[:1] if call.module is not None else call.gives:
            self._made_by[id(tensor)] = step
            self.timed.pop(id(tensor), None)
            if after is not None:
                self.timed[id(tensor)] = after

    def _axis_after(self, call: Call, taken: torch.Tensor) -> int | None:
        """The axis of time of what a call gives, if it has one."""
        before, after = self.timed.get(id(taken)), call.gives[0]
        if call.module is not None:
            return before
        if before is not None and call.name == "__getitem__":
            return before if _index(call, before) is None else None
        if before == 0 and call.name == "flatten" and call.arguments[1:3] == (0, 1):
            return None  # samples of all timesteps, one after another
        if self.timesteps and before is None and call.name in ("view", "reshape", "unflatten"):
            return 0 if after.shape[0] == self.timesteps and after.dim() == taken.dim() + 1 else None
        return call.options.get("dim", 0) if before is None and call.name == "stack" else before

    def network(self, whole: bool) -> tuple[Call, ...]:
        """The calls of one timestep, or of all at once, in order."""
        turns = [step.turn for step in self.steps if step.fires and step.turn is not None]
        now = None if whole else max(turns, default=None)
        used = {id(step.call.module) for step in self.steps if not step.fires and step.is_used}
        for step in self.steps:
            brought = whole and step.call.name == "stack"  # out of a loop, at the end
            here = step.time == now or (step.time is None and step.call.module is not None)
            at_end = here and not step.is_used and (not step.ends or brought)
            if at_end and (step.call.module is None or id(step.call.module) not in used):  # else it is for the next
                self._take(step, now)
        if not self._taken:
            raise TraceError("model: its input reaches nothing of what it gives")
        return tuple(step.call for step in self.steps if id(step) in self._taken)

    def _take(self, step: _Step, now: int | None) -> None:
        """Take a step, which is read at a timestep or as a whole, and all that it is made of."""
        waiting = [(step, now)]
        while waiting:
            step, now = waiting.pop()
            if step.turn is not None and now is not None and step.turn != now:
                waiting += self._late(step, now)
                continue
            if id(step) in self._taken:
                continue
            self._taken.add(id(step))
            name = step.call.name
            if step.call.module is None and name in ENDS:
                reader = next((each.told for each in step.readers), "nothing")
                raise TraceError(f"{step.told}: its values cannot be said in a trace, and {reader} reads them")
            if name == "stack":
                times = [each.time or 0 for each in step.sources]
                if len({each.call.name for each in step.sources}) > 1 or sorted(set(times)) != times:
                    raise TraceError(f"{step.told}: wanted what one module gives at each timestep")
                waiting.append((step.sources[-1], times[-1]))
            else:
                sliced = step.turn is not None and not step.fires
                waiting += [(source, None if sliced else now) for source in step.sources]

    def _late(self, step: _Step, now: int) -> list[tuple[_Step, int | None]]:
        """Know a tensor as one of the timestep before; those neurons now, which must be taken, too."""
        neurons = step
        while not neurons.fires and neurons.ends and len(neurons.sources) == 1:
            neurons = neurons.sources[0]
        if step.turn != now - 1 or not neurons.fires:
            raise TraceError(
                f"{step.told}: is read {now - (step.turn or 0)} timesteps later: only neurons may be, by one"
            )
        self.late[id(step.call.gives[0])] = neurons.call.name
        if neurons.turn is None:
            return [(neurons, None)]
        same = [each for each in self.steps if each.call.module is neurons.call.module and each.turn == now]
        return [(each, now) for each in same]
