"""Documents speak of what is there: links, headings, paths and modules exist, and the glossary has a report's words."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path

import pytest
from contract.families import family_of

from hwsim import api, arch, components
from hwsim.components.pricing.given import PricedSpec
from hwsim.contract.run import RunName
from hwsim.report import report as report_module
from hwsim.view.terminal.run_table import figures_table

ROOT = Path(__file__).resolve().parents[1]
ALONE = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "traces" / "README.md"]
DOCUMENTS = [path for path in ALONE if path.is_file()] + sorted((ROOT / "docs").rglob("*.md"))
GLOSSARY = ROOT / "docs" / "glossary.md"

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
MODULE = re.compile(r"(?<![\w./-])hwsim(?:\.[A-Za-z_]\w*)+")
PATH = re.compile(r"(?<![\w./-])(?:(?:hwsim|tools|tests|benchmarks|docs)/[\w./-]*|[\w/-]+\.py\b)")
PLACEHOLDER = re.compile(r"\b[A-Z][A-Z_]*\b")

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


@cache
def headings(document):
    """Fragments that lead to a document's headings; of headings that are alike the later ones get a number."""
    found = set()
    for heading in HEADING.findall(re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)):
        plain = re.sub(r"\]\([^)]*\)", "", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        alike = sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", other) is not None for other in found)
        found.add(f"{slug}-{alike}" if alike else slug)
    return found


def leads_somewhere(document, target):
    place, _, fragment = target.partition("#")
    file = (document.parent / place).resolve() if place else document
    return file.exists() and (not fragment or (file.suffix == ".md" and fragment in headings(file)))


def is_there(dotted):
    """Whether a dotted name is a module, or something in one."""
    parts = dotted.split(".")
    for n in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:n]))
        except ModuleNotFoundError as missing:
            if not str(missing.name).startswith("hwsim"):  # a library of an extra
                return is_written(parts)
            continue
        for name in parts[n:]:
            if not hasattr(found, name):
                return False
            found = getattr(found, name)
        return True
    return False


def is_written(parts):
    """The same from the sources, for what cannot be imported here: a module, or a name at the top of one."""
    for n in (len(parts), len(parts) - 1):
        place = ROOT.joinpath(*parts[:n])
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                body = ast.parse(file.read_text()).body
                names = {getattr(each, "name", "") for each in body}
                names |= {
                    each.asname or each.name for line in body if isinstance(line, ast.ImportFrom) for each in line.names
                }
                return set(parts[n:]) <= names
    return False


def test_what_cannot_be_imported_is_read():
    assert is_written(["hwsim", "report", "price", "PricedRun"]) and is_written(["hwsim", "report", "price"])
    assert not is_written(["hwsim", "report", "price", "nothing"]) and not is_written(["hwsim", "nowhere"])


def test_all_documents_are_looked_at():
    assert {"design.md", "glossary.md", "architecture.md", "trace.md"} <= {path.name for path in DOCUMENTS}


@each_document
def test_links_lead_to_files_and_headings(document):
    targets = [t for t in LINK.findall(CODE.sub("", document.read_text())) if "://" not in t]
    assert [target for target in targets if not leads_somewhere(document, target)] == []


@each_document
def test_modules_that_are_named_exist(document):
    assert [name for name in set(MODULE.findall(document.read_text())) if not is_there(name)] == []


@each_document
def test_paths_that_are_named_exist(document):
    """From the root, as a reader would open them; words in capitals stand for names that a user chooses."""
    named = {path.rstrip("./-") for path in PATH.findall(document.read_text())}
    assert [path for path in named if not (PLACEHOLDER.search(path) or (ROOT / path).exists())] == []


@pytest.mark.parametrize("target", ["#nowhere", "glossary.md#nowhere", "nowhere.md", "../setup.cfg#layers"])
def test_links_to_nothing_are_found(target):
    assert not leads_somewhere(ROOT / "docs" / "design.md", target)


@pytest.mark.parametrize(
    "name", ["hwsim.nowhere", "hwsim.report.price.nothing", "hwsim.report.price.PricedRun.nothing"]
)
def test_names_of_nothing_are_found(name):
    assert is_there("hwsim.report.price.PricedRun.figure")
    assert not is_there(name)


def test_headings_that_are_alike_are_told_apart(tmp_path):
    document = tmp_path / "document.md"
    document.write_text("# One `a.b`: two\n\n## Same\n\n```\n# no heading\n```\n\n## Same\n")
    assert headings(document) == {"one-ab-two", "same", "same-1"}


def simulated(name):
    """A design on a small trace of its coding."""
    architecture = api.load_architecture(name)
    family = family_of(architecture)
    return architecture, api.simulate(architecture, family.trace(next(iter(family.networks))))


def test_the_glossary_has_every_key_of_a_report():
    values = [value for value in vars(report_module).values() if is_dataclass(value)]
    keys = {field.name for value in values for field in fields(value)}
    assert [key for key in sorted(keys) if f"`{key}`" not in GLOSSARY.read_text()] == []
    assert [
        run for run in RunName if f"| {run}" not in GLOSSARY.read_text() and f", {run}" not in GLOSSARY.read_text()
    ] == []


@pytest.mark.parametrize("name", arch.shipped())
def test_the_glossary_has_every_word_that_a_design_brings(name):
    text = GLOSSARY.read_text()
    architecture, report = simulated(name)
    words = {row.storage for row in report.storage}
    words |= {note.split(":")[0].removesuffix(", train").removesuffix(", infer") for note in report.notes}
    labels = (re.sub(r", [\d,]+$", "", str(label)).strip() for label in figures_table(report).columns[0].cells)
    words |= {label.removesuffix("s") for label in labels}
    assert [word for word in sorted(words) if word.lower() not in text.lower()] == []
    table = text.partition("## Components and actions")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if architecture.machine in line.split(" | ")[0]]
    for component, part in api.components(architecture).items():
        row = next(row for row in rows if f"`{component}`" in row.split(" | ")[1]) if component != "clock" else text
        assert [action for action in part.actions if f"`{action}`" not in row] == [], component


def test_the_manual_of_architecture_files_has_every_part():
    manual = (
        (ROOT / "docs" / "formats" / "architecture.md").read_text().partition("## The parts")[2].partition("\n### ")[0]
    )
    rows = {name: row for row in manual.splitlines() for name in re.findall(r"`(\w+)`", row.split(" | ")[0])}
    modules = [
        importlib.import_module(f"hwsim.components.{each.name}") for each in pkgutil.iter_modules(components.__path__)
    ]
    parts = {n: p for m in modules for n, p in vars(m).items() if isinstance(p, type) and issubclass(p, PricedSpec)}
    for name in parts.keys() - {"PricedSpec", "NumberedSpec", "CellArray"}:
        row = rows["Crossbar" if name.endswith("Crossbar") else name]
        given = parts[name].model_fields["given"].annotation.__args__[0].model_fields
        actions = {key.removesuffix("_pj") for key in given if key.endswith("_pj")}
        assert [action for action in actions if f"`{action}`" not in row] == [], name
