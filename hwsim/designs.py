"""Architectures read, checked by their machines and priced; nothing is played."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwsim import accelerators, arguments
from hwsim.arch.loader import Architecture as Loaded
from hwsim.arch.loader import load, varied
from hwsim.arch.overrides import blamed
from hwsim.arch.settings import Settings, as_overrides
from hwsim.contract.clock_limit import check_clock
from hwsim.contract.flip_flops import CLOCK, total_of
from hwsim.errors import ArchitectureError, UsageError

if TYPE_CHECKING:
    from hwsim.components.pricing.price import Priced
    from hwsim.contract.machine import Accelerator
    from hwsim.contract.workload import Workload
    from hwsim.traces.trace import AnyTrace

Architecture = Loaded[Any]


def load_architecture(name_or_path: str | Path | Architecture, overrides: Settings = ()) -> Architecture:
    """An architecture by shipped name or path, with some values changed: `{"adc.bits": 6}` or `["adc.bits=6"]`.

    Of an architecture that is loaded already only the sections are checked that further overrides touch.

    Raises ArchitectureError in one line for anything wrong with the file or an override, UsageError for what is neither
    a name nor a path and for overrides that are none of `Settings`.
    """
    arguments.instance("name_or_path", name_or_path, (str, Path, Loaded), "a shipped name or a path")
    texts = as_overrides(overrides, "overrides")

    def with_settings(settings: Sequence[str]) -> Architecture:
        if isinstance(name_or_path, Loaded):
            return varied(name_or_path, settings)
        return load(name_or_path, accelerators.spec_type, settings)

    with blamed(texts, with_settings):
        return with_settings(texts)


def machine_of(architecture: Architecture) -> Accelerator[Any, Any]:
    """The machine that an architecture describes."""
    return accelerators.machine(architecture.machine)(architecture.spec)


def machine_for(architecture: Architecture, trace: AnyTrace) -> Accelerator[Any, Any]:
    """The machine with memories as large as the network of a trace needs, where its design leaves that open.

    Raises ArchitectureError where a part is slower than the clock.
    """
    machine = machine_of(architecture).sized_for(trace)
    check_clock(machine.spec, machine.components())
    return machine


def lowered(architecture: Architecture, trace: AnyTrace) -> Workload:
    """The work of a trace's first sample on an architecture, whose clock is checked before.

    Raises ArchitectureError where a part is slower than the clock, or the network does not fit.
    """
    from hwsim.traces.slicing import first

    one = first(trace, 1)
    return machine_for(architecture, one).lower(one)


def check_coding(architecture: Architecture, trace: AnyTrace) -> None:
    """Raise UsageError unless a trace is of a coding that the machine plays."""
    trace_type = accelerators.machine(architecture.machine).trace_type
    if not isinstance(trace, trace_type):
        from hwsim.traces.codings import CODINGS, coding

        codings = [name for name in CODINGS if issubclass(coding(name).trace_type, trace_type)]
        others = [name for name in accelerators.names() if trace.coding in accelerators.plays(name)]
        them = f"machine {others[0]} plays" if len(others) == 1 else f"machines {' and '.join(others)} play"
        raise UsageError(
            f"{architecture.path.name}: plays traces of coding {' or '.join(codings)}, and '{trace.provenance.name}' "
            f"is of coding {trace.coding}, which {them} (hwsim arch list)"
        )


def components(architecture: Architecture, trace: AnyTrace | None = None) -> Mapping[str, Priced]:
    """Every component of an architecture with its prices.

    Memories of `capacity_kib: auto` are as large as the network of a trace needs; of one word where none is given.

    Raises ArchitectureError where a law does not reach the part's geometry or technology, or a part is slower than the
    clock.
    """

    def price_all(design: Architecture) -> Mapping[str, Priced]:
        if trace is None:
            spec = design.spec.holding({})
            parts = accelerators.prices(design.machine, spec)
        else:
            machine = _sized(design, trace)
            spec, parts = machine.spec, machine.components()
        check_clock(spec, parts)
        return {**parts, **({} if spec.io == "none" else {"io": spec.io.priced()})}

    with placed(architecture, price_all):
        return price_all(architecture)


def sizes(architecture: Architecture, trace: AnyTrace | None = None) -> list[str]:
    """Lines on memories of `capacity_kib: auto` and on all flip-flops: what there is, or what a network makes of it.

    Raises ArchitectureError where the network does not fit.
    """
    keys = architecture.spec.auto_memories
    if trace is None:
        auto = f"capacity_kib: auto, prices of one word where no trace says more (--trace): {', '.join(keys)}"
        return [auto] if keys else []
    sized, name = _sized(architecture, trace), trace.provenance.name
    auto = f"capacity_kib: auto, for {name}: {sized.sizes_beside(machine_of(architecture))}"
    with placed(architecture, lambda design: lowered(design, trace)):
        workload = lowered(architecture, trace)
    parts, instances = sized.components(workload), workload.hardware.instances
    each = {key: n * parts[key].flip_flops for key, n in instances.items() if key != CLOCK and parts[key].flip_flops}
    counted = ", ".join(f"{key} {n:,}" for key, n in sorted(each.items(), key=lambda item: -item[1]))
    total = f"flip-flops, for {name}: {total_of(workload.hardware, parts):,} in all; counted: {counted}"
    return [auto, total] if keys else [total]


def _sized(architecture: Architecture, trace: AnyTrace) -> Accelerator[Any, Any]:
    check_coding(architecture, trace)
    return machine_of(architecture).sized_for(trace)


@contextmanager
def placed(architecture: Architecture, again: Callable[[Architecture], object]) -> Iterator[None]:
    """Put where it comes from in front of an ArchitectureError: the override that causes it, else file and line.

    `again` does what the block does with another architecture.
    """

    def retry(settings: Sequence[str]) -> None:
        again(load(architecture.path, accelerators.spec_type, settings))

    try:
        with blamed(architecture.overrides, retry):
            yield
    except ArchitectureError as error:
        key = str(error).partition(":")[0]
        is_placed = str(error).startswith("--set ")
        raise ArchitectureError(str(error) if is_placed else f"{architecture.place(key)}: {error}") from None
