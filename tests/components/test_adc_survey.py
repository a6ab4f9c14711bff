"""The `sar` law against the converters that it is fitted to."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import hwsim
from hwsim.components.pricing import converters

SURVEY = Path(hwsim.__file__).resolve().parent.parent / "docs" / "data" / "adc-survey.csv"
pytestmark = pytest.mark.skipif(not SURVEY.is_file(), reason="not a source checkout")


def survey():
    with SURVEY.open(encoding="utf-8") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


def ratios(constants):
    """Energy of each converter over the law's: a median part and the noise of its effective bits."""
    pj, rate_exponent, node_exponent, per_bit = constants
    found = survey()
    rate, bits = found["sample_rate_hz"] / 1.2e9, (found["sndr_db"] - 1.761) / 6.0206
    median = pj * rate**rate_exponent * (found["node_nm"] / 32) ** node_exponent * np.exp(per_bit * (bits - 7))
    figure_of_merit_db = np.minimum(180.14, 302.739 - 6.4608 * np.log(found["sample_rate_hz"]))
    return found["energy_pj"] / (median + 0.5e12 * 10 ** ((found["sndr_db"] - figure_of_merit_db) / 10))


def chosen():
    names = ("_SURVEY_PJ", "_RATE_EXPONENT", "_NODE_EXPONENT", "_LN_PER_BIT")
    return np.array([getattr(converters, name) for name in names])


def away(constants):
    return np.abs(np.log(ratios(constants))).sum()


def test_the_converters_are_compact_and_in_the_range_that_is_stated():
    found = survey()
    assert len(found["energy_pj"]) == 33
    assert found["area_um2"].max() <= 5e4
    assert found["node_nm"].max() <= 90
    assert found["sample_rate_hz"].max() <= 3e9
    assert found["sndr_db"].min() >= 29 and found["sndr_db"].max() <= 59
    assert found["sample_rate_hz"].min() / 1e6 == converters._SLOWEST_MHZ


def test_the_constants_are_those_of_the_least_absolute_deviation():
    """Median regression: no constants anywhere around deviate less, but for what rounding gives."""
    draws, least = np.random.default_rng(1), away(chosen())
    for size in (0.003, 0.03, 0.3):
        for _ in range(3000):
            assert away(chosen() * np.exp(draws.normal(0, size, 4))) > least - 0.02


def test_half_of_the_converters_take_more_and_nine_of_ten_are_within_the_bounds():
    found = ratios(chosen())
    assert np.median(found) == pytest.approx(1, abs=0.01)
    assert np.quantile(found, [0.05, 0.95]) == pytest.approx(converters._SPREAD, rel=0.02)
