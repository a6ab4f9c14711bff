"""Fire-once neurons of the training tool: their times, their gradients, their integers, their rate-coded twins."""

# ruff: noqa: E402  (what needs torch is imported after the line that asks for it)

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn
from training.common.data import Images
from training.ttfs.rate import accuracy_over, rate_network, rate_trace
from training.ttfs.real import Geometry, RealNetwork

from hwsim.doors.torch.first_spike.conversion import Windows, converted, input_arrivals
from hwsim.doors.torch.first_spike.integers import network_of, signed_bits
from hwsim.doors.torch.first_spike.timed import TimedLayer, TimedNetwork, Timing, first_crossing
from hwsim.traces.provenance import Provenance
from hwsim.traces.ttfs.golden import execute_first_spike

WINDOW = 12
RAMP = 40


def plain_neuron(times, weights, bias, timing):
    """(tick or None, potential at it or at the end) of one neuron, tick by tick as the trace format prescribes."""
    u, slope = bias, 0
    for s in range(timing.start + timing.window):
        if s == timing.window:
            slope = timing.ramp if s > timing.start else 0
        if s == timing.start:
            slope += timing.ramp
        slope += sum(w for t, w in zip(times, weights, strict=True) if t == s)
        u += slope
        if s >= timing.start and u >= timing.v_threshold:
            return s - timing.start, u
    return None, u


def linear_layer(n_in, n_out, timing, seed, spread=25):
    rng = np.random.default_rng(seed)
    op = nn.Linear(n_in, n_out)
    with torch.no_grad():
        op.weight.copy_(torch.from_numpy(rng.integers(-spread, spread + 5, (n_out, n_in))))
        op.bias.copy_(torch.from_numpy(rng.integers(-300, 500, n_out)))
    return TimedLayer(op, timing, 8, 1.0, 1.0)


def some_times(n, n_in, seed):
    rng = np.random.default_rng(seed)
    times = rng.integers(0, WINDOW, (n, n_in))
    times[rng.random((n, n_in)) < 0.3] = -1
    return times


def arrivals_of(times):
    return torch.from_numpy(np.where(times < 0, 0, WINDOW - times)).float()


@pytest.mark.parametrize("start", [1, 5, WINDOW - 1, WINDOW])
def test_neurons_fire_as_prescribed_tick_by_tick(start):
    timing = Timing(WINDOW, start, RAMP)
    layer = linear_layer(9, 30, timing, 1)
    times = some_times(25, 9, 2)
    with torch.no_grad():
        firing = layer(arrivals_of(times))
    weights, bias = layer.op.weight.int().tolist(), layer.op.bias.int().tolist()
    seen = set()
    for n in range(25):
        for j in range(30):
            tick, u = plain_neuron(times[n].tolist(), weights[j], bias[j], timing)
            seen.add(tick)
            found = int(firing.tick[n, j])
            assert (found if found < WINDOW else None) == tick
            if tick is not None:
                assert firing.potential[n, j] == u
            assert firing.arrival(timing)[n, j] == (0 if tick is None else WINDOW - tick)
    assert len(seen) > WINDOW // 2  # early, late and silent ones were there
    assert None in seen


def test_with_windows_one_after_another_an_arrival_is_the_rounded_clipped_sum():
    timing = Timing(WINDOW, WINDOW, RAMP)
    sums = torch.arange(-100, RAMP * (WINDOW + 3)).float()[None]
    expected = torch.floor((sums[0] + RAMP // 2) / RAMP).clamp(0, WINDOW)
    assert torch.equal(first_crossing(sums, timing).arrival(timing).round(), expected)


def gradients(layer, times):
    """Of each neuron's arrival by each weight: [neuron, input]."""
    arrival = layer(arrivals_of(times)[None]).arrival(layer.timing)[0]
    rows = [torch.autograd.grad(a, layer.op.weight, retain_graph=True)[0][j] for j, a in enumerate(arrival)]
    return torch.stack(rows)


@pytest.mark.parametrize("start", [3, WINDOW])
def test_a_spike_time_moves_by_its_inputs_over_the_slope(start):
    """dt = -du / slope at the spike; inputs that come after it have no part in it."""
    timing = Timing(WINDOW, start, RAMP)
    layer = linear_layer(9, 40, timing, 3)
    times = some_times(1, 9, 4)[0]
    found = gradients(layer, times)
    weights, bias = layer.op.weight.int().tolist(), layer.op.bias.int().tolist()
    checked = 0
    for j in range(40):
        tick, u = plain_neuron(times.tolist(), weights[j], bias[j], timing)
        if not tick:  # silent, or at the first tick, where the slope before it does not matter
            continue
        now = start + tick
        psp = [0 if t < 0 else max(0, min(now + 1, WINDOW) - t) for t in times.tolist()]
        before = [0 if t < 0 else max(0, min(now, WINDOW) - t) for t in times.tolist()]
        slope = RAMP + sum(w * (a - b) for w, a, b in zip(weights[j], psp, before, strict=True))
        assert u == bias[j] + sum(map(int.__mul__, weights[j], psp)) + RAMP * (tick + 1)
        assert found[j].tolist() == pytest.approx([p / max(slope, RAMP) for p in psp])
        checked += 1
    assert checked > 10


def test_neurons_that_are_far_from_firing_or_too_early_pass_no_gradient():
    timing = Timing(WINDOW, WINDOW, RAMP)
    for total, passes in [(-500, 0), (-RAMP, 0), (10, 1), (200, 1), (RAMP * WINDOW + 10, 1), (RAMP * WINDOW + 30, 0)]:
        sums = torch.full((1, 1), float(total), requires_grad=True)
        first_crossing(sums, timing).arrival(timing).sum().backward()
        assert sums.grad.item() == pytest.approx(passes / RAMP), total


def test_logits_in_training_do_not_end_at_the_window():
    timing = Timing(WINDOW, WINDOW, RAMP)
    sums = torch.tensor([[-4000.0, -3.0, 100.0, 10_000.0]])
    found = first_crossing(sums, timing).continuous(timing)
    differences = (found - found[0]).tolist()
    assert differences == pytest.approx([(z + 4000) / RAMP for z in sums[0].tolist()])


# networks


def some_network(start, convolutions=(3,), hidden=(14,), gain=1):
    torch.manual_seed(0)
    geometry = Geometry((7, 6, 1), convolutions, hidden, 5)
    real = RealNetwork(geometry, 0.0).eval()
    with torch.no_grad():
        for layer in real.operations():
            layer.weight.mul_(gain)
            layer.bias.uniform_(-0.2, 0.3)
        pixels = torch.from_numpy(some_pixels(60, 9)).permute(0, 3, 1, 2).float()
        highest = [float(values.quantile(0.97)) for values in real.sums(pixels)]
    return real, converted(real.operations(), Windows(WINDOW, start, 8), highest).eval(), geometry, highest


def some_pixels(n, seed):
    rng = np.random.default_rng(seed)
    return (rng.integers(0, 256, (n, 7, 6, 1)) * (rng.random((n, 7, 6, 1)) < 0.6)).astype(np.uint8)


@pytest.mark.parametrize("start", [2, WINDOW])
@pytest.mark.parametrize(("convolutions", "hidden"), [((), (8, 9)), ((3, 4), (14,))])
def test_what_is_trained_is_what_is_exported(start, convolutions, hidden):
    _, timed, geometry, _ = some_network(start, convolutions, hidden)
    pixels = some_pixels(50, 3)
    run = execute_first_spike(network_of(timed, geometry.image), pixels)
    as_torch = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        firings, scores = timed.firings(as_torch), timed(as_torch)[0]
    for times, firing in zip(run.times.values(), firings, strict=True):
        found = firing.tick.permute(0, 2, 3, 1) if firing.tick.dim() == 4 else firing.tick[:, None, None]
        assert np.array_equal(np.where(found.numpy() < WINDOW, found.numpy(), -1), times)
        assert 0.05 < (times >= 0).mean() < 0.95
    assert np.array_equal(scores.argmax(1).numpy(), run.classes)


def test_scores_compare_ticks_then_potentials_also_of_silent_neurons():
    timing = Timing(WINDOW, WINDOW, RAMP)
    op = nn.Linear(1, 3)
    layer = TimedLayer(op, timing, 8, 1.0, 1.0)
    network = TimedNetwork([layer], input_arrivals(WINDOW)).eval()

    def winner(*sums):
        with torch.no_grad():
            op.weight.zero_()
            op.bias.copy_(torch.tensor(sums))
            return int(network(torch.zeros(1, 1, 1, 1))[0].argmax())

    assert winner(100.0, 141.0, 20.0) == 1  # a tick earlier
    assert winner(100.0, 101.0, 101.0) == 1  # same tick, higher potential, lower index
    assert winner(-90.0, -100.0, -80.0) == 2  # nobody fires
    assert winner(9000.0, 9001.0, 0.0) == 1  # all at the first tick


def test_conversion_keeps_the_sums_of_the_ann():
    real, timed, _, highest = some_network(WINDOW, gain=4)  # so that layers differ in what an arrival is worth
    pixels = torch.from_numpy(some_pixels(40, 5)).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        sums, firings = real.sums(pixels), timed.firings(pixels)
    for layer, top, wanted, firing in zip(timed.timed(), highest, sums, firings, strict=True):
        assert layer.out_unit * WINDOW == pytest.approx(top, rel=0.05)  # a whole ramp is not exactly the percentile
        clipped = wanted.clamp(min=0, max=top)
        error = (firing.arrival(layer.timing) * layer.out_unit - clipped).abs()
        assert error.mean() < 0.12 * top  # ticks are a twelfth of it
        assert torch.corrcoef(torch.stack([firing.arrival(layer.timing).flatten(), clipped.flatten()]))[0, 1] > 0.9


@pytest.mark.parametrize(("ramp", "shift"), [(40, 0), (100, 0), (300, 0), (900, 0), (3, -50)])
def test_slopes_and_potentials_are_wide_enough_for_the_worst_input_and_no_wider(ramp, shift):
    timing = Timing(WINDOW, 4, ramp)
    layer = linear_layer(30, 6, timing, 8)
    with torch.no_grad():
        layer.op.weight.add_(shift)
    network = network_of(TimedNetwork([layer], input_arrivals(WINDOW)), (30, 1, 1))
    neurons = network.neurons["fc1"]
    weights, bias = layer.op.weight.long().numpy(), layer.op.bias.long().numpy()
    slopes, potentials = [], [timing.v_threshold]
    for j in range(6):
        for side in (1, -1):
            slope, u = 0, int(bias[j])
            for s in range(4 + WINDOW):  # all inputs of one sign at once, and nothing else
                slope += (s == 0) * int(weights[j][weights[j] * side > 0].sum()) + (s == 4) * ramp
                slope = slope if s < WINDOW else ramp
                u += slope
                slopes.append(slope)
                potentials.append(u)
    assert neurons.slope_bits == signed_bits(min(slopes), max(slopes))
    assert neurons.potential_bits >= signed_bits(min(potentials), max(potentials))
    assert neurons.potential_bits <= signed_bits(min(potentials), max(potentials)) + 1
    assert [signed_bits(*pair) for pair in [(0, 1), (-1, 0), (-128, 127), (-129, 0), (0, 128)]] == [2, 1, 8, 9, 9]


# rate-coded


def test_rate_coded_neurons_spike_as_often_as_first_spikes_arrive_early():
    """With all pixels at their top the drive is steady, so counts and rounded sums are the same but for one spike."""
    _, timed, geometry, _ = some_network(WINDOW, (), (25,))
    network = network_of(timed, geometry.image)
    pixels = np.full((1, 7, 6, 1), 255, np.uint8)
    arrivals = timed.firings(torch.full((1, 1, 7, 6), 255.0))[0].arrival(timed.timed()[0].timing)[0]
    samples = Images(pixels, np.zeros(1, np.int64), np.zeros(1, np.int64))
    trace = rate_trace(network, samples, 1, 1.0, Provenance("", "", "", "", "", "", 0, False, ()))
    words = trace.spikes["fc1"].words[0, :, 0, 0]
    counts = np.array([[int(word) >> c & 1 for c in range(25)] for word in words]).sum(0)
    assert np.abs(counts - arrivals.detach().numpy()).max() <= 1.001
    assert len(set(counts.tolist())) > 4


def test_rate_coding_keeps_weights_and_shares_biases():
    _, timed, geometry, _ = some_network(WINDOW)
    network = network_of(timed, geometry.image)
    rate = rate_network(network)
    for layer in network.weighted():
        twin, neurons = rate[layer.name], network.neurons[layer.name]
        assert np.array_equal(twin.weights.values, layer.weights.values)
        if twin.neuron is None:
            assert np.abs(twin.bias * WINDOW - layer.bias).max() <= WINDOW / 2
            continue
        assert set(twin.neuron.v_threshold.tolist()) == {neurons.ramp << twin.neuron.fraction_bits}
        total = (layer.bias + neurons.ramp / 2) * 2**twin.neuron.fraction_bits
        assert np.abs(twin.bias * WINDOW - total).max() <= WINDOW / 2 + 1


def test_accuracy_is_that_of_the_logits_summed_up_to_each_timestep():
    _, timed, geometry, _ = some_network(WINDOW)
    network = network_of(timed, geometry.image)
    samples = Images(some_pixels(30, 6), np.arange(30) % 5, np.arange(30))
    trace = rate_trace(network, samples, 4, 1.0, Provenance("", "", "", "", "", "", 0, False, ()))
    assert accuracy_over(network, samples) == pytest.approx(trace.accuracy_by_timestep())
    assert trace.n_samples == 4
