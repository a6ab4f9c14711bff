"""`hwsim arch`: list, show and check architecture files."""

from __future__ import annotations

import click

from hwsim.cli.options import SET, console, needs_output, without_threads


@click.group()
def arch() -> None:
    """List, show and check architecture files."""
    needs_output()
    without_threads()


@arch.command("list")
def arch_list() -> None:
    """The designs that ship with hwsim."""
    from hwsim.arch import description, shipped

    for name in shipped():
        click.echo(f"{name:20s} {description(name)}")


@arch.command("show")
@click.argument("architecture", metavar="ARCH")
@SET
def arch_show(architecture: str, overrides: tuple[str, ...]) -> None:
    """Every price of a design, with its bounds and where it comes from."""
    from hwsim.designs import components, load_architecture
    from hwsim.view.terminal.arch_table import print_architecture

    loaded = load_architecture(architecture, overrides)
    print_architecture(loaded, components(loaded), console())


@arch.command("check")
@click.argument("architectures", metavar="ARCH...", nargs=-1, required=True)
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
