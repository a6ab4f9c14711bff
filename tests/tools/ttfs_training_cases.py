"""What the tests of the first-spike training tool share; imported after `pytest.importorskip("torch")`."""

import train_ttfs


def run_tool(folder, *more):
    """The tool on `folder`/d.npz with a small network; later options win."""
    arguments = f"--data {folder}/d.npz --out {folder}/t.npz --cache {folder}/c --dataset Squares --licence CC0-1.0"
    arguments += " --hidden 9 --window 10 --ann-epochs 2 --epochs 1 --held-out 20 --recorded 8 --inputs 24"
    return train_ttfs.main([*arguments.split(), *more])
