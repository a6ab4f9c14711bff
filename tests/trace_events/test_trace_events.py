"""Trace events: their form by a schema of ours, and their times, stalls, buffers and power by the report."""

from __future__ import annotations

import copy
import gzip
import json
import math
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest
from cli.commands import refused, run
from contract.families import TRACES
from engine.schedules import make_schedule, make_stage, make_wait

from hwsim import api
from hwsim.engine import simpy_engine
from hwsim.errors import UsageError
from hwsim.run.replay import Replay
from hwsim.trace_events import document as documents
from hwsim.trace_events import trace_events, written
from hwsim.trace_events.counters import fillings, most_events
from hwsim.trace_events.events import Clock
from hwsim.trace_events.tracks import unit_tracks

SCHEMA = json.loads(Path(__file__).with_name("schema.json").read_text())
MACHINES = {
    "imc": "mnist_dietsnn",
    "digital": "mnist_dietsnn",
    "ttfs": "mnist_ttfs",
    "lstm": "mnist_lstm",
    "stdp": "mnist_stdp",
}
SAMPLES = 3


@pytest.fixture(scope="module")
def found():
    """Every machine with all its samples, by its name."""
    kept = {}

    def get(machine):
        if machine not in kept:
            simulated = api.simulated(machine, TRACES / f"{MACHINES[machine]}.npz", samples=SAMPLES, accuracy_samples=0)
            kept[machine] = simulated, trace_events(simulated, SAMPLES)
        return kept[machine]

    return get


def processes(document):
    """Events of each process, by its name."""
    names = {e["pid"]: e["args"]["name"] for e in document["traceEvents"] if e["name"] == "process_name"}
    events = defaultdict(list)
    for event in document["traceEvents"]:
        events[names[event["pid"]]].append(event)
    return events


def tracks(events):
    """Stretches of each track of a process, by its name."""
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    stretches = {name: [] for name in names.values()}
    for event in events:
        if event["ph"] == "X":
            stretches[names[event["tid"]]].append(event)
    return stretches


@pytest.mark.parametrize("machine", MACHINES)
def test_the_form_is_that_of_the_format(found, machine):
    """Of many events of the same keys some are looked at: all of a machine's would take a minute."""
    _, document = found(machine)
    alike = defaultdict(list)
    for event in document["traceEvents"]:
        alike[event["ph"], event.get("cat"), *event, *event["args"]].append(event)
    few = [event for each in alike.values() for event in each[:: max(1, len(each) // 20)]]
    assert len(few) > 40
    jsonschema.Draft202012Validator(SCHEMA).validate({**document, "traceEvents": few})


@pytest.mark.parametrize(
    "spoil",
    [
        lambda event: event.pop("ts"),
        lambda event: event.update(ts="1"),
        lambda event: event.update(dur=-1.0),
        lambda event: event.update(cname="mauve"),
        lambda event: event.update(ph="B"),
    ],
)
def test_the_schema_refuses_what_is_not(found, spoil):
    document = copy.deepcopy(found("ttfs")[1])
    document["traceEvents"] = document["traceEvents"][:50]
    spoil(next(event for event in document["traceEvents"] if event["ph"] == "X"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(document)


@pytest.mark.parametrize("machine", MACHINES)
def test_neighbours_of_a_track_do_not_overlap_where_viewers_cut_to_nanoseconds(found, machine):
    """Perfetto takes the whole nanoseconds of begin and of length, each by itself."""
    _, document = found(machine)
    for events in processes(document).values():
        for stretches in tracks(events).values():
            spans = sorted((int(e["ts"] * 1000.0), int(e["dur"] * 1000.0)) for e in stretches)
            assert all(begin + length <= after for (begin, length), (after, _) in pairwise(spans))


@pytest.mark.parametrize("machine", MACHINES)
def test_stretches_add_up_to_what_stages_did(found, machine):
    """Work and stalls of all samples are the stage rows of the report, of runs whose samples take all timesteps."""
    simulated, document = found(machine)
    for run_ in simulated.report.runs:
        if run_.timesteps.value < simulated.run(run_.name).workload.timesteps:
            continue
        few = min(SAMPLES, len(run_.samples.timesteps))
        assert few == len(run_.samples.timesteps)
        totals = defaultdict(int)
        for sample in range(few):
            for track, stretches in tracks(processes(document)[f"{run_.name}, sample {sample}"]).items():
                for event in stretches:
                    totals[track, event["name"]] += event["args"]["cycles"]
        for row in run_.stages:
            for name, cycles in (
                ("work", row.busy_cycles),
                ("starved", row.starved_cycles),
                ("blocked", row.blocked_cycles),
                ("arbitrating", row.arbitrating_cycles),
            ):
                assert totals[row.stage, name] / few == pytest.approx(cycles, rel=1e-12), (row.stage, name)


@pytest.mark.parametrize("machine", MACHINES)
def test_power_over_its_time_is_the_energy_of_the_sample(found, machine):
    simulated, document = found(machine)
    for run_ in simulated.report.runs:
        together = simulated.run(run_.name).workload.together
        for sample, leaves in enumerate(run_.samples.timesteps):
            events = processes(document)[f"{run_.name}, sample {sample}"]
            points = [event for event in events if event["name"] == "power, mW"]
            spent = math.fsum(
                (after["ts"] - event["ts"]) * sum(event["args"].values()) for event, after in pairwise(points)
            )
            assert spent * 1e3 / together == pytest.approx(run_.samples.energy_pj[sample][leaves - 1], rel=1e-9)
            assert set(points[-1]["args"].values()) == {0.0}


@pytest.mark.parametrize("machine", ["imc", "digital", "stdp"])
def test_buffers_are_never_fuller_than_they_are_large(found, machine):
    _, document = found(machine)
    seen = 0
    for events in processes(document).values():
        for event in events:
            if event["ph"] == "C" and event["name"].startswith("buffer "):
                places = int(event["name"].rpartition("(of ")[2][:-1])
                assert 0 <= event["args"]["results"] <= places
                seen += event["args"]["results"] == places
    assert seen


def played(*stages, units=None):
    schedule = make_schedule(*stages, units=units)
    timeline = simpy_engine.run(schedule)
    end = schedule.answer[0], int(schedule.answer[1][-1])
    return Replay(schedule, timeline, end, int(timeline.done[end[0]][end[1]]), 1, [])


def test_filling_by_hand():
    """Two places: results of 0 and 1 fill them at 0 and 1; the reader frees one at 6, 11 and 16, which 2 and 3 take."""
    writer = make_stage("w", [1] * 4, waits=(make_wait("r", [-1, -1, 0, 1], "free", "blocked"),))
    reader = make_stage("r", [5] * 4, waits=(make_wait("w", [0, 1, 2, 3]),))
    (each,) = fillings(played(writer, reader))
    assert (each.writer, each.reader, each.places) == ("w", "r", 2)
    assert dict(zip(each.cycles.tolist(), each.full.tolist(), strict=True)) == {0: 1, 1: 2, 6: 2, 11: 2, 21: 0}


def test_slots_of_a_unit_have_a_track_each():
    stages = [make_stage(name, [4], unit="bus") for name in "abc"]
    replay = played(*stages, units={"bus": 2})
    events = list(unit_tracks(replay, Clock(1000.0), 1))
    held = [(e["tid"], int(e["ts"] * 1e3), e["args"]["stage"]) for e in events if e["ph"] == "X"]
    assert held == [(4, 0, "a"), (4, 4, "c"), (5, 0, "b")]
    assert [e["args"]["name"] for e in events if e["name"] == "thread_name"] == ["unit bus, slot 0", "unit bus, slot 1"]


@pytest.mark.parametrize("machine", MACHINES)
def test_events_are_no_more_than_the_bound_that_is_checked(found, machine):
    simulated, document = found(machine)
    for run_ in simulated.runs:
        for sample in range(run_.n_samples):
            events = processes(document)[f"{run_.name}, sample {sample}"]
            few = [e for e in events if e["ph"] != "M" and e["name"] != "power, mW"]
            schedule = documents.replay(
                run_.workload, run_.name, sample, simulated.report.run(run_.name).samples.timesteps[sample]
            ).schedule
            assert len(few) <= most_events(schedule)


def test_streams_are_one_process_of_the_first_samples():
    simulated = api.simulated(
        "imc", "example", samples=3, stream=True, set={"accumulator.bits": 24}, accuracy_samples=0
    )
    document = trace_events(simulated, 2)
    events = processes(document)["stream, the first 2 samples by themselves"]
    assert {e["args"]["sample"] for e in events if e["ph"] == "X" and "sample" in e["args"]} == {0, 1}
    assert len(processes(document)) == 5


def test_more_events_than_a_document_holds_are_refused(monkeypatch):
    simulated = api.simulated("imc", "example", samples=2, accuracy_samples=0)
    monkeypatch.setattr(documents, "MOST_EVENTS", 5000)
    with pytest.raises(UsageError, match="timeline_samples: 2 are more than 5000 events; take fewer samples"):
        trace_events(simulated, 2)


def test_the_file_is_the_same_each_time_and_unpacks_to_the_document(tmp_path):
    packed, plain = tmp_path / "t.json.gz", tmp_path / "t.json"
    words = ("simulate", "imc", "example", "--samples", 2, "--quiet", "--timeline")
    assert run(*words, packed).exit_code == 0
    before = packed.read_bytes()
    packed.unlink()
    assert run(*words, packed).exit_code == 0
    assert packed.read_bytes() == before
    assert before[4:8] == bytes(4)  # no time of day
    assert run(*words, plain).exit_code == 0
    assert gzip.decompress(before) == plain.read_bytes()
    document = json.loads(plain.read_text())
    assert written(document, packed) == before
    assert set(processes(document)) == {"static, sample 0", "early exit, sample 0"}


def test_the_report_is_the_same_with_a_timeline(tmp_path):
    words = ("simulate", "digital", "example", "--samples", 1, "--json", "-", "--quiet")
    assert run(*words).output == run(*words, "--timeline", tmp_path / "t.json.gz").output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--timeline-samples", "2"], "--timeline-samples: needs --timeline, the file to write"),
        (["--timeline", "{}/t.json.gz", "--timeline-samples", "0"], "--timeline-samples: must be at least 1, got 0"),
        (["--timeline", ""], "--timeline': wanted the name of a file, found an empty one"),
        (["--timeline", "{}/no/t.json"], "no/t.json: cannot be written: No such file or directory"),
        (["--timeline", "{}/t.json", "--json", "{}/t.json"], "which would be overwritten; use another name"),
    ],
)
def test_what_cannot_be_written_is_refused_in_one_line(tmp_path, words, message):
    given = [word.format(tmp_path) for word in words]
    assert message in refused(run("simulate", "imc", "example", "--samples", 1, "--no-advice", *given))
    assert list(tmp_path.iterdir()) == []


def test_an_equation_has_no_timeline(tmp_path):
    words = ("simulate", "digital_compute", "example", "--samples", 1, "--timeline", tmp_path / "t.json.gz")
    assert "this design is an equation of energy, which has no time" in refused(run(*words))
