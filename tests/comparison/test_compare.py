"""Comparisons as a whole: what they say of designs, codings and accuracies, in numbers, words and pages."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from cli.commands import refused, run
from contract.families import TRACES

import hwsim
from hwsim import arch
from hwsim.comparison.accuracy import Side, at_equal_accuracy
from hwsim.errors import UsageError
from hwsim.traces.slicing import first
from hwsim.view.compare_page import to_html

MNIST = TRACES / "mnist_dietsnn.npz"
OTHERS = {"ttfs": "mnist_ttfs", "lstm": "mnist_lstm", "stdp": "mnist_stdp", "stdp_baseline": "mnist_stdp"}


def few(name):
    return first(hwsim.load_trace(TRACES / f"{name}.npz"), samples=3)


@pytest.mark.parametrize("design", arch.shipped())
def test_a_design_and_itself_are_1_without_width(design):
    trace = few(OTHERS.get(design, "mnist_dietsnn"))
    (versus,) = hwsim.compare((design, trace), (design, trace)).versus
    for figure in (versus.energy, versus.latency, versus.edp, versus.area):
        if figure is not None:
            assert (figure.value, figure.low, figure.high) == (1.0, 1.0, 1.0)
            assert figure.standard_error == 0.0
    assert all(payer.difference_pj == 0 for payer in (*versus.components, *versus.layers))
    assert versus.differences == {}
    assert versus.unlike == ()
    assert versus.shared == 1.0
    assert versus.sentences[0].endswith("whatever the prices are.")


@pytest.fixture(scope="module")
def bits():
    """One converter bit less: the converters differ, all else is shared."""
    return hwsim.compare("imc", "imc", trace="example", set={"adc.bits": 7}, samples=4)


def test_what_differs_and_who_pays(bits):
    (versus,) = bits.versus
    assert versus.differences == {"adc.bits": (8, 7)}
    a, b = (hwsim.simulate("imc", "example", samples=4, set=s).run("early exit") for s in ({}, {"adc.bits": 7}))
    assert versus.energy.value == pytest.approx(b.energy_pj.value / a.energy_pj.value, rel=1e-12)
    assert sum(payer.difference_pj for payer in versus.components) == pytest.approx(
        b.energy_pj.value - a.energy_pj.value, rel=1e-9
    )
    by_component = {payer.name: payer.difference_pj for payer in versus.components}
    assert by_component["adc"] == pytest.approx(
        sum(row.energy_pj for row in b.rows if row.component == "adc")
        - sum(row.energy_pj for row in a.rows if row.component == "adc"),
        rel=1e-9,
    )
    assert list(map(abs, by_component.values())) == sorted(map(abs, by_component.values()), reverse=True)
    assert 0 < versus.shared < 1
    assert [each.name for each in bits.compared] == ["imc", "imc adc.bits=7"]


def test_shared_prices_narrow_the_interval(bits):
    (versus,) = bits.versus
    a, b = (each.energy_pj for each in bits.compared)
    assert b.low / a.high < versus.energy.low <= versus.energy.value <= versus.energy.high < b.high / a.low


def test_latencies_have_no_interval_of_prices():
    """Half the clock of converters and memories that are fast enough for either."""
    slower = {"clock.frequency_mhz": hwsim.load_architecture("imc").spec.clock.frequency_mhz / 2}
    (versus,) = hwsim.compare("imc", "imc", trace="example", set=slower, samples=4).versus
    ns = [hwsim.simulate("imc", "example", samples=4, set=s).run("early exit").latency_ns.value for s in ({}, slower)]
    assert versus.latency.value == ns[1] / ns[0]
    assert versus.latency.low == versus.latency.high == versus.latency.value


def test_machines_of_other_codings_say_so_and_are_compared_at_their_own_accuracy():
    found = hwsim.compare(("imc", MNIST), ("ttfs", TRACES / "mnist_ttfs.npz"), samples=8)
    (versus,) = found.versus
    assert not versus.paired
    assert any("codings ttfs and direct" in each for each in versus.unlike)
    assert any("machines ttfs and imc" in each for each in versus.unlike)
    assert versus.differences is None
    said = " ".join(versus.sentences)
    assert "all above is at each one's own accuracy" in said
    equal = versus.equal_accuracy
    assert equal.reached >= equal.accuracy - 1e-12
    assert equal.reference_reached >= equal.accuracy - 1e-12
    assert equal.reference_threshold is not None
    assert equal.threshold is None


def test_equal_accuracy_is_of_the_cheapest_threshold_that_reaches_it():
    report = hwsim.simulate("imc", "example", exit_thresholds=True, accuracy_samples=0)
    early = report.run("early exit")
    points = report.exit_curve.points
    accuracies = sorted({point.accuracy for point in points})
    fixed = replace(early, accuracy=accuracies[len(accuracies) // 2])
    found, why = at_equal_accuracy(
        Side.of("fixed", replace(report, exit_curve=None), fixed), Side.of("imc", report, early)
    )
    able = [point for point in points if point.accuracy >= fixed.accuracy]
    costs = {point.lowest_threshold: point.runs[0].energy_pj.value for point in able}
    if early.accuracy == fixed.accuracy:
        assert (found, why) == (None, "")
        return
    assert found.reference_threshold == min(costs, key=costs.get)
    assert found.energy == pytest.approx(fixed.energy_pj.value / min(costs.values()))
    unreachable = replace(early, accuracy=1.1)
    found, why = at_equal_accuracy(
        Side.of("fixed", replace(report, exit_curve=None), unreachable), Side.of("imc", report, early)
    )
    assert found is None
    assert why == "no threshold of imc reaches the 110.00 % of the other"


def test_without_thresholds_there_is_no_equal_accuracy():
    report = hwsim.simulate("digital", "example", samples=2)
    sides = [Side.of("a", report, report.runs[0]), Side.of("b", report, replace(report.runs[0], accuracy=0.5))]
    assert at_equal_accuracy(*sides) == (None, "neither has thresholds of early exit that could be chosen for it")


def test_reports_are_compared_as_the_designs_are(tmp_path):
    for name in ("imc", "digital"):
        hwsim.simulate(name, "example", samples=4).to_json(tmp_path / f"{name}.json")
    files = [tmp_path / f"{name}.json" for name in ("imc", "digital")]
    (of_reports,), (of_designs,) = (
        hwsim.compare(*files).versus,
        hwsim.compare("imc", "digital", trace="example", samples=4).versus,
    )
    for field in ("energy", "latency", "edp", "area", "shared", "paired", "components", "layers"):
        assert getattr(of_reports, field) == getattr(of_designs, field)


def test_the_command_writes_json_and_a_page(tmp_path):
    page, data = tmp_path / "c.html", tmp_path / "c.json"
    result = run("compare", "imc", "digital", MNIST, "--samples", 2, "--html", page, "--json", data)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.output.splitlines())) <= 100
    document = json.loads(data.read_text())
    (versus,) = document["versus"]
    for sentence in versus["sentences"]:
        assert sentence.split()[0] in result.output
    assert f"{versus['energy']['value']:.4g} x" in result.output
    assert f"{versus['energy']['value']:.4g} x" in page.read_text()
    first_bytes = page.read_bytes()
    assert run("compare", "imc", "digital", MNIST, "--samples", 2, "--html", page, "--quiet").output == ""
    assert page.read_bytes() == first_bytes


class Elements(HTMLParser):
    """Elements and texts of a page, as a browser would see them."""

    def __init__(self) -> None:
        super().__init__()
        self.elements, self.attributes, self.texts = [], [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.texts.append(data)


HOSTILE = '</td></table><script>alert(1)</script><img src=x onerror="alert(2)">&quot;\u202e' + "x" * 10_000


def test_hostile_names_are_text_on_the_page(bits):
    (versus,) = bits.versus
    payer = replace(versus.components[0], name=HOSTILE)
    harmful = replace(
        bits,
        compared=tuple(replace(each, name=HOSTILE, trace=HOSTILE, design=HOSTILE) for each in bits.compared),
        versus=(replace(versus, name=HOSTILE, components=(payer,), differences={HOSTILE: (HOSTILE, 1)}),),
    )
    found = Elements()
    found.feed(to_html(harmful))
    plain = Elements()
    plain.feed(to_html(bits))
    assert set(found.elements) == set(plain.elements)
    assert not {"script", "img", "iframe", "link"} & set(found.elements)
    assert {name for name, _ in found.attributes} <= {
        "lang",
        "charset",
        "name",
        "content",
        "class",
        "scope",
        "http-equiv",
    }
    assert any(text.startswith("</td></table><script>alert(1)</script>") for text in found.texts)
    assert "\u202e" not in to_html(harmful)


def test_a_page_asks_no_network(bits):
    text = to_html(bits)
    assert "://" not in text
    assert "url(" not in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["imc"], "A B: wanted at least two reports or designs to compare"),
        (["imc", "digital"], "trace: designs are compared on a trace, which is missing"),
        (["a.npz", "imc", "digital"], "TRACE: a.npz is one trace too many, or does not stand last; DESIGN@TRACE pairs"),
        (["imc", "digital", "a.npz", "--trace", "b.npz"], "TRACE: a.npz is one trace too many, or does not stand last"),
        (["a.json", "b.json"], "a.json: cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(words, message):
    assert refused(run("compare", *words)).startswith(f"hwsim: {message}")


def test_outputs_are_looked_at_before_work_begins(tmp_path):
    page = tmp_path / "nowhere" / "c.html"
    line = refused(run("compare", "no design", "nor this", "--trace", "example", "--html", page))
    assert line.endswith("cannot be written: No such file or directory")


def test_settings_are_of_a_design(tmp_path):
    report = hwsim.simulate("digital", "example", samples=1)
    with pytest.raises(UsageError, match="set: is of a design, and the last is a report"):
        hwsim.compare(report, report, set={"clock.frequency_mhz": 100})
