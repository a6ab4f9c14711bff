"""Write a small machine to start from: the module, its design and a test, which keep all laws from the first day.

    python tools/new_accelerator.py toy
    python tools/new_accelerator.py toy --package ../hwsim-toy    # a package of its own, outside this repository

docs/guides/new-machine.md says what its parts are for.  No other file is changed and none is overwritten.
"""

from __future__ import annotations

import argparse
import keyword
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from training.common.options import Parser

from hwsim import accelerators
from hwsim.arch.scalars import resolve
from hwsim.errors import HwsimError, UsageError

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = Path(__file__).resolve().parent / "templates" / "accelerator"
PLACEHOLDER = "NAME"
LONGEST_NAME = 30  # so that no line of the templates grows too long
_IN_PACKAGE, _IN_REPOSITORY = 'parents[1] / "hwsim_NAME"', 'parents[3] / "arch"'  # where the test finds the design


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files; 0, or 2 with one line on stderr for a mistake of the user."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", metavar="NAME", help="of the machine, as architecture files will say it")
    parser.add_argument("--package", metavar="DIR", type=Path, help="folder of a package of its own")
    try:
        options = parser.parse_args(arguments)
        check_name(options.name)
        files = in_repository(options.name) if options.package is None else in_package(options.name, options.package)
        write_all(files)
    except HwsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(map(str, files)))
    return 0


def check_name(name: str) -> None:
    """Raise UsageError for a name that no module, package and architecture file could all have, or that is taken."""
    if not re.fullmatch(r"[a-z]([a-z0-9_]*[a-z0-9])?", name) or len(name) > LONGEST_NAME or keyword.iskeyword(name):
        raise UsageError(
            f"{name!r}: wanted an identifier of lower-case letters, digits and _, at most {LONGEST_NAME}, which is no "
            "keyword, begins with a letter and does not end in _"
        )
    try:
        is_text = resolve(name) == name
    except ValueError:
        is_text = False
    if not is_text:
        raise UsageError(f"{name!r}: is no text in an architecture file, but a value")
    if name in accelerators.names():
        raise UsageError(f"{name!r}: is taken by a machine; known: {', '.join(accelerators.names())}")
    if hasattr(accelerators, name):
        raise UsageError(f"{name!r}: is taken by hwsim.accelerators.{name}, which is no machine")


def in_repository(name: str) -> dict[Path, str]:
    """The files of a machine in this repository."""
    return {
        ROOT / "hwsim" / "accelerators" / f"{name}.py": _filled("machine.py", name),
        ROOT / "arch" / f"{name}.yaml": _filled("design.yaml", name),
        ROOT / "tests" / "accelerators" / name / f"test_{name}.py": _filled(
            "test_machine.py", name, {_IN_PACKAGE: _IN_REPOSITORY}
        ),
    }


def in_package(name: str, folder: Path) -> dict[Path, str]:
    """The files of a package with one machine."""
    package = folder / f"hwsim_{name}"
    return {
        folder / "pyproject.toml": _filled("package.toml", name),
        package / "__init__.py": _filled("machine.py", name),
        package / f"{name}.yaml": _filled("design.yaml", name),
        folder / "tests" / f"test_{name}.py": _filled("test_machine.py", name),
    }


def _filled(template: str, name: str, replaced: Mapping[str, str] | None = None) -> str:
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    for old, new in {**(replaced or {}), PLACEHOLDER: name}.items():
        text = text.replace(old, new)
    return text


def write_all(files: Mapping[Path, str]) -> None:
    """Write files that are not there yet: all, or none where one cannot be written.

    Raises UsageError.
    """
    for path in files:
        if path.exists() or path.is_symlink():
            raise UsageError(f"{path}: is there already, and nothing is overwritten")
    made: list[Path] = []
    try:
        for path, text in files.items():
            for folder in reversed([folder for folder in path.parents if not folder.exists()]):
                folder.mkdir()
                made.append(folder)
            with path.open("x", encoding="utf-8") as file:
                made.append(path)
                file.write(text)
    except BaseException as error:
        for path in reversed(made):
            path.rmdir() if path.is_dir() else path.unlink()
        if isinstance(error, OSError):
            raise UsageError(f"{error.filename}: cannot be written: {error.strerror}") from None
        raise


if __name__ == "__main__":
    sys.exit(main())
