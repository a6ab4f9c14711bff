"""The runner that compares hwsim with other simulators, with programs that only pretend to be one."""

from __future__ import annotations

import json
import sys
from math import ceil
from pathlib import Path

import pytest
from peers import comparisons, environments, rounds, table
from peers.answers import read_answer
from peers.workloads import write_convolution

import hwsim
from hwsim.errors import UsageError

GOOD = {"version": "1.0", "setup_cpu_s": 1.5, "wall_s": [9, 0.5], "cpu_s": [8, 0.25], "work": {"spikes": [7, 8]}}
PRINTS = "import sys; print(sys.argv[1])"


def side(label, *, cpu_s=0.25, spikes=(7, 8), batch=1, whole_spikes=7):
    line = json.dumps(GOOD | {"cpu_s": [8, cpu_s], "work": {"spikes": list(spikes)}})
    return rounds.Side(
        label,
        (sys.executable, "-c", PRINTS, line),
        (sys.executable, "-c", PRINTS, str(whole_spikes)) if batch == 1 else None,
        lambda text: {"spikes": int(text)},
        batch,
    )


def test_times_are_of_one_inference_and_ratios_of_the_same_round():
    sides = [side("peer", cpu_s=0.5), side("one", cpu_s=0.1), side("many", cpu_s=0.4, spikes=(1, 2), batch=16)]
    measured = rounds.play(sides, ["spikes"], rounds=2, calls=1)
    assert [each.cpu_s for each in measured] == [[0.5, 0.5], [0.1, 0.1], [0.025, 0.025]]
    assert [len(each.whole_wall_s) for each in measured] == [2, 2, 0]
    assert min(measured[0].whole_cpu_s + measured[0].whole_wall_s) > 0
    comparison = comparisons.Comparison("x", "Peer", "work", write_convolution, ("spikes",), (), ("that",))
    printed = table.lines(comparison, measured)
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed if line.startswith("| ")]
    assert [row[0] for row in cells[1:]] == ["peer", "one", "many"]
    assert [row[5] for row in cells[1:]] == ["", "5", "20"]
    assert "spikes 7" in "\n".join(printed)


@pytest.mark.parametrize("other", [{"spikes": (7, 9)}, {"whole_spikes": 8}])
def test_other_work_is_refused(other):
    with pytest.raises(UsageError, match=r"^ours: spikes.*wanted.*7"):
        rounds.play([side("peer"), side("ours", **other)], ["spikes"], rounds=1, calls=1)


def test_a_count_that_neither_has_is_not_agreed_upon():
    with pytest.raises(UsageError, match="energy"):
        rounds.play([side("peer"), side("ours")], ["energy"], rounds=1, calls=1)


def test_a_process_that_fails_is_told_in_one_line():
    failing = (sys.executable, "-c", "import sys; sys.exit('one\\nno such \\x1b[31mchip')")
    with pytest.raises(UsageError) as caught:
        rounds.play([rounds.Side("peer", failing, failing, dict)], [], rounds=1, calls=1)
    assert str(caught.value) == r"peer: ended with status 1: no such \x1b[31mchip"


def test_output_that_is_no_text_is_refused_in_one_line():
    program = (sys.executable, "-c", "import sys; sys.stdout.buffer.write(bytes(range(256)))")
    with pytest.raises(UsageError, match=r"^peer: ") as caught:
        rounds.play([rounds.Side("peer", program, None, dict)], [], rounds=1, calls=1)
    assert str(caught.value).isprintable()


def test_what_is_right_is_read():
    assert read_answer(json.dumps(GOOD), "peer", calls=1).work == {"spikes": [7, 8]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Executed steps\n" + json.dumps(GOOD),
        json.dumps(GOOD) * 2,
        "[" * 100_000,
        "\ud800",
        json.dumps([GOOD]),
        *(
            json.dumps(GOOD | changed)
            for changed in (
                {"version": "1\x1b[2J"},
                {"version": 1},
                {"setup_cpu_s": -1},
                {"setup_cpu_s": float("nan")},
                {"wall_s": [1, float("inf")]},
                {"wall_s": [1, "2"]},
                {"wall_s": [1]},
                {"cpu_s": [1, True]},
                {"cpu_s": [1, 2, 3]},
                {"work": {"spikes": [7]}},
                {"work": {"spikes": [7, 8.5]}},
                {"work": {"spikes": [7, -8]}},
                {"work": {"\n": [7, 8]}},
                {"more": 1},
            )
        ),
        json.dumps({name: GOOD[name] for name in GOOD if name != "work"}),
        '{"version": "1", "setup_cpu_s": ' + "9" * 5000 + "}",
    ],
)
def test_nonsense_is_refused_in_one_line(text):
    with pytest.raises(UsageError) as caught:
        read_answer(text, "peer", calls=1)
    assert str(caught.value).startswith("peer: ") and str(caught.value).isprintable()
    assert len(str(caught.value)) < 250


def test_what_a_program_prints_beside_its_answer_does_not_mix_with_it(tmp_path):
    program = tmp_path / "run_fake.py"
    program.write_text(
        "import os, sys\n"
        "from telling import Told\n"
        "told = Told()\n"
        "told.ready()\n"
        "for _ in range(2):\n"
        "    told.did(spikes=told.timed(lambda: print('chatter') or os.system('echo more') or 3))\n"
        "told.tell('1')\n"
    )
    (tmp_path / "telling.py").write_text((comparisons.PROGRAMS / "telling.py").read_text())
    command = (sys.executable, program)
    fake = rounds.Side(
        "fake", command, command, lambda text: {"spikes": read_answer(text, "fake", 1).work["spikes"][0]}
    )
    (measured,) = rounds.play([fake], ["spikes"], rounds=1, calls=1)
    assert measured.answer.work == {"spikes": [3, 3]}


def test_a_script_that_cannot_be_reached_is_named_with_its_place(tmp_path, monkeypatch):
    wanted = (environments.REQUIREMENTS / "spikesim.txt").read_text()
    made = tmp_path / "spikesim"
    made.mkdir()
    (made / "requirements.txt").write_text(wanted)
    monkeypatch.setitem(environments.SCRIPTS, "spikesim", (tmp_path / "nowhere" / "ela.py").as_uri())
    with pytest.raises(UsageError, match=r"cannot be reached .* put the file at .*ela\.py"):
        environments.interpreter("spikesim", tmp_path)
    (made / "ela.py").write_text("")
    assert environments.interpreter("spikesim", tmp_path) == made / "bin" / "python"


def test_every_peer_has_a_program_and_pinned_requirements():
    for name, comparison in comparisons.COMPARISONS.items():
        assert (comparisons.PROGRAMS / f"run_{name}.py").is_file()
        lines = (environments.REQUIREMENTS / f"{name}.txt").read_text().splitlines()
        assert all("==" in line for line in lines if not line.startswith(("#", "--")))
        for each in comparisons.sides(comparison, Path("python"), Path("work"), 3)[1:]:
            assert str(each.in_process[3]) == "3"


def test_the_convolution_takes_what_an_output_stationary_array_of_its_size_does(tmp_path):
    write_convolution(tmp_path, calls=0)
    layers = json.loads((tmp_path / "layers.json").read_text())
    rows, columns, cycles = 8, 16, 0
    for layer in layers:
        side = layer["height"] - layer["kernel"] + 1
        folds = ceil(side * side / rows) * ceil(layer["filters"] / columns)
        cycles += folds * (rows + columns + layer["kernel"] ** 2 * layer["channels"] - 2) - 1
    (ours,) = {each.settings for each in comparisons.COMPARISONS["scalesim"].ours}
    report = hwsim.simulate(
        hwsim.load_architecture("digital", ours), hwsim.load_trace(tmp_path / "hwsim" / "1" / "000.npz")
    )
    busy = {stage.stage: stage.busy_cycles for stage in report.runs[0].stages}
    assert busy["conv"] + busy["fc"] == cycles
