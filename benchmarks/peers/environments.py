"""An environment of its own for each peer, made once in an ignored folder from pinned versions."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from pathlib import Path

from hwsim.errors import UsageError
from hwsim.printable import one_line

REQUIREMENTS = Path(__file__).parent / "requirements"
SCRIPTS = {
    "spikesim": "https://raw.githubusercontent.com/Intelligent-Computing-Lab-Yale/SpikeSim/"
    "a83c4511a00e4abeb4b326acee08c07c66b4bbea/SNN_train_infer_quantization_ela/ela_spikesim.py"
}
"""What a package registry does not have, at a commit."""


def interpreter(name: str, folder: Path) -> Path:
    """The Python of a peer's environment, which is made anew where its requirements have changed.

    Raises UsageError where something cannot be installed or fetched from here.
    """
    environment, wanted = folder / name, (REQUIREMENTS / f"{name}.txt").read_text()
    python, made_from = environment / "bin" / "python", environment / "requirements.txt"
    if not made_from.is_file() or made_from.read_text() != wanted:
        print(f"{name}: making {environment}", file=sys.stderr)
        _run(name, sys.executable, "-m", "venv", environment)
        _run(name, python, "-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS / f"{name}.txt")
        made_from.write_text(wanted)
    if name in SCRIPTS:
        _fetch(name, SCRIPTS[name], environment)
    return python


def _run(name: str, *command: str | Path) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
        raise UsageError(f"{name}: its environment cannot be made here: {one_line(last)[:200]}")


def _fetch(name: str, address: str, environment: Path) -> None:
    script = environment / address.rpartition("/")[2]
    if script.is_file():
        return
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            text = answer.read(1 << 20)
    except OSError as error:
        raise UsageError(f"{name}: {address} cannot be reached ({error}); put the file at {script}") from None
    script.write_bytes(text)
