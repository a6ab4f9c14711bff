"""What the tests of the spiking LSTM training tool share; imported after `pytest.importorskip("torch")`."""

import numpy as np
import train_slstm

ALL = ("input", "forget", "candidate", "output", "cell")
CHOSEN = ("input", "output", "cell")


def some_sequences(n, seed, elements=6, features=3, n_classes=3):
    """Classes that differ in which element is high."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    x = rng.normal(0, 1, (n, elements, features))
    x[np.arange(n), 2 * y] += 4
    return x.astype(np.float32), y.astype(np.uint8)


def save_npz(path, **changes):
    x, y = some_sequences(120, 0)
    x_test, y_test = some_sequences(40, 1)
    arrays = {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test} | changes
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


def run_tool(folder, *more):
    """The tool on `folder`/d.npz with a small network; later options win."""
    arguments = f"--data {folder}/d.npz --out {folder}/t.npz --cache {folder}/c --dataset Bumps --licence CC0-1.0"
    arguments += " --hidden 7 --ann-epochs 2 --epochs 1 --held-out 20 --recorded 8 --inputs 24"
    return train_slstm.main([*arguments.split(), *more])
