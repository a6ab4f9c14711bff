"""The page that explores a sweep, in a real browser where there is one: it draws, filters and answers clicks."""

from __future__ import annotations

import itertools
import json
import re
import shlex

import pytest
from sweeps.browser import chromium, page
from sweeps.cases import alone, space

from hwsim import sweep
from hwsim.sweep.page import command

OBJECTIVES = sweep.objectives(["edp_pj_ns,area_mm2"])


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    axes = ("crossbar.rows=32,64,128", "adc.bits=6:8", "early_exit.threshold=never,0.5", "chip.tiles=as_needed,1")
    where = space(folder, *axes, overrides=("skip=none",))
    return folder, where, sweep.sweep(where, folder / "out.jsonl", alone())


@pytest.fixture(scope="module")
def opened(swept):
    folder, where, rows = swept
    if chromium() is None:
        pytest.skip("there is no chromium")
    (folder / "page.html").write_text(sweep.to_html(where, rows, OBJECTIVES))
    with page(folder) as browser:
        browser.open(folder / "page.html")
        yield browser


def data_of(html):
    return json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1])


def test_the_page_is_one_file_with_every_row(swept):
    _, where, rows = swept
    html = sweep.to_html(where, rows, OBJECTIVES, [sweep.parse_constraint("area_mm2 <= 1")])
    data = data_of(html)
    sound = [row for row in rows if row["error"] is None]
    assert [row["point"] for row in data["rows"]] == [row["point"] for row in sound]
    assert data["failed"] == len(rows) - len(sound)
    assert data["constraints"] == [{"text": "area_mm2 <= 1", "figure": "area_mm2", "relation": "<=", "bound": 1.0}]
    assert not re.search(r"https?://|src=|@import|url\(", html)


def test_text_of_files_cannot_leave_the_data(tmp_path):
    where = space(tmp_path, "adc.bits=7,8", "description='</script><script>alert(1)//',b")
    rows = sweep.sweep(where, tmp_path / "out.jsonl", alone())
    html = sweep.to_html(where, rows, OBJECTIVES)
    assert html.count("</script>") == 2
    assert "</script><script>alert" in data_of(html)["rows"][1]["description"]


def test_the_command_of_a_row_makes_its_point(swept):
    _, where, rows = swept
    words = shlex.split(command(where, rows[5]))
    assert words[:3] == ["hwsim", "simulate", "imc"]
    settings = [word for before, word in itertools.pairwise(words) if before == "--set"]
    assert settings == ["skip=none", *where.settings(where.point(rows[5]["point"]))]


def test_it_draws_every_point_and_asks_nobody(opened, swept):
    sound = [row for row in swept[2] if row["error"] is None]
    assert opened.run("window.sweep.shown()") == len(sound)
    assert sorted(n for _, _, n in opened.run("window.sweep.placed()")) == [row["point"] for row in sound]
    complaints, asked = opened.faults()
    assert complaints == []
    assert all(url.startswith("file:") for url in asked)
    pixels = "Array.from(document.getElementById('{}').getContext('2d').getImageData(0, 0, 900, 250).data)"
    for name in ("scatter", "parallel"):
        assert opened.run(f"new Set({pixels.format(name)}).size") > 20, name


def test_words_of_figures_stand_beside_their_units(opened, swept):
    sound = [row for row in swept[2] if row["error"] is None]
    options = opened.run("Array.from(document.querySelectorAll('#y option')).map((each) => [each.value, each.text])")
    assert ["edp_pj_ns", "EDP"] in options
    assert opened.run("document.getElementById('front-title').textContent").startswith("The front of EDP, area: ")
    first = "document.querySelector('#front tbody tr')"
    cells = opened.run(f"Array.from({first}.cells).map((cell) => cell.textContent)")
    (row,) = [row for row in sound if row["point"] == int(cells[0])]
    value, prefix = re.fullmatch(r"([\d.]+) (.)J s", cells[1]).groups()
    assert float(value) * {"f": 1e-15, "p": 1e-12, "n": 1e-9}[prefix] == pytest.approx(
        row["edp_pj_ns"] * 1e-21, rel=1e-3
    )
    assert float(cells[2].removesuffix(" mm2")) == pytest.approx(row["area_mm2"], rel=1e-4)


def test_a_click_shows_the_command(opened, swept):
    _, where, rows = swept
    left, top = opened.at("scatter")
    x, y, number = opened.run("window.sweep.placed()")[3]
    opened.click(left + x, top + y)
    shown = opened.run("document.getElementById('command').textContent")
    near = [n for a, b, n in opened.run("window.sweep.placed()") if (a - x) ** 2 + (b - y) ** 2 < 1]
    assert number in near
    assert shown in {command(where, rows[n]) for n in near}


def test_a_filter_leaves_what_it_says_and_says_what_it_cannot_read(opened, swept):
    def only(text):
        opened.run(
            f"(() => {{const f = document.getElementById('filter'); f.value = {json.dumps(text)};"
            "f.dispatchEvent(new Event('input'))})()"
        )
        return opened.run("window.sweep.shown()"), opened.run("document.getElementById('fault').textContent")

    sound = [row for row in swept[2] if row["error"] is None]
    for text, wanted in (
        ("adc.bits >= 7", [row for row in sound if row["adc.bits"] >= 7]),
        ("adc.bits >= 7, crossbar.rows < 100", [r for r in sound if r["adc.bits"] >= 7 and r["crossbar.rows"] < 100]),
        ("early_exit.threshold = never", [row for row in sound if row["early_exit.threshold"] == "never"]),
        ("", sound),
    ):
        assert only(text) == (len(wanted), "")
    refused = only("EDP < 3")[1]
    assert refused.startswith('cannot read "EDP < 3"')
    assert "edp_pj_ns" in refused
    assert only("")[1] == ""


def test_an_axis_that_is_dragged_over_is_a_filter(opened, swept):
    left, top = opened.at("parallel")
    _name, x, high, low = next(axis for axis in opened.run("window.sweep.axes()") if axis[0] == "crossbar.rows")
    opened.mouse("mousePressed", left + x, top + high - 6)
    for share in (0.1, 0.3):
        opened.mouse("mouseMoved", left + x, top + high + share * (low - high))
    opened.mouse("mouseReleased", left + x, top + high + 0.3 * (low - high))
    most = [row for row in swept[2] if row["error"] is None and row["crossbar.rows"] == 128]
    assert opened.run("window.sweep.shown()") == len(most)
    opened.click(left + x, top + high + 5)
    assert opened.run("window.sweep.shown()") == len([row for row in swept[2] if row["error"] is None])


def test_axes_are_as_far_apart_as_their_names_need_on_a_telephone(opened):
    opened.call("Emulation.setDeviceMetricsOverride", width=360, height=900, deviceScaleFactor=1, mobile=False)
    opened.run("window.dispatchEvent(new Event('resize'))")
    places = [x for _name, x, _high, _low in opened.run("window.sweep.axes()")]
    assert len(places) > 6
    assert all(right - left >= 88 for left, right in itertools.pairwise(places))
    assert opened.run("document.documentElement.scrollWidth") <= 360
    opened.call("Emulation.clearDeviceMetricsOverride")
    opened.run("window.dispatchEvent(new Event('resize'))")


def test_a_row_of_the_front_can_be_chosen(opened):
    opened.run("document.querySelector('#front tbody tr').click()")
    point = opened.run("document.querySelector('#front tbody tr').dataset.point")
    assert opened.run("document.querySelector('#chosen h2').textContent") == f"Point {point}"
