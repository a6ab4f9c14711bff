"""Searches: the same points for the same seed, none twice, nothing lost, and better than chance."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest
from sweeps.cases import alone, of_the_point, space
from sweeps.test_runner import command, vary

from hwsim import sweep
from hwsim.errors import UsageError
from hwsim.sweep.pareto import feasible, front

optuna = pytest.importorskip("optuna")
AXES = ("adc.bits=4:8", "crossbar.rows=16,32,64,128", "adc.columns_per_adc=1,2,4,8", "chip.pes_per_tile=2,4,8")
OBJECTIVES = sweep.objectives(["energy_pj,area_mm2"])


def searched(folder, name, where=None, jobs=1, **options):
    search = sweep.Search(**{"method": "nsga2", "trials": 40, "objectives": OBJECTIVES, **options})
    return sweep.sweep(where or space(folder, *AXES), folder / f"{name}.jsonl", sweep.Where(jobs=jobs), search)


def points(rows):
    return [row["point"] for row in rows]


@pytest.mark.parametrize("method", ["nsga2", "tpe", "random"])
def test_a_seed_proposes_the_same_points_over_any_number_of_processes(tmp_path, method):
    one = searched(tmp_path, "one", method=method, trials=30, seed=3)
    two = searched(tmp_path, "two", method=method, trials=30, seed=3, jobs=2)
    other = searched(tmp_path, "other", method=method, trials=30, seed=4)
    assert of_the_point(one) == of_the_point(two)
    assert points(one) != points(other)
    assert len(one) == 31  # with the design as it stands


def test_rows_are_those_of_the_grid(tmp_path):
    where = space(tmp_path, *AXES)
    grid = {row["point"]: row for row in of_the_point(sweep.sweep(where, tmp_path / "grid.jsonl", alone()))}
    assert len(grid) == 241
    for row in of_the_point(searched(tmp_path, "search")):
        assert row == grid[row["point"]]


def test_a_search_ends_when_there_is_nothing_left(tmp_path):
    where = space(tmp_path, "adc.bits=6:8", "crossbar.rows=32,64")
    rows = searched(tmp_path, "all", where, trials=50)
    assert points(rows) == list(range(7))


def test_constraints_lead_it(tmp_path):
    where = space(tmp_path, *AXES)
    grid = sweep.sweep(where, tmp_path / "grid.jsonl", alone())
    fifth = sorted(row["area_mm2"] for row in grid)[len(grid) // 5]
    bound = sweep.parse_constraint(f"area_mm2 <= {fifth!r}")
    share = len(feasible(grid, [bound])) / len(grid)
    rows = searched(tmp_path, "bound", trials=80, constraints=(bound,))
    assert len(feasible(rows, [bound])) / len(rows) > 1.3 * share
    (best,) = front(feasible(rows, [bound]), sweep.objectives(["energy_pj"]))
    (least,) = front(feasible(grid, [bound]), sweep.objectives(["energy_pj"]))
    assert best["energy_pj"] <= 1.05 * least["energy_pj"]


@pytest.mark.parametrize("shared", [False, True])
def test_a_search_that_was_stopped_goes_on(tmp_path, shared):
    study = tmp_path / "study"
    first = searched(tmp_path, "out", trials=20, study=study, shared=shared)
    both = searched(tmp_path, "out", trials=45, study=study, shared=shared)
    assert set(points(first)) < set(points(both))
    assert len(both) == 46
    trials = optuna.load_study(study_name=None, storage=storage(study)).trials
    done = [trial.user_attrs["point"] for trial in trials if trial.state.name == "COMPLETE"]
    assert set(done) == set(points(both)) - {0}


def storage(path):
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))


def test_a_study_that_is_lost_or_torn_is_made_again_from_the_journal(tmp_path):
    study = tmp_path / "study"
    first = searched(tmp_path, "out", trials=20, study=study)
    with study.open("ab") as file:
        file.write(b'{"op_code": 4, "wor')
    both = searched(tmp_path, "out", trials=25, study=study)
    study.unlink()
    three = searched(tmp_path, "out", trials=30, study=study)
    assert set(points(first)) < set(points(both)) < set(points(three))
    trials = optuna.load_study(study_name=None, storage=storage(study)).trials
    assert {trial.user_attrs["point"] for trial in trials} == set(points(three)) - {0}


def test_several_commands_work_on_one_study(tmp_path):
    study, known = tmp_path / "study", ["--trials", "30", "--search", "nsga2", "--minimize", "energy_pj,area_mm2"]
    each = [
        subprocess.Popen(
            [
                *command(tmp_path, *vary(AXES), "--out", str(tmp_path / f"{n}.jsonl"), *known, "--study", str(study)),
                "--jobs",
                "1",
                "--seed",
                str(n),
            ]
        )
        for n in range(2)
    ]
    assert [process.wait() for process in each] == [0, 0]
    rows = [sweep.load(tmp_path / f"{n}.jsonl") for n in range(2)]
    assert [len(found) for found in rows] == [31, 31]
    trials = optuna.load_study(study_name=None, storage=storage(study)).trials
    done = {trial.user_attrs["point"] for trial in trials if trial.state.name == "COMPLETE"}
    assert done == {point for found in rows for point in points(found)} - {0}


def test_a_search_that_is_killed_loses_nothing(tmp_path):
    out = tmp_path / "out.jsonl"
    words = command(tmp_path, *vary(AXES), "--out", str(out), "--search", "nsga2", "--trials", "120", "--jobs", "2")
    for least in (10, 50, 80):
        process = subprocess.Popen(words, start_new_session=True)
        while process.poll() is None and (not out.exists() or out.read_bytes().count(b"\n") < least):
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kept = points(sweep.load(out))
    assert len(kept) >= 79
    assert subprocess.run(words, check=False).returncode == 0
    found = [json.loads(line)["point"] for line in out.read_bytes().splitlines()[1:]]
    assert len(found) == len(set(found)) == 121
    assert set(kept) <= set(found)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"trials": 0}, "trials: must be at least 1, got 0"),
        ({"objectives": ()}, "search: wants something to minimize"),
    ],
)
def test_searches_that_cannot_be(tmp_path, options, said):
    with pytest.raises(UsageError, match=said):
        searched(tmp_path, "none", **options)
    with pytest.raises(UsageError, match="search: is of one trace, got 2"):
        searched(tmp_path, "two", space(tmp_path, *AXES, seeds=(1, 2)))
