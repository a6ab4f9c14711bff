"""How kernels call each other: with arguments as they are, under short names, and typed once.

Numba passes each word of an array by itself, seven or more, and writes types of all arguments into the name of a
function; a helper of the event loop takes thirty arrays.  It also asks its templates anew for the type of each sum.
"""

from __future__ import annotations

import operator
from typing import Any

from numba.core import callconv, cgutils, cpu, imputils, itanium_mangler, types, typing

_FAMILY = "kernel"
_PREFIX = f"_ZN{len(_FAMILY)}{_FAMILY}"
"""How names of kernels begin: with a namespace of their own."""
_STATUS = callconv.Status(*[None] * len(callconv.Status._fields))


class Arguments:
    """Arguments of types as a call passes them: an array or a tuple is one value."""

    def __init__(self, models: Any, kinds: Any) -> None:
        self._models = [models[kind] for kind in kinds]
        self._whole = [isinstance(model.get_argument_type(), tuple) for model in self._models]

    @property
    def argument_types(self) -> tuple[Any, ...]:
        """LLVM's types of them."""
        return tuple(
            model.get_value_type() if whole else model.get_argument_type()
            for model, whole in zip(self._models, self._whole, strict=True)
        )

    def as_arguments(self, builder: Any, values: Any) -> tuple[Any, ...]:
        """Values as they are passed."""
        return tuple(
            value if whole else model.as_argument(builder, value)
            for model, whole, value in zip(self._models, self._whole, values, strict=True)
        )

    def from_arguments(self, builder: Any, arguments: Any) -> list[Any]:
        """What is passed as values."""
        return [
            argument if whole else model.from_argument(builder, argument)
            for model, whole, argument in zip(self._models, self._whole, arguments, strict=True)
        ]

    def assign_names(self, arguments: Any, names: Any) -> None:
        """Give none: nobody reads them."""


class _Ready:
    """What of a context takes in what was registered meanwhile, and does not import all that Numba knows again."""

    _registries: Any
    install_registry: Any

    def refresh(self) -> None:
        """Take it in."""
        for registry in list(self._registries):
            self.install_registry(registry)


class Typing(_Ready, typing.Context):
    """Numba's types of calls, each found once, and of choices among integers without compiling anything."""

    def __init__(self, plain: Any) -> None:
        vars(self).update(vars(plain))
        self._found: dict[Any, Any] = {}

    def resolve_function_type(self, func: Any, args: Any, kws: Any) -> Any:
        """The signature of a call of a function with arguments of types."""
        func = func if isinstance(func, types.Type) else self._lookup_global(func) or func
        if not isinstance(func, types.Function) or kws:
            return super().resolve_function_type(func, args, kws)
        if (func, args) not in self._found:
            chosen = self._chosen(func.typing_key, args)
            self._found[func, args] = chosen or super().resolve_function_type(func, args, kws)
        return self._found[func, args]

    def resolve_setitem(self, target: Any, index: Any, value: Any) -> Any:
        """The signature of assigning an item."""
        function = self.resolve_value_type(operator.setitem)
        return self.resolve_function_type(function, (target, index, value), {})

    def _chosen(self, key: Any, kinds: Any) -> Any:
        if not all(isinstance(kind, types.Integer) for kind in kinds):
            return None
        if key is int and len(kinds) == 1:
            return typing.signature(types.unliteral(kinds[0]), *kinds)
        kind = self.unify_types(*kinds) if key in (max, min) and len(kinds) > 1 else None
        return typing.signature(kind, *[kind] * len(kinds)) if isinstance(kind, types.Integer) else None


class Context(_Ready, cpu.CPUContext):
    """Numba's way of writing code for this processor, with calls as kernels have them."""

    def __init__(self, plain: Any, code: Any) -> None:
        vars(self).update(vars(plain))
        self.plain, self._internal_codegen = plain, code
        self.typing_context = Typing(plain.typing_context)
        self.cached_internal_func: dict[Any, Any] = {}  # what Numba itself compiles into several functions

    @property
    def call_conv(self) -> Any:
        """How functions are called."""
        return _Calls(self)

    def get_arg_packer(self, fe_args: Any) -> Any:
        """How arguments are passed."""
        return Arguments(self.data_model_manager, fe_args)

    def mangler(self, name: str, types: Any, *, abi_tags: Any = (), uid: int | None = None) -> str:
        """A name that no other function has: each has a number."""
        mangled: str = itanium_mangler.mangle(f"{_FAMILY}.{name}", (), uid=uid)
        return mangled

    def declare_function(self, module: Any, fndesc: Any) -> Any:
        """A function, as code that calls it sees it."""
        if not fndesc.mangled_name.startswith(_PREFIX):
            return self.plain.declare_function(module, fndesc)
        return super().declare_function(module, fndesc)

    def insert_user_function(self, func: Any, fndesc: Any, libs: Any = ()) -> None:
        """Let a function be called by kernels, and by what Numba compiles its own way."""
        call = _Call(self, fndesc, tuple(libs))
        self._defns[func].append(call, call.signature)

    def pair_first(self, builder: Any, val: Any, ty: Any) -> Any:
        """The first of two values."""
        return builder.extract_value(val, 0)

    def pair_second(self, builder: Any, val: Any, ty: Any) -> Any:
        """The second of two values."""
        return builder.extract_value(val, 1)


class _Call:
    """A call of a kernel, as code of any context writes it."""

    def __init__(self, ours: Context, described: Any, libraries: tuple[Any, ...]) -> None:
        self._ours, self._described = ours, described
        self.signature, self.libs = described.argtypes, libraries

    def __call__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        described = self._described
        function = self._ours.declare_function(builder.module, described)
        status, result = self._ours.call_conv.call_function(
            builder, function, described.restype, described.argtypes, arguments
        )
        with cgutils.if_unlikely(builder, status.is_error):
            context.call_conv.return_status_propagate(builder, status)
        return imputils.fix_returning_optional(context, builder, signature, status, result)


class _Calls(callconv.CPUCallConv):
    """Calls of kernels, which raise nothing that can be caught, and of what Numba compiled its own way."""

    def call_function(self, builder: Any, callee: Any, resty: Any, argtys: Any, args: Any, attrs: Any = None) -> Any:
        """Whether it went well, and what a function returns."""
        if not callee.name.startswith(_PREFIX):
            return self.context.plain.call_conv.call_function(builder, callee, resty, argtys, args, attrs)
        with builder.goto_entry_block():
            place = builder.alloca(self.get_return_type(resty).pointee)
        given = self._get_arg_packer(argtys).as_arguments(builder, args)
        raised = self._get_excinfo_argument(builder.function)
        code = builder.call(callee, [place, raised, *given])
        result = self.context.get_returned_value(builder, resty, builder.load(place))
        failed = builder.icmp_signed("!=", code, callconv.RETCODE_OK)
        status = _STATUS._replace(code=code, is_error=failed, excinfoptr=builder.load(raised))
        if isinstance(resty, types.Optional):
            none = builder.icmp_signed("==", code, callconv.RETCODE_NONE)
            status = status._replace(is_none=none, is_error=builder.and_(failed, builder.not_(none)))
        return status, result

    def return_status_propagate(self, builder: Any, status: Any) -> None:
        """End as what was called has ended."""
        self._return_errcode_raw(builder, status.code)
