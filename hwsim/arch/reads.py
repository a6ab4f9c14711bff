"""What a computation reads of a specification, so that its result holds for every design in which that is the same."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from hwsim.arch.schema import Spec
from hwsim.errors import HwsimError
from hwsim.kept import kept_with


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    """A method with its arguments, of which those that are parts of the specification go by their paths."""

    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Function:
    """Anything that is made of what was found so far."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]

    @property
    def name(self) -> str:
        """Its name, for `keys`."""
        function = self.function.func if isinstance(self.function, partial) else self.function
        return function.__name__


@dataclass(frozen=True, slots=True)
class _Path:
    """How to come from a specification to a part of it or to what a method of one gives."""

    steps: tuple[str | _Call | _Function, ...]

    def of(self, spec: Any) -> Any:
        """What lies there in a specification."""
        found = spec
        for step in self.steps:
            if isinstance(step, str):
                found = getattr(found, step)
            elif isinstance(step, _Function):
                found = step.function(found, *step.arguments)
            else:
                given = [each.of(spec) if isinstance(each, _Path) else each for each in step.arguments]
                found = getattr(found, step.name)(*given)
        return found


Value = TypeVar("Value")
MOST = 64
"""Results of one computation that are kept with an object; the one not asked for longest goes first."""
computed_anew: Counter[str] = Counter()
"""How often each computation was made in this process, because nothing that was kept held."""


def kept(owner: object, what: Hashable, spec: Spec, compute: Callable[[Any], Value]) -> Value:
    """What `compute` makes of a specification, or made of one in which all that it read is the same.

    Results are kept with `owner`, which never changes and is what else they are computed from.  They must not hold the
    specification that `compute` is given.
    """
    known: list[tuple[Reads, Value]] = kept_with(owner).once(("by reads", what), list)
    for place in reversed(range(len(known))):  # what was asked for last is asked for again
        reads, value = known[place]
        if reads.hold_for(spec):
            known.append(known.pop(place))
            return value
    reads = Reads()
    try:
        computed = compute(reads.of(spec))
    finally:
        reads.tell(spec)
    known.append((reads, computed))
    del known[:-MOST]
    computed_anew[what if isinstance(what, str) else str(what[0] if isinstance(what, tuple) else what)] += 1
    return computed


class Reads:
    """Paths that were read, and what was there: values, properties, results of methods and the types of parts."""

    def __init__(self) -> None:
        self._found: dict[tuple[Any, ...], tuple[_Path, Any]] = {}
        self._read_of: Any = None
        self._differed: tuple[_Path, Any] | None = None  # what another specification had otherwise: so may the next

    def of(self, spec: Spec) -> Any:
        """A specification that behaves as the given one and notes here what is read of it, and nowhere else."""
        self._read_of = real(spec)
        return _Watched(real(spec), _Path(()), self)

    def hold_for(self, spec: Any) -> bool:
        """Whether a computation that read this would find the same in another specification."""
        own = real(spec)
        if own is not self._read_of:
            for found in self._to_compare(own):
                path, value = found
                try:
                    same = path.of(own) == value
                except (AttributeError, TypeError, HwsimError):
                    same = False  # there is another kind of part, or none
                if not same:
                    self._differed = found
                    return False
            self._read_of = own  # as good as the one before, and the one that is asked for now
        self.tell(spec)
        return True

    def tell(self, spec: Any) -> None:
        """Note with a specification that is watched what was read here: who asks within a piece of his own read it."""
        if type(spec) is not _Watched:
            return
        if spec._path.steps:  # a part, of which paths begin elsewhere
            for path, _ in self._found.values():
                path.of(spec)
            return
        theirs = spec._reads._found
        for known_by, found in self._found.items():
            theirs.setdefault(known_by, found)

    def _to_compare(self, spec: Any) -> Iterable[tuple[_Path, Any]]:
        """What may differ, which is nothing in sections that two designs share."""
        if self._differed is not None:
            yield self._differed
        theirs = vars(self._read_of)
        shared = {name for name, value in vars(spec).items() if value is theirs.get(name, self)}
        yield from (found for steps, found in self._found.items() if len(steps) == 0 or steps[0] not in shared)

    @property
    def keys(self) -> frozenset[str]:
        """Dotted names of what was read, methods without their arguments."""
        return frozenset(
            ".".join(step if isinstance(step, str) else step.name for step in path.steps)
            for path, _ in self._found.values()
        )

    def note(self, path: _Path, value: Any) -> None:
        """Add what was found at a path."""
        known_by = tuple(
            (step.name, *map(_identity, step.arguments)) if isinstance(step, _Call) else step for step in path.steps
        )
        self._found.setdefault(known_by, (path, value))


def _identity(argument: Any) -> Any:
    return argument if isinstance(argument, _Path) else id(argument)


class _Watched:
    """Stands for a part of a specification, also towards `isinstance`; what was read once is an attribute."""

    def __init__(self, real: Spec, path: _Path, reads: Reads) -> None:
        self._real, self._path, self._reads = real, path, reads

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return self._real.__class__

    def __getattr__(self, name: str) -> Any:
        value, path = getattr(self._real, name), _Path((*self._path.steps, name))
        if isinstance(value, Spec):
            self._reads.note(_Path((*path.steps, "__class__")), value.__class__)  # that it is one at all, and which
            value = _Watched(value, path, self._reads)
        elif inspect.ismethod(value) or type(value) is _Method:
            value = _Method(self, name, value)
        else:
            self._reads.note(path, value)
        self.__dict__[name] = value
        return value

    def __eq__(self, other: object) -> bool:
        if type(other) is str or not isinstance(real(other), Spec):
            return False  # what kind of part it is was noted when it was asked for
        self._reads.note(self._path, self._real)
        return bool(self._real == real(other))

    def __hash__(self) -> int:
        self._reads.note(self._path, self._real)
        return hash(self._real)

    def __reduce__(self) -> Any:
        raise TypeError("a watched specification is for one computation and not to be kept")


class _Method:
    """A method of a watched part; what it gives is noted, not what it reads for that."""

    def __init__(self, part: _Watched, name: str, method: Callable[..., Any]) -> None:
        self._part, self._name, self._method = part, name, method

    def __call__(self, *arguments: Any) -> Any:
        part, reads = self._part, self._part._reads
        result = self._method(*(_one_less(each, reads) for each in arguments))
        references = tuple(each._path if _is_of(each, reads) else each for each in arguments)
        reads.note(_Path((*part._path.steps, _Call(self._name, references))), result)
        return result


def _is_of(value: Any, reads: Reads) -> bool:
    return type(value) is _Watched and value._reads is reads


def _one_less(value: Any, reads: Reads) -> Any:
    """A part as the one sees it that is watched here, who may be watched in turn."""
    return value._real if _is_of(value, reads) else value


def real(value: Any) -> Any:
    """A part of a specification itself where it is watched, anything else as it is."""
    while type(value) is _Watched:
        value = value._real
    return value


def is_watched(spec: object) -> bool:
    """Whether what is read of a specification is noted, as the result will be kept for other designs."""
    return type(spec) is _Watched


def derived(spec: Any, function: Callable[..., Value], *arguments: Hashable) -> Value:
    """What a function makes of a specification; of one that is watched only this result is noted."""
    if type(spec) is not _Watched:
        return function(spec, *arguments)
    result = derived(spec._real, function, *arguments)
    spec._reads.note(_Path((*spec._path.steps, _Function(function, arguments))), result)
    return result
