"""What is fuzzed: how a case of each target is drawn, and what is then done with it."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import yaml
from rich.console import Console

from fuzzing import mutations
from hwsim import api
from hwsim.arch import files as arch_files
from hwsim.arch import shipped
from hwsim.arch.nodes import Node, plain
from hwsim.errors import TraceError
from hwsim.traces.codings import verify
from hwsim.traces.info import look_into
from hwsim.view.terminal.trace_summary import print_trace_summary
from hwsim.view.terminal.trace_table import print_trace

DESIGNS = {
    "direct": ("imc",),
    "rate": ("ttfs", "coding=rate"),
    "ttfs": ("ttfs",),
    "sequence": ("lstm",),
    "plastic": ("stdp",),
}
SOUND = Path(__file__).resolve().parents[2] / "tests" / "cases" / "sound"
LARGEST_SEED_BYTES = 64 << 10
_SHOWN, _PLAYED = 0.3, 0.1  # shares of what is sound: both take ten times as long as reading
_SHAPES = (
    "(1,)",
    "()",
    "(0,)",
    "(2**3,)",
    "(-1,)",
    "(1e3,)",
    "(True,)",
    "(0x" + "f" * 3000 + ",)",
    "(9,)*9",
    "[1]",
    "(1,1,1,1,1)",
)


Change = Callable[[Random, bytes], bytes]
"""Changes bytes that have no form that it knows."""


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of input."""

    suffix: str
    draw: Callable[[Random], bytes]
    change: Callable[[Random, bytes, Change], bytes]  # a case into another; raises whatever it likes on what is no case
    run: Callable[[Path, Random], object]  # raises whatever the product raises


class Seeds:
    """Sound traces and designs that cases are made from."""

    def __init__(self, folder: Path) -> None:
        self.traces = [path.read_bytes() for path in sorted(folder.glob("*.npz")) if self._sound(path)]
        trees = {name: plain(arch_files.resolve_file(arch_files.find(name)).root) for name in shipped()}
        self.trees: dict[str, dict[str, Any]] = json.loads(json.dumps(trees))  # lists, not tuples
        self.keys = {name: _dotted(tree) for name, tree in self.trees.items()}

    @staticmethod
    def _sound(path: Path) -> bool:
        try:
            return path.stat().st_size <= LARGEST_SEED_BYTES and api.load_trace(path) is not None
        except TraceError:
            return False


@functools.lru_cache(64)
def _members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _dotted(tree: Any, prefix: str = "") -> list[str]:
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path for key, child in pairs for path in (f"{prefix}{key}", *_dotted(child, f"{prefix}{key}."))]


def targets(folder: Path) -> Mapping[str, Target]:
    """All targets, over the traces of a folder and the shipped designs."""
    seeds = Seeds(folder)
    _read_shipped_once()

    def of_trace(change: Callable[[Random, bytes, Change], bytes]) -> Target:
        return Target(".npz", lambda rng: change(rng, rng.choice(seeds.traces), mutations.of_bytes), change, read)

    return {
        "zip": of_trace(lambda rng, content, change: change(rng, content)),
        "npy": of_trace(_npy),
        "manifest": of_trace(_manifest),
        "yaml-bytes": Target(".yaml", lambda rng: _yaml_bytes(rng, seeds), _changed_text, check),
        "yaml-values": Target(".yaml", lambda rng: _yaml_values(rng, seeds), _changed_values, check),
        "set": Target(".txt", lambda rng: _settings(rng, seeds), _changed_setting, override),
    }


@functools.cache
def _read_shipped_once() -> None:
    """Shipped designs do not change while cases run, and reading them is most of the time."""
    read_file = arch_files.read_file
    kept = functools.cache(read_file)
    unchanged = frozenset(map(arch_files.find, shipped()))

    def read(path: Path, what: str = "architecture", dotted: bool = False) -> Node:
        return (kept if path in unchanged else read_file)(path, what, dotted)

    arch_files.read_file = read


def read(path: Path, rng: Random) -> None:
    """Read a trace; show, verify and play what is sound."""
    trace = api.load_trace(path)
    chance = rng.random()
    if chance < _SHOWN:
        info = look_into(path)
        for show in (print_trace_summary, print_trace):
            show(info, Console(file=io.StringIO(), width=120))
        json.dumps(info.to_dict(), allow_nan=False)
    if chance < _PLAYED:
        verify(trace)
        design = _design(*DESIGNS[trace.coding])
        report = api.simulate(design, trace, engine="compiled", accuracy_samples=2)
        report.to_json()


@functools.cache
def _design(name: str, *overrides: str) -> api.Architecture:
    return api.load_architecture(name, overrides)


def check(path: Path, _rng: Random) -> None:
    """Check an architecture file, prices included."""
    api.components(api.load_architecture(path))


def override(path: Path, _rng: Random) -> None:
    """Check a shipped design with an override: the first line names the design."""
    name, _, setting = path.read_bytes().decode("utf-8", "surrogateescape").partition("\n")
    api.components(api.load_architecture(name, [setting]))


def _packed(members: Mapping[str, bytes], rng: Random) -> bytes:
    held = io.BytesIO()
    method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return held.getvalue()


def _manifest_of(members: Mapping[str, bytes]) -> Any:
    return json.loads(np.load(io.BytesIO(members["manifest.npy"])).tobytes())


def _with_manifest(members: Mapping[str, bytes], manifest: bytes) -> dict[str, bytes]:
    return {**members, "manifest.npy": _saved(np.frombuffer(manifest, np.uint8))}


def _saved(array: np.ndarray[Any, Any]) -> bytes:
    held = io.BytesIO()
    np.save(held, array)
    return held.getvalue()


def _npy(rng: Random, trace: bytes, change: Change) -> bytes:
    """An npy member changed; its CRC fits, and the digest of what follows its header is the one in the manifest."""
    members = dict(_members(trace))
    name = rng.choice(list(members))
    content = members[name]
    if rng.random() < 0.5:
        content = change(rng, content)
    else:
        end = content.index(b"\n") + 1
        header = content[10:end].decode("latin-1")
        shape = header[header.index("(") : header.index(")") + 1]
        changed = header.replace(shape, rng.choice(_SHAPES)) if rng.random() < 0.5 else mutations.of_text(rng, header)
        raw = changed.encode("latin-1", "replace")
        content = content[:8] + (len(raw) % 65536).to_bytes(2, "little") + raw + content[end:]
    members[name] = content
    if name != "manifest.npy":
        manifest = _manifest_of(members)
        data = content[10 + int.from_bytes(content[8:10], "little") :]
        manifest["sha256"][name.removesuffix(".npy")] = hashlib.sha256(data).hexdigest()
        members = _with_manifest(members, json.dumps(manifest).encode())
    return _packed(members, rng)


def _manifest(rng: Random, trace: bytes, change: Change) -> bytes:
    """The manifest or an array changed, digests fitting."""
    members = dict(_members(trace))
    manifest = _manifest_of(members)
    if rng.random() < 0.4:
        name = rng.choice([name for name in members if name != "manifest.npy"])
        array = _array(rng, np.load(io.BytesIO(members[name])))
        members[name] = _saved(array)
        manifest["sha256"][name.removesuffix(".npy")] = hashlib.sha256(
            np.ascontiguousarray(array).tobytes()
        ).hexdigest()
    if rng.random() < 0.7:
        digests = manifest.pop("sha256")
        manifest = mutations.of_tree(rng, manifest)
        if isinstance(manifest, dict) and rng.random() < 0.98:
            manifest["sha256"] = digests
    text = json.dumps(manifest).encode()
    if rng.random() < 0.1:
        text = change(rng, text)
    return _packed(_with_manifest(members, text), rng)


def _array(rng: Random, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Other values of the same form, or another form."""
    changed = array.copy()
    flat = changed.reshape(-1)
    whole = changed.dtype.kind in "iu"
    low, high = (np.iinfo(changed.dtype).min, np.iinfo(changed.dtype).max) if whole else (-3e38, 3e38)
    odd = (low, high, 0, 1, high // 2 if whole else float("nan"))
    match rng.randrange(6):
        case 0 | 1 | 2:
            for _ in range(rng.choice((1, 3, 100))):
                flat[rng.randrange(flat.size)] = rng.choice(odd)
        case 3:
            flat[:] = rng.choice(odd)
        case 4:
            changed = changed[: rng.randrange(len(changed) + 1)]
        case _:
            changed = rng.choice((changed.astype(np.float64), changed.T, np.concatenate([changed, changed])))
    return changed


def _yaml_bytes(rng: Random, seeds: Seeds) -> bytes:
    """The text of a small file, laid over a shipped one, with bytes or tokens changed."""
    name = rng.choice(list(seeds.trees))
    tree = seeds.trees[name]
    over = {key: tree[key] for key in rng.sample(list(tree), min(2, len(tree))) if key != "extends"}
    text = yaml.safe_dump({"extends": name} | over, sort_keys=False)
    return _changed_text(rng, text.encode(), mutations.of_bytes)


def _changed_text(rng: Random, content: bytes, change: Change) -> bytes:
    if rng.random() < 0.4:
        return change(rng, content)
    return mutations.of_text(rng, content.decode("utf-8", "replace")).encode("utf-8", "surrogatepass")


def _yaml_values(rng: Random, seeds: Seeds) -> bytes:
    """A small file, laid over a shipped one, that gives parts of it other values."""
    name = rng.choice(list(seeds.trees))
    tree = seeds.trees[name]
    parts = {key: tree[key] for key in rng.sample(list(tree), min(2, len(tree))) if key not in ("extends", "machine")}
    return _over(name, mutations.of_tree(rng, parts))


def _changed_values(rng: Random, content: bytes, _change: Change) -> bytes:
    document = yaml.safe_load(content)
    return _over(document.pop("extends"), mutations.of_tree(rng, document))


def _over(name: str, parts: Any) -> bytes:
    document = {"extends": name} | parts if isinstance(parts, dict) else parts
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode("utf-8", "surrogatepass")


def _settings(rng: Random, seeds: Seeds) -> bytes:
    """A design and one KEY=VALUE."""
    name = rng.choice(list(seeds.trees))
    key = rng.choice(seeds.keys[name])
    drawn = mutations.value(rng)
    value = rng.choice((json.dumps(drawn), str(drawn), repr(drawn)))
    setting = f"{key}={value}"
    if rng.random() < 0.4:
        setting = mutations.of_text(rng, setting)
    if rng.random() < 0.02:
        setting = rng.choice(("a.", "[", "{a: ", "-", "9")) * rng.choice((10, 900, 5000)) + setting
    return f"{name}\n{setting}".encode("utf-8", "surrogatepass")


def _changed_setting(rng: Random, content: bytes, change: Change) -> bytes:
    name, setting = content.split(b"\n", 1)
    key, value = setting.split(b"=", 1)
    match rng.randrange(3):
        case 0:
            setting = change(rng, setting)
        case 1:
            setting = mutations.of_text(rng, setting.decode()).encode("utf-8", "surrogatepass")
        case _:
            near = mutations.near(rng, yaml.safe_load(value))
            setting = key + b"=" + json.dumps(near).encode()
    return name + b"\n" + setting
