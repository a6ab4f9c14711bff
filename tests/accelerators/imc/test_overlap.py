"""Timesteps that overlap the decision: what is voided, what runs in vain, and that only the latter is paid for."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from accelerators.imc import cases

from hwsim.contract.batches import Overlapped
from hwsim.contract.run import RunName
from hwsim.engine import compiled_engine, simpy_engine
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.stage import Stage, Wait
from hwsim.engine.timeline import stalls

NETWORKS = {"convolutions": cases.convolutions, "residuals": cases.residuals, "flattened": cases.flattened_input}
TIMESTEPS, SAMPLES = 4, 3
VARIANTS = {
    "shipped": {},
    "once": {"direct_input": "once"},
    "unpipelined": {"pipelining": "none"},
    "dense": {"skip": "none", "sensing": "current"},
    "ideal links": {"mesh": "ideal"},
}


@cache
def played(network, variant="shipped"):
    """Workload and the tally of each run."""
    changes = VARIANTS[variant] | {"early_exit__threshold": 0.5, "early_exit__overlap": True}
    return cases.tallies(cases.small(**changes), spikes(network))


@cache
def spikes(network):
    return cases.random_trace(NETWORKS[network](), TIMESTEPS, SAMPLES, rate=0.25)


@cache
def overlapped(network, variant):
    """(sample, timesteps kept, schedule, timeline) of every schedule of the run, in the stated order."""
    (batch,) = played(network, variant)[0].batches
    order = batch.schedules[RunName.OVERLAPPED]
    assert len(order) == SAMPLES * TIMESTEPS
    return [
        (i // TIMESTEPS, i % TIMESTEPS + 1, schedule, simpy_engine.run(schedule)) for i, schedule in enumerate(order)
    ]


def counted(network, variant):
    """Counts of jobs that ran, in plain loops: {action: [sample, kept, timestep of the job]}."""
    (batch,) = played(network, variant)[0].batches
    totals = {}
    for sample, kept, schedule, timeline in overlapped(network, variant):
        stages = {stage.name: stage for stage in schedule.stages}
        for posting in batch.ledger.postings:
            stage = stages[posting.stage]
            key = (stage.layer, posting.component, posting.action)
            total = totals.setdefault(key, np.zeros((SAMPLES, TIMESTEPS, TIMESTEPS), np.int64))
            for job, ran in enumerate(timeline.ran[stage.name].tolist()):
                if ran:
                    total[sample, kept - 1, stage.timestep[job]] += posting.counts[sample, job]
    return totals


def chain(n_timesteps):
    """A source of 2 cycles, work of 3, a decision of 1, one job a timestep."""
    order = np.arange(n_timesteps)

    def stage(name, cycles, reads):
        waits = (Wait(reads, order.copy()),) if reads else ()
        labels = {"sample": np.zeros(n_timesteps, np.int32), "timestep": order.astype(np.int32)}
        return Stage(name, name, np.full(n_timesteps, cycles, np.int64), 0, waits, **labels)

    stages = (stage("source", 2, None), stage("work", 3, "source"), stage("sigma_e", 1, "work"))
    return Schedule(stages, {}, ("sigma_e", np.array([n_timesteps - 1], np.int64)))


def test_a_chain_worked_out_by_hand():
    """Sources start at 0, 2, 4; work at 2, 5, 8; decisions at 5, 8, 11, each done a cycle later.

    Leaving after the first: at 6 the third source (4 to 6) and the second work (5 to 8) have started, the third work is
    ready at 8 and void.  Leaving after the second: at 9 the third work (8 to 11) has started, its decision has not.
    """
    overlapped = Overlapped(Schedules.of([chain(3)]), "sigma_e", np.arange(3))
    timelines = [simpy_engine.run(schedule) for schedule in overlapped.each]
    assert [timeline.ran["source"].tolist() for timeline in timelines] == [[True] * 3] * 3
    assert [timeline.ran["work"].tolist() for timeline in timelines] == [[True, True, False], [True] * 3, [True] * 3]
    assert [timeline.ran["sigma_e"].sum() for timeline in timelines] == [1, 2, 3]
    assert [int(t.done["sigma_e"][k]) for k, t in enumerate(timelines)] == [6, 9, 12]
    assert [timeline.makespan_cycles for timeline in timelines] == [8, 11, 12]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("network", NETWORKS)
def test_exactly_what_starts_before_the_decision_runs(network, variant):
    in_vain = 0
    for _, kept, schedule, timeline in overlapped(network, variant):
        decided = timeline.done["sigma_e"][kept - 1]
        assert schedule.answer[1].tolist() == [kept - 1]
        for stage in schedule.stages:
            ran, start = timeline.ran[stage.name], timeline.start[stage.name]
            later = stage.timestep >= kept
            assert ran[~later].all()
            assert (start[later & ran] < decided).all()
            assert (start[later & ~ran] >= decided).all()
            in_vain += int((later & ran).sum())
        assert timeline.ran["sigma_e"].sum() == kept
    assert in_vain


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("network", NETWORKS)
def test_voided_work_is_in_no_count_and_started_work_in_every(network, variant):
    _, tallies = played(network, variant)
    tally = tallies[RunName.OVERLAPPED]
    naive = counted(network, variant)
    assert {tuple(key) for key in tally.counts} == set(naive)
    for key, counts in tally.counts.items():
        np.testing.assert_array_equal(np.cumsum(counts, axis=1), naive[tuple(key)].sum(axis=2), err_msg=str(key))
        in_vain = [[naive[tuple(key)][i, t, t + 1 :].sum() for t in range(TIMESTEPS)] for i in range(SAMPLES)]
        np.testing.assert_array_equal(tally.speculation.counts[key], in_vain, err_msg=str(key))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("network", NETWORKS)
def test_busy_cycles_and_times_are_those_of_the_jobs_that_ran(network, variant):
    tally = played(network, variant)[1][RunName.OVERLAPPED]
    for sample, kept, schedule, timeline in overlapped(network, variant):
        for stage in schedule.stages:
            ran = timeline.ran[stage.name]
            busy, vain = (int(stage.service[ran & (stage.timestep >= first)].sum()) for first in (0, kept))
            assert tally.busy_cycles[stage.name][sample, :kept].sum() == busy
            assert tally.speculation.busy_cycles[stage.name][sample, kept - 1] == vain
        assert tally.step_end_cycles[sample, kept - 1] == timeline.done["sigma_e"][kept - 1]
        assert tally.on_cycles[sample, kept - 1] == timeline.makespan_cycles >= timeline.done["sigma_e"][kept - 1]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("network", NETWORKS)
def test_counts_lie_between_gated_and_static_and_decisions_are_made_once(network, variant):
    _, tallies = played(network, variant)
    whole = {key: counts.sum(axis=1, keepdims=True) for key, counts in tallies[RunName.STATIC].counts.items()}
    for key, counts in tallies[RunName.OVERLAPPED].counts.items():
        gated, loose = (np.cumsum(each, axis=1) for each in (tallies[RunName.EARLY_EXIT].counts[key], counts))
        assert (gated <= loose).all(), key
        np.testing.assert_array_equal(gated[:, -1], loose[:, -1], err_msg=str(key))
        if key.component == "sigma_e":
            np.testing.assert_array_equal(gated, loose, err_msg=str(key))
        else:
            assert (loose <= whole[key]).all(), key
    if variant == "ideal links":  # where something contends for a link, work in vain may delay an answer
        assert (tallies[RunName.OVERLAPPED].step_end_cycles <= tallies[RunName.EARLY_EXIT].step_end_cycles).all()


@pytest.mark.parametrize("network", NETWORKS)
def test_dynamic_energy_lies_between_gated_and_static_for_every_sample(network):
    """The static machine has no decisions; they are what the others may exceed it by."""
    spec = cases.small(early_exit__threshold=0.5, early_exit__overlap=True)
    runs = cases.priced(spec, spikes(network))
    gated, loose = (runs[name].energies("value", clock=False) for name in (RunName.EARLY_EXIT, RunName.OVERLAPPED))
    static = runs[RunName.STATIC].energies("value", clock=False)[:, -1:]
    decisions = sum(
        np.cumsum(counts, axis=1) * runs[RunName.OVERLAPPED].price(key).value
        for key, counts in runs[RunName.OVERLAPPED].counts.items()
        if key.component == "sigma_e"
    )
    slack = 1e-12 * static
    assert (gated <= loose + slack).all()
    assert (loose - decisions <= static + slack).all()
    assert (loose[:, :-1] > gated[:, :-1]).any()


@pytest.mark.parametrize("network", NETWORKS)
def test_the_waste_is_what_ran_after_the_decision_priced_in_plain_loops(network):
    spec = cases.small(early_exit__threshold=0.5, early_exit__overlap=True)
    run = cases.priced(spec, spikes(network))[RunName.OVERLAPPED]
    hardware, parts, naive = run.workload.hardware, run.components, counted(network, "shipped")
    leakage_uw = sum(n * parts[name].leakage_uw.value for name, n in hardware.instances.items())
    for sample, kept, schedule, timeline in overlapped(network, "shipped"):
        wanted = sum(
            int(counts[sample, kept - 1, kept:].sum()) * parts[component].actions[action].value
            for (_, component, action), counts in naive.items()
            if component != "operations"
        )
        cycles = timeline.makespan_cycles - int(timeline.done["sigma_e"][kept - 1])
        clocked = {name: n * parts[name].flip_flops for name, n in hardware.instances.items()}
        wanted += cycles * sum(clocked.values()) * parts["clock"].actions["cycle"].value
        wanted += leakage_uw * cycles / run.clock_mhz
        for stage in schedule.stages:
            vain = timeline.ran[stage.name] & (stage.timestep >= kept)
            shares = hardware.clocked.get(stage.name, {})
            own = sum(int(clocked[name] * share) for name, share in shares.items())
            wanted += int(stage.service[vain].sum()) * own * parts["clock"].actions["active_cycle"].value
        assert run.speculative["value"][sample, kept - 1] == pytest.approx(wanted, rel=1e-12)
        assert wanted <= run.totals["value"][sample, kept - 1]
    assert not run.speculative["value"][:, -1].any()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("network", NETWORKS)
def test_both_engines_agree_on_every_voided_job(network, variant):
    for _, _, schedule, timeline in overlapped(network, variant):
        other = compiled_engine.run(schedule)
        for stage in timeline.start:
            for times in ("start", "free", "done", "ran"):
                np.testing.assert_array_equal(getattr(timeline, times)[stage], getattr(other, times)[stage])
        assert timeline.makespan_cycles == other.makespan_cycles
        assert stalls(schedule, timeline) == stalls(schedule, other)


def test_runs_without_overlap_have_no_waste():
    _, tallies = played("residuals")
    assert tallies[RunName.STATIC].speculation is None
    assert tallies[RunName.EARLY_EXIT].speculation is None
