"""Labelled sequences for training, brought to small integers."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.common.data import ARRAYS, DataError, Images, hold_out, stratified
from training.slstm.network import INPUT_STEPS_PER_ONE

HELD = ("x_val", "y_val")
TOP = 127
INERTIAL = tuple(f"{kind}_{axis}" for kind in ("body_acc", "body_gyro", "total_acc") for axis in "xyz")

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Sequences:
    """Training, held-out and test sequences int8 [sample, element, feature, 1], held as images are."""

    training: Images
    held: Images
    test: Images


def load_sequences(path: Path, held_out: int, together: bool, limit: int, seed: int) -> Sequences:
    """Sequences of an `.npz` (x_train, y_train, x_test, y_test, and perhaps x_val, y_val) or of UCI HAR's folder.

    Features are brought to mean 0 and standard deviation 32 over the training split, each for itself or `together` with
    one mean and deviation, rounded and limited to 127.  `limit` stratified training samples are used, 0 for all.
    Without x_val, `held_out` stratified training samples are kept.  Raises DataError for what cannot be read.
    """
    arrays = _har_folder(path) if path.is_dir() else _npz(path)
    real = {name: _values(path, arrays, name) for name in ("x_train", "x_test", "x_val") if name in arrays}
    for name, x in real.items():
        if x.shape[1:] != real["x_train"].shape[1:]:
            raise DataError(f"{path}: {name}: wanted sequences {real['x_train'].shape[1:]}, found {x.shape[1:]}")
    axes = None if together else (0, 1)
    mean, deviation = real["x_train"].mean(axis=axes), real["x_train"].std(axis=axes)
    deviation = np.where(deviation > 0, deviation, 1.0)
    split = {}
    for name, x in real.items():
        whole = np.clip(np.rint((x - mean) / deviation * INPUT_STEPS_PER_ONE), -TOP, TOP).astype(np.int8)
        labels = _labels(path, arrays, f"y{name[1:]}", len(x))
        split[name[2:]] = Images(whole[..., None], labels, np.arange(len(labels), dtype=np.int64))
    known = set(split["train"].y.tolist())
    for name, images in split.items():
        if unknown := sorted(set(images.y.tolist()) - known):
            raise DataError(f"{path}: y_{name}: label {unknown[0]} does not occur in y_train")
    training = split["train"]
    if "val" in split:
        held = split["val"]
    else:
        training, held = hold_out(training, held_out, seed)
    if limit and limit < len(training):
        training = training.take(stratified(training.y, limit, seed))
    return Sequences(training, held, split["test"])


def _values(path: Path, arrays: Arrays, name: str) -> NDArray[np.float64]:
    x = arrays[name]
    if x.dtype.kind not in "uif" or x.ndim != 3 or 0 in x.shape:
        raise DataError(f"{path}: {name}: wanted numbers [sample, element, feature], found {x.dtype} {x.shape}")
    values = x.astype(np.float64)
    if not np.isfinite(values).all():
        raise DataError(f"{path}: {name}: wanted finite numbers, found others")
    return values


def _labels(path: Path, arrays: Arrays, name: str, n: int) -> NDArray[np.int64]:
    if name not in arrays:
        raise DataError(f"{path}: {name}: wanted labels of x{name[1:]}, found none")
    y = arrays[name]
    if y.dtype.kind not in "ui" or y.shape != (n,) or y.astype(np.int64).min() < 0:
        raise DataError(f"{path}: {name}: wanted {n} integer labels from 0, found {y.dtype} {y.shape}")
    return y.astype(np.int64)


def _npz(path: Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in ARRAYS if name not in file.files]
            if missing:
                raise DataError(f"{path}: wanted the arrays {', '.join(ARRAYS)}, found no {missing[0]}")
            return {name: file[name] for name in (*ARRAYS, *HELD) if name in file.files}
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file or folder") from error
    except (OSError, ValueError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: not an .npz of plain arrays: {error}") from error


def _har_folder(folder: Path) -> Arrays:
    """UCI HAR as published: windows of 128 samples of nine signals, labels from 1."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for split in ("train", "test"):
        inside = folder / split
        signals = [_table(inside / "Inertial Signals" / f"{name}_{split}.txt") for name in INERTIAL]
        if len({signal.shape for signal in signals}) != 1:
            raise DataError(f"{inside}: wanted nine signals of one shape, found several")
        arrays[f"x_{split}"] = np.stack(signals, axis=-1)
        arrays[f"y_{split}"] = _table(inside / f"y_{split}.txt")[:, 0].astype(np.int64) - 1
    return arrays


def _table(path: Path) -> NDArray[np.float64]:
    try:
        return np.loadtxt(path, ndmin=2)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a table of numbers: {error}") from error
