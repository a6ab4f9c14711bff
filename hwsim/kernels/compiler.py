"""Numba behind the kernels: imported where one is compiled, and never for one that was compiled before."""

from __future__ import annotations

import ctypes
import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm
import numba.core.registry
import numba.extending
import numpy as np
from llvmlite import ir

from hwsim.kernels import lowering
from hwsim.kernels.effort import Effort
from hwsim.kernels.machine_code import FIRST, RAISED, RESULT, WORD, Built, target
from hwsim.kernels.words import LETTERS, Word

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
_DATA, _SHAPE, _STRIDES = (object.__basicsize__ + place for place in (0, 2 * WORD, 3 * WORD))
"""Where an array object says these: part of NumPy's interface for C, so all that is built on it relies on them."""
_LONGEST = 2**63 - 1
"""No axis of an array has as many items."""
_I8, _I32, _I64 = map(ir.IntType, (8, 32, 64))
_WITHIN = re.compile(
    r"llvm\.([su](max|min|add|sub|mul)|abs|ct(pop|lz|tz)|bswap|fsh[lr]|masked|vector|fabs|copysign|assume|lifetime|"
    r"experimental\.noalias|mem(cpy|move|set)).*|mem(cpy|move|set)"
)
"""Functions that become instructions, or are in every process."""

_surprises: list[Exception] = []
"""What went wrong inside Numba for another reason than the kernel."""
_ADDRESS = "numba.dynamic.globals"
"""What Numba calls an address that it has written into the code."""


class UnusualError(Exception):
    """What Numba made of a kernel cannot be called by `hwsim.kernels.machine_code`."""


@functools.cache
def prepare() -> None:
    """Let Numba register what it knows of Python and NumPy, as it does before the first kernel."""
    _numba.core.registry.cpu_target.target_context.refresh()


def dispatcher(function: Callable[..., Any], options: dict[str, bool]) -> Any:
    """What Numba makes of a kernel: called by other kernels, it compiles itself for their types.

    A number that is known when its caller is compiled has a type of its own to Numba, which would compile it again.
    """
    if not is_as_expected():
        return ordinary(function, options)
    made = _numba.njit(**options, **_OWN_CODE, pipeline_class=lowering.Compiler)(function)
    template = made.get_call_template
    made.get_call_template = lambda types, named: template(tuple(map(_numba.types.unliteral, types)), named)
    return made


def is_as_expected() -> bool:
    """Whether this Numba works inside as it is used here, so far; otherwise it compiles kernels its own way."""
    return not _surprises


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


def build(made: Any, arguments: Sequence[Any], words: Sequence[Word], effort: Effort) -> Built:
    """Compile a kernel for the types of some arguments, which come as these words.

    Raises UnusualError where it calls what is not in every process, or takes or returns what is not as expected.
    """
    prepare()
    types = tuple(map(_numba.typeof, arguments))
    if made.targetoptions.get("_nrt", True):
        raise UnusualError("counts references")
    try:
        made.compile(types)
    except _numba.core.errors.NumbaError as error:  # or Numba makes it, or says better why it does not
        raise UnusualError(str(error)) from error
    except Exception as error:
        _surprises.append(error)
        raise UnusualError(str(error)) from error
    compiled = made.overloads[types]
    result, library = str(compiled.fndesc.restype), compiled.library
    if result not in _RESULTS:
        raise UnusualError(f"returns {result}")
    kernel = compiled.fndesc.mangled_name
    entry = f"{kernel}.words"
    module = lowering.optimised(library, kernel, _entry(compiled.target_context, compiled.fndesc, entry, words), effort)
    _check_closed(module)
    return Built(lowering.emitted(module), entry, _RESULTS[result])


def _check_closed(module: Any) -> None:
    """Whatever LLVM would look for elsewhere, and end the process if it is not there, and addresses in this process."""
    for thing in (*module.functions, *module.global_variables):
        if (thing.is_declaration and not _WITHIN.fullmatch(thing.name)) or thing.name.startswith(_ADDRESS):
            raise UnusualError(f"refers to {thing.name}")


@functools.cache
def _check_arrays() -> None:
    """Whether array objects lie as NumPy's interface for C has it; by no document do they with other Pythons."""
    array = np.zeros((2, 6), np.int16)[:, ::3]
    data, shape, strides = (ctypes.c_size_t.from_address(id(array) + at).value for at in (_DATA, _SHAPE, _STRIDES))
    found = [tuple((ctypes.c_ssize_t * array.ndim).from_address(each)) for each in (shape, strides)]
    if (data, *found) != (array.ctypes.data, array.shape, array.strides):
        raise UnusualError("array objects lie otherwise")


def _entry(context: Any, described: Any, name: str, words: Sequence[Word]) -> Any:
    """A function that takes a block of words apart and calls a kernel, compiled by LLVM as the kernel itself is."""
    module = ir.Module(name)
    module.triple = llvm.get_process_triple()
    module.data_layout = str(target().target_data)
    kernel = context.declare_function(module, described)
    single = context.plain.get_arg_packer(described.argtypes)
    kinds = [*kernel.function_type.args[:FIRST], *single.argument_types]
    taken = [str(kind) if not isinstance(kind, ir.PointerType) else "P" for kind in kinds[FIRST:]]
    if taken != [kind for word in words for kind in _takes(word)]:
        raise UnusualError(f"takes {taken}")
    if any(word.axes is not None for word in words):
        _check_arrays()
    function = ir.Function(module, ir.FunctionType(_I32, [_I8.as_pointer()]), name)
    builder = ir.IRBuilder(function.append_basic_block())

    def place(i: int, kind: Any) -> Any:
        return builder.bitcast(builder.gep(function.args[0], [_I64(i * WORD)]), kind)

    values = [place(RESULT, kinds[RESULT]), place(RAISED, kinds[RAISED])]
    for i, word in enumerate(words, FIRST):
        kind = kinds[len(values)]
        if word.axes is None:
            values.append(builder.load(place(i, kind.as_pointer())))
        else:
            array = builder.load(place(i, _I8.as_pointer().as_pointer()))
            values += _fields(builder, array, word, kinds[len(values) :])
    whole = context.get_arg_packer(described.argtypes)
    arguments = whole.as_arguments(builder, single.from_arguments(builder, values[FIRST:]))
    builder.ret(builder.call(kernel, [*values[:FIRST], *arguments]))
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    return parsed


def _takes(word: Word) -> list[str]:
    """What a kernel takes for a word, pointers as P: of an array owners, sizes, data, shape and strides."""
    if word.axes is None:
        return [_TYPES.get(word.letter, word.letter)]
    return ["P", "P", "i64", "i64", "P", *(["i64"] * (2 * word.axes))]


def _fields(builder: Any, array: Any, word: Word, kinds: Sequence[Any]) -> list[Any]:
    """The same from an array object."""
    owner, parent, _, _, data, *_ = kinds

    def there(offset: int, kind: Any) -> Any:
        return builder.load(builder.bitcast(builder.gep(array, [_I64(offset)]), kind.as_pointer()))

    def each(offset: int) -> list[Any]:
        first = there(offset, _I64.as_pointer())
        return [builder.load(builder.gep(first, [_I64(axis)])) for axis in range(word.axes or 0)]

    shape = each(_SHAPE)
    for length in shape:
        length.set_metadata("range", builder.module.add_metadata([_I64(0), _I64(_LONGEST)]))
    size = functools.reduce(builder.mul, shape, _I64(1))
    return [owner(None), parent(None), size, _I64(word.item_bytes), there(_DATA, data), *shape, *each(_STRIDES)]
