"""The training tool's data, augmentation and losses."""

# ruff: noqa: E402  (what needs torch is imported after the line that asks for it)

import gzip

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tools.dietsnn_cases import save_npz, some_images
from training.common.data import DataError, Images, hold_out, load_images, read_idx, stratified
from training.common.loop import Augmentation, accumulated_loss, augment, last_loss
from training.common.provenance import Amounts, recorded_first


def idx_bytes(array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    return head + array.tobytes()


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


def test_last_loss_is_the_cross_entropy_of_the_logits_of_all_timesteps_together():
    logits = np.random.default_rng(1).normal(size=(3, 5, 4))
    labels = np.array([2, 0, 1, 3, 3])
    z = logits.sum(0)
    expected = np.mean([np.log(np.exp(z[n]).sum()) - z[n, labels[n]] for n in range(5)])
    assert last_loss(torch.from_numpy(logits), torch.from_numpy(labels)).item() == pytest.approx(expected)
