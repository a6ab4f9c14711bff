"""The page of a comparison in a real browser: it fits narrow and wide windows, and asks and complains of nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sweeps.browser import chromium, page

import hwsim
from hwsim.view.compare_page import to_html

HOSTILE = (
    '</td></table><script>document.title = "taken"</script><img src=x onerror="document.title = 1">' + "x" * 10_000
)


@pytest.fixture(scope="module")
def found():
    comparison = hwsim.compare("imc", "imc", "digital", trace="example", samples=2)
    first, *others = comparison.compared
    hostile = replace(first, name=HOSTILE, trace=HOSTILE)
    return replace(comparison, compared=(hostile, *others))


@pytest.fixture(scope="module")
def opened(found, tmp_path_factory):
    if chromium() is None:
        pytest.skip("there is no chromium")
    folder = tmp_path_factory.mktemp("page")
    (folder / "page.html").write_text(to_html(found))
    with page(folder) as browser:
        browser.open(folder / "page.html")
        yield browser


@pytest.mark.parametrize("width", [360, 1440])
def test_it_does_not_scroll_sideways(opened, width):
    opened.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    assert opened.run("document.documentElement.scrollWidth") <= width
    assert opened.run("document.querySelectorAll('table').length") > 6


def test_words_stay_whole_and_figures_on_one_line_on_a_telephone(opened):
    opened.call("Emulation.setDeviceMetricsOverride", width=360, height=900, deviceScaleFactor=1, mobile=False)
    lines = """[...document.querySelectorAll(QUERY)].filter((cell) => cell.textContent.length < 30).map((cell) => {
        const inside = document.createRange();
        inside.selectNodeContents(cell);
        return new Set([...inside.getClientRects()].map((box) => Math.round(box.top))).size;
    })"""
    figures = opened.run(lines.replace("QUERY", "'.numbers td'"))
    assert len(figures) > 50
    assert set(figures) <= {0, 1}
    words = opened.run(lines.replace("QUERY", "'td.left'").replace("length < 30", "split(' ').length == 1"))
    assert len(words) > 20
    assert set(words) <= {0, 1}


def test_it_complains_of_nothing_asks_no_network_and_runs_no_name(opened):
    faults, asked = opened.faults()
    assert faults == []
    assert [url for url in asked if not url.startswith("file://")] == []
    assert opened.run("document.title").startswith("hwsim compare: ")
    assert opened.run("document.querySelectorAll('script, img').length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_page_by_day_and_by_night(opened, scheme):
    """Contrast as the WCAG defines it, of the text and of the paler one of headings of columns."""
    opened.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    back, ink, pale = opened.run(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color, "
        "getComputedStyle(document.querySelector('th')).color]"
    )
    assert contrast(back, ink) > 7
    assert contrast(back, pale) > 4.5


def contrast(one, other):
    levels = sorted(map(luminance, (one, other)))
    return (levels[1] + 0.05) / (levels[0] + 0.05)


def luminance(colour):
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
