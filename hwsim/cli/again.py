"""The command that makes a report again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from hwsim.report.report import Report

_ONLY_SHOWS = {"quiet", "full", "no_advice", "memory", "jobs"}


def again(context: click.Context) -> str:
    """The command that was given, without the files that it writes and what changes no figure."""
    words = ["hwsim", *context.command_path.split()[1:]]
    for parameter in context.command.params:
        name = str(parameter.name)
        if context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        if name in _ONLY_SHOWS or name.endswith("_file") or name == "save_every":
            continue
        words += _words(parameter, context.params[name])
    return shlex.join(words)


def _words(parameter: click.Parameter, value: Any) -> Iterator[str]:
    """A parameter as it is written."""
    if isinstance(parameter, click.Argument):
        yield str(value)
        return
    assert isinstance(parameter, click.Option)
    for each in value if parameter.multiple else [value]:
        yield parameter.opts[-1]
        if not parameter.is_flag:
            yield str(each)


def of_report(report: Report) -> str:
    """The same from a report, which does not know where its trace lies, nor all options."""
    from hwsim.arch import shipped

    design = report.architecture
    name = str(design["file"]).removesuffix(".yaml")
    name = name if name in shipped() else str(design["file"])
    words = ["hwsim", "simulate", name, "TRACE.npz"]
    for setting in design["overrides"]:
        words += ["--set", str(setting)]
    if report.options.get("samples"):
        words += ["--samples", str(report.options["samples"])]
    return shlex.join([*words, *(["--functional"] if report.options.get("functional") else [])])
