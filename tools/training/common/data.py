"""Labelled images for training: `.npz` or idx files, a stratified hold-out."""

from __future__ import annotations

import gzip
import hashlib
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import HwsimError

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
IDX_STEMS = {
    "x_train": ("train-images", "idx3"),
    "y_train": ("train-labels", "idx1"),
    "x_test": ("t10k-images", "idx3"),
    "y_test": ("t10k-labels", "idx1"),
}
IDX_UNSIGNED_BYTE = 0x08


class DataError(HwsimError):
    """A data set cannot be used; the message names file, array, wanted and found."""


@dataclass(frozen=True, slots=True)
class Images:
    """A split: `x` is uint8 [sample, height, width, channel], `y` int64 [sample], `ids` the index in the data set."""

    x: NDArray[np.uint8]
    y: NDArray[np.int64]
    ids: NDArray[np.int64]

    def take(self, index: NDArray[np.int64]) -> Images:
        """The samples at `index`, in that order."""
        return Images(self.x[index], self.y[index], self.ids[index])

    def __len__(self) -> int:
        return len(self.y)


def load_images(path: Path) -> tuple[Images, Images]:
    """Training and test split: an `.npz` with x_train, y_train, x_test, y_test, or a folder of idx files (gz or not).

    Raises DataError for anything that is not unsigned 8-bit images with one label each.
    """
    arrays = _read_folder(path) if path.is_dir() else _read_npz(path)
    train = _images(path, arrays, "train")
    test = _images(path, arrays, "test")
    if train.x.shape[1:] != test.x.shape[1:]:
        raise DataError(f"{path}: x_test: wanted images of shape {train.x.shape[1:]}, found {test.x.shape[1:]}")
    unknown = sorted(set(test.y.tolist()) - set(train.y.tolist()))
    if unknown:
        raise DataError(f"{path}: y_test: label {unknown[0]} does not occur in y_train")
    return train, test


def digest(*splits: Images) -> str:
    """A sha256 over images and labels: two runs with the same digest saw the same data."""
    sha = hashlib.sha256()
    for split in splits:
        sha.update(np.ascontiguousarray(split.x).tobytes())
        sha.update(split.y.astype("<i8").tobytes())
    return sha.hexdigest()


def stratified(labels: NDArray[np.int64], n: int, seed: int) -> NDArray[np.int64]:
    """`n` indices with classes in proportion (largest remainders), drawn without replacement and shuffled."""
    if not 0 <= n <= len(labels):
        raise DataError(f"cannot draw {n} of {len(labels)} samples")
    rng = np.random.default_rng(seed)
    classes, counts = np.unique(labels, return_counts=True)
    exact = n * counts / max(1, len(labels))
    quota = np.floor(exact).astype(np.int64)
    for k in np.argsort(quota - exact, kind="stable")[: n - int(quota.sum())]:
        quota[k] += 1
    chosen = [rng.permutation(np.flatnonzero(labels == c))[:q] for c, q in zip(classes, quota, strict=True)]
    return np.asarray(rng.permutation(np.concatenate(chosen)), dtype=np.int64)


def hold_out(train: Images, n: int, seed: int) -> tuple[Images, Images]:
    """The training split without, and with only, `n` stratified samples kept for every choice made while training."""
    if len(train) - n < 2:
        raise DataError(f"cannot hold out {n} of {len(train)} training samples: at least 2 must be left to train on")
    held = np.sort(stratified(train.y, n, seed))
    rest = np.setdiff1d(np.arange(len(train)), held)
    return train.take(rest), train.take(held)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """An idx file of unsigned bytes (the MNIST format), gz or not."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] != IDX_UNSIGNED_BYTE:
        raise DataError(f"{path}: wanted an idx file of unsigned bytes, found first bytes {raw[:4].hex() or 'none'}")
    n_axes = raw[3]
    start = 4 + 4 * n_axes
    shape = tuple(int(n) for n in np.frombuffer(raw[4:start][: 4 * (len(raw[4:start]) // 4)], dtype=">u4"))
    n_values = 1
    for n in shape:
        n_values *= n
    if len(shape) != n_axes or len(raw) - start != n_values:
        raise DataError(f"{path}: wanted {n_values} bytes for shape {shape}, found {max(0, len(raw) - start)}")
    return np.frombuffer(raw, dtype=np.uint8, offset=start).reshape(shape)


def _read_npz(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in ARRAYS if name not in file.files]
            if missing:
                raise DataError(f"{path}: wanted the arrays {', '.join(ARRAYS)}, found no {missing[0]}")
            return {name: file[name] for name in ARRAYS}
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file or folder") from error
    except (OSError, ValueError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: not an .npz of plain arrays: {error}") from error


def _read_folder(folder: Path) -> dict[str, NDArray[np.generic]]:
    found: dict[str, NDArray[np.generic]] = {}
    for name, (stem, kind) in IDX_STEMS.items():
        candidates = [folder / f"{stem}{dot}{kind}-ubyte{end}" for dot in "-." for end in ("", ".gz")]
        present = [path for path in candidates if path.is_file()]
        if not present:
            raise DataError(f"{folder}: wanted {candidates[0].name} (.gz or not), found none")
        found[name] = read_idx(present[0])
    return found


def _images(path: Path, arrays: dict[str, NDArray[np.generic]], split: str) -> Images:
    x, y = arrays[f"x_{split}"], arrays[f"y_{split}"]
    if x.dtype != np.uint8 or x.ndim not in (3, 4) or 0 in x.shape:
        raise DataError(
            f"{path}: x_{split}: wanted uint8 [sample, height, width(, channel)], found {x.dtype} {x.shape}"
        )
    if y.dtype.kind not in "ui" or y.shape != x.shape[:1]:
        raise DataError(f"{path}: y_{split}: wanted {x.shape[0]} integer labels, found {y.dtype} {y.shape}")
    labels = y.astype(np.int64)
    if labels.min() < 0:
        raise DataError(f"{path}: y_{split}: wanted labels from 0, found {labels.min()}")
    images = x.astype(np.uint8).reshape(x.shape if x.ndim == 4 else (*x.shape, 1))
    return Images(images, labels, np.arange(len(labels), dtype=np.int64))
