"""Terms of energy and area: they add up, they are products, and their prices are the design's own."""

from __future__ import annotations

import math
import re

import pytest
from cli.commands import run as command
from contract.families import recorded

import hwsim
from hwsim import api, designs
from hwsim.errors import UsageError
from hwsim.explanation.terms import summed
from hwsim.traces.slicing import first

FIRST_OF_EACH = list({design: (design, path) for design, path in reversed(recorded())}.values())

of_each_design = pytest.mark.parametrize(
    ("design", "path"), FIRST_OF_EACH, ids=lambda each: getattr(each, "stem", each)
)


def explained(design, path):
    trace = api.load_trace(path)
    return hwsim.explain(design, first(trace, samples=min(2, trace.n_samples)))


@of_each_design
def test_terms_are_products_and_add_up_to_the_energy(design, path):
    found = explained(design, path)
    for run in found.report.runs:
        terms = found.energy(run=run.name)
        for term in terms:
            price_pj = term.price if term.for_ns is None else term.price * term.for_ns * 1e-3  # 1 uW for 1 ns is 1 fJ
            assert term.count * price_pj == pytest.approx(term.energy_pj, rel=1e-12)
            assert term.low_pj <= term.energy_pj <= term.high_pj
            assert term.price_low <= term.price <= term.price_high
            assert term.source or not term.price
        for bound, figure in (("energy_pj", "value"), ("low_pj", "low"), ("high_pj", "high")):
            whole = math.fsum(getattr(term, bound) for term in terms)
            assert whole == pytest.approx(getattr(run.energy_pj, figure), rel=1e-12)
        assert math.fsum(term.share for term in terms) == pytest.approx(1)
        assert [term.energy_pj for term in terms] == sorted((term.energy_pj for term in terms), reverse=True)
        by_action = summed(terms)
        assert math.fsum(term.energy_pj for term in by_action) == pytest.approx(run.energy_pj.value, rel=1e-12)
        assert len({(term.component, term.action) for term in by_action}) == len(by_action)


@of_each_design
def test_prices_are_those_that_the_design_shows(design, path):
    """`hwsim arch show --trace` finds them without playing anything."""
    found = explained(design, path)
    parts = designs.components(api.load_architecture(design), found.simulated.trace)
    for term in found.energy():
        part = parts[term.component]
        price = part.leakage_uw if term.action == "leakage" else part.actions[term.action]
        assert (term.price, term.price_low, term.price_high, term.source) == (
            price.value,
            price.low,
            price.high,
            price.source,
        )
    for term in found.area():
        assert (term.each_um2, term.source) == (
            parts[term.component].area_um2.value,
            parts[term.component].area_um2.source,
        )


@of_each_design
def test_areas_add_up(design, path):
    found = explained(design, path)
    terms = found.area()
    for bound, figure in (("area_um2", "value"), ("low_um2", "low"), ("high_um2", "high")):
        assert math.fsum(getattr(term, bound) for term in terms) / 1e6 == pytest.approx(
            getattr(found.report.area_mm2, figure), rel=1e-12
        )
    assert all(term.area_um2 == term.instances * term.each_um2 for term in terms)
    assert math.fsum(term.leakage_uw for term in terms) == pytest.approx(found.report.leakage_uw.value, rel=1e-12)


def test_a_name_is_a_component_or_a_layer():
    found = hwsim.explain("imc", "example", samples=1)
    everything = found.energy()
    for name, field in (("adc", "component"), ("conv1", "layer")):
        picked = found.energy(name)
        assert picked == [term for term in everything if getattr(term, field) == name]
        assert picked
    assert [term.component for term in found.area("adc")] == ["adc"]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda found: found.energy("ad"), "NAME: the energy has no part 'ad'; did you mean 'adc'?"),
        (lambda found: found.area("conv1"), "NAME: the area has no part 'conv1'"),
        (lambda found: found.latency("conv9"), "NAME: nothing on the path is called 'conv9'; did you mean 'conv"),
        (lambda found: found.latency(sample=1), "sample: wanted 0 to 0, found 1"),
        (lambda found: found.energy(run="statik"), "run: wanted 'static' or 'early exit', got 'statik'; did you mean"),
    ],
)
def test_what_there_is_not_is_refused_with_a_guess(ask, message):
    with pytest.raises(UsageError) as error:
        ask(hwsim.explain("imc", "example", samples=1))
    assert str(error.value).startswith(message)


def test_an_equation_has_no_latency():
    found = hwsim.explain("digital_compute", "example", samples=1)
    with pytest.raises(UsageError, match="latency: this design is an equation of energy"):
        found.latency()
    assert found.energy()


def test_a_column_of_areas_has_one_unit_and_adds_up():
    done = command("explain", "imc", "example", "area", "--samples", 1, "--all")
    assert done.exit_code == 0, done.output
    rows = re.findall(r"^(\w+) +([\d,]+) +([\d,.]+) um2 +([\d.e-]+) mm2 ", done.output, re.MULTILINE)
    assert len(rows) > 15
    for name, instances, each, together in rows:
        one, n = (float(text.replace(",", "")) for text in (each, instances))
        assert float(together) == pytest.approx(n * one * 1e-6, rel=2e-3, abs=1e-6), name
    total = float(re.search(r"^([\d.]+) mm2; ", done.output, re.MULTILINE)[1])
    assert sum(float(row[3]) for row in rows) == pytest.approx(total, rel=1e-3)
