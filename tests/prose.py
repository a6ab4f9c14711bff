"""Figures that documents give of papers and chips, and what holds each: what a tool prints, or a source that ships.

A clause names a paper or a chip, or goes on about the one before it.  Its numbers are figures of that paper or chip, or
of ours beside it, but for those that `NO_FIGURES` says are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from reproduction import page as papers_page
from reproduction.kept import kept as kept_papers
from validation import page as chips_page
from validation.figures import PUBLISHED, Chip
from validation.kept import kept as kept_chips

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "traces" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

PAPERS = {
    "dtsnn": r"DT-SNN|2305\.17346",
    "dietsnn": r"DIET-SNN(?! \d)|2008\.03658",  # 'DIET-SNN 16-32-...' is a network of ours
    "ttfs": r"YOSO|2006\.09982|2003\.11837|sister paper",
    "slstm": r"Datta|2210\.12613",
    "fspinn": r"FSpiNN|2007\.08860",
}
"""Papers of `tools/reproduce.py` by the names that prose has for them."""
PAPER_OF_PAGE = {
    "docs/machines/imc.md": "dtsnn",
    "docs/machines/digital.md": "dietsnn",
    "docs/machines/ttfs.md": "ttfs",
    "docs/machines/lstm.md": "slstm",
    "docs/machines/stdp.md": "fspinn",
    "docs/training/dietsnn.md": "dietsnn",
    "docs/training/ttfs.md": "ttfs",
    "docs/training/slstm.md": "slstm",
}
"""Which one 'the paper' is on a page."""
OTHERS = (
    "ISAAC|SpikeSim|LoAS|SATA|PUMA|SpinalFlow|PTB|Prosperity|NeuroMC|Loihi|TrueNorth|SpiNNaker|BrainScaleS|Tianjic|"
    r"Akida|DYNAP\w*|MorphIC|ANP-I|SNE|Kraken|Murmann|Andrulis|Horowitz|Kull|Ramkaj"
)
"""Papers and chips that no tool compares.  Programs (CACTI, NeuroSim, SANA-FE) are neither."""
CITATIONS = (
    r"([A-Z][\w-]+) et al",
    r"([A-Z][\w-]+) and [A-Z][\w-]+,? \(?(?:19|20)\d\d",
    r"([A-Z][\w-]+)'?,? \(?(?:[A-Z]{3,}|Nature|Science)[\w ]* (?:19|20)\d\d",
    r"arXiv:? ?(\d{4}\.\d{4,5})",
)
"""How work of anybody else is cited; what is caught is the name by which a source of ours has it."""

UNITS = "%|[pnumf]?J(?:/b| s)?|[num]?W|[mu]m2|[num]s|V|nm|[MG]Hz|[MG]S/s|[KM]i?B|uA|TOPS/W|points"
NO_FIGURES = {
    "addresses of links": r"\]\([^)]*\)",
    "names and expressions of code": r"`[^`]*`",
    "numbers of papers": r"arXiv:? ?\d{4}\.\d{4,5}",
    "volumes and numbers of journals": r"\d+\(\d+\)|\b\d+(?=, 20\d\d\b)|(?<=\b20\d\d), \d{4,}",
    "years": rf"\b(?:19[5-9]|20[0-3])\d\b(?! ?(?:{UNITS})\b)",
    "shapes": r"\b\d+(?:x\d+)+(?:-\d+)*\b|\b\d+(?:-\d+){2,}\b|\b\d+(?: x \d+)+(?![.\d])",
    "parameters of a run": r"(?<!\w)[TNXSnp] = [\d,.]+(?: to \d+)?",
    "rows of data sets, which have a licence": r"^\|.*\bCC BY\b.*",
}
"""What is a number and no figure of a paper or a chip, by pattern; nor is a count below ten."""
NUMBER = re.compile(rf"(?<![\w.^-])(\d[\d,]*(?:\.\d+)?(?:e-?\d+)?)(?: ?({UNITS})(?!\w)|(?:x|[- ]\w+)?(?!\w))")
SPEED = {"docs/performance.md"}
"""Pages about how long programs run, which is of no paper and no chip: only what has a unit is looked at."""
_OF_TIME = {"s", "ms", "us", "ns"}

_WRITTEN = re.compile(r"<!-- ([\w ]+), written by a tool -->(.*?)<!-- end of \1 -->", re.DOTALL)
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_BLOCKS = re.compile(r"\n\s*\n|\n(?=[-*] |\d+\. |#)")
_CLAUSES = re.compile(r"(?<=[.;])(?<!al\.)(?<!Fig\.)\s+")
_GOES_ON = re.compile(
    r"\W*(?:\d|(?:it|its|that|those|this|these|they|theirs?|ours?|both|of|which|here|so)\b)", re.IGNORECASE
)
_THE_PAPER = re.compile(r"\b(?:the|its|their) (?:papers?|abstract|claims?)\b|\| *papers? *\|", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of prose, or a row of a table, with the papers and chips that it speaks of."""

    document: str  # from the root
    text: str
    names: frozenset[str]


def clauses(document: str, text: str) -> Iterator[Clause]:
    """What a document says of papers and chips, but for what a tool wrote."""
    prose = _FENCED.sub("", _WRITTEN.sub("", text))
    for block in _BLOCKS.split(prose):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        before: frozenset[str] = frozenset()
        for piece in rows[1:] if rows else _CLAUSES.split(" ".join(block.split())):
            names = named(document, f"{rows[0]} {piece}" if rows else piece)
            if not names and not rows and _GOES_ON.match(piece):
                names = before
            before = names
            if names:
                yield Clause(document, piece, names)


def named(document: str, text: str) -> frozenset[str]:
    """Papers and chips that a text speaks of."""
    found = {name for name, pattern in PAPERS.items() if re.search(pattern, text)}
    found |= {name for name in _chips() if re.search(rf"\b{name}\b", text)}
    found |= set(re.findall(rf"\b(?:{OTHERS})\b", text))
    for pattern in CITATIONS:
        cited = re.findall(pattern, text)
        found |= {name for name in cited if not any(re.fullmatch(each, name) for each in PAPERS.values())}
    if not found and _THE_PAPER.search(text):
        found.add(PAPER_OF_PAGE.get(document, "a paper that is not named"))
    return frozenset(found)


def figures(clause: Clause) -> list[tuple[str, str]]:
    """Each number of a clause that is none of `NO_FIGURES`, without commas, and its unit or nothing."""
    plain = clause.text
    for pattern in NO_FIGURES.values():
        plain = re.sub(pattern, " ", plain)
    found = [(match[1].rstrip(",").replace(",", ""), match[2] or "") for match in NUMBER.finditer(plain)]
    if clause.document in SPEED:
        return [(number, unit) for number, unit in found if unit and unit not in _OF_TIME]
    return [(number, unit) for number, unit in found if unit or not re.fullmatch(r"\d", number)]


def unheld(clause: Clause) -> list[str]:
    """Figures that stand neither in what the tools print of what a clause names nor in a source that ships."""
    printed, sources = (" ".join(texts(name)[i] for name in sorted(clause.names)) for i in (0, 1))
    return [
        f"{number} {unit}".strip()
        for number, unit in figures(clause)
        if not _stands(number, unit, printed) and not _stands(number, "", sources)
    ]


def _stands(number: str, unit: str, text: str) -> bool:
    behind = rf" ?{re.escape(unit)}(?!\w)" if unit else r"(?!\d|\.\d)"
    return re.search(rf"(?<![\d.]){re.escape(number)}{behind}", text) is not None


@cache
def texts(name: str) -> tuple[str, str]:
    """What the tools print of a paper or a chip, and what sources that ship say of it; numbers without commas."""
    pattern = re.compile(PAPERS.get(name, rf"\b{re.escape(name)}\b"))
    printed, sources = ([each for each in passages if pattern.search(each)] for passages in (_printed(), _sources()))
    if name in PAPERS:
        printed.append(papers_page.everything({name: kept_papers()[name].paper}))
    if name in _chips():
        chip = _chips()[name]
        printed += [chips_page.summary({name: chip}), chips_page.chip_section(chip)]
        sources.append((PUBLISHED / chip.file).read_text(encoding="utf-8"))
    return _plain(printed), _plain(sources)


def _plain(passages: list[str]) -> str:
    return re.sub(r"(?<=\d)[,_](?=\d{3})", "", " ".join(passages))


@cache
def _chips() -> dict[str, Chip]:
    return {name: found.chip for name, found in kept_chips().items()}


@cache
def _printed() -> list[str]:
    """Paragraphs, and rows of tables, that the tools have written in documents."""
    parts = [part for path in DOCUMENTS for _, part in _WRITTEN.findall(path.read_text(encoding="utf-8"))]
    return [passage for part in parts for passage in re.split(r"\n\s*\n|\n(?=\|)", part)]


@cache
def _sources() -> list[str]:
    """Paragraphs of designs and modules: laws name the sources of their prices, training those of its recipes."""
    folders = ((ROOT / "arch", "*.yaml"), (ROOT / "hwsim", "**/*.py"), (ROOT / "tools" / "training", "**/*.py"))
    texts = [path.read_text(encoding="utf-8") for folder, names in folders for path in sorted(folder.glob(names))]
    return [passage for text in texts for passage in re.split(r"\n\s*\n", text)]
