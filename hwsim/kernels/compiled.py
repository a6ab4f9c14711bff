"""One decorator for all kernels: they are compiled when they are first called, and Numba is imported only then."""

from __future__ import annotations

import functools
import importlib
import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast, overload

Function = TypeVar("Function", bound=Callable[..., Any])
Make = Callable[[bool], Any]
"""Has a function compiled for callers in Python, or else for kernels alone."""

_one_at_a_time = threading.Lock()


class _Kernel:
    """A function in its place until its first call, or the first compilation of a caller, has it compiled.

    What unpacks Python's arguments takes longer to compile than most kernels, so those that kernels call have none.
    """

    def __init__(self, function: Callable[..., Any], make: Make) -> None:
        self.__qualname__: str
        functools.update_wrapper(self, function)
        self._make = make
        self._made: Any = None  # for callers in Python
        self._inner: Any = None

    @property
    def made(self) -> Any:
        """What Numba makes of the function, for callers in Python."""
        if self._made is None:
            made = self._make(True)
            with _one_at_a_time:  # of threads that come here at once, all get what the first has made
                self._made = self._made or made
        return self._made

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return (self._made or self.made)(*arguments, **named)

    @property
    def _numba_type_(self) -> Any:
        """How Numba finds the type of a global that a kernel calls."""
        from hwsim.kernels import cache

        if self._inner is None:
            inner = self._make(False)
            with _one_at_a_time:
                self._inner = self._inner or inner
        return cache.type_of(self._inner)

    def __reduce__(self) -> str:
        """Go by name, to other processes and into Numba's own copies of what it compiles."""
        return self.__qualname__


@overload
def kernel(function: Function, /) -> Function: ...


@overload
def kernel(
    *, allocates: bool = ..., inlined: bool = ..., interpreted: Callable[..., Any] | None = ...
) -> Callable[[Function], Function]: ...


def kernel(
    function: Callable[..., Any] | None = None,
    /,
    *,
    allocates: bool = True,
    inlined: bool = False,
    interpreted: Callable[..., Any] | None = None,
) -> Any:
    """Compile a function of arrays and numbers when it is first called, or load what was compiled before.

    Args:
        function: The kernel, in Numba's subset of Python.
        allocates: Whether it may make arrays. One that does not is compiled without reference counts, which would be
            60 to 90 % of the event loop's run time.
        inlined: Compile it into its callers: a call would pass seven machine words for each array.
        interpreted: What computes the same where kernels run as plain Python; without it, the function itself.

    """

    def mark(function: Function) -> Function:
        def make(from_python: bool) -> Any:
            from hwsim.kernels import cache

            return cache.compiled(function, plain, from_python, options)

        plain = function if interpreted is None else interpreted
        options = {} if allocates else {"_nrt": False}  # Numba's own option, not in its documentation
        if inlined:
            options["forceinline"] = True
        return cast(Function, plain if _runs_interpreted() else _Kernel(function, make))

    return mark if function is None else mark(function)


def intrinsic(*, interpreted: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Write a function's machine code by hand, as `numba.extending.intrinsic` has it; only kernels can call it.

    `interpreted` computes the same where kernels run as plain Python.
    """

    def mark(function: Callable[..., Any]) -> Any:
        def make(_from_python: bool) -> Any:
            from hwsim.kernels import cache

            return cache.intrinsic(function, interpreted)

        return interpreted if _runs_interpreted() else _Kernel(function, make)

    return mark


class Later:
    """A module that is imported when something of it is first asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


def _runs_interpreted() -> bool:
    """Whether the environment tells Numba to compile nothing, read as Numba reads it."""
    try:
        return bool(int(os.environ["NUMBA_DISABLE_JIT"]))
    except (KeyError, ValueError):
        return False
