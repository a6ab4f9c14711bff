"""The design and the trace that a report is of, found again among files nearby and known by their digests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwsim.designs import Architecture, load_architecture
from hwsim.errors import ArchitectureError, UsageError
from hwsim.example import EXAMPLE, trace_file
from hwsim.files import open_file
from hwsim.printable import brief, cut, shortened
from hwsim.report.report import Report
from hwsim.traces.io import read_trace
from hwsim.traces.trace import AnyTrace

_MOST_FILES = 200
"""Traces in a folder whose digests are compared; our choice."""
_LONGEST_NAME = 40
_SAID: dict[str, dict[str, type]] = {
    "architecture": {"machine": str, "file": str, "sha256": str, "overrides": list},
    "trace": {"name": str, "dataset": str, "sha256": str},
    "options": {"samples": int, "timesteps": int, "functional": bool},
}
_KINDS = {str: "a text", list: "a list of texts", int: "a whole number", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class Originals:
    """What a report was simulated from."""

    architecture: Architecture
    trace: AnyTrace


def originals(
    report: Report,
    beside: Path,
    architecture: Architecture | str | Path | None = None,
    trace: AnyTrace | str | Path | None = None,
) -> Originals:
    """The design with the report's settings and the trace, both of the digests that the report has.

    They are looked for in the folder `beside`, in the working folder and in `traces/` of either, designs also among the
    shipped ones, unless they are named.

    Raises UsageError where one is not found, or what is named is another one.
    """
    complete(report)
    return Originals(_design(report, beside, architecture), _trace(report, beside, trace))


def complete(report: Report) -> Report:
    """A report that says all that it is told by; files of anybody may leave out what is in no schema.

    Raises UsageError naming what is missing.
    """
    if not report.runs:
        raise UsageError("not a report of hwsim: runs: there is none")
    for section, keys in _SAID.items():
        for key, kind in keys.items():
            value: Any = getattr(report, section).get(key)
            if not isinstance(value, kind) or (
                isinstance(value, list) and not all(isinstance(each, str) for each in value)
            ):
                raise UsageError(f"not a report of hwsim: {section}.{key}: wanted {_KINDS[kind]}, found {brief(value)}")
    return report


def design_of(report: Report, beside: Path) -> Architecture | None:
    """The design of a report where it is found; None where it is not."""
    try:
        return _design(report, beside, None)
    except UsageError:
        return None


def _design(report: Report, beside: Path, named: Architecture | str | Path | None) -> Architecture:
    said = report.architecture
    name, digest = Path(said["file"]).name, said["sha256"]
    if named is not None:
        design = load_architecture(named)
        if design.sha256 != digest:
            raise UsageError(
                f"ARCH: {shortened(design.path)} is not the design of the report: sha256 {design.sha256[:12]}, "
                f"there {digest[:12]}"
            )
        return load_architecture(named, said["overrides"])
    for candidate in (beside / name, Path(name), Path(name).stem):
        try:
            design = load_architecture(candidate)
        except ArchitectureError:
            continue
        if design.sha256 == digest:
            return load_architecture(candidate, said["overrides"])
    raise UsageError(
        f"REPORT: its design {cut(name, _LONGEST_NAME)} (sha256 {digest[:12]}) is not found as it was; "
        "name the file with --arch"
    )


def _trace(report: Report, beside: Path, named: AnyTrace | str | Path | None) -> AnyTrace:
    said = report.trace
    digest: str = said["sha256"]
    if named is not None:
        trace = read_trace(trace_file(named)) if isinstance(named, str | Path) else named
        if trace.sha256 != digest:
            raise UsageError(
                f"TRACE: {shortened(trace.provenance.name)} is not the trace of the report: "
                f"sha256 {trace.sha256[:12] or 'none'}, there {digest[:12] or 'none'}"
            )
        return trace
    for path in _nearby(beside) if digest else ():
        if _digest(path) == digest:
            return read_trace(path)
    raise UsageError(
        f"REPORT: its trace '{cut(said['name'], _LONGEST_NAME)}' (sha256 {digest[:12] or 'none'}) is not found; "
        "name the file with --trace"
    )


def _nearby(beside: Path) -> Iterator[Path]:
    """Trace files in the folders that are looked into, each once; then the example."""
    folders = dict.fromkeys(folder.resolve() for here in (beside, Path()) for folder in (here, here / "traces"))
    for folder in folders:
        yield from _first_of(sorted(folder.glob("*.npz")) if folder.is_dir() else ())
    yield EXAMPLE


def _first_of(paths: Iterable[Path]) -> Iterator[Path]:
    yield from (path for path, _ in zip(paths, range(_MOST_FILES), strict=False))


def _digest(path: Path) -> str:
    """SHA-256 of a file's bytes; '' where it cannot be read."""
    try:
        with open_file(path) as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return ""
