"""A machine that the tool writes keeps all laws at once, in the repository and in a package of its own.

And machines of other packages: what they may do wrong ends in one line, and only when they are asked for.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import new_accelerator
import pytest
from click.testing import CliRunner

from hwsim import accelerators, api
from hwsim.cli import main
from hwsim.errors import ArchitectureError

pytestmark = pytest.mark.no_kernel  # its processes run without compiled kernels in any case
ROOT = Path(__file__).resolve().parents[2]
MOST_LINES = 150

HWSIM = ("-c", "from hwsim.cli import main; main()")
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
LAWS = "tests/contract/test_contract.py"


def run(*arguments, path, at=ROOT):
    """Python in a process that finds packages in `path` first; on so little work kernels are not worth compiling."""
    found = os.pathsep.join([*map(str, path), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": found, "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=at, env=environment, capture_output=True, text=True, check=False)


def sources(folder):
    """Every file of the repository that a machine could want to edit, with its content."""
    files = [path for part in ("hwsim", "arch", "tests", "tools") for path in (folder / part).rglob("*")]
    return {path: path.read_bytes() for path in files if path.suffix in (".py", ".yaml", ".toml")}


def install(folder, distribution, points):
    """What an installer leaves behind beside the modules of a package: its name and its entry points."""
    info = folder / f"{distribution.replace('-', '_')}-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1\n")
    lines = "\n".join(f"{name} = {value}" for name, value in points.items())
    (info / "entry_points.txt").write_text(f"[hwsim.accelerators]\n{lines}\n")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A package with the machine `toy`, made by the tool and installed where it lies."""
    folder = tmp_path_factory.mktemp("package")
    before = sources(ROOT)
    assert new_accelerator.main(["toy", "--package", str(folder)]) == 0
    assert sources(ROOT) == before
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    install(folder, project["name"], project["entry-points"]["hwsim.accelerators"])
    return folder


def test_a_package_of_its_own_simulates(package, tmp_path):
    design, trace = package / "hwsim_toy" / "toy.yaml", tmp_path / "t.npz"
    options = ("--timesteps", 3, "--samples", 2, "--rate", 0.2)
    assert CliRunner().invoke(main, ["trace", "synth", "mlp:20-12-5", *map(str, (trace, *options))]).exit_code == 0
    done = run(*HWSIM, "simulate", design, trace, "--json", "-", path=[package])
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["architecture"]["machine"] == "toy"
    assert report["runs"][0]["energy_pj"]["value"] > 0
    schema = run(*HWSIM, "arch", "schema", "toy", path=[package])
    assert json.loads(schema.stdout)["properties"]["lanes"]


def test_a_package_of_its_own_keeps_all_laws(package):
    done = run(*PYTEST, LAWS, "--design", package / "hwsim_toy" / "toy.yaml", path=[package])
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout
    own = run(*PYTEST, "tests", path=[package], at=package)
    assert own.returncode == 0, own.stdout


def test_a_machine_in_the_repository_keeps_all_laws(tmp_path):
    for folder in ("hwsim", "arch", "tests", "tools"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "golden"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    here, before = {"path": [tmp_path], "at": tmp_path}, sources(tmp_path)
    made = run("tools/new_accelerator.py", "toy", **here)
    assert made.returncode == 0, made.stderr
    written = ("hwsim/accelerators/toy.py", "arch/toy.yaml", "tests/accelerators/toy/test_toy.py")
    assert made.stdout.split() == [str(tmp_path / path) for path in written]
    after = sources(tmp_path)
    assert after.keys() - before.keys() == {tmp_path / path for path in written}
    assert {path: after[path] for path in before} == before
    laws = run(*PYTEST, LAWS, written[-1], "--design", "toy", **here)
    assert laws.returncode == 0, laws.stdout
    assert "skipped" not in laws.stdout
    golden = run(*PYTEST, "tests/contract/test_golden_reports.py", "-k", "toy-synthetic", **here)
    assert "toy-synthetic.json is not there yet: `make golden` writes it" in golden.stdout


@pytest.mark.parametrize("name", ["x", "a" * new_accelerator.LONGEST_NAME])
def test_what_is_written_is_short_and_formatted_whatever_the_name(name, tmp_path):
    assert new_accelerator.main([name, "--package", str(tmp_path)]) == 0
    module = tmp_path / f"hwsim_{name}" / "__init__.py"
    assert len(module.read_text().splitlines()) <= MOST_LINES
    written = [module, tmp_path / "tests" / f"test_{name}.py"]
    assert all("NAME" not in path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    if importlib.util.find_spec("ruff") is None:
        pytest.skip("ruff is not installed")
    config = ("--config", ROOT / "pyproject.toml", "--no-cache")
    for command in (("check", "--ignore", "D"), ("format", "--check")):
        done = run("-m", "ruff", *command, *config, *written, path=[])
        assert done.returncode == 0, done.stdout


def test_the_guide_quotes_what_is_written():
    guide = (ROOT / "docs" / "guides" / "new-machine.md").read_text()
    quoted = re.findall(r"```(python|toml)\n(.*?)```", guide, re.DOTALL)
    written = {
        kind: (new_accelerator.TEMPLATES / f).read_text()
        for kind, f in (("python", "machine.py"), ("toml", "package.toml"))
    }
    assert len(quoted) > 5
    assert [text for kind, text in quoted if text not in written[kind]] == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("imc", "taken by a machine; known: digital, imc"),
        ("machine", "taken by hwsim.accelerators.machine, which is no machine"),
        ("true", "is no text in an architecture file"),
        ("nan", "is no text in an architecture file"),
        *((name, "wanted an identifier") for name in ("", "Toy", "1a", "a-b", "a.b", "../a", "class", "_a", "a_", "é")),
        ("a" * (new_accelerator.LONGEST_NAME + 1), "wanted an identifier"),
    ],
)
@pytest.mark.parametrize("where", ["repository", "package"])
def test_names_that_cannot_be_are_refused(name, said, where, tmp_path, capsys):
    def there():
        return {
            path for part in ("hwsim/accelerators", "arch", "tests/accelerators") for path in (ROOT / part).iterdir()
        }

    before = there()
    assert said in refused(capsys, name, *(() if where == "repository" else ("--package", tmp_path)))
    assert (list(tmp_path.iterdir()), there()) == ([], before)


def test_nothing_is_overwritten(tmp_path, capsys):
    own = tmp_path / "pyproject.toml"
    own.write_text("mine")
    assert f"{own}: is there already" in refused(capsys, "toy", "--package", tmp_path)
    assert (list(tmp_path.iterdir()), own.read_text()) == ([own], "mine")


def test_all_is_written_or_nothing(tmp_path, capsys):
    in_the_way = tmp_path / "tests"
    in_the_way.write_text("a file where a folder is wanted")
    assert "cannot be written" in refused(capsys, "toy", "--package", tmp_path)
    assert list(tmp_path.iterdir()) == [in_the_way]
    assert "cannot be written" in refused(capsys, "toy", "--package", in_the_way)
    assert list(tmp_path.iterdir()) == [in_the_way]


@pytest.mark.parametrize("arguments", [(), ("toy", "boy"), ("toy", "--pakage", "x")])
def test_wrong_options_are_one_line(arguments, capsys):
    assert refused(capsys, *arguments)


def refused(capsys, *arguments):
    """The one line of the tool that ended in a user's mistake."""
    assert new_accelerator.main([str(argument) for argument in arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    return line


@pytest.fixture
def others(tmp_path, monkeypatch):
    """A folder of installed packages; modules that tests import from it are forgotten."""
    monkeypatch.syspath_prepend(tmp_path)
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def answer(*arguments):
    """Exit status and output of the command line, errors included."""
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("import not_there_at_all", "cannot be imported: ModuleNotFoundError: No module named 'not_there_at_all'"),
        ("raise ValueError('two\\nlines')", "cannot be imported: ValueError: two lines"),
        ("x = (", "cannot be imported: SyntaxError"),
        ("x = 1", "cannot be imported: AttributeError"),
        ("Machine = 1", "is no subclass of hwsim.contract.machine.Accelerator"),
        (
            "from hwsim.contract.machine import Accelerator\nclass Machine(Accelerator): pass",
            "lacks components, lower, spec_type, trace_type",
        ),
    ],
)
def test_a_broken_machine_is_one_line_when_it_is_asked_for(content, said, others, tmp_path):
    (others / "broken_toy.py").write_text(content)
    install(others, "hwsim-broken", {"broken": "broken_toy"})
    assert "broken" in accelerators.names()
    status, printed = answer("arch", "schema", "broken")
    (line,) = printed.splitlines()
    assert status == 2
    assert line.startswith("hwsim: machine 'broken' of package hwsim-broken")
    assert said in line
    (tmp_path / "broken.yaml").write_text("machine: broken\n")
    status, printed = answer("arch", "check", tmp_path / "broken.yaml")
    assert (status, len(printed.splitlines())) == (2, 1)
    assert "broken.yaml:1: machine: machine 'broken'" in printed


def test_other_packages_are_not_imported_for_other_machines(others):
    (others / "broken_toy.py").write_text("raise SystemExit('imported')")
    install(others, "hwsim-broken", {"broken": "broken_toy"})
    for command in (("arch", "list"), ("arch", "check", "imc"), ("arch", "schema", "imc"), ("arch", "schema", "x")):
        answer(*command)
        assert "broken_toy" not in sys.modules
    assert "known: broken, digital, imc" in answer("arch", "schema", "x")[1]
    assert answer("arch", "schema", "brocken")[1].endswith("did you mean 'broken'?\n")


def test_names_of_hwsim_come_first(others):
    (others / "other_imc.py").write_text("raise ValueError('imported')")
    install(others, "hwsim-other", {"imc": "other_imc"})
    assert accelerators.machine("imc").__module__ == "hwsim.accelerators.imc.machine"
    assert api.load_architecture("imc").machine == "imc"


def test_two_packages_with_one_name_are_both_named(others):
    install(others, "hwsim-one", {"toy": "one_toy"})
    install(others, "hwsim-two", {"toy": "two_toy:Machine"})
    assert accelerators.names().count("toy") == 1
    with pytest.raises(ArchitectureError) as caught:
        accelerators.machine("toy")
    assert "hwsim-one (one_toy) and hwsim-two (two_toy:Machine)" in str(caught.value)
    assert answer("arch", "check", "imc")[0] == 0


def test_metadata_that_cannot_be_read_does_not_reach_the_machines_of_hwsim(others):
    install(others, "hwsim-odd", {})
    (others / "hwsim_odd-1.dist-info" / "entry_points.txt").write_text("[hwsim.accelerators]\nno equals sign\n")
    assert answer("arch", "check", "imc")[0] == 0
    status, printed = answer("arch", "schema", "toy")
    assert (status, len(printed.splitlines())) == (2, 1)


def test_a_design_that_is_not_there_ends_the_tests_in_one_line():
    done = run(*PYTEST, LAWS, "--design", "ims", path=[])
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: --design: ims: no such file or shipped design" in done.stdout + done.stderr
