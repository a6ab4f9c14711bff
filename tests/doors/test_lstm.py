"""LSTMs through `hwsim.capture`: exact where they are the trace's own, stood in for where they are not, or refused."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import hwsim
from hwsim.errors import TraceError, UsageError
from hwsim.traces import read_trace, write_trace
from hwsim.traces.codings import verify
from hwsim.traces.sequence.golden import execute_sequence

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from hwsim.doors.torch.lstm import Shape, SpikingLSTM, stood_in  # noqa: E402
from hwsim.doors.torch.lstm.capture import signs_of  # noqa: E402
from hwsim.doors.torch.lstm.reading import cells_of, read  # noqa: E402

pytestmark = pytest.mark.usefixtures("seeded")
ELEMENTS, FEATURES, HIDDEN, CLASSES = 6, 5, 12, 4
GATES = ("input", "forget", "candidate", "output", "cell")
RNG = np.random.default_rng(0)
Y = RNG.integers(0, CLASSES, 40)


def sequences():
    return torch.randn(40, ELEMENTS, FEATURES)


@torch.no_grad()
def on_lattice(timesteps=3, over="all"):
    """Every gate fires without a leak, and every unit has a weight of 127 of its steps, which are powers of two."""
    network = SpikingLSTM(Shape(ELEMENTS, FEATURES, HIDDEN, CLASSES, over), GATES, timesteps).double()

    def weights(parameter, step):
        values = torch.randint(-127, 128, parameter.shape)
        values[..., 0] = 127
        parameter.copy_(values * 2.0**step)

    weights(network.input_weight, -12)
    weights(network.hidden_weight, -7)
    weights(network.bias, -8)
    weights(network.readout.weight, -7)
    network.cell_bias.copy_(torch.randint(-8, 9, (HIDDEN,)) * 2.0**-8)
    network.readout.bias.zero_()
    return network


class Reads(nn.Module):
    """An LSTM of PyTorch or snnTorch and what reads it."""

    def __init__(self, kind, over, linear=True, time_first=False, hidden=HIDDEN, spikes=False):
        super().__init__()
        self.kind, self.over, self.time_first, self.spikes = kind, over, time_first, spikes
        if kind == "LSTM":
            self.lstm = nn.LSTM(FEATURES, hidden, batch_first=not time_first)
        elif kind == "LSTMCell":
            self.lstm = nn.LSTMCell(FEATURES, hidden)
        else:
            snn = pytest.importorskip("snntorch")
            self.lstm = snn.SLSTM(FEATURES, hidden, threshold=0.1)
        self.fc = nn.Linear(hidden, CLASSES) if linear else nn.Identity()

    def forward(self, x):
        x = x if self.time_first else x.transpose(0, 1)  # [element, sample, feature]
        if self.kind == "LSTM":
            h = self.lstm(x if self.time_first else x.transpose(0, 1))[0]
            h = h if self.time_first else h.transpose(0, 1)
        elif self.kind == "LSTMCell":
            state, found = None, []
            for each in x:
                state = self.lstm(each, state)
                found.append(state[0])
            h = torch.stack(found)
        else:
            (syn, mem), found = self.lstm.reset_mem(), []
            for each in x:
                spikes, syn, mem = self.lstm(each, syn, mem)
                found.append(spikes if self.spikes else mem)
            h = torch.stack(found)
        if self.over == "steps":
            return self.fc(h)
        return self.fc(h[-1] if self.over == "last" else h.mean(0))


def captured(model, x=None, **options):
    x = sequences() if x is None else x
    return hwsim.capture(model, x, labels=Y[: len(x)], **{"allow_drift": 1.0, **options})


@pytest.mark.parametrize("over", ["all", "last"])
@pytest.mark.parametrize("timesteps", [1, 3])
def test_on_the_integer_lattice_no_spike_differs(timesteps, over, tmp_path):
    network = on_lattice(timesteps, over)
    x = torch.randint(-100, 101, (40, ELEMENTS, FEATURES))
    trace = captured(network, x, allow_drift=0.0, recorded=8, name="lattice")
    assert trace.coding == "sequence"
    assert 0.02 < trace.spike_rates()["lstm1/hidden"] < 0.95
    assert verify(trace).ok
    write_trace(tmp_path / "t.npz", trace)
    assert verify(read_trace(tmp_path / "t.npz")).ok
    with torch.no_grad():
        logits = network(x.double()).permute(1, 0, 2).numpy()
        hidden = torch.stack(network.play(x.double()).hidden).permute(2, 0, 1, 3).numpy()
    found = trace.logits["test"]
    np.testing.assert_allclose(found.values * found.scale, logits, atol=1e-6)
    np.testing.assert_array_equal(signs_of(trace.spikes["lstm1/hidden"]), hidden[:8])


def test_what_rounding_changes_is_told_with_both_accuracies():
    network = SpikingLSTM(Shape(ELEMENTS, FEATURES, HIDDEN, CLASSES, "all"), timesteps=4)
    x = sequences()
    with pytest.warns(UserWarning, match=r"of the spikes differ from the float network's, most in lstm1/\w+") as told:
        trace = captured(network, x, weight_bits=3)
    shown = float(str(told[0].message).partition(" %")[0])
    unit = float(x.abs().max()) / 127
    with torch.no_grad():
        played = network.play((x[:32] / unit).round() * unit)
    wanted = {**played.spikes, "hidden": played.hidden}
    arranged = {name: torch.stack(each).permute(2, 0, 1, 3).numpy() for name, each in wanted.items()}
    differing = sum(
        np.abs(signs_of(trace.spikes[f"lstm1/{name}"])[:32] - each).sum() for name, each in arranged.items()
    )
    assert shown == pytest.approx(100 * differing / sum(np.abs(each).sum() for each in arranged.values()), abs=0.006)
    right = (network(x).sum(0).argmax(1).numpy() == Y).mean()
    assert f"right {100 * trace.provenance.accuracy[-1]:.2f} %, in floats {100 * right:.2f} %" in str(told[0].message)
    with pytest.raises(TraceError, match=r"drift: .* more weight bits may help, or allow more: allow_drift is "):
        captured(network, x, weight_bits=3, allow_drift=None)
    assert verify(trace).ok


@pytest.mark.parametrize("time_first", [False, True])
@pytest.mark.parametrize("over", ["last", "all", "steps"])
@pytest.mark.parametrize("linear", [True, False])
@pytest.mark.parametrize("kind", ["LSTM", "LSTMCell", "SLSTM"])
def test_what_a_model_reads_of_its_lstm_is_found(kind, linear, over, time_first):
    model = Reads(kind, over, linear, time_first, hidden=FEATURES).eval()  # of one size, so that snnTorch's remembers
    x = sequences()
    found = read(model, x)
    assert (found.name, found.over, found.remembers) == ("lstm", "last" if over == "last" else "all", True)
    with torch.no_grad():
        given = model(x.transpose(0, 1) if found.time_first else x)
        wanted = given.mean(0) if over == "steps" else given
        assert torch.allclose(found.logits(x), wanted, atol=1e-5)
    trace = captured(model, x, timesteps=4, recorded=4)
    assert verify(trace).ok
    assert trace.network.n_classes == (CLASSES if linear else FEATURES)


def test_slstm_of_other_sizes_forgets_as_snntorch_runs_it():
    """`SLSTM.forward` of snnTorch 1.0 makes states anew wherever their shape is not that of its input."""
    model, x = Reads("SLSTM", "last"), sequences()
    assert not read(model, x).remembers
    with torch.no_grad():
        only_last = x.clone()
        only_last[:, :-1] = 0
        assert torch.equal(model(x.clone()), model(only_last))
    with pytest.warns(UserWarning, match="it forgets its state at every call: input_size is not hidden_size"):
        trace = captured(model, x, timesteps=8)
    values = np.array(trace.inputs.values)
    values[:, :-1] = 0
    again = execute_sequence(trace.network, values, 8).spikes["lstm1/hidden"].words
    np.testing.assert_array_equal(again[:, -1], trace.spikes["lstm1/hidden"].words[:, -1])


@torch.no_grad()
def test_a_stand_in_comes_nearer_with_timesteps():
    model, x = Reads("LSTM", "all").eval(), 2 * sequences()
    wanted, errors = model(x), []
    for timesteps in (1, 4, 16, 64):
        network, original, lines = stood_in(model, x, timesteps)
        assert original.name == "lstm"
        assert set(lines) == set(GATES)
        errors.append(float((network(x).sum(0) - wanted).square().mean().sqrt()))
        spiking = [line.error for name, line in lines.items() if name in ("input", "output", "cell")]
        assert max(spiking) < 1.5 / timesteps + 0.08
    assert errors[0] > 1.5 * errors[2] > 1.5 * errors[3] * 0.9
    assert errors[-1] < 0.1 * float(wanted.std()) + 0.06


def test_a_stand_in_can_be_trained_on():
    model, x = Reads("LSTM", "all"), sequences()
    network, _, _ = stood_in(model, x, 2)
    y = torch.from_numpy(Y)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        loss = nn.functional.cross_entropy(network(x).sum(0), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        network.project()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    trace = captured(network, x)
    assert trace.provenance.accuracy[-1] > 0.5
    report = hwsim.simulate("lstm", trace, accuracy_samples=0)
    assert report.energy.value > 0


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.LSTM(FEATURES, 8, batch_first=True), nn.LSTM(8, 8, batch_first=True)

    def forward(self, x):
        return self.second(self.first(x)[0])[0][:, -1]


class Beside(Reads):
    def __init__(self, beside, **options):
        super().__init__("LSTM", "last")
        self.beside = beside

    def forward(self, x):
        return self.beside(super().forward(x))


class Bare(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.lstm = nn.LSTM(FEATURES, 8, batch_first=True, **options)

    def forward(self, x):
        return self.lstm(x)[0][:, -1]


class Doubled(Reads):
    def forward(self, x):
        return 2 * super().forward(x)


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        (Two, r"module 'second' \(LSTM\): wanted one LSTM, 'first'"),
        (lambda: Bare(num_layers=2), r"module 'lstm' \(LSTM\): wanted one layer, one direction"),
        (lambda: Bare(bidirectional=True), r"module 'lstm' \(LSTM\): wanted one layer, one direction"),
        (lambda: Beside(nn.ReLU()), r"module 'beside' \(ReLU\): is no spiking neuron"),
        (lambda: Beside(nn.Linear(4, 4)), r"module 'beside' \(Linear\): beside the LSTM 'lstm' wanted one Linear"),
        (lambda: Doubled("LSTM", "last"), r"module 'lstm' \(LSTM\): wanted a model that gives its hidden values"),
        (lambda: Reads("SLSTM", "all", spikes=True), r"module 'lstm' \(SLSTM\): its spikes are read.*read its mem"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(model, wanted):
    with pytest.raises(TraceError, match=wanted):
        captured(model(), timesteps=4)


def test_a_class_is_known_by_what_it_is_derived_from():
    class Mine(nn.LSTM):
        pass

    class LSTM(nn.Module):
        pass

    model = Bare()
    model.lstm = Mine(FEATURES, 8, batch_first=True)
    assert read(model.eval(), sequences()).over == "last"
    assert cells_of(LSTM()) == []


def test_a_reset_of_snntorch_is_refused():
    snn = pytest.importorskip("snntorch")
    model = Reads("SLSTM", "all")
    model.lstm = snn.SLSTM(FEATURES, HIDDEN, reset_mechanism="zero")
    with pytest.raises(TraceError, match=r"module 'lstm' \(SLSTM\): reset_mechanism cannot be said in a trace"):
        captured(model, timesteps=4)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, "timesteps: wanted how many spikes may stand for a value"),
        ({"timesteps": 4, "readout": "membrane"}, "readout: has no meaning for LSTMs"),
        ({"timesteps": 4, "over_time": True}, "over_time: has no meaning for LSTMs"),
        ({"timesteps": 4, "per_channel": False}, "per_channel: has no meaning for LSTMs"),
        ({"timesteps": 4, "weight_bits": 9}, "weight_bits: .*9"),
        ({"timesteps": 4, "input_bits": 1}, "input_bits: .*1"),
        ({"timesteps": 0}, "timesteps: .*0"),
    ],
)
def test_options_without_meaning_are_refused(options, wanted):
    with pytest.raises(UsageError, match=wanted):
        captured(Reads("LSTM", "last"), **options)


def test_shapes_and_timesteps_of_a_spiking_lstm_are_its_own():
    network = on_lattice()
    with pytest.raises(UsageError, match="timesteps: wanted 3, those of the network, got 4"):
        captured(network, timesteps=4)
    with pytest.raises(UsageError, match=r"inputs: wanted \[sample, 6, 5\]"):
        captured(network, torch.randn(40, 7, FEATURES))
    with pytest.raises(UsageError, match=r"inputs: wanted sequences \[sample, element, feature\]"):
        captured(network, torch.randn(40, 7))
    with pytest.raises(UsageError, match="spiking: wanted gates among input, forget"):
        SpikingLSTM(Shape(2, 2, 2, 2, "all"), ("inputs",))
    with pytest.raises(TraceError, match="'output' and 'cell' must be among the spiking gates"):
        captured(SpikingLSTM(Shape(ELEMENTS, FEATURES, 4, CLASSES, "all"), ("output",), 2))


def test_a_file_is_written_where_asked(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace = captured(Reads("LSTM", "last"), timesteps=2, out=tmp_path / "t.npz", name="a name")
    found = read_trace(tmp_path / "t.npz")
    assert found.provenance.name == trace.provenance.name == "a name"
    assert "a spiking LSTM stands in for it" in found.provenance.notes
    assert verify(found).ok
