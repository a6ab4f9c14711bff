"""Small images and networks for the tests of the training tool; imported after `pytest.importorskip("torch")`."""

import numpy as np
import torch
import train_dietsnn
from training.dietsnn.model import Geometry, SpikingNetwork

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


def run_tool(folder, *more):
    """The tool on `folder`/d.npz with a small network, unless it goes on from one; later options win."""
    arguments = f"--data {folder}/d.npz --out {folder}/t.npz --cache {folder}/c --dataset Squares --licence CC0-1.0"
    arguments += "" if "--start" in more else " --channels 3,5,9 --timesteps 3 --epochs 2"
    arguments += " --held-out 20 --recorded 8 --inputs 24 --threads 1"
    return train_dietsnn.main([*arguments.split(), *more])


def some_start(folder):
    """A network that the tool has trained a little, to go on from; 100 images were held out."""
    x, y = some_images(1500, 0)
    save_npz(folder / "d.npz", x_train=x, y_train=y)
    stages = "--epochs 5 --qat-epochs 1 --shift 0 --held-out 100 --channels 8,8,24"
    assert run_tool(folder, *stages.split()) == 0
    return (folder / "t.npz").rename(folder / "start.npz")
