"""Where architecture files are and how their bytes become text: shipped names, paths, `extends`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from hwsim.arch.nodes import Node, merge, refuse_nulls
from hwsim.arch.yaml_text import MAX_BYTES, parse
from hwsim.errors import ArchitectureError, guess
from hwsim.files import kind_of, open_file
from hwsim.printable import one_line, shortened

SUFFIX = ".yaml"
MAX_PARENTS = 8


@cache
def shipped_folder() -> Path:
    """Folder of the shipped designs: `hwsim/shipped` in an installed package, `arch` beside it in a source checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "shipped"
    return installed if installed.is_dir() else package.parent / "arch"


def shipped() -> tuple[str, ...]:
    """Names of the shipped designs, sorted; each can be given wherever a path can."""
    return tuple(sorted(path.stem for path in shipped_folder().glob(f"*{SUFFIX}")))


def named(name: str) -> tuple[str, str]:
    """Machine and description of a shipped design; nothing else of it is checked."""
    root = resolve_file(find(name)).root
    assert isinstance(root.value, Mapping)
    return str(root.value["machine"].value), str(root.value["description"].value)


def find(name: str, beside: Path | None = None) -> Path:
    """The file that a path or shipped name means; a relative path counts from `beside`, or from where one stands.

    Raises:
        ArchitectureError: there is no such file; the message lists the shipped names and guesses.

    """
    stem = name.removesuffix(SUFFIX)
    if name in shipped():
        return shipped_folder() / f"{stem}{SUFFIX}"
    path = (beside or Path()) / name
    if (kind := _kind(path, name)) == "a file":
        return path
    if kind is not None:
        raise ArchitectureError(f"{shortened(name)}: is {kind}, not an architecture file")
    if stem in shipped():
        return shipped_folder() / f"{stem}{SUFFIX}"
    known = ", ".join(shipped()) or "none"
    raise ArchitectureError(
        f"{shortened(name)}: no such file or shipped design (shipped: {known}){guess(stem[:64], shipped())}"
    )


def _kind(path: Path, name: str) -> str | None:
    """What there is under a path, in words; None for nothing."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ArchitectureError(f"{shortened(name)}: a name of an architecture file is text, this one is not") from None
    try:
        return kind_of(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:
        raise ArchitectureError(f"{shortened(name)}: is not the name of a file") from None
    except OSError as error:
        raise ArchitectureError(f"{shortened(name)}: {error.strerror}") from None


class Resolved(NamedTuple):
    """The tree of a file laid over those that it extends, and all of these files, the first one extended first."""

    root: Node
    files: tuple[Path, ...]


def resolve_file(path: Path, children: tuple[Path, ...] = ()) -> Resolved:
    """Lay a file over those that it extends, nulls gone.

    Raises:
        ArchitectureError: a file cannot be read, is not strict YAML or no mapping, or `extends` leads in a circle.

    """
    own = read_file(path)
    extends = own.value.get("extends") if isinstance(own.value, dict) else None
    if extends is None:
        refuse_nulls(own)
        return Resolved(own, (path,))
    if not isinstance(extends.value, str) or not extends.value.strip():
        raise ArchitectureError(f"{extends.place}: extends: must be the name of one architecture file")
    try:
        parent = find(extends.value, beside=path.parent)
    except ArchitectureError as error:
        raise ArchitectureError(f"{extends.place}: extends: {error}") from None
    chain = (*children, path)
    if any(parent.resolve() == child.resolve() for child in chain):
        circle = " -> ".join(shown_path(file) for file in (*chain, parent))
        raise ArchitectureError(f"{extends.place}: extends: the files extend each other in a circle: {circle}")
    if len(chain) > MAX_PARENTS:
        raise ArchitectureError(f"{extends.place}: extends: more than {MAX_PARENTS} files on top of each other")
    base, files = resolve_file(parent, chain)
    over = {key: child for key, child in own.value.items() if key != "extends"} if isinstance(own.value, dict) else {}
    _refuse_another_machine(base, over, parent)
    merged = merge(base, Node(over, own.place))
    refuse_nulls(merged)
    return Resolved(merged, (*files, path))


def _refuse_another_machine(base: Node, over: Mapping[str, Node], parent: Path) -> None:
    """A file of one machine has no keys that another knows."""
    there = base.value.get("machine") if isinstance(base.value, Mapping) else None
    here = over.get("machine")
    if there is not None and here is not None and here.value != there.value:
        raise ArchitectureError(
            f"{here.place}: machine: this file extends {shown_path(parent)}, whose machine is '{there.value}', so it "
            f"cannot be of machine '{here.value}': leave the key out, or extend a file of that machine"
        )


def read_file(path: Path, what: str = "architecture", dotted: bool = False) -> Node:
    """The tree of one file, a mapping at its root; `dotted` keys such as adc.bits are for files about a design.

    Raises ArchitectureError, with its name and line, for a file that is none.
    """
    name = shown_path(path)
    try:
        with open_file(path) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ArchitectureError(f"{name}: cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise ArchitectureError(f"{name}: larger than {MAX_BYTES // 1024} KiB, which no {what} is")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ArchitectureError(f"{name}:{line}: not UTF-8 text") from None
    root = parse(text, lambda line: f"{name}:{line}", dotted)
    if not isinstance(root.value, dict):
        article = "an" if what[0] in "aeiou" else "a"
        raise ArchitectureError(f"{root.place}: {article} {what} file is a mapping of keys to values")
    return root


def shown_path(path: Path) -> str:
    """A path as messages name it: relative where it lies below the current folder."""
    absolute = path.absolute()
    name = str(absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else path)
    return one_line(name)
