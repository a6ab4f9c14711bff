"""One decorator for all kernels: each call goes to machine code, which is kept; Numba is imported only to make it."""

from __future__ import annotations

import functools
import importlib
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast, overload

from hwsim.kernels.effort import Effort
from hwsim.kernels.words import Kinds, layout, spread

Function = TypeVar("Function", bound=Callable[..., Any])

_one_at_a_time = threading.RLock()


class _Callee:
    """A function in its place, as a kernel that calls it sees it."""

    def __init__(self, function: Callable[..., Any], plain: Callable[..., Any], options: dict[str, bool]) -> None:
        self.__qualname__: str
        functools.update_wrapper(self, function)
        self._function, self._plain, self._options = function, plain, options
        self._made: dict[bool, Any] = {}

    def __call__(self, *arguments: Any) -> Any:
        return self._plain(*arguments)

    @property
    def _numba_type_(self) -> Any:
        """How Numba finds the type of a global that a kernel calls."""
        from hwsim.kernels import compiler

        return compiler.type_of(self.made)

    @property
    def made(self) -> Any:
        """What Numba makes of the function."""
        from hwsim.kernels import compiler

        with _one_at_a_time:
            way = compiler.is_as_expected()
            if way not in self._made:
                self._made[way] = self._make()
        return self._made[way]

    def _make(self) -> Any:
        from hwsim.kernels import compiler

        return compiler.intrinsic(self._function)

    def __reduce__(self) -> str:
        """Go by name, to other processes and into Numba's own copies of what it compiles."""
        return self.__qualname__


class _Kernel(_Callee):
    """A function that can be called from Python, too."""

    def __init__(self, *arguments: Any, allocates: bool, effort: Effort) -> None:
        super().__init__(*arguments)
        self._allocates, self._effort = allocates, effort
        self._ready: dict[Kinds, Callable[[list[Any], tuple[Any, ...]], Any]] = {}

    def __call__(self, *arguments: Any) -> Any:
        kinds: list[Any] = []
        words: list[Any] = []
        spread(arguments, kinds, words)
        ready = self._ready.get(tuple(kinds)) or self._prepare(tuple(kinds), arguments)
        return ready(words, arguments)

    def _prepare(self, kinds: Kinds, arguments: tuple[Any, ...]) -> Callable[[list[Any], tuple[Any, ...]], Any]:
        with _one_at_a_time:  # of threads that come here at once, all get what the first has made
            if kinds not in self._ready:
                self._ready[kinds] = self._prepared(kinds, arguments)
            return self._ready[kinds]

    def _prepared(self, kinds: Kinds, arguments: tuple[Any, ...]) -> Callable[[list[Any], tuple[Any, ...]], Any]:
        """What is called for arguments of some kinds, found or made."""
        if _is_told_to_compile_nothing():
            return lambda _, values: self._plain(*values)
        from hwsim.kernels import cache, machine_code

        built = cache.find(self._function, kinds)
        if built is None:
            cache.announce()
            from hwsim.kernels import ahead, compiler

            ahead.begin()
            built = ahead.take(self, kinds) or self.build(arguments)
            if built is None:
                through_numba = compiler.ordinary(self._function, self._options)
                return lambda _, values: through_numba(*values)
            cache.keep(self._function, kinds, built)
        return machine_code.MachineCode(self.__qualname__, built, layout(kinds))

    def build(self, arguments: tuple[Any, ...]) -> Any:
        """Compile the kernel for arguments of such kinds; None if it can only be called through Numba."""
        from hwsim.kernels import compiler

        try:
            return compiler.build(self.made, arguments, layout(self.kinds_of(arguments)), self._effort)
        except compiler.UnusualError:
            return None

    def is_missing(self, arguments: tuple[Any, ...]) -> bool:
        """Whether it has to be compiled for arguments of such kinds."""
        from hwsim.kernels import cache

        kinds = self.kinds_of(arguments)
        return kinds not in self._ready and cache.find(self._function, kinds) is None

    @staticmethod
    def kinds_of(arguments: tuple[Any, ...]) -> Kinds:
        """What its code depends on of arguments."""
        kinds: list[Any] = []
        spread(arguments, kinds, [])
        return tuple(kinds)

    def _make(self) -> Any:
        from hwsim.kernels import compiler

        make = compiler.ordinary if self._allocates else compiler.dispatcher
        return make(self._function, self._options)


@overload
def kernel(function: Function, /) -> Function: ...


@overload
def kernel(
    *,
    allocates: bool = ...,
    inlined: bool = ...,
    interpreted: Callable[..., Any] | None = ...,
    level: int = ...,
    apart: bool = ...,
) -> Callable[[Function], Function]: ...


def kernel(
    function: Callable[..., Any] | None = None,
    /,
    *,
    allocates: bool = False,
    inlined: bool = False,
    interpreted: Callable[..., Any] | None = None,
    level: int = 2,
    apart: bool = False,
) -> Any:
    """Compile a function of arrays and numbers when it is first called, or load what was compiled before.

    It takes arrays, numbers and tuples of them, by position, and returns a number or nothing.

    Args:
        function: The kernel, in Numba's subset of Python.
        allocates: Whether it makes arrays. Such a kernel is compiled anew in every process, by Numba and for Numba's
            own way of calls; counting references would be 60 to 90 % of the event loop's run time.
        inlined: Compile it into its callers: a call would pass seven machine words for each array.
        interpreted: What computes the same where kernels run as plain Python; without it, the function itself.
        level: How hard LLVM tries; 3 takes half as long again, and is for kernels that were measured to need it.
        apart: Keep it a function of its own beside the one that takes its arguments apart.

    """

    def mark(function: Function) -> Function:
        plain = function if interpreted is None else interpreted
        options = {"forceinline": True} if inlined else {}
        return cast(
            Function,
            plain
            if runs_interpreted()
            else _Kernel(function, plain, options, allocates=allocates, effort=Effort(level, apart)),
        )

    return mark if function is None else mark(function)


def intrinsic(*, interpreted: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Write a function's machine code by hand, as `numba.extending.intrinsic` has it; only kernels can call it.

    `interpreted` computes the same where kernels run as plain Python.
    """

    def mark(function: Callable[..., Any]) -> Any:
        return interpreted if runs_interpreted() else _Callee(function, interpreted, {})

    return mark


class Later:
    """A module that is imported when something of it is first asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


def runs_interpreted() -> bool:
    """Whether the environment tells Numba to compile nothing, read as Numba reads it."""
    try:
        return bool(int(os.environ["NUMBA_DISABLE_JIT"]))
    except (KeyError, ValueError):
        return False


def _is_told_to_compile_nothing() -> bool:
    """Whether a program that has imported Numba has told it so."""
    config = getattr(sys.modules.get("numba"), "config", None)
    return bool(getattr(config, "DISABLE_JIT", False))
