"""Compiled kernels in memory: LLVM links their object code, and they are called through a block of words."""

from __future__ import annotations

import ctypes
import functools
import struct
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import llvmlite.binding as llvm

from hwsim.kernels.words import Word

WORD = 8
"""Bytes of a word."""
RESULT, RAISED, FIRST = range(3)
"""Words of a block: what a kernel returns, what it raises, and the first of its arguments."""


class Built(NamedTuple):
    """A kernel compiled for arguments of some kinds."""

    code: bytes  # object file of this processor's kind
    entry: str  # symbol of a function that takes the address of a block and returns zero if all went well
    result: str  # the letter of `struct` for what the kernel returns, "" for nothing


class MachineCode:
    """A kernel that can be called with the words of arguments."""

    def __init__(self, name: str, built: Built, words: Iterable[Word]) -> None:
        self._name = name
        self._linker = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target())  # its own, so no symbols meet
        self._linker.add_object_file(llvm.ObjectFileRef.from_data(built.code))
        self._linker.finalize_object()
        address = self._linker.get_function_address(built.entry)
        self._call = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(address)  # other threads run meanwhile
        each = "".join(f"{word.letter}{WORD - struct.calcsize(word.letter)}x" for word in words)
        self._words = struct.Struct(f"@{FIRST * WORD}x{each}")
        self._result = struct.Struct(f"@{built.result}") if built.result else None
        self._unused: list[tuple[Any, int]] = []  # blocks and their addresses, for as many threads as were ever at once

    def __call__(self, words: Sequence[Any], _kept: object) -> Any:
        """What the kernel returns; what the words lead to is kept until then."""
        try:
            block, address = self._unused.pop()
        except IndexError:
            block = ctypes.create_string_buffer(self._words.size)
            address = ctypes.addressof(block)
        self._words.pack_into(block, 0, *words)
        if status := self._call(address):
            raise RuntimeError(f"kernel {self._name} failed, status {status}")
        result = None if self._result is None else self._result.unpack_from(block, RESULT * WORD)[0]
        self._unused.append((block, address))
        return result


@functools.cache
def target() -> Any:
    """LLVM's idea of this machine, for code that is linked in this process."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(jit=True)


@functools.cache
def processor() -> tuple[str, ...]:
    """What compiled code is for: kind of machine and system, processor, what that can do, and LLVM's version."""
    features = llvm.get_host_cpu_features().flatten()
    return llvm.get_process_triple(), llvm.get_host_cpu_name(), features, str(llvm.llvm_version_info)
