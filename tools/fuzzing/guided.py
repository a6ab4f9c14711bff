"""Cases of a target guided by the code that they reach: libFuzzer, by atheris, over hwsim's instrumented modules.

    python tools/fuzzing/guided.py TARGET CASES SEED CORPUS FINDINGS

A process of its own, because modules are instrumented as they are imported.  Kernels are left alone: Numba compiles
their bytecode.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from random import Random
from typing import Any, NoReturn

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
_ANEW = 0.25  # share of cases that are drawn and not made from another
_LARGEST_BYTES = 256 << 10
_ROOM_TO_GROW = 64
_OPTIONS = ("-rss_limit_mb=0", "-timeout=0", "-detect_leaks=0", f"-max_len={_LARGEST_BYTES}")  # limits are ours


def _kernels() -> list[str]:
    """Names of all modules of the kernels, none imported."""
    spec = importlib.util.find_spec("hwsim")
    assert spec is not None and spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    files = (path.relative_to(package.parent).with_suffix("") for path in (package / "kernels").rglob("*.py"))
    return [".".join(path.parts).removesuffix(".__init__") for path in files]


def _instrumented() -> Any:
    return atheris.instrument_imports(include=["hwsim", "yaml"], exclude=_kernels())


with _instrumented():
    from fuzzing import mutations
    from fuzzing.cases import Case, Findings, keep, limits, play, scratch, warm_up
    from fuzzing.targets import SOUND, Target, targets


def _change(rng: Random, content: bytes) -> bytes:
    if rng.random() < 0.5:
        return bytes(atheris.Mutate(content, len(content) + _ROOM_TO_GROW))
    return mutations.of_bytes(rng, content)


def _mutated(target: Target, content: bytes, size: int, seed: int) -> bytes:
    """Another case, made from one by the target's grammar; a drawn one if that cannot be taken apart."""
    rng = Random(seed)
    if rng.random() >= _ANEW:
        try:
            changed = target.change(rng, content, _change)
            if len(changed) <= size:
                return changed
        except Exception:
            pass
    return target.draw(rng)[:size]


def main(name: str, n_cases: int, seed: int, corpus: Path, findings: Path) -> NoReturn:
    """Look for cases and end the process, with status 1 if any ended wrongly."""
    target = targets(SOUND)[name]
    with _instrumented():  # of what is imported only when it is used
        warm_up(target)
    found = Findings()
    with scratch() as folder:

        def one(content: bytes) -> None:
            with limits():
                ending, account = play(target, Path(folder), content, Random(content))
            case = Case(f"{name}-guided-{seed}-{found.endings.total()}", content, account)
            if found.take(ending, case):
                keep(case, findings)  # at once: the process may not live to its end

        def mutated(content: bytes, size: int, seed: int) -> bytes:
            return _mutated(target, content, size, seed)

        libfuzzer = (
            *_OPTIONS,
            f"-seed={seed or 2**32 - 1}",
            f"-atheris_runs={n_cases}",
            f"-artifact_prefix={corpus}-",
        )
        atheris.Setup([sys.argv[0], *libfuzzer, str(corpus)], one, custom_mutator=mutated)
        try:
            atheris.Fuzz()
        except SystemExit as ended:
            print(f"{name}: {ended.code}", file=sys.stderr)
    held = sum(1 for _ in corpus.iterdir())
    found.report(f"{name}, guided: {found.endings.total()} cases of seed {seed}, corpus of {held}", findings)
    os._exit(
        1 if found.wrong else 0
    )  # the interpreter, once libFuzzer was in it, ends with status 0 whatever it is told


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))
