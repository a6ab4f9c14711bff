"""The gallery is what its tool makes, and the guide's commands and program run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import gallery
from cli.commands import run

from hwsim.cli.plot import KINDS

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "guides" / "pictures.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_page_is_the_tool_s():
    assert gallery.PAGE.read_text() == gallery.page()


def test_every_picture_is_there_and_all_are_small():
    drawn = {picture.file for section in gallery.SECTIONS for picture in section.pictures}
    assert drawn == {file.name for file in gallery.FOLDER.iterdir()}
    assert sum(file.stat().st_size for file in gallery.FOLDER.iterdir()) < 2_000_000


def test_every_kind_of_picture_is_in_the_guide_and_in_the_gallery():
    table = GUIDE.partition("| `--figure` |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(KINDS)
    words = [picture.words for section in gallery.SECTIONS for picture in section.pictures]
    named = {each.partition("--figure ")[2].partition(" ")[0] for each in words} - {""}
    assert named | {"energy", "compare", "pareto"} == set(KINDS)


def test_the_guide_s_commands_and_its_program_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "traces").symlink_to(ROOT / "traces")
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(commands) == 5
    for command in commands:
        done = run(*shlex.split(command)[1:])
        assert done.exit_code == 0, done.output
    assert all((tmp_path / name).read_text().startswith("<!doctype html>") for name in ("report.html", "kept.html"))
    (program,) = blocks("python")
    exec(program, {})
    assert {"energy.pdf", "timeline.svg"} <= {file.name for file in tmp_path.iterdir()}
    (style,) = blocks("ini")
    (tmp_path / "wide.mplstyle").write_text(style)
    assert run("plot", "report.json", "-o", "wide.svg", "--style", "wide.mplstyle").exit_code == 0
