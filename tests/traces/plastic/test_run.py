"""Learning, labelling and deciding: against plain Python, over passes and repeats, and resumed from any checkpoint."""

from dataclasses import replace

import numpy as np
import pytest
from traces.plastic.cases import formats, inhibition, network, part, plastic_trace, stdp
from traces.plastic.reference import Integers, Reference, spikes_of

from hwsim.errors import TraceError, UsageError
from hwsim.traces import read_trace, write_trace
from hwsim.traces.plastic.run import learn
from hwsim.traces.plastic.session import Session
from hwsim.traces.plastic.trace import LearnedState, PlasticTrace
from hwsim.traces.plastic.verify import first_of_plastic, verify_plastic

ADAPTIVE = inhibition(most_responding=3, strength_step_mv=0.75, strength_lowest_mv=3.5, strength_highest_mv=5.5)


def untrained(forms, n_train=6, n_test=5, **changes):
    """A trace of a network that has not learned yet."""
    net = network(forms, learning=stdp(**changes), inhibiting=ADAPTIVE)
    drawn = {name: part(net, name, n, seed) for name, n, seed in (("train", n_train, 1), ("test", n_test, 2))}
    return PlasticTrace(net, 4, drawn, np.zeros(n_train, np.int32), plastic_trace(formats()).provenance)


def twin_answers(twin, net, name, sample_id, values, learning, passed=0):
    """Spikes of each neuron in the last presentation of a sample, and how many presentations there were."""
    for repeat in range(net.coding.most_repeats + 1):
        steps = spikes_of(net, name, sample_id, values, passed, repeat)
        raster = twin.present(steps, name, sample_id, learning, passed, repeat)
        counts = [sum(j in winners for winners in raster) for j in range(net.neurons.count)]
        if sum(counts) >= net.coding.fewest_spikes:
            break
    return counts, repeat + 1


def twin_accuracy(twin, trace):
    """Labels by mean answers, decisions by mean answers of the labelled, in plain Python."""
    net, train, test = trace.network, trace.parts["train"], trace.parts["test"]
    answers = {c: [0] * net.neurons.count for c in range(trace.n_classes)}
    for label, sample_id, values in zip(train.labels, train.sample_ids, train.values, strict=True):
        counts, _ = twin_answers(twin, net, "label", int(sample_id), values, learning=False)
        answers[int(label)] = [a + b for a, b in zip(answers[int(label)], counts, strict=True)]
    shown = {c: max(1, list(train.labels).count(c)) for c in answers}
    label_of = {}
    for j in range(net.neurons.count):
        means = [answers[c][j] / shown[c] for c in answers]
        if any(means):
            label_of[j] = means.index(max(means))
    right = 0
    for label, sample_id, values in zip(test.labels, test.sample_ids, test.values, strict=True):
        counts, _ = twin_answers(twin, net, "test", int(sample_id), values, learning=False)
        means = []
        for c in answers:
            own = [counts[j] for j, labelled in label_of.items() if labelled == c]
            means.append(sum(own) / len(own) if own else 0)
        right += means.index(max(means)) == label
    return right / len(test.labels)


@pytest.mark.parametrize("rounding", ["truncate", "stochastic"])
def test_two_passes_and_decisions_equal_plain_python(rounding):
    trace = untrained(formats(rounding))
    net, train = trace.network, trace.parts["train"]
    found = learn(net, trace, Session(passes=2))
    twin, presentations, spikes, activity = Reference(net, Integers), [], [], []
    for step in range(12):
        k, before = step % 6, twin.held["up"] + twin.held["down"]
        counts, shown = twin_answers(twin, net, "train", int(train.sample_ids[k]), train.values[k], True, step // 6)
        presentations.append(shown)
        spikes.append(sum(counts))
        activity.append(twin.activity)
        assert found.phases["train"].updates[step] == twin.held["up"] + twin.held["down"] - before
    assert found.phases["train"].presentations.tolist() == presentations
    assert max(presentations) > 1
    assert found.phases["train"].spikes.tolist() == spikes
    assert [each[-48:].tolist() for each in found.phases["train"].activity] == activity
    assert found.state.weights.tolist() == twin.w
    assert found.state.theta.tolist() == twin.theta
    assert found.state.strength == twin.strength
    assert found.state.samples == 12
    twin.a.begin("end")
    twin.normalise()
    assert found.accuracy == twin_accuracy(twin, trace)
    assert found.n_test == 5


def same(one, other):
    return (
        np.array_equal(one.weights, other.weights)
        and np.array_equal(one.theta, other.theta)
        and (one.strength, one.samples) == (other.strength, other.samples)
    )


@pytest.mark.parametrize("forms", [None, formats("stochastic")], ids=["FP32", "Q1.7 stochastic"])
@pytest.mark.parametrize("rule", ["pairwise", "windowed"])
def test_going_on_from_any_checkpoint_gives_the_same(forms, rule, tmp_path):
    trace = untrained(forms, rule=rule)
    kept: list[PlasticTrace] = []
    whole = learn(trace.network, trace, Session(passes=2, save=kept.append, save_every=5))
    assert [each.state.samples for each in kept] == [5, 10, 12]
    for number, checkpoint in enumerate(kept):
        path = tmp_path / f"{number}.npz"
        write_trace(path, checkpoint)
        read = read_trace(path)
        rest = learn(read.network, read, Session(passes=2))
        assert same(rest.state, whole.state)
        assert rest.accuracy == whole.accuracy
        assert len(rest.phases["train"].spikes if "train" in rest.phases else []) == 12 - checkpoint.state.samples
    last = kept[-1]
    assert last.responses.tolist() == whole.phases["train"].spikes.tolist()
    assert verify_plastic(last).ok
    assert same(last.state, whole.state)


def test_a_changed_state_is_found_and_a_wrong_one_refused(tmp_path):
    trace = untrained(formats())
    kept: list[PlasticTrace] = []
    learn(trace.network, trace, Session(phase="train", save=kept.append))
    state = kept[0].state
    weights = state.weights.copy()
    weights[3, 2] ^= 1
    other = replace(kept[0], state=LearnedState(weights, state.theta, state.strength, state.samples))
    assert verify_plastic(other).arrays["state/weights"].first == (3, 2)
    wrong = {
        "array 'state/weights'": LearnedState(np.full_like(weights, 129), state.theta, state.strength, 6),
        "array 'state/theta'": LearnedState(weights, state.theta - 100_000, state.strength, 6),
        "state.strength": LearnedState(weights, state.theta, 5000, 6),
        "array 'train/responses'": LearnedState(weights, state.theta, state.strength, 7),
        "array 'state/weights': ": LearnedState(weights[:, 1:], state.theta, state.strength, 6),
    }
    for message, each in wrong.items():
        with pytest.raises(TraceError, match=message):
            write_trace(tmp_path / "wrong.npz", replace(kept[0], state=each))
    assert not list(tmp_path.iterdir())


def test_phases_by_themselves_are_the_phases_together():
    trace = untrained(formats())
    kept: list[PlasticTrace] = []
    both = learn(trace.network, trace)
    trained = learn(trace.network, trace, Session(phase="train", save=kept.append))
    assert (set(trained.phases), trained.accuracy) == ({"train"}, None)
    inferred = learn(kept[0].network, kept[0], Session(phase="infer"))
    assert set(inferred.phases) == {"infer"}
    assert inferred.accuracy == both.accuracy
    assert inferred.phases["infer"].spikes.tolist() == both.phases["infer"].spikes.tolist()
    short = learn(kept[0].network, first_of_plastic(kept[0], 3, None), Session(phase="infer"))
    assert short.phases["infer"].spikes.tolist() == both.phases["infer"].spikes.tolist()[:3]


def test_what_cannot_be_is_refused_in_one_line():
    trace = untrained(formats())
    kept: list[PlasticTrace] = []
    learn(trace.network, trace, Session(phase="train", save=kept.append))
    with pytest.raises(UsageError, match=r"^phase: infer, but small has not learned anything"):
        learn(trace.network, trace, Session(phase="infer"))
    with pytest.raises(UsageError, match=r"^phase: train, but small has learned from 6 samples already"):
        learn(kept[0].network, kept[0], Session(phase="train"))
    other = replace(trace.network, formats=formats("truncate"), stdp=stdp("windowed"))
    with pytest.raises(UsageError, match=r"stdp.rule pairwise, the machine has windowed, formats.weights.rounding"):
        learn(other, kept[0])
    with pytest.raises(UsageError, match="formats fixed point, the machine has FP32"):
        learn(replace(trace.network, formats=None), kept[0])


def test_sessions_that_cannot_be_are_refused():
    for wrong, message in (
        ({"phase": "foo"}, "wanted train, infer or both, got 'foo'"),
        ({"save": "x.npz"}, "save"),
    ):
        with pytest.raises(UsageError, match=message):
            Session(**wrong)


def test_the_last_sample_learned_counts_no_more_than_others():
    """A neuron whose weights have just grown would answer to everything: they are scaled before it gets a label."""
    steep = {"potentiation": 900_000, "w_highest": 1.0, "weight_sum": 4.0}
    trace = untrained(formats(weights=(1, 12)), **steep)
    learned = learn(trace.network, trace)
    sums = learned.state.weights.sum(axis=0, dtype=np.int64) / 2**12
    assert sums.max() > 1.5 * steep["weight_sum"]  # as learning left them
    twin, train = Reference(trace.network, Integers), trace.parts["train"]
    for sample_id, values in zip(train.sample_ids, train.values, strict=True):
        twin_answers(twin, trace.network, "train", int(sample_id), values, learning=True)
    twin.a.begin("end")
    twin.normalise()
    scaled = [sum(column) / 2**12 for column in zip(*twin.w, strict=True)]
    assert max(scaled) < 1.1 * steep["weight_sum"]
    assert learned.accuracy == twin_accuracy(twin, trace)


def test_progress_is_told_of_every_sample():
    seen = []

    def track(indices, what):
        for index in indices:
            seen.append((what, index))
            yield index

    learn(untrained(None).network, untrained(None), Session(track=track))
    assert seen == [(what, i) for what, n in (("learning", 6), ("labelling", 6), ("deciding", 5)) for i in range(n)]


def test_samples_are_not_changed():
    trace = untrained(formats())
    before = trace.parts["train"].values.copy()
    learn(trace.network, trace)
    assert np.array_equal(before, trace.parts["train"].values)
