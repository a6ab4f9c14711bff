"""Prices of a DRAM: averages per bit, and columns, rows and refresh from currents."""

from __future__ import annotations

import pytest
from accelerators.digital import cases as digital

from hwsim.components.dram import Dram

PLAIN = {
    "capacity_mib": 1024.0,
    "burst_bytes": 64,
    "gigabytes_per_s": 12.8,
    "latency_ns": 50.0,
    "background_uw": {"value": 441.0, "low": 150.0, "high": 441.0},
    "source": "test",
}


def prices(**keys):
    technology = digital.shipped().technology
    return Dram.model_validate(PLAIN | keys).priced(technology)


def test_a_burst_is_its_columns_its_interface_and_a_share_of_a_row():
    """By hand: mA x V is mW, times ns is pJ; a column is 256 bits in 4 cycles of 1.07 ns."""
    column = (290 - 22) * 1.2 * 4 * 1.07 / 256
    row = 1.2 * 1.07 * (41.5 * 57 - 22 * 40 - 21.5 * 17)
    open_, closed, half = (prices(law="lpddr3", row_hit_rate=rate) for rate in (1.0, 0.0, 0.5))
    assert open_.actions["read"].value == pytest.approx(512 * (column + 3.7))
    assert closed.actions["read"].value - open_.actions["read"].value == pytest.approx(row)
    assert half.actions["write"].value - open_.actions["write"].value == pytest.approx(row / 2)
    assert open_.actions["write"].value == pytest.approx(512 * (285 - 22) * 1.2 * 4.28 / 256 + 512 * 3.7)
    assert row == pytest.approx(1438, abs=1)
    for part in (open_, closed):
        assert part.actions["read"].low < part.actions["read"].value == part.actions["read"].high


def test_an_average_is_among_the_rows_hit_and_missed():
    """About as much a bit as the published averages of such memories."""
    hit, miss = (prices(law="lpddr3", row_hit_rate=rate).actions["read"].value / 512 for rate in (1.0, 0.0))
    average = prices(law="horowitz").actions["read"].value / 512
    assert hit < average < miss


def test_refresh_is_beside_the_background():
    """128.5 mA x 1.2 V for 196 of 3645 cycles of 8 Gb, which 1024 MiB are."""
    plain, refreshed = (prices(law="lpddr3", row_hit_rate=0.9, refresh=how) for how in ("in_background", "by_law"))
    more = 128.5 * 1.2 * 196 / 3645 * 1e3
    assert refreshed.leakage_uw.value - plain.leakage_uw.value == pytest.approx(more)
    assert refreshed.leakage_uw.low - plain.leakage_uw.low == pytest.approx(more / 4)
    half = prices(law="lpddr3", row_hit_rate=0.9, refresh="by_law", capacity_mib=512.0)
    assert half.leakage_uw.value - plain.leakage_uw.value == pytest.approx(more / 2)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"law": "lpddr3"}, "row_hit_rate: law lpddr3 prices rows that are opened"),
        ({"law": "lpddr4", "row_hit_rate": 0.5}, "row_hit_rate: law lpddr4 is an average with opened rows in it"),
        ({"law": "lpddr4", "refresh": "by_law"}, "refresh: law lpddr4 knows none"),
        ({"law": "lpddr3", "row_hit_rate": 1.5}, "less than or equal to 1"),
    ],
)
def test_what_a_law_does_not_know_is_refused(keys, message):
    with pytest.raises(ValueError, match=message):
        prices(**keys)
