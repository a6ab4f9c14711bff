"""Each number with which prose speaks of a paper or a chip is one that tools print, or that a source of ours has."""

from __future__ import annotations

from functools import cache

import prose
import pytest

pytestmark = pytest.mark.no_kernel
each_document = pytest.mark.parametrize(
    "document", prose.DOCUMENTS, ids=lambda path: path.relative_to(prose.ROOT).as_posix()
)


@cache
def clauses_of(document):
    return list(prose.clauses(document.relative_to(prose.ROOT).as_posix(), document.read_text(encoding="utf-8")))


def unheld(text, document="docs/evidence.md"):
    return [figure for clause in prose.clauses(document, text) for figure in prose.unheld(clause)]


@each_document
def test_figures_of_papers_and_chips_are_held(document):
    found = {clause.text: prose.unheld(clause) for clause in clauses_of(document)}
    assert {text: figures for text, figures in found.items() if figures} == {}, "CONTRIBUTING.md says what to do"


def test_most_figures_are_told_from_others():
    """With another last digit: those that still stand somewhere are round ones of sources."""
    found = altered = 0
    for clause in (clause for document in prose.DOCUMENTS for clause in clauses_of(document)):
        for number, unit in prose.figures(clause):
            other = f"{number[:-1]}{(int(number[-1]) + 1) % 10} {unit}"
            altered += 1
            found += bool(prose.unheld(prose.Clause(clause.document, other, clause.names)))
    assert altered > 80
    assert found > 0.75 * altered


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Eyeriss takes 339 mJ an image.", []),
        ("Eyeriss takes 340 mJ an image.", ["340 mJ"]),
        ("Eyeriss takes 339 uJ an image.", ["339 uJ"]),
        ("ODIN's 12.7 pJ are 6.54 pJ here.", []),
        ("ODIN's 12.7 pJ are 6.55 pJ here.", ["6.55 pJ"]),
        ("An operation of ReckOn takes 12.7 pJ.", ["12.7 pJ"]),  # another chip's
        ("DT-SNN reports 1.46 timesteps; ours are 1.47.", ["1.47"]),
        ("FSpiNN needs 7.5 times less. Theirs was 7.6x.", ["7.6"]),
        ("FSpiNN needs less. A report has 7.6 MB.", []),  # speaks of something else
        ("Loihi takes 23.6 pJ a synaptic operation.", ["23.6 pJ"]),
        ("Somebody et al. measured 4.75 mW.", ["4.75 mW"]),
        ("A chip (arXiv 2412.00001) takes 4.75 mW.", ["4.75 mW"]),
        ("A chip (Name, ISSCC 2021) takes 2,048 pJ, or 2000 pJ.", ["2048 pJ", "2000 pJ"]),
        ("Name and Other (2019) need 12 %.", ["12 %"]),
        ("The paper's 9.9x is not met.", ["9.9"]),
        ("| | paper |\n|---|---|\n| energy | 9.9x |", ["9.9"]),
        ("- **NeuRRAM** has 1.8 V.\n- Wang has 1.9 V.", ["1.9 V"]),
        ("<!-- chips, written by a tool -->\n\nODIN: 99 pJ\n\n<!-- end of chips -->", []),  # other tests hold it
        ("```\nODIN: 99 pJ\n```", []),
    ],
)
def test_what_is_held(text, wanted):
    assert unheld(text) == wanted


def test_the_paper_is_that_of_the_page():
    assert unheld("The paper's 4.1x is far.", "docs/machines/lstm.md") == []
    assert unheld("The paper's 4.1x is far.", "docs/machines/stdp.md") == ["4.1"]


def test_pages_about_speed_have_times_but_no_energies():
    text = "| SpikeSim's script | 4.4 | 12.5 ms | 15.9 uJ |"
    assert unheld(f"| | |\n{text}", "docs/performance.md") == ["15.9 uJ"]


@pytest.mark.parametrize("what", prose.NO_FIGURES)
def test_no_exception_is_idle(what, monkeypatch):
    """Without it a number that is no figure of a paper or a chip would be taken for one."""
    before = [prose.figures(clause) for document in prose.DOCUMENTS for clause in clauses_of(document)]
    monkeypatch.delitem(prose.NO_FIGURES, what)
    assert [prose.figures(clause) for document in prose.DOCUMENTS for clause in clauses_of(document)] != before
