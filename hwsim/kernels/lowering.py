"""How Numba makes a kernel: it knows nothing of Python, and LLVM sees all of it once.

Numba optimises each function and makes machine code of it, then does both again in every function that calls it: of a
kernel inlined through six levels, seven times.  It also keeps variables in memory, so as to count references, and
checks for much that no kernel has.  Here a function is passed on to its callers as it was written down, and the whole
is optimised when the outermost one is wanted.
"""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any, cast

import llvmlite.binding as llvm
from numba.core import analysis, codegen, compiler, errors, ir, lowering, typed_passes, untyped_passes
from numba.core.compiler_machinery import PassManager, register_pass

from hwsim.kernels.effort import Effort

_routines: dict[Any, Any] = {}
"""What Numba itself compiles into several functions."""


class Compiler(compiler.CompilerBase):
    """Numba's compiler for functions that hold arrays and numbers alone."""

    def __init__(self, typing_context: Any, target_context: Any, *rest: Any) -> None:
        super().__init__(typing_context, target_context, *rest)
        context = self.state.targetctx.subtarget(_internal_codegen=_code())
        context.cached_internal_func = _routines
        self.state.targetctx, self.state.type_annotation = context, None

    def define_pipelines(self) -> list[Any]:
        """The passes that kernels need."""
        return [_passes()]


def optimised(library: Any, kernel: str, entry: Any, effort: Effort) -> Any:
    """LLVM's module of an entry and the kernel that it calls, with all that this one calls."""
    module = library._final_module.clone()
    module.link_in(entry)
    function = module.get_function(kernel)
    function.linkage = "internal"
    if effort.apart:
        function.add_function_attribute("noinline")
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
    """A function and all that it calls, as they were written down."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        """Take in what was compiled before."""
        for library in dict.fromkeys(self._linking_libraries):
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._verify_declare_only_symbols()
        self._finalized = True

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
def _code() -> _Code:
    return _Code("hwsim.kernels")


class _Lower(lowering.Lower):
    """Writes a function down without references to count: what is assigned once is a value and needs no memory."""

    def init(self) -> None:
        """Refuse what is kept between calls."""
        if self.generator_info is not None:
            raise errors.UnsupportedError("a kernel that is a generator")
        super().init()

    def _find_singly_assigned_variable(self) -> None:
        blocks = self.func_ir.blocks
        found = [(each.target.name, at) for at, block in blocks.items() for each in block.find_insts(ir.Assign)]
        times = Counter(name for name, _ in found)
        single = {name: at for name, at in found if times[name] == 1}
        dominators = analysis.compute_cfg_from_blocks(blocks).dominators()
        for block, names in analysis.compute_use_defs(blocks).usemap.items():
            for name in names:  # used before anything in the block assigns it
                at = single.get(name, block)
                if at >= block or at not in dominators[block]:  # not written down before, or not on every way there
                    single.pop(name, None)
        self._singly_assigned_vars, self._blk_local_varmap = set(single), {}

    def storevar(self, value: Any, name: str, argidx: int | None = None) -> None:
        """Assign, whatever was there before."""
        if name in self._singly_assigned_vars:
            self._blk_local_varmap[name] = value
        else:
            self.builder.store(value, self.getvar(name))

    def delvar(self, name: str) -> None:
        """Let a variable be."""


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(typed_passes.NativeLowering):
    _name = "kernel_lowering"

    @property
    def lowering_class(self) -> type[_Lower]:
        return _Lower


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
