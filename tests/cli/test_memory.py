"""What takes more memory than there may be is refused with both figures, before any of it is asked for."""

from __future__ import annotations

import pytest
from cli.commands import CASES, REFUSED, refused, run

from hwsim import memory
from hwsim.errors import UsageError

SOUND = CASES / "sound"


@pytest.mark.parametrize("design", ["imc", "digital"])
@pytest.mark.parametrize("name", ["pool_window", "big_pool", "conv_wide"])
def test_small_files_that_describe_huge_layers(name, design):
    line = refused(run("simulate", design, REFUSED / f"{name}.npz", "--memory", "4GiB"))
    assert line.startswith("hwsim: --memory: playing x needs at least ")
    assert "4 GiB may be used" in line


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("recipe_huge", "wanted the trace's 6 samples, T = 4, found 1048576 samples, T = 4096"),
        ("recipe_geom", "wanted the trace's 6 samples, T = 4, found 1048576 samples"),
        ("recipe_norates", "wanted a rate for each layer that fires, found none for 'input'"),
    ],
)
@pytest.mark.parametrize("command", [("trace", "verify"), ("simulate", "imc"), ("trace", "info")])
def test_recipes_that_do_not_fit_their_trace(name, said, command):
    assert said in refused(run(*command, REFUSED / f"{name}.npz"))


@pytest.mark.no_kernel
@pytest.mark.parametrize(
    ("geometry", "timesteps", "samples"),
    [
        ("mlp:20-12-5", 4096, 2**19),
        ("vgg16-imagenet", 4096, 1000),
        ("lstm:16384x4096-4096-4096-10", 4096, 2**19),
        ("lstm:28x28-128-10", 4096, 2**19),
    ],
)
def test_traces_too_large_to_draw(tmp_path, geometry, timesteps, samples):
    sizes = ("--timesteps", timesteps, "--samples", samples, "--rate", 0.3, "--memory", "2GiB")
    line = refused(run("trace", "synth", geometry, tmp_path / "t.npz", *sizes))
    assert "--memory: " in line
    assert "2 GiB may be used" in line
    assert list(tmp_path.iterdir()) == []


def test_networks_that_no_file_may_hold_are_not_drawn(tmp_path):
    sizes = ("--timesteps", 1, "--samples", 1, "--rate", 0.3)
    line = refused(run("trace", "synth", "mlp:1000000-1000000-5", tmp_path / "t.npz", *sizes))
    assert "wanted at most 268435456 weights" in line


@pytest.mark.parametrize("name", ["direct", "ttfs", "plastic"])
def test_executing_again_is_bounded_too(name):
    assert "1 KiB may be used" in refused(run("trace", "verify", SOUND / f"{name}.npz", "--memory", "1KiB"))


@pytest.mark.parametrize("name", ["direct", "ttfs", "plastic", "sequence", "recipe", "rate"])
def test_sound_traces_take_little(name):
    assert run("trace", "verify", SOUND / f"{name}.npz", "--memory", "64MiB").exit_code == 0


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [("4GiB", 4 << 30), ("500MB", 500_000_000), ("1.5 KiB", 1536), ("1000", 1000), ("2G", 2_000_000_000), ("7B", 7)],
)
def test_sizes(text, n_bytes):
    assert memory.parse_size(text) == n_bytes


@pytest.mark.parametrize("text", ["", "GiB", "-1GiB", "1PB", "4iB", "0", "1e9", "٣GiB", "0.0001B", "x" * 999])
def test_other_sizes_are_refused(text):
    with pytest.raises(UsageError, match=r"^memory: wanted"):
        memory.parse_size(text)
    refused(run("trace", "verify", SOUND / "recipe.npz", "--memory", text))


def test_the_bound_is_three_quarters_unless_given():
    assert memory.bound() == memory.total() * 3 // 4
    with memory.bounded(1000):
        memory.require(1000, "this")
        with pytest.raises(UsageError, match="memory: this needs at least 1001 B, and 1000 B may be used"):
            memory.require(1001, "this")
    assert memory.bound() == memory.total() * 3 // 4


def test_what_no_estimate_foresaw_is_one_line(monkeypatch):
    from hwsim import api

    def fail(*_):
        raise MemoryError("Unable to allocate 4.00 TiB for an array")

    monkeypatch.setattr(api, "simulate", lambda *_, **__: fail())
    assert "not enough memory: Unable to allocate" in refused(run("simulate", "imc", SOUND / "recipe.npz"))


def test_a_program_is_held_to_its_bound():
    import numpy as np

    with memory.bounded(2 << 30), memory.held_to_bound(), pytest.raises(MemoryError):
        np.ones(3 << 30, np.uint8)
    assert np.ones(1 << 20, np.uint8).size == 1 << 20
