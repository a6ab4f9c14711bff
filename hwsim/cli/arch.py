"""`hwsim arch`: list, show and check architecture files."""

from __future__ import annotations

import click

from hwsim.cli.options import SET, console, designs, needs_output, width, without_threads
from hwsim.cli.program import importing


@click.group()
def arch() -> None:
    """List, show and check architecture files."""
    needs_output()
    without_threads()


@arch.command("list", short_help="The designs that ship, and what each plays.")
def arch_list() -> None:
    """The designs that ship with hwsim: their machine, the codings it plays, and what they are."""
    from hwsim.catalogue import catalogue
    from hwsim.view.terminal.catalogue import catalogue_lines

    for line in catalogue_lines(catalogue(), width()):
        click.echo(line)


@arch.command("show")
@click.argument("architecture", metavar="ARCH", shell_complete=designs)
@SET
@click.option("--trace", metavar="TRACE", help="Size memories of `capacity_kib: auto` to the network of this trace.")
def arch_show(architecture: str, overrides: tuple[str, ...], trace: str | None) -> None:
    """Every price of a design, with its bounds and where it comes from."""
    with importing():
        from hwsim.designs import components, load_architecture, sizes
        from hwsim.view.terminal.arch_table import print_architecture

        loaded = load_architecture(architecture, overrides)  # which imports what it has
    sized_to = None
    if trace is not None:
        from hwsim.api import load_trace

        sized_to = load_trace(trace)
    parts = components(loaded, sized_to)
    print_architecture(loaded, parts, console(), sizes(loaded, sized_to))


@arch.command("keys", short_help="Keys of a design for --set, and what each may be.")
@click.argument("architecture", metavar="ARCH", shell_complete=designs)
@click.argument("start", metavar="[START]", default="")
@SET
def arch_keys(architecture: str, start: str, overrides: tuple[str, ...]) -> None:
    """The keys of a design for --set: what each is, and what it may be; only those that begin with START."""
    from hwsim.arch.keys import keys_of
    from hwsim.designs import load_architecture
    from hwsim.errors import UsageError, guess
    from hwsim.view.terminal.catalogue import key_lines

    keys = keys_of(load_architecture(architecture, overrides))
    found = [key for key in keys if key.key.startswith(start)]
    if not found:
        raise UsageError(f"START: no key begins with '{start}'{guess(start, [key.key for key in keys])}")
    for line in key_lines(found, width()):
        click.echo(line)


@arch.command("diff", short_help="What two designs say differently, and prices for it.")
@click.argument("first", metavar="ARCH", shell_complete=designs)
@click.argument("second", metavar="ARCH", shell_complete=designs)
@SET
def arch_diff(first: str, second: str, overrides: tuple[str, ...]) -> None:
    """What two designs say differently, and which prices differ for it; --set is of the second."""
    from hwsim.arch.differences import differences
    from hwsim.designs import components, load_architecture
    from hwsim.view.terminal.arch_table import print_differences

    one, other = load_architecture(first), load_architecture(second, overrides)
    print_differences((one, other), differences(one, other), (components(one), components(other)), console())


@arch.command("check")
@click.argument("architectures", metavar="ARCH...", nargs=-1, required=True, shell_complete=designs)
@SET
def arch_check(architectures: tuple[str, ...], overrides: tuple[str, ...]) -> None:
    """Check files against every rule, prices included."""
    from hwsim.designs import components, load_architecture

    for name in architectures:
        loaded = load_architecture(name, overrides)
        n_prices = sum(len(part.actions) for part in components(loaded).values())
        click.echo(f"{name}: {loaded.machine}, {n_prices} prices, all in order")


@arch.command("schema")
@click.argument("machine", default="imc")
def arch_schema(machine: str) -> None:
    """JSON Schema of the architecture files of a machine, for editors."""
    import json

    from hwsim import accelerators
    from hwsim.arch import json_schema

    click.echo(json.dumps(json_schema(accelerators.spec_type(machine)), indent=1))
