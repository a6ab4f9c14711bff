"""Papers' tables as the text of documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from validation import marks
from validation.markdown import table

from reproduction import sentences
from reproduction.designs import FOLDER
from reproduction.rows import Paper, Row, Section

Papers = Mapping[str, Paper]
_COLUMNS = ("", "paper", "ours", "what moves it")


def documents(papers: Papers) -> dict[Path, str]:
    """Every document that shows papers, with what they are now in it."""
    return marks.documents(FOLDER, _PARTS, papers)


def everything(papers: Papers) -> str:
    """All tables of all papers."""
    return "\n\n".join(part for each in papers.values() for part in _paper(each))


def headlines(papers: Papers) -> str:
    """What each paper is judged by, and what is said against it."""
    parts = []
    for each in papers.values():
        parts.append(f"### {each.title}")
        for section in each.sections:
            if rows := [_cells(row) for row in section.rows if row.headline]:
                parts += [f"{_text(section.title)}:", table(_COLUMNS, rows)]
        parts += _objection(each)
    return "\n\n".join(parts)


def sections(name: str, *indices: int) -> Callable[[Papers], str]:
    """Some tables of a paper, for the page of its machine."""

    def body(papers: Papers) -> str:
        return "\n\n".join(part for index in indices for part in _section(papers[name].sections[index]))

    return body


def _paper(paper: Paper) -> list[str]:
    parts = [f"### {paper.title}"]
    for section in paper.sections:
        parts += _section(section)
    return parts + _objection(paper)


def _section(section: Section) -> list[str]:
    notes = [_text(note) for note in section.notes]
    return [f"{_text(section.title)}:", table(_COLUMNS, [_cells(row) for row in section.rows]), *notes]


def _objection(paper: Paper) -> list[str]:
    return [
        f"**Strongest objection.** {_text(paper.objection)}",
        f"**What the figures say to it.** {_text(paper.answer)}",
    ]


def _cells(row: Row) -> Sequence[str]:
    return [_text(cell) for cell in (row.what, row.paper or "-", row.ours, row.why)]


def _text(plain: str) -> str:
    """As documents write it; what a terminal shows has no such sign."""
    return plain.replace("+-", "±")


_PARTS: Sequence[tuple[str, str, Callable[[Papers], str]]] = (
    ("docs/validation.md", "papers", everything),
    ("docs/evidence.md", "papers", headlines),
    ("README.md", "early exit", sentences.early_exit),
    ("traces/README.md", "large networks", sentences.large_networks),
    ("docs/machines/stdp.md", "energies of learning", sections("fspinn", 1, 2, 3)),
    ("docs/machines/ttfs.md", "networks of first spikes", sections("ttfs", 0, 1, 2)),
    ("docs/machines/lstm.md", "trained networks", sections("slstm", 0)),
)
"""Document, name of the part and what makes it."""
