"""Batches are played one after another, and no two are there at once."""

from __future__ import annotations

import weakref
from dataclasses import replace

import pytest

from hwsim import accelerators, api
from hwsim import engine as engines
from hwsim.contract.run import RunName
from hwsim.progress import told_to
from hwsim.run.play import play
from hwsim.traces.direct.synth import synthesize

SAMPLES = 4


@pytest.mark.parametrize("changes", [(), ("early_exit.overlap=true", "early_exit.threshold=0.5")])
@pytest.mark.parametrize("told", [False, True])
def test_a_batch_is_gone_when_the_next_is_lowered(monkeypatch, changes, told):
    """Its counts, its schedules, and when its jobs ran."""
    trace = synthesize("mlp:30-20-10", timesteps=3, samples=SAMPLES, rate=0.2, seed=3)
    workload = accelerators.machine("imc")(api.load_architecture("imc", changes).spec).lower(trace)
    whole, left, heard, run_all = workload.batches, [], [], engines.run_all
    assert (RunName.OVERLAPPED in workload.runs) == bool(changes)

    def lower(samples):
        assert [each() for each in left] == [None] * len(left)
        batch = whole.lower(samples)
        left.extend(map(weakref.ref, [batch.ledger, *(each.schedules for each in batch.runs.values())]))
        return batch

    def watched(*arguments):
        timelines = run_all(*arguments)
        left.append(weakref.ref(timelines.start))
        return timelines

    monkeypatch.setattr(engines, "run_all", watched)
    one_by_one = replace(workload, batches=replace(whole, lower=lower, most=1))
    if told:
        with told_to(lambda _, done, total: heard.append((done, total))):
            tallies = play(one_by_one, "compiled")
        assert heard == [(done, SAMPLES) for done in range(SAMPLES + 1)]
    else:
        tallies = play(one_by_one, "compiled")
    assert len(left) == SAMPLES * (1 + 2 * len(tallies))
    monkeypatch.undo()
    for run, tally in play(workload, "compiled").items():
        assert tallies[run].latency_cycles.tolist() == tally.latency_cycles.tolist()
