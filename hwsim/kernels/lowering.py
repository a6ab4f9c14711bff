"""How Numba makes a kernel: it knows nothing of Python, and LLVM sees all of it once.

Numba optimises each function and makes machine code of it, then does both again in every function that calls it: of a
kernel inlined through six levels, seven times.  It also keeps variables in memory, so as to count references, and
checks for much that no kernel has.  Here a function is passed on to its callers as it was written down, and the whole
is optimised when the outermost one is wanted.
"""

from __future__ import annotations

import functools
from typing import Any, cast

import llvmlite.binding as llvm
from numba.core import codegen, compiler, typed_passes, untyped_passes
from numba.core.compiler_machinery import PassManager, register_pass

from hwsim.kernels.conventions import Context
from hwsim.kernels.effort import Effort
from hwsim.kernels.statements import Lower


class Compiler(compiler.CompilerBase):
    """Numba's compiler for functions that hold arrays and numbers alone."""

    def __init__(self, _: Any, target_context: Any, *rest: Any) -> None:
        ours = context(target_context)
        super().__init__(ours.typing_context, ours, *rest)
        self.state.type_annotation = None

    def define_pipelines(self) -> list[Any]:
        """The passes that kernels need."""
        return [_passes()]


def optimised(library: Any, kernel: str, entry: Any, effort: Effort) -> Any:
    """LLVM's module of an entry and the kernel that it calls, with all that this one calls."""
    module = library.whole()
    inner = [each.name for each in module.functions if not each.is_declaration]
    module.link_in(entry)
    for name in inner:
        module.get_function(name).linkage = "internal"  # so what is called once becomes part of its caller
    if effort.apart:
        module.get_function(kernel).add_function_attribute("noinline")
    options = llvm.create_pipeline_tuning_options(effort.level)
    options.loop_vectorization = True
    builder = llvm.create_pass_builder(_code()._tm, options)
    if effort.level > Effort().level:
        for each in module.functions:
            if not each.is_declaration:
                builder.getFunctionPassManager().run(each, builder)
    builder.getModulePassManager().run(module, builder)
    return module


def emitted(module: Any) -> bytes:
    """An object file of a module, for this processor."""
    code: bytes = _code()._tm.emit_object(module)
    return code


class _Library(codegen.JITCodeLibrary):
    """A function as it was written down, and those of all that it calls."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        """Leave it at that."""
        self._finalized = True

    def whole(self) -> Any:
        """LLVM's module of the function with all that it calls."""
        module = self._final_module.clone()
        for each in self._callees():
            found = each._final_module if isinstance(each, _Library) else each._get_module_for_linking()
            module.link_in(found, preserve=True)
        return module

    def _get_module_for_linking(self) -> Any:
        """The same for code that Numba makes its own way, which may have some of it already."""
        if self._shared_module is None:
            self._shared_module = self.whole()
            for each in self._shared_module.functions:
                if not each.is_declaration:
                    each.linkage = "linkonce_odr"
        return self._shared_module

    def _callees(self) -> dict[Any, None]:
        """Libraries of all that it calls."""
        found: dict[Any, None] = dict.fromkeys(self._linking_libraries)
        for each in self._linking_libraries:
            found |= each._callees() if isinstance(each, _Library) else {}
        return found

    def get_pointer_to_function(self, name: str) -> int:
        """None: it is not in memory."""
        self._ensure_finalized()
        return 0


class _Code(codegen.JITCPUCodegen):
    _library_class = _Library

    def _customize_tm_options(self, options: dict[str, Any]) -> None:
        super()._customize_tm_options(options)
        options["opt"] = Effort().level

    def set_env(self, env_name: str, env: Any) -> None:
        """Give a function nothing of Python."""


@functools.cache
def context(plain: Any) -> Context:
    """Numba's context for this processor as kernels have it."""
    return Context(plain, _code())


@functools.cache
def _code() -> _Code:
    return _Code("hwsim.kernels")


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(typed_passes.NativeLowering):
    _name = "kernel_lowering"

    @property
    def lowering_class(self) -> type[Lower]:
        return Lower


class _Passes(PassManager):
    """Passes one after another, without a look at the function between any two."""

    def _runPass(self, index: int, pss: Any, internal_state: Any) -> None:  # noqa: N802
        pss.analysis = self._analysis
        pss.run_pass(internal_state)


@functools.cache
def _passes() -> Any:
    passes: Any = cast(Any, _Passes)("kernel")
    for each, what in (
        (untyped_passes.TranslateByteCode, "analyzing bytecode"),
        (untyped_passes.FixupArgs, "fix up args"),
        (untyped_passes.IRProcessing, "processing IR"),
        (untyped_passes.RewriteSemanticConstants, "rewrite semantic constants"),
        (untyped_passes.DeadBranchPrune, "dead branch pruning"),
        (untyped_passes.GenericRewrites, "nopython rewrites"),
        (untyped_passes.ReconstructSSA, "ssa"),
        (untyped_passes.DeadBranchPrune, "dead branch pruning"),
        (typed_passes.NopythonTypeInference, "nopython frontend"),
        (typed_passes.PreLowerStripPhis, "remove phis nodes"),
        (typed_passes.NoPythonSupportedFeatureValidation, "ensure features that are in use are in a valid form"),
        (_Lowering, "native lowering"),
        (typed_passes.NoPythonBackend, "nopython mode backend"),
    ):
        passes.add_pass(each, what)
    passes.finalize()
    return passes
