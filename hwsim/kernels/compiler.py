"""Numba behind the kernels: imported where one is compiled, and never for one that was compiled before."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm
import numba.core.registry
import numba.extending
from llvmlite import ir

from hwsim.kernels.machine_code import FIRST, RAISED, RESULT, WORD, Built, target
from hwsim.kernels.words import LETTERS

_numba: Any = numba  # most of it has no types
_OWN_CODE = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}
"""Options of Numba for functions that know nothing of Python: no objects, no exceptions, no reference counts."""
_TYPES = {
    **dict.fromkeys("bB?", "i8"),
    **dict.fromkeys("hH", "i16"),
    **dict.fromkeys("iI", "i32"),
    **dict.fromkeys("qQ", "i64"),
    "f": "float",
    "d": "double",
}
_RESULTS = {"none": "", **LETTERS}
_WITHIN = re.compile(
    r"llvm\.([su](max|min|add|sub|mul)|abs|ct(pop|lz|tz)|bswap|fsh[lr]|masked|vector|fabs|copysign|assume|lifetime|"
    r"experimental\.noalias|mem(cpy|move|set)).*|mem(cpy|move|set)"
)
"""Functions that become instructions, or are in every process."""


class UnusualError(Exception):
    """What Numba made of a kernel cannot be called by `hwsim.kernels.machine_code`."""


def dispatcher(function: Callable[..., Any], options: dict[str, bool]) -> Any:
    """What Numba makes of a kernel: called by other kernels, it compiles itself for their types."""
    return _numba.njit(**options, **_OWN_CODE)(function)


def ordinary(function: Callable[..., Any], options: dict[str, bool]) -> Any:
    """A kernel as Numba has it, called through Numba."""
    return _numba.njit(**options)(function)


def intrinsic(function: Callable[..., Any]) -> Any:
    """A function that writes its own machine code."""
    return _numba.extending.intrinsic(function)


def type_of(made: Any) -> Any:
    """The type of a compiled function or an intrinsic among the globals of a kernel."""
    context = _numba.core.registry.cpu_target.typing_context
    context.refresh()  # an intrinsic is known after that
    return context.resolve_value_type(made)


def build(made: Any, arguments: Sequence[Any], letters: Sequence[str]) -> Built:
    """Compile a kernel for the types of some arguments, whose words have these letters.

    Raises UnusualError where it calls what is not in every process, or takes or returns what is not as expected.
    """
    types = tuple(map(_numba.typeof, arguments))
    if made.targetoptions.get("_nrt", True):
        raise UnusualError("counts references")
    made.compile(types)
    compiled = made.overloads[types]
    result, library = str(compiled.fndesc.restype), compiled.library
    if result not in _RESULTS:
        raise UnusualError(f"returns {result}")
    _check_closed(library._final_module)
    if library.has_dynamic_globals:
        raise UnusualError("holds addresses")
    entry = f"{compiled.fndesc.mangled_name}.words"
    module = _entry(compiled.target_context, compiled.fndesc, entry, letters)
    return Built((library._get_compiled_object(), target().emit_object(module)), entry, _RESULTS[result])


def _check_closed(module: Any) -> None:
    """Whatever LLVM would look for elsewhere, and end the process if it is not there."""
    for thing in (*module.functions, *module.global_variables):
        if thing.is_declaration and not _WITHIN.fullmatch(thing.name):
            raise UnusualError(f"refers to {thing.name}")


def _entry(context: Any, described: Any, name: str, letters: Sequence[str]) -> Any:
    """A function that takes a block of words apart and calls a kernel, compiled by LLVM as the kernel itself is."""
    module = ir.Module(name)
    module.triple = llvm.get_process_triple()
    module.data_layout = str(target().target_data)
    kernel = context.declare_function(module, described)
    wanted = [str(kind) if not isinstance(kind, ir.PointerType) else "P" for kind in kernel.function_type.args[FIRST:]]
    if wanted != [_TYPES.get(letter, letter) for letter in letters]:
        raise UnusualError(f"takes {wanted}")
    byte = ir.IntType(8)
    function = ir.Function(module, ir.FunctionType(ir.IntType(32), [byte.as_pointer()]), name)
    builder = ir.IRBuilder(function.append_basic_block())

    def word(i: int, kind: Any) -> Any:
        place = builder.gep(function.args[0], [ir.IntType(64)(i * WORD)])
        return builder.bitcast(place, kind)

    kinds = kernel.function_type.args
    values = [word(RESULT, kinds[RESULT]), word(RAISED, kinds[RAISED])]
    values += [builder.load(word(i, kind.as_pointer())) for i, kind in enumerate(kinds[FIRST:], FIRST)]
    builder.ret(builder.call(kernel, values))
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    return parsed
