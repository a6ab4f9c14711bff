"""The training tool: its data, its neurons and their gradients, its integers, and a trace that verifies."""

# ruff: noqa: E402  (tools/ is no package of the project: its folder joins the path first, and only where torch is there)

import dataclasses
import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import train_dietsnn
from training.data import DataError, Images, hold_out, load_images, read_idx, stratified
from training.export import Amounts, network_of, recorded_first
from training.integer import execute_exactly, pack
from training.loop import Augmentation, Trainer, accumulated_loss, augment
from training.model import Geometry, SpikingNetwork
from training.neurons import Grid, lif
from training.quantise import Precision, QuantNetwork, fold, steps_of
from training.stages import check_twice

from hwsim.errors import TraceError
from hwsim.traces.io import read_trace
from hwsim.traces.trace import PackedSpikes
from hwsim.traces.verify import verify

GEOMETRY = Geometry((6, 7, 1), (3, 5, 9), 4, 3)


def some_images(n, seed, shape=(6, 7), n_classes=4):
    """Classes that differ in where they are bright."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    x = rng.integers(0, 90, (n, *shape))
    x[np.arange(n), y % shape[0]] += 150
    return x.astype(np.uint8), y.astype(np.uint8)


def save_npz(path, **changes):
    x, y = some_images(120, 0)
    x_test, y_test = some_images(40, 1)
    np.savez(path, **({"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test} | changes))
    return path


def idx_bytes(array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    return head + array.tobytes()


def some_network(seed=3):
    """A network whose batch norms have seen something, and whose parameters are nowhere special."""
    torch.manual_seed(seed)
    network = SpikingNetwork(GEOMETRY, 0.0)
    with torch.no_grad():
        for block in network.blocks():
            block.leak.fill_(0.8)
            block.threshold.fill_(0.7)
            block.norm.weight.uniform_(0.5, 1.5)
            block.norm.bias.uniform_(-0.2, 0.4)
            block.norm.running_mean.uniform_(-0.1, 0.1)
            block.norm.running_var.uniform_(0.02, 0.2)
    return network.eval()


# data


@pytest.mark.parametrize("packed", [False, True])
def test_idx_folder_gives_what_was_written(tmp_path, packed):
    x, y = some_images(12, 5)
    for stem, array in {
        "train-images-idx3": x,
        "train-labels-idx1": y,
        "t10k-images-idx3": x[:4],
        "t10k-labels-idx1": y[:4],
    }.items():
        raw = idx_bytes(array)
        name = f"{stem}-ubyte" + (".gz" if packed else "")
        (tmp_path / name).write_bytes(gzip.compress(raw) if packed else raw)
    train, test = load_images(tmp_path)
    assert np.array_equal(train.x[..., 0], x)
    assert np.array_equal(train.y, y)
    assert np.array_equal(test.x[..., 0], x[:4])
    assert test.ids.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "raw", [b"", b"\0\0\x08", b"\0\0\x0d\x01\0\0\0\x01\0", idx_bytes(np.zeros((2, 3), np.uint8))[:-1]]
)
def test_idx_that_is_cut_or_of_another_type_is_refused(tmp_path, raw):
    (tmp_path / "a").write_bytes(raw)
    with pytest.raises(DataError, match=r"a: wanted .*, found"):
        read_idx(tmp_path / "a")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"x_train": np.zeros((120, 6, 7))}, "x_train"),
        ({"y_train": np.zeros(119, np.uint8)}, "y_train"),
        ({"y_test": np.full(40, 9, np.uint8)}, "y_test"),
        ({"x_test": np.zeros((40, 7, 7), np.uint8)}, "x_test"),
        ({"y_test": np.array([None] * 40)}, "plain arrays"),
    ],
)
def test_npz_with_a_wrong_array_is_refused_by_name(tmp_path, changes, named):
    with pytest.raises(DataError, match=named):
        load_images(save_npz(tmp_path / "d.npz", **changes))


def test_npz_without_an_array_and_no_npz_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=np.zeros(1))
    (tmp_path / "b.npz").write_bytes(b"not a zip")
    for name in ("a.npz", "b.npz", "missing.npz"):
        with pytest.raises(DataError, match=name):
            load_images(tmp_path / name)


def test_stratified_draws_classes_in_proportion_and_repeatably():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    drawn = stratified(labels, 20, 7)
    assert np.bincount(labels[drawn]).tolist() == [12, 6, 2]
    assert len(set(drawn.tolist())) == 20
    assert np.array_equal(drawn, stratified(labels, 20, 7))
    assert not np.array_equal(drawn, stratified(labels, 20, 8))
    assert len(stratified(labels, 7, 0)) == 7


def test_hold_out_parts_the_training_set():
    x, y = some_images(80, 2)
    train = Images(x[..., None], y.astype(np.int64), np.arange(80))
    rest, held = hold_out(train, 20, 1)
    assert sorted([*rest.ids, *held.ids]) == list(range(80))
    assert np.bincount(held.y).tolist() == [5, 5, 5, 5]
    assert np.array_equal(held.x, train.x[held.ids])
    with pytest.raises(DataError, match="hold out 79 of 80"):
        hold_out(train, 79, 1)


def test_recorded_samples_come_first_and_both_parts_are_stratified():
    labels = np.arange(200) % 4
    order = recorded_first(labels, Amounts(recorded=8, inputs=40), seed=2)
    assert len(set(order.tolist())) == 40
    assert np.bincount(labels[order[:8]]).tolist() == [2, 2, 2, 2]
    assert np.bincount(labels[order]).tolist() == [10, 10, 10, 10]


# augmentation and loss


def test_augmentation_moves_by_whole_pixels_and_mirrors():
    torch.manual_seed(0)
    x = torch.from_numpy(some_images(60, 3)[0][..., None])
    assert torch.equal(augment(x, Augmentation(0, False)), x)
    flipped = augment(x, Augmentation(0, True))
    kinds = {
        ("kept" if torch.equal(a, b) else "mirrored" if torch.equal(a, b.flip(1)) else "?")
        for a, b in zip(flipped, x, strict=True)
    }
    assert kinds == {"kept", "mirrored"}
    padded = torch.nn.functional.pad(x, (0, 0, 1, 1, 1, 1))
    shifted = augment(x, Augmentation(1, False))
    places = []
    for k in range(60):
        windows = [
            (r, c) for r in range(3) for c in range(3) if torch.equal(shifted[k], padded[k, r : r + 6, c : c + 7])
        ]
        assert len(windows) == 1
        places += windows
    assert len(set(places)) > 4


def test_loss_is_the_mean_over_t_of_the_cross_entropy_of_summed_logits():
    logits = np.random.default_rng(0).normal(size=(3, 5, 4))
    labels = np.array([0, 3, 1, 1, 2])
    expected = []
    for t in range(3):
        z = logits[: t + 1].sum(0)
        expected.append(np.mean([np.log(np.exp(z[n]).sum()) - z[n, labels[n]] for n in range(5)]))
    found = accumulated_loss(torch.from_numpy(logits), torch.from_numpy(labels))
    assert found.item() == pytest.approx(np.mean(expected))


# neurons


def plain_spikes(current, leak, threshold, timesteps):
    v, spikes = 0.0, []
    for t in range(timesteps):
        v = leak * v + current[t]
        spikes.append(float(v > threshold))
        v -= threshold * spikes[-1]
    return spikes


def test_real_neurons_follow_the_plain_recurrence():
    current = np.random.default_rng(1).normal(0.4, 0.8, size=(5, 30))
    found = lif(torch.from_numpy(current[:, :, None]), torch.tensor(0.75), torch.tensor(0.5), 5)
    expected = [plain_spikes(current[:, n], 0.75, 0.5, 5) for n in range(30)]
    assert found[:, :, 0].T.tolist() == expected


def test_a_threshold_that_is_just_reached_gives_no_spike():
    spikes = lif(torch.full((1, 1, 1), 0.5), torch.tensor(1.0), torch.tensor(1.0), 5)
    assert spikes.flatten().tolist() == [0, 0, 1, 0, 1]


@pytest.mark.parametrize("leak_bits", [0, 3])
def test_integer_neurons_round_half_up_and_saturate(leak_bits):
    rng = np.random.default_rng(4)
    leak, bits, threshold = (1, 9, 20) if leak_bits == 0 else (5, 9, 20)
    current = rng.integers(-300, 300, size=(6, 200))
    half = 2 ** (leak_bits - 1) if leak_bits else 0
    expected = np.zeros((6, 200))
    for n in range(200):
        v = 0
        for t in range(6):
            v = ((v * leak + half) >> leak_bits) + int(current[t, n])
            v = max(-(2 ** (bits - 1)), min(2 ** (bits - 1) - 1, v))
            if v > threshold:
                expected[t, n], v = 1, v - threshold
    scaled = torch.tensor(leak / 2**leak_bits)
    found = lif(
        torch.from_numpy(current[:, :, None]).float(),
        scaled,
        torch.tensor([float(threshold)]),
        6,
        Grid(leak_bits, bits),
    )
    assert np.array_equal(found[:, :, 0].numpy(), expected)


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return (z > 0).to(z.dtype)

    @staticmethod
    def backward(ctx, grad):
        (z,) = ctx.saved_tensors
        return grad * 0.3 * (1 - z.abs()).clamp(min=0)


def recorded_spikes(current, leak, threshold, timesteps):
    v, out = torch.zeros_like(current[0]), []
    for t in range(timesteps):
        u = leak * v + current[min(t, len(current) - 1)]
        out.append(_Spike.apply(u / threshold - 1))
        v = u - threshold * out[-1].detach()
    return torch.stack(out)


@pytest.mark.parametrize("n_currents", [1, 4])
@pytest.mark.parametrize("threshold_shape", [(), (3, 1, 1)])
@pytest.mark.parametrize("channels_last", [False, True])
def test_gradients_equal_those_of_recorded_operations(n_currents, threshold_shape, channels_last):
    torch.manual_seed(1)
    current = torch.randn(n_currents, 5, 3, 4, 2, dtype=torch.float64) + 0.4
    if channels_last:
        current = current[0].contiguous(memory_format=torch.channels_last)[None].expand(n_currents, -1, -1, -1, -1)
    leaves = [
        current.clone().requires_grad_(),
        torch.tensor(0.8, dtype=torch.float64, requires_grad=True),
        (torch.rand(threshold_shape, dtype=torch.float64) + 0.6).requires_grad_(),
    ]
    weight = torch.randn(4, 5, 3, 4, 2, dtype=torch.float64)
    found = torch.autograd.grad((lif(*leaves, 4) * weight).sum(), leaves)
    expected = torch.autograd.grad((recorded_spikes(*leaves, 4) * weight).sum(), leaves)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


# quantisation


def test_folding_equals_normalising():
    block = some_network().blocks()[1]
    x = torch.randn(4, 3, 6, 7)
    weight, bias = fold(block.op.weight, block.norm)
    folded = torch.nn.functional.conv2d(x, weight, bias, stride=2, padding=1)
    torch.testing.assert_close(folded, block.norm(block.op(x)), rtol=1e-5, atol=1e-5)
    gamma, beta = block.norm.weight[2].item(), block.norm.bias[2].item()
    mean, spread = block.norm.running_mean[2].item(), (block.norm.running_var[2].item() + block.norm.eps) ** 0.5
    assert bias[2].item() == pytest.approx(beta - mean * gamma / spread, rel=1e-5)


def test_steps_are_the_best_of_the_clip_ratios():
    weight = torch.randn(5, 40, dtype=torch.float64)
    for row, step in zip(weight.numpy(), steps_of(weight, 7).tolist(), strict=True):

        def error(s, row=row):
            return ((np.clip(np.round(row / s), -7, 7) * s - row) ** 2).sum()

        candidates = [np.abs(row).max() * (0.30 + 0.05 * k) / 7 for k in range(15)]
        assert error(step) == pytest.approx(min(error(s) for s in candidates))


def test_integer_weights_times_their_scale_are_the_folded_weights():
    network = some_network()
    integers = network_of(QuantNetwork(network, Precision(weight_bits=8)))
    for k, layer in enumerate(layer for layer in integers if layer.name.startswith("conv")):
        weight, bias = fold(network.blocks()[k].op.weight.detach(), network.blocks()[k].norm)
        per_pixel = weight.detach().permute(2, 3, 1, 0).numpy() / (255 if k == 0 else 1)
        real = layer.weights.values * layer.weights.scale
        # the step was chosen with clipping, so only unclipped weights lie within half a step
        inside = np.abs(layer.weights.values) < 127
        assert (
            np.abs(real - per_pixel)[inside] <= 0.52 * np.broadcast_to(layer.weights.scale, real.shape)[inside]
        ).all()
        unit = layer.weights.scale / 2**layer.neuron.fraction_bits
        assert layer.neuron.v_threshold * unit == pytest.approx(np.full(real.shape[3], 0.7), rel=1e-5)
        assert layer.bias * unit == pytest.approx(bias.detach().numpy(), abs=float(2 * unit.max()))


def test_weights_stay_within_their_bits():
    for bits in (2, 4):
        network = network_of(QuantNetwork(some_network(), Precision(weight_bits=bits)))
        for name in ("conv1", "conv2", "fc1", "fc2"):
            values = network[name].weights.values
            assert np.abs(values).max() == 2 ** (bits - 1) - 1
            assert network[name].weights.bits == bits


def test_what_is_trained_is_what_is_exported():
    trained = QuantNetwork(some_network(), Precision(membrane_bits=12)).eval()
    images = some_images(50, 9)[0][..., None]
    with torch.no_grad():
        logits = trained(torch.from_numpy(images).permute(0, 3, 1, 2).float())
    run = execute_exactly(network_of(trained), images, 3, keep_spikes=True)
    integers = (logits / trained.log_step.exp()).round().long().permute(1, 0, 2)
    assert np.array_equal(integers.numpy(), run.logits)
    assert 0.02 < run.spikes["fc1"].mean() < 0.98
    assert len(np.unique(run.logits)) > 5


def test_packing_puts_channel_c_in_bit_c():
    spikes = (np.random.default_rng(0).random((2, 3, 2, 2, 70)) < 0.3).astype(np.uint8)
    packed = pack(spikes)
    assert packed.words.shape == (2, 3, 4, 2)
    for n, t, y, x, c in [(0, 0, 0, 0, 0), *np.random.default_rng(1).integers(0, (2, 3, 2, 2, 70), (200, 5)).tolist()]:
        bit = int(packed.words[n, t, y * 2 + x, c // 64]) >> (c % 64) & 1
        assert bit == spikes[n, t, y, x, c]
    assert int(np.bitwise_count(packed.words).sum()) == int(spikes.sum())


# the tool


def run_tool(folder, *more):
    arguments = f"--data {folder}/d.npz --out {folder}/t.npz --cache {folder}/c --dataset Squares --licence CC0-1.0"
    arguments += " --channels 3,5,9 --timesteps 3 --epochs 2 --qat-epochs 1"
    arguments += " --held-out 20 --recorded 8 --inputs 24 --threads 1"
    return train_dietsnn.main([*arguments.split(), *more])


def test_the_tool_trains_and_its_trace_verifies(tmp_path, capsys):
    save_npz(tmp_path / "d.npz")
    assert run_tool(tmp_path) == 0
    said = capsys.readouterr().out
    assert "float epoch 2/2" in said
    assert "qat epoch 1/1" in said
    trace = read_trace(tmp_path / "t.npz")
    verification = verify(trace)
    assert verification.ok
    assert (verification.samples, verification.arrays["fc1/spikes"].compared) == (24, 8 * 3 * 9)
    assert verification.arrays["logits/test"].compared == 24 * 3 * 4
    assert (trace.timesteps, trace.n_samples) == (3, 8)
    assert {name: logits.values.shape for name, logits in trace.logits.items()} == {
        "recorded": (8, 3, 4),
        "test": (40, 3, 4),
        "calibration": (20, 3, 4),
    }
    x_test, y_test = some_images(40, 1)
    assert np.array_equal(trace.inputs.values[..., 0], x_test[trace.inputs.sample_ids])
    assert np.array_equal(trace.inputs.labels, y_test[trace.inputs.sample_ids])
    held = trace.logits["calibration"]
    assert held.split == "train"
    assert np.array_equal(held.labels, held.sample_ids % 4)
    provenance = trace.provenance
    assert provenance.accuracy == pytest.approx(trace.logits["test"].accuracy())
    assert len(provenance.float_accuracy) == 3
    assert (provenance.dataset, provenance.licence, provenance.synthetic) == ("Squares", "CC0-1.0", False)
    assert "--data d.npz" in provenance.command
    assert str(tmp_path) not in provenance.command


def test_a_trace_that_its_network_does_not_give_is_not_written(tmp_path):
    save_npz(tmp_path / "d.npz")
    run_tool(tmp_path)
    trace = read_trace(tmp_path / "t.npz")
    check_twice(trace)
    words = trace.spikes["conv2"].words.copy()
    words[3, 1, 0, 0] ^= np.uint64(1)
    spikes = {**trace.spikes, "conv2": PackedSpikes(words, trace.spikes["conv2"].shape)}
    with pytest.raises(TraceError, match=r"conv2/spikes: 1 of .* differ, the first at \(3, 1, 0, 0, 0\)"):
        check_twice(dataclasses.replace(trace, spikes=spikes))


def test_training_learns_in_both_stages(tmp_path):
    x, y = some_images(1500, 0)
    save_npz(tmp_path / "d.npz", x_train=x, y_train=y)
    assert (
        run_tool(
            tmp_path, "--epochs", "6", "--qat-epochs", "2", "--shift", "0", "--held-out", "100", "--channels", "8,8,24"
        )
        == 0
    )
    provenance = read_trace(tmp_path / "t.npz").provenance
    assert min(provenance.float_accuracy) > 0.8
    assert min(provenance.accuracy) > 0.8


def test_a_second_run_takes_its_checkpoints_and_gives_the_same_file(tmp_path, capsys):
    save_npz(tmp_path / "d.npz")
    run_tool(tmp_path)
    first = (tmp_path / "t.npz").read_bytes()
    capsys.readouterr()
    assert run_tool(tmp_path) == 0
    said = capsys.readouterr().out
    assert "qat: resumed after epoch 1/1" in said
    assert "epoch 2/2: loss" not in said
    assert (tmp_path / "t.npz").read_bytes() == first


def test_an_interrupted_run_continues_to_the_same_file(tmp_path, monkeypatch):
    save_npz(tmp_path / "d.npz")
    run_tool(tmp_path)
    uninterrupted = (tmp_path / "t.npz").read_bytes()
    for path in (tmp_path / "c").rglob("*.pt"):
        path.unlink()

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_line", interrupt)  # after the first epoch's checkpoint
        with pytest.raises(KeyboardInterrupt):
            run_tool(tmp_path)
    assert run_tool(tmp_path) == 0
    assert (tmp_path / "t.npz").read_bytes() == uninterrupted


def test_a_broken_checkpoint_is_named(tmp_path, capsys):
    save_npz(tmp_path / "d.npz")
    run_tool(tmp_path)
    for path in (tmp_path / "c").rglob("*.pt"):
        path.write_bytes(b"no")
    assert run_tool(tmp_path) == 2
    error = capsys.readouterr().err
    assert ".pt: not a checkpoint of this run" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--epochs", "0"], "--epochs: must be at least 1"),
        (["--epochs", "many"], "--epochs"),
        (["--channels", "16"], "--channels: wanted convolutions"),
        (["--bits", "9"], "--bits"),
        (["--dropout", "1"], "--dropout: must be from 0 to below 1"),
        (["--held-out", "500"], "hold out 500 of 120"),
        (["--out", "no/such/t.npz"], "there is no folder"),
        (["--out", "t.txt"], "ends in .npz"),
        (["--licence", ""], "give it with --licence"),
        (["--recorded", "99"], "at most --inputs"),
        (["--data", "missing.npz"], "missing.npz"),
        (["--cache", "d.npz"], "--cache d.npz: cannot be made"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(tmp_path, capsys, monkeypatch, more, says):
    monkeypatch.chdir(tmp_path)
    save_npz(tmp_path / "d.npz")
    assert run_tool(tmp_path, *more) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "t.npz").exists()
