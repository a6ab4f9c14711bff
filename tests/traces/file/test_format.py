"""A trace written from docs/formats/trace.md alone, without hwsim's writer, is read and verifies."""

from __future__ import annotations

import hashlib
import json
import zipfile

import numpy as np

from hwsim.traces import read_trace, verify

LAYERS = [
    {"name": "image", "kind": "input", "inputs": [], "shape": [1, 1, 3], "bits": 8},
    {
        "name": "hidden",
        "kind": "linear",
        "inputs": ["image"],
        "shape": [1, 1, 2],
        "weights": {"kind": "stored", "bits": 4},
        "bias": True,
        "neuron": {
            "leak": 3,
            "leak_bits": 2,
            "reset": "soft",
            "v_reset": 0,
            "fraction_bits": 1,
            "membrane_bits": 12,
        },
    },
    {
        "name": "classes",
        "kind": "linear",
        "inputs": ["hidden"],
        "shape": [1, 1, 2],
        "weights": {"kind": "stored", "bits": 8},
        "bias": False,
        "neuron": None,
    },
]
PROVENANCE = {
    **dict.fromkeys(("name", "dataset", "split", "licence", "framework", "command", "notes"), "by hand"),
    "seed": 0,
    "synthetic": False,
    "accuracy": [1.0, 1.0],
    "float_accuracy": [],
    "recipe": None,
}


def by_hand():
    """One sample, two timesteps.

    Currents of the image (10, 0, 5): channel 0: 10 * 1 + 5 * 2 = 20, channel 1: 10 * -3 + 5 * 7 = 5.
    Membranes, in halves: step 1: 40 + 1 = 41 > 40 spikes and leaves 1; 10 - 2 = 8 stays.
    Step 2: (3 * 1 + 2) >> 2 = 1, 1 + 41 = 42 > 40 spikes; (3 * 8 + 2) >> 2 = 6, 6 + 8 = 14 > 13 spikes.
    Logits: 100 and -50 from channel 0 alone, then 100 + 1 and -50 + 2.
    """
    ids = {"labels": np.array([0], dtype="<i8"), "sample_ids": np.array([42], dtype="<i8")}
    return {
        # Rows of weights (1, -3), (4, 4), (2, 7): nibbles in C order, the earlier low.
        "hidden/weights": np.array([0xD1, 0x44, 0x72], dtype="u1"),
        "hidden/weight_scale": np.array([0.5, 0.25], dtype="<f4"),
        "hidden/bias": np.array([1, -2], dtype="<i4"),
        "hidden/v_threshold": np.array([40, 13], dtype="<i8"),
        "hidden/spikes": np.array([[[[0b01]], [[0b11]]]], dtype="<u8"),
        "classes/weights": np.array([[[[100, -50], [1, 2]]]], dtype="i1"),
        "classes/weight_scale": np.array([0.5, 0.5], dtype="<f4"),
        "inputs/values": np.array([[[[10, 0, 5]]]], dtype="u1"),
        **{f"inputs/{key}": array for key, array in ids.items()},
        "logits/recorded/values": np.array([[[100, -50], [101, -48]]], dtype="<i2"),
        **{f"logits/recorded/{key}": array for key, array in ids.items()},
    }


def test_a_trace_written_by_hand_verifies(tmp_path):
    arrays = by_hand()
    manifest = {
        "format": "hwsim-trace",
        "version": 1,
        "timesteps": 2,
        "coding": "direct",
        "samples": 1,
        "layers": LAYERS,
        "inputs": {"samples": 1},
        "logits": {"recorded": {"samples": 1, "scale": 0.5, "split": "by hand"}},
        "provenance": PROVENANCE,
        "sha256": {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()},
    }
    arrays["manifest"] = np.frombuffer(json.dumps(manifest).encode(), dtype=np.uint8)
    np.savez(tmp_path / "hand.npz", **arrays)
    assert set(zipfile.ZipFile(tmp_path / "hand.npz").namelist()) == {f"{name}.npy" for name in arrays}
    trace = read_trace(tmp_path / "hand.npz")
    assert trace.network["hidden"].weights.values[0, 0].tolist() == [[1, -3], [4, 4], [2, 7]]
    found = verify(trace)
    assert found.ok
    assert found.arrays.keys() == {"hidden/spikes", "logits/recorded"}
    assert trace.spike_rate("hidden") == 0.75
