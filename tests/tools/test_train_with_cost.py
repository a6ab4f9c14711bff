"""Training with a term for costs: what proxies count, bits that are cut, places between settings, the tool whole."""

# ruff: noqa: E402  (what needs torch is imported after the line that asks for it)

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import train_with_cost
from tools.dietsnn_cases import GEOMETRY, save_npz, some_images, some_network
from training.common.loop import as_pixels
from training.cost import fronts, terms
from training.cost.bits import cuts, narrow
from training.cost.fronts import Point
from training.cost.table import equal
from training.dietsnn.export import network_of
from training.dietsnn.quantise import Precision, QuantNetwork

import hwsim
from hwsim import make
from hwsim.traces.io import write_trace
from hwsim.traces.network.layers import Conv2d, Linear

KEY = ("imc", "energy_pj")


def some_quantised():
    return QuantNetwork(some_network(), Precision()).eval()


def reached(network, layer, channel, y, x):
    """Synapses of one neuron, tap by tap."""
    after = [each for each in network if isinstance(each, Conv2d | Linear)]
    following = after[[each.name for each in after].index(layer) + 1]
    height, width, channels = following.shape
    if isinstance(following, Linear):
        return channels
    stride, pad = following.window.stride[0], following.window.padding[0]
    taps = sum(
        0 <= y - stride * row + pad < 3 and 0 <= x - stride * column + pad < 3
        for row in range(height)
        for column in range(width)
    )
    return taps * channels


def test_fan_out_is_that_of_every_tap_that_is_there():
    quantised = some_quantised()
    network, found = network_of(quantised), terms.fan_outs(quantised)
    assert list(found) == ["conv1", "conv2", "fc1"]
    for name in ("conv1", "conv2"):
        channels, height, width = found[name].shape
        assert (height, width, channels) == network[name].shape
        for channel, y, x in np.ndindex(channels, height, width):
            assert found[name][channel, y, x] == reached(network, name, channel, y, x)
    assert found["fc1"].tolist() == [GEOMETRY.n_classes] * GEOMETRY.channels[-1]


def test_proxies_of_recorded_spikes_are_one_and_count_by_sample():
    quantised = some_quantised()
    x, y = some_images(8, 5)
    trace = make.direct(network_of(quantised), x[..., None], y.astype(np.int64), GEOMETRY.timesteps)
    with torch.no_grad(), terms.watched(quantised) as spikes:
        pixels = as_pixels(torch.from_numpy(x[..., None]))
        quantised(pixels)
    for name in terms.PROXIES:
        term = terms.Terms(trace, quantised, 1)(name)
        assert float(term(spikes, pixels)) == pytest.approx(1, rel=1e-6)
    words = sum(int(np.bitwise_count(each.words).sum()) for each in trace.spikes.values())
    assert float(terms.counted(spikes, None)) == pytest.approx(words / 8)


def test_a_machine_s_term_is_what_simulate_says():
    quantised = some_quantised()
    x, y = some_images(8, 5)
    trace = make.direct(network_of(quantised), x[..., None], y.astype(np.int64), GEOMETRY.timesteps)
    more, labels = some_images(6, 9)
    other = make.direct(network_of(quantised), more[..., None], labels.astype(np.int64), GEOMETRY.timesteps)
    with torch.no_grad(), terms.watched(quantised) as spikes:
        pixels = as_pixels(torch.from_numpy(more[..., None]))
        quantised(pixels)
    terms_ = [terms.Terms(trace, quantised, 1)(f"digital:{figure}") for figure in ("energy_pj", "latency_ns")]
    run = hwsim.simulate("digital", other).run("static")
    for term, figure in zip(terms_, (run.energy_pj, run.latency_ns), strict=True):
        assert float(term(spikes, pixels)) * term.unit == pytest.approx(figure.value, rel=1e-12)
    assert terms_[0].unit < run.energy_pj.value  # spikes alone, which this machine's memory outweighs


@pytest.mark.parametrize(
    "bits", [{"conv1": 4, "conv2": 4, "fc1": 4, "fc2": 4}, {"conv1": 3, "conv2": 4, "fc1": 2, "fc2": 3}]
)
def test_a_narrow_network_is_the_one_whose_weights_were_cut(bits):
    quantised = some_quantised()
    for name, each in cuts(quantised).items():
        each.bits.data.fill_(bits[name] + 0.3 * (bits[name] < 4))
        assert each.whole == bits[name]
    x, y = some_images(12, 5)
    pixels = as_pixels(torch.from_numpy(x[..., None]))
    with torch.no_grad():
        expected = quantised(pixels)
        narrow(quantised, bits)
        torch.testing.assert_close(quantised(pixels), expected)
    network = network_of(quantised)
    stored = {layer.name: layer.weights for layer in network if isinstance(layer, Conv2d | Linear)}
    for name, weights in stored.items():
        assert weights.bits == bits[name]
        assert abs(weights.values).max() <= 2 ** (bits[name] - 1) - 1
    trace = make.direct(network, x[..., None], y.astype(np.int64), GEOMETRY.timesteps)
    logits = trace.logits["recorded"].values * float(quantised.log_step.detach().exp())
    np.testing.assert_allclose(logits, expected.permute(1, 0, 2).numpy(), rtol=1e-5, atol=1e-6)


def test_a_bit_more_moves_weights_by_what_is_between():
    quantised = some_quantised()
    layer = cuts(quantised)["fc2"]
    layer.bits.data.fill_(3.0)
    weight = torch.tensor([[0.6, 3.4, -7.0, 5.0]])
    out = layer(weight)
    assert out.tolist() == [[0.0, 4.0, -6.0, 4.0]]  # in steps of 2, at most 3 of them; ties go to even
    out[0, 2].backward()
    assert layer.bits.grad == pytest.approx((-7 - -4) / 2)  # 4 bits give -7, 2 bits -4


def points(*given):
    return [Point(k, held, held - 0.01, {KEY: cost}, (cost, cost)) for k, (held, cost) in enumerate(given)]


def test_equal_accuracy_lies_on_the_line_between_two_settings():
    found = fronts.at_accuracy(points((0.93, 100), (0.925, 80), (0.905, 40), (0.8, 10)), 0.92)
    assert found.costs[KEY] == pytest.approx(70)
    assert (found.held, found.test, found.weight) == pytest.approx((0.92, 0.91, 1.25))
    assert not found.last
    assert fronts.won(points((0.93, 100), (0.91, 60)), {KEY: 20}, KEY, 0.92) == pytest.approx(0.25)


def test_the_largest_weight_that_is_accurate_enough_counts():
    found = fronts.at_accuracy(points((0.93, 100), (0.915, 80), (0.925, 60), (0.915, 20)), 0.92)
    assert found.costs[KEY] == pytest.approx(40)
    end = fronts.at_accuracy(points((0.93, 100), (0.92, 60)), 0.9)
    assert (end.costs[KEY], end.last) == (60, True)
    assert fronts.at_accuracy(points((0.93, 100), (0.92, 60)), 0.95).costs[KEY] == 100


def line(kind, cost, held=0.93, **more):
    costs = {"digital": dict.fromkeys(("energy_pj", "latency_ns", "edp_pj_ns"), cost * 1e6)}
    return {
        "kind": kind,
        "held_accuracy": held,
        "test_accuracy": held,
        "spikes": 1,
        "synapses": 1,
        "costs": costs,
        **more,
    }


def test_the_table_says_what_is_saved_beyond_the_better_proxy():
    lines = [{"kind": "run", "machines": ["digital"]}, line("spikeless", 20), line("start", 101)]
    for seed, (mine, spikes) in {1: (60, 80), 2: (60, 80), 3: (0, 0)}.items():
        lines.append(line("tuned", 100, term="none", weight=0.0, seed=seed))
        lines.append(line("tuned", mine, 0.91, term="digital:energy_pj", weight=1.0, seed=seed))
        if seed < 3:  # the third was stopped, and has no part in the means
            lines.append(line("tuned", spikes, 0.91, term="spikes", weight=1.0, seed=seed))
    row = next(each for each in equal(lines, 1.0).splitlines() if each.startswith("| `digital` | energy |"))
    cells = [each.strip() for each in row.strip("|").split("|")]
    assert cells[2:] == ["100 uJ", "80 uJ", "90 uJ", "25.0 %", "12.5 % (`spikes`)", "+11.1 ± 0.0 %"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("cost")
    save_npz(path / "d.npz")
    x, y = some_images(16, 7)
    trace = make.direct(network_of(some_quantised()), x[..., None], y.astype(np.int64), GEOMETRY.timesteps)
    write_trace(path / "t.npz", trace)
    silent = {name: each.each(np.zeros_like) for name, each in trace.spikes.items()}
    write_trace(path / "silent.npz", replace(trace, spikes=silent))
    return path


def tool(folder, *more):
    """The tool with a small network; later options win."""
    arguments = f"--data {folder}/d.npz --out {folder}/c.jsonl --start {folder}/t.npz --held-out 20 --batch 25"
    arguments += " --priced 4 --seeds 1 --weights 5 --terms digital:energy_pj synapses --machines digital"
    return train_with_cost.main([*arguments.split(), *more])


def test_the_tool_fills_a_journal_goes_on_and_prints_it(folder, capsys):
    assert tool(folder) == 0
    lines = [json.loads(line) for line in (folder / "c.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["run", "spikeless", "start", "tuned", "tuned", "tuned"]
    assert lines[0]["images"] == 100 and lines[0]["machines"] == ["digital"]
    none, mine, proxy = lines[3:]
    assert (none["term"], mine["term"], proxy["term"]) == ("none", "digital:energy_pj", "synapses")
    silent, start = (line["costs"]["digital"]["energy_pj"] for line in lines[1:3])
    assert silent < mine["costs"]["digital"]["energy_pj"] < start
    assert proxy["synapses"] < none["synapses"]
    capsys.readouterr()

    assert tool(folder) == 0  # all is done
    assert capsys.readouterr().out == ""
    assert tool(folder, "--seeds", "1", "2") == 0
    assert len((folder / "c.jsonl").read_text().splitlines()) == 9
    assert tool(folder, "--bits", "digital", "--budgets", "0.9", "--every", "4") == 0
    bits = [json.loads(line) for line in (folder / "c.jsonl").read_text().splitlines()[9:]]
    assert [line["rule"] for line in bits] == ["4 in all", "3 in all", "2 in all", "learned, 90 %"]
    energy = [line["costs"]["digital"]["energy_pj"] for line in bits]
    assert energy[0] > energy[1] > energy[2]
    assert bits[1]["bits"] == dict.fromkeys(("conv1", "conv2", "fc1", "fc2"), 3)

    capsys.readouterr()
    assert train_with_cost.main(["--table", str(folder / "c.jsonl")]) == 0
    out = capsys.readouterr().out
    assert "saved beyond the better proxy" in out and "| learned, 90 % |" in out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--terms", "imc:area_mm2"], "--terms imc:area_mm2"),
        (["--terms", "spike"], "--terms spike"),
        (["--terms", "imc:energy_pj:divided"], "--terms imc:energy_pj:divided"),
        (["--rate", "0.5", "--out", "{}/c2.jsonl"], "holds settings of another run, whose rate is 0.01 and not 0.5"),
        (["--out", "{}/c.json"], "wanted a name that ends in .jsonl"),
        (["--table", "{}/d.npz"], "cannot be read"),
        (["--bits", "imc"], "--bits imc: wanted one of --machines, which are digital"),
        (["--start", "{}/silent.npz", "--out", "{}/c3.jsonl"], "silent.npz: none of its recorded samples has a spike"),
    ],
)
def test_what_cannot_be_done_is_one_line(folder, capsys, more, said):
    if "--rate" in more:
        _only_rate_differs(folder)
    capsys.readouterr()
    assert tool(folder, *(each.format(folder) for each in more)) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def _only_rate_differs(folder):
    """A journal of this very run, but for the rate."""
    (folder / "c2.jsonl").unlink(missing_ok=True)
    assert tool(folder, "--out", f"{folder}/c2.jsonl", "--terms", "spikes") == 0
