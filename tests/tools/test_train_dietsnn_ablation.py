"""DIET-SNN's own recipe: conversion by percentiles, what each arm may learn, activity, energy, and the tool's table."""

# ruff: noqa: E402  (what needs torch is imported after the line that asks for it)

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tools.dietsnn_cases import GEOMETRY, run_tool, save_npz, some_images
from torch.nn import functional
from training.common.loop import Augmentation, Stage, TensorImages, Trainer, as_pixels
from training.dietsnn.activity import active_fractions, mean_and_error, spiking_activity
from training.dietsnn.conversion import BALANCING_STEPS, RealNetwork, converted, percentile_thresholds
from training.dietsnn.diet import freeze
from training.dietsnn.energy import PRICES, accumulates, ann_pj, operation_counts, snn_pj
from training.dietsnn.model import Geometry

from hwsim.doors.torch.ranks import nearest_rank
from hwsim.traces.codings import verify
from hwsim.traces.io import read_trace


def some_real_network(seed=5):
    torch.manual_seed(seed)
    return RealNetwork(GEOMETRY, 0.0).eval()


def some_tensors(n, seed):
    x, y = some_images(n, seed)
    return TensorImages(torch.from_numpy(x[..., None]), torch.from_numpy(y.astype(np.int64)))


# conversion


def plain_layer(layer, x):
    """One layer on x [sample, ...]: 3x3 convolution with padding 1, or a product."""
    if layer.weight.dim() == 4:
        return functional.conv2d(x, layer.weight, stride=layer.stride, padding=1)
    return x.flatten(1) @ layer.weight.T


def plain_thresholds(real, pixels, percentile):
    """The definition, step by step: IF neurons with soft reset, one layer after the other."""
    inputs = [pixels / 255] * BALANCING_STEPS
    found = []
    for layer in list(real.layers)[:-1]:
        currents = [plain_layer(layer, x) for x in inputs]
        per_step = []
        for current in currents:
            ordered = sorted(current.flatten().tolist())
            per_step.append(ordered[round(percentile / 100 * (len(ordered) - 1))])
        found.append(max(per_step))
        v, inputs = torch.zeros_like(currents[0]), []
        for current in currents:
            v = v + current
            spikes = (v > found[-1]).float()
            v = v - found[-1] * spikes
            inputs.append(spikes)
    return found


@pytest.mark.parametrize("percentile", [90.0, 99.7])
def test_thresholds_are_percentiles_of_currents_layer_after_layer(percentile):
    real, pixels = some_real_network(), as_pixels(some_tensors(30, 2).x)
    with torch.no_grad():
        expected = plain_thresholds(real, pixels, percentile)
    assert percentile_thresholds(real, pixels, percentile) == pytest.approx(expected, rel=1e-5)
    assert len({round(x, 4) for x in expected}) == 3


@pytest.mark.parametrize(("percentile", "expected"), [(0, 1.0), (50, 3.0), (74, 4.0), (99.7, 5.0), (100, 5.0)])
def test_a_percentile_is_the_value_at_the_nearest_rank(percentile, expected):
    assert nearest_rank(torch.tensor([[4.0, 2.0, 5.0, 1.0, 3.0]]), percentile) == expected


def test_the_ann_has_no_bias_and_gives_its_logits_as_one_timestep():
    real, pixels = some_real_network(), as_pixels(some_tensors(6, 1).x)
    assert all(name.endswith("weight") for name, _ in real.named_parameters())
    with torch.no_grad():
        x = pixels / 255
        for layer in list(real.layers)[:-1]:
            x = plain_layer(layer, x).relu()
        torch.testing.assert_close(real(pixels), plain_layer(real.layers[-1], x)[None])


def test_conversion_keeps_the_weights_and_nothing_leaks():
    real = some_real_network()
    network = converted(real, 7, [0.5, 0.6, 0.7])
    for op, layer in zip([*(b.op for b in network.blocks()), network.output], real.layers, strict=True):
        assert torch.equal(op.weight, layer.weight)
    assert [block.leak.item() for block in network.blocks()] == [1, 1, 1]
    assert [block.threshold.item() for block in network.blocks()] == pytest.approx([0.5, 0.6, 0.7])
    assert [block.norm for block in network.blocks()] == [None] * 3
    assert network(as_pixels(some_tensors(6, 1).x)).shape == (7, 6, 4)


def test_spike_rates_of_many_timesteps_are_the_anns_first_activations():
    """An IF neuron with constant current c >= 0 and threshold V spikes c / V times a step, at most once a step."""
    real, images = some_real_network(), some_tensors(5, 1)
    network = converted(real, 400, [2.0, 1.0, 1.0])
    with torch.no_grad():
        rates = network.convs[0]((as_pixels(images.x) / 255).unsqueeze(0)).mean(0)
        expected = (real.activations(as_pixels(images.x))[0] / 2.0).clamp(max=1)
    torch.testing.assert_close(rates, expected, atol=1 / 400 + 1e-4, rtol=0)


# what an arm may learn


@pytest.mark.parametrize(
    ("learn", "moves"),
    [("fixed", (False, False)), ("threshold", (True, False)), ("threshold+leak", (True, True))],
)
def test_an_arm_trains_the_weights_and_what_its_name_says(learn, moves):
    network = converted(some_real_network(), 4, [0.3, 0.3, 0.3])
    freeze(network, learn)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    stage = Stage("x", 1, 1e-2, 0.0, 10, 1, Augmentation(0, False), "last")
    trainer = Trainer(network, stage, some_tensors(60, 0), some_tensors(20, 1))
    trainer._epoch(0)
    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert {name for name in moved if name.endswith("weight")} == {n for n in before if n.endswith("weight")}
    assert any(name.endswith("threshold") for name in moved) == moves[0]
    assert any(name.endswith("leak") for name in moved) == moves[1]


# activity


def test_activity_counts_every_spike_of_every_image():
    network, images = converted(some_real_network(), 5, [0.4, 0.5, 0.6]).eval(), some_tensors(12, 3)
    activity = spiking_activity(network, images)
    with torch.no_grad():
        x = (as_pixels(images.x) / 255).unsqueeze(0)
        layers = []
        for k, block in enumerate(network.blocks()):
            x = block(x.flatten(2) if k == 2 else x)
            layers.append(x)
        logits = network.output(x).numpy()
    assert activity.neurons == (6 * 7 * 3, 3 * 4 * 5, 9)
    for found, spikes, n in zip(activity.spikes, layers, activity.neurons, strict=True):
        assert found.tolist() == [[int(image.sum()) for image in step] for step in spikes]
        assert 0 < found.sum() < 5 * 12 * n
    for t in range(5):
        assert activity.right[t].tolist() == (logits[: t + 1].sum(0).argmax(1) == images.y.numpy()).tolist()
    per_image = [sum(layer[:, k].sum().item() for layer in layers) / 195 for k in range(12)]
    assert activity.overall()[0] == pytest.approx(np.mean(per_image))
    assert activity.overall()[1] == pytest.approx(np.std(per_image, ddof=1) / 12**0.5)
    assert activity.per_neuron() == pytest.approx(
        [x.sum().item() / 12 / n for x, n in zip(layers, activity.neurons, strict=True)]
    )


def test_standard_error_of_a_fraction_is_the_binomial_one():
    right = np.arange(400) % 10 < 9
    assert mean_and_error(right) == pytest.approx((0.9, (0.9 * 0.1 / 399) ** 0.5))


def test_active_fractions_are_the_share_of_values_above_zero():
    real, images = some_real_network(), some_tensors(7, 4)
    with torch.no_grad():
        hidden = real.activations(as_pixels(images.x))[:-1]
    expected = [np.count_nonzero(x.numpy()) / x.numel() for x in hidden]
    assert active_fractions(real, images) == pytest.approx(expected)
    assert all(0 < x < 1 for x in expected)


# energy


def test_operations_are_the_products_of_the_sizes():
    assert operation_counts(GEOMETRY) == [9 * 1 * 3 * 6 * 7, 9 * 3 * 5 * 3 * 4, 3 * 4 * 5 * 9, 9 * 4]
    assert operation_counts(Geometry((28, 28, 1), (16, 32, 64, 256), 10, 1)) == [112896, 903168, 903168, 802816, 2560]


@pytest.mark.parametrize(
    ("rho", "passes", "ratio"),
    [(0.83, 1, 6), (0.40, 1, 12), (0.26, 1, 18), (0.72, 5, 6), (0.285, 5, 12), (0.15, 5, 18)],
)
def test_spike_rates_give_the_ratios_worked_out_for_vgg16(rho, passes, ratio):
    """VGG16 on ImageNet: 15.47 G operations, 0.56 % of them in the first layer; rho known to two digits."""
    counts = [86_700_000, 15_470_000_000 - 86_700_000]
    prices = PRICES["fp32"]
    assert ann_pj(counts, prices) / snn_pj(counts, [rho], passes, prices) == pytest.approx(ratio, rel=0.03)


def test_energy_adds_layer_by_layer():
    assert accumulates([10, 20, 30], [0.5, 2.0]) == 0.5 * 20 + 2.0 * 30
    assert snn_pj([10, 20, 30], [0.5, 2.0], 3, PRICES["int32"]) == pytest.approx(3 * 10 * 3.2 + 70 * 0.1)
    assert ann_pj([10, 20, 30], PRICES["int32"]) == pytest.approx(60 * 3.2)


# the tool


def test_one_arm_gives_a_trace_of_what_it_learned(tmp_path):
    save_npz(tmp_path / "d.npz")
    assert run_tool(tmp_path, "--learn", "fixed", "--ann-epochs", "2", "--threshold-scale", "0.5") == 0
    trace = read_trace(tmp_path / "t.npz")
    assert verify(trace).ok
    for layer in trace.network.spiking():
        assert layer.bias is None
        assert layer.weights.bits == 8
        assert layer.neuron.leak == 2**layer.neuron.leak_bits
    assert "learned beside weights: fixed" in trace.provenance.notes
    assert trace.provenance.accuracy == pytest.approx(trace.logits["test"].accuracy())


def run_ablation(folder, *more):
    command = ("--ablation", "2,3", "--out", f"{folder}/a.json", "--ann-epochs", "2", *more)
    assert run_tool(folder, *command) == 0
    return json.loads((folder / "a.json").read_text())


def test_the_table_holds_every_arm_at_every_t_and_its_figures_agree(tmp_path, capsys):
    save_npz(tmp_path / "d.npz")
    table = run_ablation(tmp_path)
    said = capsys.readouterr().out
    arms = ["converted", "fixed", "threshold", "threshold+leak"]
    assert [(p["timesteps"], p["learn"]) for p in table["points"]] == [(t, arm) for t in (2, 3) for arm in arms]
    counts = table["ann"]["macs"]
    for point in table["points"]:
        rho, neurons = point["layer_spikes_per_neuron"], (126, 60, 9)
        assert point["accuracy"] == point["accuracy_by_timestep"][-1]
        assert len(point["accuracy_by_timestep"]) == point["timesteps"]
        assert point["spikes_per_neuron"] == pytest.approx(np.dot(rho, neurons) / sum(neurons))
        assert point["acs"] == pytest.approx(np.dot(rho, counts[1:]))
        energy = point["timesteps"] * counts[0] * 4.6 + point["acs"] * 0.9
        assert point["energy_ratio"]["fp32_layer1_every_step"] == pytest.approx(sum(counts) * 4.6 / energy)
        assert f"| {point['timesteps']} | {point['learn']} | {100 * point['accuracy']:.2f} " in said
        assert (point["leaks"] == [1, 1, 1]) == (point["learn"] != "threshold+leak")
    fixed, learned = table["points"][1], table["points"][2]
    assert learned["accuracy_above_fixed"] == pytest.approx(learned["accuracy"] - fixed["accuracy"])
    start = [0.3 * x for x in table["ann"]["percentile_thresholds"]]
    assert fixed["thresholds"] == pytest.approx(start, rel=1e-6)
    assert learned["thresholds"] != pytest.approx(start, rel=1e-6)


def test_arms_share_one_ann_and_a_second_run_trains_nothing(tmp_path, capsys):
    save_npz(tmp_path / "d.npz")
    first = run_ablation(tmp_path)
    assert capsys.readouterr().out.count("ann epoch") == 2
    assert run_ablation(tmp_path) == first
    assert run_tool(tmp_path, "--learn", "threshold", "--ann-epochs", "2") == 0
    assert ": loss" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--learn", "leak"], "--learn"),
        (["--learn", "fixed", "--ablation", "2"], "--learn and --ablation: one of them"),
        (["--learn", "fixed", "--qat-epochs", "1"], "--qat-epochs: with --learn"),
        (["--ablation", "2,0"], "--ablation: must be at least 1, got 0"),
        (["--ablation", "2"], "ends in .json"),
        (["--percentile", "101"], "--percentile: must be from 0 to 100"),
        (["--threshold-scale", "0"], "--threshold-scale: must be above 0"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(tmp_path, capsys, more, says):
    save_npz(tmp_path / "d.npz")
    assert run_tool(tmp_path, *more) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1
