"""Training through crossbars: torch's crossbars beside the functional mode, and the tool from start to trace."""

# ruff: noqa: E402  (what needs torch is imported after the line that asks for it)

import argparse

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tools.dietsnn_cases import GEOMETRY, run_tool, some_images, some_network, some_start
from training.common.loop import as_pixels
from training.dietsnn.export import network_of
from training.dietsnn.hardened import design, put_on, take_off
from training.dietsnn.quantise import Precision, QuantNetwork

from hwsim.accelerators.imc.functional.run import CrossbarProducts
from hwsim.traces.direct.golden import execute
from hwsim.traces.io import read_trace

DESIGNS = {
    "offset": ["signs.encoding=offset", "signs.correction=popcount"],
    "pairs": ["signs.encoding=differential", "signs.subtraction=analog"],
    "pairs converted twice": ["signs.encoding=differential", "signs.subtraction=digital"],
    "slices": ["signs.encoding=offset", "signs.correction=popcount", "crossbar.cell_bits=2"],
    "phases": ["signs.encoding=offset", "signs.correction=popcount", "rows_per_read=5"],
    "codes apart": ["signs.encoding=offset", "signs.correction=popcount", "devices.full_scale=rows"],
    "digits": ["signs.encoding=offset", "signs.correction=popcount", "dac.bits=2"],
}
SMALL = [
    "crossbar.rows=32",
    "crossbar.columns=16",
    "rows_per_read=all",
    "direct_input=once",
    "devices.off_current=before_adc",
]


class Wrapped:
    """What `put_on` reads of a trace."""

    def __init__(self, network):
        self.network = network


def spec_of(*overrides):
    return design(argparse.Namespace(hardware="imc", overrides=[*SMALL, *overrides]))


@pytest.mark.parametrize("adc_bits", [4, 10])
@pytest.mark.parametrize("name", DESIGNS)
def test_ideal_cells_give_what_the_functional_mode_gives(name, adc_bits):
    spec = spec_of(*DESIGNS[name], f"adc.bits={adc_bits}")
    trained = QuantNetwork(some_network(), Precision()).eval()
    network = network_of(trained)
    x, _ = some_images(12, 5)
    expected = execute(network, x[..., None], GEOMETRY.timesteps, CrossbarProducts(spec, network)).logits
    exact = execute(network, x[..., None], GEOMETRY.timesteps).logits
    put_on(spec, Wrapped(network), trained, 0.0)
    with torch.no_grad():
        found = trained(as_pixels(torch.from_numpy(x[..., None]))) / trained.log_step.exp()
    assert found.round().long().transpose(0, 1).tolist() == expected.tolist()
    assert adc_bits > 4 or not np.array_equal(expected, exact), "nothing was lost, so nothing was shown"


def test_a_first_layer_beside_the_crossbars_is_exact():
    trained = QuantNetwork(some_network(), Precision()).eval()
    put_on(spec_of("direct_input=digital"), Wrapped(network_of(trained)), trained, 0.1)
    assert [block.crossbars is None for block in trained.spiking()] == [True, False, False]
    assert trained.crossbars is not None
    take_off(trained)
    assert not any(block.crossbars for block in trained.spiking()) and trained.crossbars is None


@pytest.mark.parametrize("name", ["offset", "pairs"])
def test_cells_vary_about_their_levels_by_sigma(name):
    spec = spec_of(*DESIGNS[name], "crossbar.r_on_ohm=20e3", "crossbar.r_off_ohm=200e3")
    trained = QuantNetwork(some_network(), Precision())
    put_on(spec, Wrapped(network_of(trained)), trained, 0.1)
    crossbars = trained.spiking()[1].crossbars.train()
    weight = torch.full((4, 3, 3, 3), 5.0)
    drawn = torch.stack([crossbars._cells(weight)[0] for _ in range(2000)])
    off = 15 * 0.1 / 0.9  # in levels, of a cell at 200 kohm where the highest of 16 levels is 20
    expected = 0.1 * (13 + off) if name == "offset" else 0.1 * ((5 + off) ** 2 + off**2) ** 0.5
    assert drawn.mean() == pytest.approx(13 if name == "offset" else 5, abs=0.02)
    assert drawn.std() == pytest.approx(expected, rel=0.01)
    assert not torch.equal(crossbars._cells(weight)[0], crossbars._cells(weight)[0]), "another chip each time"
    crossbars.eval()
    assert torch.equal(crossbars._cells(weight)[0], crossbars._cells(weight)[0]), "one chip is judged on"


def test_gradients_are_those_of_the_cells_as_drawn():
    spec = spec_of(*DESIGNS["offset"], "adc.bits=4")
    trained = QuantNetwork(some_network(), Precision())
    put_on(spec, Wrapped(network_of(trained)), trained, 0.2)
    crossbars = trained.spiking()[1].crossbars.eval()
    weight = torch.randint(-7, 8, (5, 3, 3, 3)).float().requires_grad_()
    x = torch.randint(0, 2, (2, 3, 6, 7)).float().requires_grad_()
    crossbars(x, weight, 2).sum().backward()
    columns, factors = crossbars._cells(weight.detach())
    drawn = (torch.einsum("rpo,p->or", columns, factors) - 8).reshape(weight.shape)
    other = x.detach().clone().requires_grad_()
    torch.nn.functional.conv2d(other, drawn, None, 2, padding=1).sum().backward()
    assert torch.allclose(x.grad, other.grad, atol=1e-4)
    assert weight.grad.abs().sum() > 0


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    return some_start(tmp_path_factory.mktemp("start"))


def test_the_tool_trains_through_a_chip_and_calibrates_on_one(started, capsys):
    more = f"--hardware imc --start {started} --variation 0.3 --qat-epochs 2 --shift 0 --held-out 100"
    capsys.readouterr()
    assert run_tool(started.parent, *more.split()) == 0
    said = capsys.readouterr().out
    before, after = read_trace(started), read_trace(started.parent / "t.npz")
    assert "hardware epoch 2/2" in said
    assert "through crossbars of imc" in after.provenance.notes and "chip 1000" in after.provenance.notes
    scales = [float(t.network["fc2"].weights.scale[0]) for t in (before, after)]
    assert scales[0] != scales[1], "every step of training moves the scale of the logits"
    exact = execute(after.network, after.inputs.values, after.timesteps).logits
    assert np.array_equal(after.logits["test"].accuracy() > 0.5, np.ones(3, bool)) and exact.shape[1] == 3
    assert after.logits["calibration"].values.shape == before.logits["calibration"].values.shape


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--hardware", "imc"], "--hardware: needs --start"),
        (["--set", "adc.bits=4"], "--set"),
        (["--hardware", "ttfs", "--start", "START"], "wanted one with crossbars"),
        (["--hardware", "imc", "--start", "START", "--set", "signs.correction=reference_column"], "reference_column"),
        (["--hardware", "imc", "--start", "traces/mnist_ttfs.npz"], "direct-coded"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(started, capsys, more, says):
    given = [str(started) if word == "START" else word for word in more]
    assert run_tool(started.parent, *given) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1
