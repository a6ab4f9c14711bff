"""The command line: the only place that prints and exits; a module a command, a few lines over the library."""

from __future__ import annotations

import click

from hwsim.cli.arch import arch
from hwsim.cli.compare import compare
from hwsim.cli.explain import explain
from hwsim.cli.program import Program
from hwsim.cli.report import report
from hwsim.cli.simulate import simulate
from hwsim.cli.sweep import sweep
from hwsim.cli.trace import trace
from hwsim.cli.tune import tune


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hwsim")
def main() -> None:
    """Simulate neuromorphic accelerators on real spike traces: energy, EDP, latency, area and memory."""


for command in (simulate, explain, compare, sweep, tune, trace, arch, report):
    main.add_command(command)
