"""What hwsim says of a captured network, beside what NeuroBench itself measures of it in snnTorch."""

from __future__ import annotations

import warnings

import pytest

import hwsim
from hwsim.traces.direct.metrics import neurobench

pytest.importorskip("torch")
pytest.importorskip("snntorch")
from traces.info import neurobench_net as small

RECORDED = {
    "spikes": {
        "Footprint": 1288,
        "ParameterCount": 307,
        "ConnectionSparsity": 0.2601,
        "ClassificationAccuracy": 0.25,
        "ActivationSparsity": 0.8891414141414141,
        "ActivationSparsityByLayer": {"1": 0.8665364583333334, "3": 0.9231770833333334, "7": 0.8875},
        "SynapticOperations": {"Effective_MACs": 74.625, "Effective_ACs": 2806.875, "Dense": 16392.0},
        "MembraneUpdates": 973.875,
    },
    "images": {
        "Footprint": 1288,
        "ParameterCount": 307,
        "ConnectionSparsity": 0.2601,
        "ClassificationAccuracy": 0.25,
        "ActivationSparsity": 0.6021464646464646,
        "ActivationSparsityByLayer": {"1": 0.5720486111111112, "3": 0.642578125, "7": 0.6625},
        "SynapticOperations": {"Effective_MACs": 3092.25, "Effective_ACs": 2430.25, "Dense": 16392.0},
        "MembraneUpdates": 982.125,
    },
}
"""Of NeuroBench 2.3.0 with snnTorch 1.0.0 and PyTorch 2.13.0: `python tests/traces/info/neurobench_net.py`."""


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def ours(case):
    values, labels = small.inputs(case)
    over_time = case == "spikes"
    timesteps = None if over_time else small.TIMESTEPS
    return neurobench(hwsim.capture(small.network(), values, labels=labels, timesteps=timesteps, over_time=over_time))


@pytest.mark.parametrize("case", small.CASES)
def test_the_same_numbers_as_neurobench(case):
    said, theirs = ours(case), RECORDED[case]
    for name in ("ParameterCount", "ClassificationAccuracy", "SynapticOperations", "MembraneUpdates"):
        assert said[name] == theirs[name], name
    assert round(said["ConnectionSparsity"], 4) == theirs["ConnectionSparsity"]
    assert said["ActivationSparsity"] == pytest.approx(theirs["ActivationSparsity"], rel=1e-12)
    by_layer = said["ActivationSparsityByLayer"].values(), theirs["ActivationSparsityByLayer"].values()
    assert list(by_layer[0]) == pytest.approx(list(by_layer[1]), rel=1e-12)  # of other names: neurons are modules there


@pytest.mark.parametrize("case", small.CASES)
def test_footprints_differ_by_what_a_number_takes(case):
    """Floats of 4 bytes and 20 bytes of buffers a Leaky there; here 8-bit weights and 4 bytes a bias, 8 a threshold."""
    weights, biases, channels = 296, 11, 15
    assert RECORDED[case]["Footprint"] == 4 * (weights + biases) + 3 * 20
    assert ours(case)["Footprint"] == weights + 4 * biases + 8 * channels


@pytest.mark.parametrize("case", small.CASES)
def test_neurobench_still_says_so(case):
    pytest.importorskip("neurobench")
    assert small.measured(case) == RECORDED[case]
