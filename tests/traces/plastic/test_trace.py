"""Traces of learning networks: files, verification, slices, and every rule refused in one line."""

import dataclasses

import numpy as np
import pytest
from click.testing import CliRunner
from traces.plastic.cases import formats, plastic_trace
from traces.plastic.reference import Integers, Reference, spikes_of

from hwsim.cli import main
from hwsim.errors import TraceError, UsageError
from hwsim.traces import read_trace, write_trace
from hwsim.traces.plastic import coding as plastic
from hwsim.traces.plastic.check import check_plastic
from hwsim.traces.plastic.trace import PlasticTrace
from hwsim.traces.plastic.verify import first_of_plastic, verify_plastic


@pytest.fixture(scope="module", params=[None, "stochastic"])
def trace(request):
    return plastic_trace(request.param and formats(request.param))


@pytest.fixture(scope="module")
def fixed():
    return plastic_trace(formats())


def test_a_file_keeps_everything(trace, tmp_path):
    path = tmp_path / "small.npz"
    write_trace(path, trace)
    read = read_trace(path)
    assert isinstance(read, PlasticTrace)
    assert read.network == trace.network
    for name, part in trace.parts.items():
        for field in dataclasses.fields(part):
            assert np.array_equal(getattr(read.parts[name], field.name), getattr(part, field.name))
    assert np.array_equal(read.responses, trace.responses)
    again = tmp_path / "again.npz"
    write_trace(again, read)
    assert again.read_bytes() == path.read_bytes()


def test_verification_finds_no_difference(trace):
    result = verify_plastic(trace)
    assert result.ok
    assert result.samples == 8
    assert set(result.arrays) == {
        "train/input_spikes",
        "train/digests",
        "train/responses",
        "test/input_spikes",
        "test/digests",
    }


def test_verification_finds_another_pixel_seed_and_response(fixed):
    part = fixed.parts["test"]
    values = part.values.copy()
    values[1, part.values[1].argmax()] = 0
    changed = dataclasses.replace(fixed, parts=fixed.parts | {"test": dataclasses.replace(part, values=values)})
    assert verify_plastic(changed).arrays["test/digests"].first == (1,)
    reseeded = dataclasses.replace(fixed, network=dataclasses.replace(fixed.network, seed=12))
    assert verify_plastic(reseeded).arrays["train/digests"].differing == 5
    responses = fixed.responses.copy()
    responses[3] += 1
    found = verify_plastic(dataclasses.replace(fixed, responses=responses)).arrays["train/responses"]
    assert (found.differing, found.first) == (1, (3,))


def test_recorded_counts_are_those_of_plain_integers(fixed):
    twin, train = Reference(fixed.network, Integers), fixed.parts["train"]
    most = 0
    for k, (values, sample_id) in enumerate(zip(train.values, train.sample_ids, strict=True)):
        repeat, spikes = 0, -1
        while repeat == 0 or (spikes < fixed.network.coding.fewest_spikes and repeat <= 2):
            steps = spikes_of(fixed.network, "train", int(sample_id), values, repeat=repeat)
            if repeat == 0:
                assert train.input_spikes[k] == sum(map(len, steps))
            spikes = sum(map(len, twin.present(steps, "train", int(sample_id), True, repeat=repeat)))
            repeat, most = repeat + 1, max(most, repeat)
        assert fixed.responses[k] == spikes
    assert fixed.responses.sum() > 0
    assert most


def test_spike_rates(fixed):
    rates = fixed.spike_rates()
    assert rates["input"] == fixed.parts["train"].input_spikes.sum() / (5 * 40 * 30)
    assert rates["excitatory"] == fixed.responses.sum() / (5 * 40 * 7)


def test_the_first_samples_verify_as_well(trace):
    short = first_of_plastic(trace, 2, None)
    assert [len(part.labels) for part in short.parts.values()] == [2, 2]
    assert verify_plastic(short).ok
    assert first_of_plastic(trace, None, 40) is trace
    for wanted in ({"samples": 6, "timesteps": None}, {"samples": None, "timesteps": 39}):
        with pytest.raises(UsageError, match=r"^(samples|timesteps): .*, got"):
            first_of_plastic(trace, **wanted)


def test_command_line(fixed, tmp_path):
    path = tmp_path / "small.npz"
    write_trace(path, fixed)
    shown = CliRunner().invoke(main, ["trace", "info", str(path)])
    assert shown.exit_code == 0, shown.output
    for text in ("plastic coding", "7 excitatory", "weights Q1.7 nearest", "pairwise"):
        assert text in shown.output
    verified = CliRunner().invoke(main, ["trace", "verify", str(path)])
    assert verified.exit_code == 0, verified.output
    assert "equal, bit for bit" in verified.output


def changed(network, where, **values):
    if where == "":
        return dataclasses.replace(network, **values)
    if where.startswith("formats."):
        name = where.split(".")[1]
        return changed(
            network, "", formats=network.formats | {name: dataclasses.replace(network.formats[name], **values)}
        )
    return dataclasses.replace(network, **{where: dataclasses.replace(getattr(network, where), **values)})


@pytest.mark.parametrize(
    ("where", "values", "named"),
    [
        ("", {"pixels": 0}, "network.pixels"),
        ("", {"formats": {}}, "network.formats"),
        ("coding", {"peak_millihertz": 10**6 + 1}, "network.coding.peak_millihertz"),
        ("coding", {"dt_us": 20_000}, "network.coding.peak_millihertz"),
        ("coding", {"rest_steps": -1}, "network.coding.rest_steps"),
        ("neurons", {"leak": 65537}, "network.neurons.leak"),
        ("neurons", {"v_threshold_mv": float("nan")}, "network.neurons.v_threshold_mv"),
        ("neurons", {"v_lowest_mv": 1.0}, "network.neurons.v_lowest_mv"),
        ("neurons", {"v_reset_mv": 7.0}, "network.neurons.v_reset_mv"),
        ("inhibition", {"strength_mv": 200.0}, "network.inhibition.strength_mv"),
        ("inhibition", {"kind": "none"}, "network.inhibition.kind"),
        ("inhibition", {"strength_step_mv": 0.5, "strength_highest_mv": 1.0}, "network.inhibition.strength_highest_mv"),
        ("inhibition", {"strength_step_mv": 0.5, "strength_lowest_mv": 9.0}, "network.inhibition.strength_lowest_mv"),
        ("coding", {"most_repeats": 101}, "network.coding.most_repeats"),
        ("stdp", {"rule": "triplet"}, "network.stdp.rule"),
        ("stdp", {"potentiation": 1 << 21}, "network.stdp.potentiation"),
        ("stdp", {"w_highest": 2.5}, "network.stdp.w_highest"),
        ("stdp", {"initial_highest": 1.5}, "network.stdp.initial_highest"),
        ("stdp", {"weight_sum": 31.0}, "network.stdp.weight_sum"),
        ("stdp", {"window_steps": 0}, "network.stdp.window_steps"),
        ("formats.weights", {"rounding": "up"}, "network.formats.weights.rounding"),
        ("formats.weights", {"fraction_bits": 16}, "network.bits of formats.weights"),
        ("formats.thresholds", {"fraction_bits": 7}, "network.formats.thresholds.fraction_bits"),
    ],
)
def test_rules_of_networks(fixed, where, values, named):
    check_plastic(fixed.network)
    with pytest.raises(TraceError, match=named) as caught:
        check_plastic(changed(fixed.network, where, **values))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "change", "wanted"),
    [
        ("train/values", lambda a: a[:, :-1], "uint8"),
        ("train/values", lambda a: a.astype(np.int8), "uint8"),
        ("train/labels", lambda a: a + 4, "classes from 0 to 3"),
        ("test/sample_ids", lambda a: a * 0, "distinct"),
        ("test/input_spikes", lambda a: a - 10**6, "counts from 0 to 1200"),
        ("train/responses", lambda a: a + 10**6, "counts from 0 to 336"),
    ],
)
def test_rules_of_arrays(fixed, tmp_path, monkeypatch, name, change, wanted):
    arrays = plastic.CODING.arrays(fixed)
    arrays[name] = change(arrays[name])
    monkeypatch.setattr(plastic, "CODING", dataclasses.replace(plastic.CODING, arrays=lambda _: arrays))
    with pytest.raises(TraceError, match=f"array '{name}': wanted .*{wanted}"):
        write_trace(tmp_path / "bad.npz", fixed)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("keys", "value", "named"),
    [
        (("network", "neurons", "one_winner"), 1, "neurons.one_winner"),
        (("network", "neurons", "spare"), 1, "unknown key 'spare'"),
        (("network", "stdp", "rule"), "pairwize", "stdp.rule"),
        (("network", "formats", "weights"), "Q1.7", "weights"),
        (("network", "coding", "present_steps"), 10**9, "coding.present_steps"),
        (("parts", "train", "samples"), 2**40, "train.samples"),
        (("parts", "train", "samples"), 6, "array 'train/values'"),
    ],
)
def test_rules_of_the_manifest(fixed, tmp_path, monkeypatch, keys, value, named):
    record = plastic.CODING.record(fixed)
    inner = record
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    monkeypatch.setattr(plastic, "CODING", dataclasses.replace(plastic.CODING, record=lambda _: record))
    with pytest.raises(TraceError, match=named) as caught:
        write_trace(tmp_path / "bad.npz", fixed)
    assert str(caught.value).isprintable()
