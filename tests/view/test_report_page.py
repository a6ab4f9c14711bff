"""A report as one page: what is in it, and in a real browser where there is one that it draws, sorts and filters."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import pytest
from cli.commands import refused, run
from contract.families import TRACES
from sweeps.browser import chromium, page

import hwsim
from hwsim import api
from hwsim.traces.direct.synth import synthesize
from hwsim.view.report_page.report_page import to_html

EVERY = {"energy", "floor", "rates", "roofline", "timeline", "stalls", "timesteps", "exit"}
SETTING = "adc.bits=7"
HOSTILE = '</td></script><script>window.pwned = 1</script><img src=x onerror="window.pwned = 2">\'"&$x$' + "y" * 10_000


class Elements(HTMLParser):
    """Tables of a page by title, as rows of (text, data-value), and what else tests ask for."""

    def __init__(self, html):
        super().__init__()
        self.tables, self.tags, self.attributes, self.texts = {}, [], [], []
        self._title, self._cell, self._heading = "", None, False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self._heading = tag == "h3"
        if tag == "h3":
            self._title = ""
        if tag == "table":
            self.tables[self._title] = []
        if tag == "tr" and self._title in self.tables:
            self.tables[self._title].append([])
        if tag in ("td", "th"):
            self._cell = [attributes.get("data-value"), ""]

    def handle_endtag(self, tag):
        if tag == "h3":
            self._heading = False
        if tag in ("td", "th") and self._cell is not None:
            value, shown = self._cell
            self.tables[self._title][-1].append((shown, None if value is None else float(value)))
            self._cell = None

    def handle_data(self, data):
        self.texts.append(data)
        if self._heading:
            self._title += data
        if self._cell is not None:
            self._cell[1] += data


@cache
def simulated():
    """With an override, all pictures and a curve."""
    trace = synthesize("mlp:60-40-10", timesteps=3, samples=3, rate=0.2, seed=1)
    settings = {"early_exit.threshold": 0.5, "adc.bits": 7}
    report = api.simulate("imc", trace, set=settings, exit_thresholds=None, occupancy=True, accuracy_samples=0)
    design = api.load_architecture("imc", [SETTING, "early_exit.threshold=0.5"])
    return report, design, api.components(design, trace)


@cache
def whole():
    report, design, parts = simulated()
    return to_html(report, "hwsim simulate imc x.npz --set adc.bits=7", design, parts)


@cache
def hostile():
    """A page of a report whose every name is markup."""
    report, design, parts = simulated()
    of_layer = {name: HOSTILE if name == "fc1" else name for name in report.spike_rates} | {"fc1": HOSTILE}

    def named(rows):
        return [replace(row, layer=of_layer.get(row.layer, row.layer)) for row in rows]

    runs = [
        replace(each, **{key: named(getattr(each, key)) for key in ("rows", "layers", "stages", "loads")})
        for each in report.runs
    ]
    changed = replace(
        report,
        runs=runs,
        spike_rates={of_layer[name]: rate for name, rate in report.spike_rates.items()},
        trace=report.trace | {"name": HOSTILE, "dataset": HOSTILE},
        architecture=report.architecture | {"description": HOSTILE, "file": HOSTILE, "overrides": [HOSTILE]},
        notes={HOSTILE: HOSTILE},
    )
    return to_html(changed, HOSTILE, design, parts)


def table(elements, title):
    (found,) = [rows for name, rows in elements.tables.items() if name.startswith(title)]
    return [shown for shown, _ in found[0]], found[1:]


def test_it_is_one_file_that_may_load_nothing():
    html = whole()
    assert "default-src 'none'" in html
    without_names = html.replace("http://www.w3.org/2000/svg", "").replace("http://www.w3.org/1999/xlink", "")
    assert not re.search(r"https?://|\bsrc=|@import|url\((?!#)", without_names)
    elements = Elements(html)
    links = [value for _, name, value in elements.attributes if name.endswith("href")]
    assert links and all(link.startswith(("#", "data:image/png;base64,")) for link in links)
    ids = [value for _, name, value in elements.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)


def test_all_pictures_are_there():
    elements = Elements(whole())
    assert {value for tag, name, value in elements.attributes if (tag, name) == ("figure", "data-figure")} == EVERY
    assert "not drawn" not in whole()
    report, design, parts = simulated()
    bare = replace(report, runs=[replace(each, occupancy=None) for each in report.runs], exit_curve=None)
    said = " ".join(Elements(to_html(bare, "", design, parts)).texts)
    assert "hwsim simulate --occupancy" in said and "hwsim simulate --exit-curve" in said


def test_tables_hold_the_report():
    report, *_ = simulated()
    elements, last = Elements(whole()), report.runs[-1]
    columns, rows = table(elements, "Every action")
    energy = columns.index("energy")
    assert sum(row[energy][1] for row in rows) == pytest.approx(last.energy_pj.value, rel=1e-9)
    columns, rows = table(elements, "Energy by component")
    for end in ("low", "high"):
        total = sum(row[columns.index(end)][1] for row in rows)
        assert total == pytest.approx(getattr(last.energy_pj, end), rel=1e-9)
    columns, rows = table(elements, "Energy by layer")
    assert [row[columns.index("energy")][1] for row in rows] == [row.energy_pj for row in last.layers]
    columns, rows = table(elements, "Stages")
    assert [row[columns.index("busy")][1] for row in rows] == [row.busy_cycles for row in last.stages]
    columns, rows = table(elements, "Area")
    assert sorted(row[2][1] for row in rows) == sorted(row.area_um2 for row in report.area)
    columns, rows = table(elements, "Per inference")
    assert columns[1:] == [str(run.name) for run in report.runs]
    assert {"energy", "latency"} <= {row[0][0] for row in rows}
    columns, rows = table(elements, "Early exit over thresholds")
    assert [row[0][1] for row in rows] == [point.lowest_threshold for point in report.exit_curve.points]


def test_what_it_costs_is_said_before_anything_is_drawn():
    report, *_ = simulated()
    html = whole()
    assert html.index("What it costs") < html.index("<figure")
    columns, rows = table(Elements(html), "What it costs")
    assert columns == ["per inference", *(str(run.name) for run in report.runs)]
    for word, field, scale in (
        ("energy", "energy_pj", 1e-12),
        ("latency", "latency_ns", 1e-9),
        ("EDP", "edp_pj_ns", 1e-21),
    ):
        (row,) = [row for row in rows if row[0][0].startswith(f"{word}, ")]
        prefix = {"u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18}[row[0][0].removeprefix(f"{word}, ")[0]]
        for each, (shown, _) in zip(report.runs, row[1:], strict=True):
            wanted = getattr(each, field).value * scale
            assert float(shown.partition(" ")[0]) * prefix == pytest.approx(wanted, rel=5e-4)


def test_every_price_is_there_with_its_source():
    _, design, parts = simulated()
    columns, rows = table(Elements(whole()), "Prices")
    assert columns == ["part", "price of", "value", "low", "high", "law", "source", "overridden by"]
    found = {(row[0][0], row[1][0]): row for row in rows}
    for name, part in parts.items():
        for what, price in {**part.actions, "area": part.area_um2, "leakage": part.leakage_uw}.items():
            row = found[name, what]
            assert [cell[1] for cell in row[2:5]] == [price.value, price.low, price.high]
            assert row[6][0] == price.source[:997] + "..." if len(price.source) > 1000 else price.source
    assert found["adc", "convert"][5][0] == design.spec.adc.law
    assert found["adc", "convert"][7][0] == "adc.bits"
    assert found["htree", "transfer"][7][0] == ""


def test_names_are_text():
    elements = Elements(hostile())
    assert elements.tags.count("script") == 1 and "img" not in elements.tags
    assert not any(name.startswith("on") for _, name, _ in elements.attributes)
    assert any(HOSTILE[:60] in text for text in elements.texts)
    assert len(hostile()) < 2_000_000


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A page that the command wrote, and its report."""
    folder = tmp_path_factory.mktemp("page")
    trace = TRACES / "mnist_ttfs_deep.npz"
    words = ["simulate", "ttfs", trace, "--samples", 3, "--set", "cores=2", "--quiet"]
    done = run(*words, "--html", folder / "r.html", "--json", folder / "r.json", "--memory", "4GiB")
    assert done.exit_code == 0, done.output
    return folder


def test_the_command_on_the_page_makes_the_report_again(written, tmp_path):
    html = (written / "r.html").read_text()
    command = shlex.split(re.search(r'<pre id="command">([^<]*)', html)[1])
    assert command[:3] == ["hwsim", "simulate", "ttfs"] and "--memory" not in command
    assert run(*command[1:], "--quiet", "--occupancy", "--json", tmp_path / "again.json").exit_code == 0
    assert (tmp_path / "again.json").read_text() == (written / "r.json").read_text()


def test_a_kept_report_gives_a_page_with_prices_of_a_shipped_design(written, tmp_path):
    done = run("report", "show", written / "r.json", "--html", tmp_path / "p.html")
    assert (done.exit_code, done.output) == (0, "")
    _, rows = table(Elements((tmp_path / "p.html").read_text()), "Prices")
    design = api.load_architecture("ttfs", ["cores=2"])
    known = {name: part for name, part in api.components(design).items() if name not in design.spec.auto_memories}
    assert design.spec.auto_memories and {row[0][0] for row in rows} == known.keys()
    assert len(rows) == sum(len(part.actions) + 2 for part in known.values())
    document = json.loads((written / "r.json").read_text())
    document["architecture"]["sha256"] = "0" * 64
    (tmp_path / "other.json").write_text(json.dumps(document))
    assert run("report", "show", tmp_path / "other.json", "--html", tmp_path / "q.html").exit_code == 0
    elements = Elements((tmp_path / "q.html").read_text())
    assert "Prices" not in elements.tables
    assert any("lists every price" in text for text in elements.texts)


def test_a_page_does_not_take_the_place_of_its_report(written):
    assert "is also" in refused(run("report", "show", written / "r.json", "--html", written / "r.json"))


@pytest.mark.parametrize("design", ["digital_compute", "stdp", "lstm"])
def test_other_machines_have_pages(design):
    trace = {"stdp": "mnist_stdp", "lstm": "mnist_lstm"}.get(design, "mnist_dietsnn")
    report = hwsim.simulate(design, TRACES / f"{trace}.npz", samples=1, accuracy_samples=0)
    elements = Elements(to_html(report, ""))
    for each in report.runs if report.runs[0].name.learns else report.runs[-1:]:
        assert any(title == f"Energy by component, {each.name}" for title in elements.tables)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if chromium() is None:
        pytest.skip("there is no chromium")
    folder = tmp_path_factory.mktemp("browser")
    (folder / "whole.html").write_text(whole())
    (folder / "hostile.html").write_text(hostile())
    with page(folder) as opened:
        opened.folder = folder
        yield opened


def open_page(browser, name, width=1440, scheme="light"):
    browser.events.clear()
    browser.resize(width, scheme=scheme)
    browser.open(browser.folder / f"{name}.html")
    assert browser.run("window.report.ready")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("name", ["whole", "hostile"])
def test_it_fits_and_complains_of_nothing(browser, name, width, scheme):
    open_page(browser, name, width, scheme)
    complaints, asked = browser.faults()
    assert complaints == []
    assert all(url.startswith(("file:", "data:image/png")) for url in asked)
    assert browser.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert browser.run("typeof window.pwned") == "undefined"
    sizes = browser.run("[...document.querySelectorAll('figure svg')].map((e) => e.getBoundingClientRect().width)")
    assert len(sizes) == len(EVERY)
    assert all(150 < size <= width for size in sizes)
    shade = browser.run("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]")
    assert (shade > 200) == (scheme == "light")


VALUES = """(() => {
  const section = [...document.querySelectorAll("section")].find((e) => e.querySelector(":scope > h3")?.textContent
    .startsWith("Every action"));
  const rows = [...section.querySelectorAll("tbody tr")].filter((row) => !row.hidden);
  return rows.map((row) => [row.cells[1].textContent, Number(row.cells[4].dataset.value)]);
})()"""
HEADING = """(() => {
  const section = [...document.querySelectorAll("section")].find((e) => e.querySelector(":scope > h3")?.textContent
    .startsWith("Every action"));
  return section.querySelectorAll("th")[COLUMN];
})()"""


def test_a_click_on_a_heading_sorts(browser):
    open_page(browser, "whole")
    column = HEADING.replace("COLUMN", "4")
    before = browser.run(VALUES)
    for wanted, reverse in (("descending", True), ("ascending", False)):
        browser.run(f"{column}.querySelector('button').click()")
        assert browser.run(f"{column}.getAttribute('aria-sort')") == wanted
        energies = [energy for _, energy in browser.run(VALUES)]
        assert energies == sorted((energy for _, energy in before), reverse=reverse)
    words = HEADING.replace("COLUMN", "1")
    browser.run(f"{words}.querySelector('button').click()")
    assert browser.run(f"{words}.getAttribute('aria-sort')") == "ascending"
    assert browser.run(f"{column}.getAttribute('aria-sort')") is None
    names = [name for name, _ in browser.run(VALUES)]
    assert names == sorted(names)


def test_a_keyboard_is_enough(browser):
    open_page(browser, "whole")
    browser.press("Tab")
    assert browser.run("document.activeElement.className") == "skip"
    column = HEADING.replace("COLUMN", "4")
    browser.run(f"{column}.querySelector('button').focus()")
    browser.press("Enter", "\r")
    assert browser.run(f"{column}.getAttribute('aria-sort')") == "descending"
    reached = browser.run("""[...document.querySelectorAll("table.data")].every((table) =>
      table.parentElement.tabIndex === 0 &&
      table.querySelectorAll("th button").length === table.tHead.rows[0].cells.length)""")
    assert reached


def test_every_table_can_be_filtered(browser):
    open_page(browser, "whole")
    tables = browser.run("document.querySelectorAll('table.data').length")
    assert tables == browser.run("document.querySelectorAll('.filter input').length") > 8
    rows = browser.run(VALUES)
    section = HEADING.replace("COLUMN", "0") + ".closest('section')"

    def only(words):
        browser.run(
            f"(() => {{const i = {section}.querySelector('input'); i.value = {json.dumps(words)};"
            "i.dispatchEvent(new Event('input'))})()"
        )
        return browser.run(VALUES), browser.run(f"{section}.querySelector('.filter span').textContent")

    shown, said = only("ADC convert")
    assert shown and {name for name, _ in shown} == {"adc"}
    assert said == f"{len(shown)} of {len(rows)} rows"
    assert only("nothing has this")[0] == []
    assert only("") == (rows, f"{len(rows)} rows")
