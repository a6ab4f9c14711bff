"""Processing elements for first spikes and the counting sort: what their actions are made of."""

from __future__ import annotations

import pytest
from arch.machines import technology

from hwsim.components.bucket_sorter import BucketSorter
from hwsim.components.first_spike_pe import FirstSpikePe
from hwsim.components.pricing import logic as digital
from hwsim.errors import ArchitectureError

AT = technology(28, 0.8)
WIDTHS = {"slope_bits": 18, "potential_bits": 24, "time_bits": 10}


def element(**more):
    return FirstSpikePe.model_validate({"source": "t", "law": "logic"} | WIDTHS | more)


def sorter(**more):
    return BucketSorter.model_validate({"source": "t", "law": "logic", "buckets": 32, "pointer_bits": 12} | more)


def pj(*operators):
    return sum(operator.energy_pj.value for operator in operators)


def test_actions_are_the_adders_comparators_and_registers_that_they_use():
    slope, potential, time = (digital.register(AT, bits) for bits in (18, 24, 10))
    steepen, rise, compare = digital.add(AT, 18), digital.add(AT, 24), digital.compare(AT, 24)
    expected = {
        "forward": pj(digital.register(AT, 2)),
        "load": pj(slope, potential),
        "accumulate": pj(steepen, slope),
        "update": pj(rise, compare, potential),
        "check": pj(compare),
        "fire": pj(time),
        "integrate": pj(rise, potential),
        "compare": pj(compare),
        "reset": pj(rise, potential, time),
    }
    part = element().by_law(AT)
    assert {name: price.value for name, price in part.actions.items()} == pytest.approx(expected)
    threshold = digital.register(AT, 24)
    units = (slope, potential, threshold, time, digital.register(AT, 2), steepen, rise, compare)
    assert part.area_um2.value == pytest.approx(sum(unit.area_um2.value for unit in units))
    assert part.leakage_uw.value == pytest.approx(AT.logic_leakage_uw(part.area_um2).value)


def test_an_insertion_is_three_pointers_and_an_increment():
    part = sorter().by_law(AT)
    pointer = digital.register(AT, 12)
    assert part.actions["insert"].value == pytest.approx(3 * pj(pointer) + pj(digital.add(AT, 12)))
    assert part.actions["clear"].value == pytest.approx(pj(digital.register(AT, 32)))
    assert sorter(buckets=64).by_law(AT).actions["insert"].value == part.actions["insert"].value
    assert sorter(buckets=64).by_law(AT).area_um2.value > 1.8 * part.area_um2.value


@pytest.mark.parametrize("part", [element, sorter])
def test_given_prices_hold_for_their_widths_only(part):
    priced = part().by_law(AT)
    at = {"node_nm": 28, "vdd_v": 0.8} | (WIDTHS if part is element else {"buckets": 32, "pointer_bits": 12})
    prices = {f"{action}_pj": 2.0 for action in priced.actions}
    given = {"at": at, "area_um2": 5.0, "leakage_uw": 0.5} | prices
    found = part(law="given", given=given).priced(AT)
    assert {action: price.value for action, price in found.actions.items()} == dict.fromkeys(priced.actions, 2.0)
    with pytest.raises(ArchitectureError, match="given prices are for"):
        part(law="given", given=given).priced(technology(45, 0.8))
