from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import hwsim
from hwsim.arch import load, shipped, shipped_folder
from hwsim.arch.files import find
from hwsim.arch.nodes import plain
from hwsim.arch.yaml_text import parse
from hwsim.components import Adc, Technology
from hwsim.designs import load_architecture
from hwsim.errors import ArchitectureError

ROOT = Path(hwsim.__file__).resolve().parent.parent
PROJECT = ROOT / "pyproject.toml"


@pytest.fixture
def designs(tmp_path, monkeypatch):
    """A folder of shipped designs with two files in it."""
    folder = tmp_path / "designs"
    folder.mkdir()
    for name in ("imc", "ttfs"):
        (folder / f"{name}.yaml").write_text("machine: x\n")
    monkeypatch.setattr("hwsim.arch.files.shipped_folder", lambda: folder)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return folder


def test_shipped_designs_are_found_by_name_from_anywhere(designs):
    assert shipped() == ("imc", "ttfs")
    assert find("imc") == designs / "imc.yaml"
    assert find("imc.yaml") == designs / "imc.yaml"


def test_a_file_of_ones_own_comes_before_a_shipped_file_name(designs):
    own = Path("imc.yaml")
    own.write_text("machine: x\n")
    assert find("imc.yaml") == own
    assert find("imc") == designs / "imc.yaml"


def test_a_wrong_name_lists_what_there_is_and_guesses(designs):
    with pytest.raises(ArchitectureError) as caught:
        load("icm", lambda _name: pytest.fail("not reached"))
    assert str(caught.value) == "icm: no such file or shipped design (shipped: imc, ttfs); did you mean 'imc'?"


def test_names_cannot_climb_out_of_the_folder(designs):
    (designs.parent / "secret.yaml").write_text("machine: x\n")
    with pytest.raises(ArchitectureError, match="no such file"):
        find("../designs/../secret")


def test_all_shipped_files_lie_where_the_package_looks():
    folder = shipped_folder()
    assert folder.name in ("arch", "shipped")
    assert set(shipped()) == {path.stem for path in folder.glob("*.yaml")}


@pytest.mark.skipif(not PROJECT.is_file(), reason="not a source checkout")
def test_the_wheel_has_every_package_and_the_shipped_designs():
    package = ROOT / "hwsim"
    folders = {path.parent for path in package.rglob("*.py")}
    assert all((folder / "__init__.py").is_file() for folder in folders)  # else no package is found there
    patterns = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    listed = {
        path
        for name, globs in patterns.items()
        for glob in globs
        for path in ROOT.joinpath("arch" if name == "hwsim.shipped" else name.replace(".", "/")).glob(glob)
    }
    data = {
        path for path in package.rglob("*") if path.suffix not in (".py", ".pyc", ".nbi", ".nbc") and path.is_file()
    }
    assert listed == data | set((ROOT / "arch").glob("*.yaml"))


@pytest.mark.skipif(not PROJECT.is_file(), reason="not a source checkout")
def test_the_examples_of_the_manual_are_valid():
    manual = (ROOT / "docs" / "formats" / "architecture.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)
    trees = [plain(parse(example, lambda line: f"example:{line}")) for example in examples]
    by_key = {
        key: tree[key] for tree in trees for key in tree if key in ("technology", "adc") and "extends" not in tree
    }
    technology = Technology.model_validate(by_key["technology"])
    assert technology.energy_factor == pytest.approx(0.654, abs=0.001)
    given = Adc.model_validate(by_key["adc"])
    assert given.priced(technology.model_copy(update={"node_nm": 65, "vdd_v": 1.0})).actions["convert"].value == 2.03084
    assert any("extends" in tree for tree in trees)


def test_errors_that_the_format_shows_are_those_of_the_shipped_file(tmp_path, monkeypatch):
    """Each line of docs/formats/architecture.md, from the file it names with the change that it speaks of."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "arch").mkdir()
    page = (ROOT / "docs" / "formats" / "architecture.md").read_text()
    shown = re.search(r"Every error is one line .*?```\n(.*?)```", page, re.DOTALL)[1].splitlines()
    before, section, after = (ROOT / "arch" / "imc.yaml").read_text().partition("\nadc:\n")
    assert after.startswith("  bits: 8\n")
    rest = after.removeprefix("  bits: 8\n")
    found = []
    for written in ("  bits: -4\n", "  bit: 8\n", ""):
        (tmp_path / "arch" / "imc.yaml").write_text(before + section + written + rest)
        with pytest.raises(ArchitectureError) as raised:
            load_architecture("arch/imc.yaml")
        found.append(str(raised.value))
    with pytest.raises(ArchitectureError) as raised:
        load_architecture("imc", ["adc.bits=x"])
    assert [*found, str(raised.value)] == shown
