"""Names, descriptions and sources from files are printed as they are, and never obeyed."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.table import Table

from hwsim import api
from hwsim.errors import ArchitectureError, TraceError
from hwsim.printable import printable
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.io import write_trace
from hwsim.view.terminal.plain_text import PlainConsole, headed

CASES = Path(__file__).parents[1] / "cases"
HOSTILE = ("[/foo]", "[link=http://evil.example]click[/link]", ":boom:", "\x1b]8;;http://evil.example\x07", "\x9b31m")


def printed(*objects):
    console = PlainConsole(file=io.StringIO(), width=200, force_terminal=True)
    for each in objects:
        console.print(each)
    return console.file.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_cells_and_headings_print_what_is_written(text):
    table = Table("column")
    table.add_row(text)
    for shown in (printed(text), printed(table), printed(headed("name", text)), printed(headed(text))):
        assert printable(text) in shown
        assert not set("\x07\x9b") & set(shown)
        assert "\x1b]" not in shown


def test_what_is_no_sign_to_see_is_written_out():
    assert printable("a\x1b[31mb\u202ec\u200bd\r\t\x00é µ 神 | \n") == (
        "a\\x1b[31mb\\u202ec\\u200bd\\r\\t\\x00é µ 神 | \n"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("markup_name", "x[/foo]"),
        ("markup_split", "a[/b]"),
        ("markup_link", "[link=http://evil.example]click[/link] [red]x"),
    ],
)
def test_traces_with_markup_in_their_names_on_a_terminal(name, text):
    file = str(CASES / f"{name}.npz")
    assert text in on_terminal("trace", "info", file)
    out = on_terminal("simulate", "imc", file)
    assert name == "markup_split" or text in out
    assert "\x1b]8" not in out


def test_designs_with_markup_in_descriptions_and_sources_on_a_terminal(tmp_path):
    hostile = "[/b] [link=http://evil.example]x[/link]"
    design = tmp_path / "design.yaml"
    imc = Path(api.load_architecture("imc").path).resolve()
    design.write_text(f"extends: {imc}\ndescription: '{hostile}'\nsource: '{hostile}'\n")
    out = on_terminal("arch", "show", str(design))
    assert out.count(hostile) == 2
    assert "\x1b]8" not in out


def test_escape_sequences_in_files_are_refused(tmp_path):
    drawn = synthesize("mlp:20-12-10", timesteps=2, samples=2, rate=0.1)
    with pytest.raises(TraceError, match=r"manifest.provenance.name: wanted one line of printable text"):
        write_trace(tmp_path / "trace.npz", replace(drawn, provenance=replace(drawn.provenance, name="\x1b[2J")))
    design = tmp_path / "design.yaml"
    design.write_text('extends: imc\ndescription: "\\x1b[2J"\n')
    with pytest.raises(ArchitectureError, match=r"cannot be printed \(U\+001B\)$"):
        api.load_architecture(design)


def on_terminal(*arguments):
    """What a command writes to a terminal; it must succeed."""
    ours, theirs = pty.openpty()
    environment = dict(os.environ, TERM="xterm-256color", COLUMNS="200")
    with subprocess.Popen(
        [sys.executable, "-c", "from hwsim.cli import main; main()", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
    ) as process:
        os.close(theirs)
        chunks = []
        try:
            while chunk := os.read(ours, 65536):
                chunks.append(chunk)
        except OSError:  # Linux says so when the last writer is gone
            pass
        finally:
            os.close(ours)
    assert process.returncode == 0
    return b"".join(chunks).decode()
