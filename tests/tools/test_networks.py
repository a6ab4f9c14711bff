"""Drawn networks against their twins, a few of them, and the tool itself on what is wrong."""

from __future__ import annotations

import collections

import networks
import numpy as np
import pytest
from network_checks import counts, execution
from network_checks.cases import draw
from numba import config

from hwsim.kernels.golden import step_neurons


def test_twenty_networks_equal_their_twins(capsys):
    assert networks.main(["--networks", "20", "--seed", "5", "--jobs", "1"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("20 of 20 networks, 0 wrong, ")


def test_the_twenty_have_much_in_them():
    has = sum((networks.check(5, number)[0] for number in range(20)), collections.Counter())
    assert {"conv2d", "linear", "pool", "add", "flatten", "readout", "direct", "events", "rate"} <= has.keys()
    assert has["counted"] >= 10


def test_a_number_gives_the_same_case_and_another_one_others():
    one, again, other = draw(1, 2), draw(1, 2), draw(1, 3)
    assert np.array_equal(one.inputs, again.inputs)
    assert (one.coding, one.timesteps, str(one.network)) == (again.coding, again.timesteps, str(again.network))
    assert str(one.network) != str(other.network)


def test_processes_find_the_same():
    assert list(networks.check_all(3, range(12), jobs=2)) == list(networks.check_all(3, range(12), jobs=1))


@pytest.mark.skipif(config.DISABLE_JIT, reason="all kernels are plain Python")
def test_interpreted_kernels_are_no_machine_code(monkeypatch):
    """What stands in for a kernel's function is what runs."""
    ran, plain = [], step_neurons._plain
    with execution.interpreted():
        monkeypatch.setattr(step_neurons, "_plain", lambda *arguments: ran.append(plain(*arguments)))
        execution.execute(draw(1, 0).network, draw(1, 0).inputs, draw(1, 0).timesteps)
    assert ran


def off_by_one(function):
    def wrong(*arguments):
        spikes, logits = function(*arguments)
        logits[-1][0] += 1
        return spikes, logits

    return wrong


def with_one_more(function):
    def wrong(*arguments):
        found = function(*arguments)
        key = sorted(found)[0]
        return {**found, key: found[key] + 1}

    return wrong


@pytest.mark.parametrize(
    ("place", "name", "wrong", "message"),
    [
        (execution, "naive_execute", off_by_one, "sample 0: logits, executed and as the page says differ in 1 of"),
        (counts, "all_counts", with_one_more, "1 counts differ, as "),
        (counts.imc_cases, "posted", with_one_more, "1 counts differ, as "),
    ],
)
def test_what_differs_is_found_and_named(monkeypatch, capsys, place, name, wrong, message):
    number = next(n for n in range(50) if draw(1, n).coding == "direct")
    monkeypatch.setattr(place, name, wrong(getattr(place, name)))
    assert networks.main(["--networks", "1", "--first", str(number), "--jobs", "1"]) == 1
    fault, line = capsys.readouterr().out.splitlines()
    assert fault.startswith(f"network 1/{number}: AssertionError: {message}")
    assert line.startswith("1 of 1 networks, 1 wrong, ")
