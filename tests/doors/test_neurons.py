"""Every line of the guide's tables of neurons, built in its framework: drift is zero where the guide calls it exact."""

from __future__ import annotations

import inspect
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import hwsim
from hwsim.errors import TraceError
from hwsim.traces.codings import verify

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
nir = pytest.importorskip("nir")
pytest.importorskip("spikingjelly.activation_based")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    norse = pytest.importorskip("norse.torch")
from doors.torch_models import on_lattice  # noqa: E402
from norse.torch.functional.leaky_integrator_box import LIBoxParameters  # noqa: E402
from norse.torch.functional.reset import reset_subtract  # noqa: E402
from spikingjelly.activation_based import functional, layer, neuron  # noqa: E402
from torch import nn  # noqa: E402

from hwsim.doors.torch.modules import HINTS, NEURONS  # noqa: E402

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guides" / "neurons.md").read_text()
STEPS, INPUTS, HIDDEN, CLASSES = 4, 12, 8, 5
X = (np.random.default_rng(0).random((24, STEPS, INPUTS)) < 0.5).astype(np.float32)
Y = np.arange(24) % CLASSES


pytestmark = pytest.mark.usefixtures("seeded")


def lines(section):
    """The first cells of a section's tables."""
    text = GUIDE.partition(f"\n## {section}")[2].partition("\n## ")[0]
    return [row.split("|")[1].strip() for row in text.splitlines() if row.startswith("| `")]


def layers(make, linear=nn.Linear):
    """Two layers of neurons, each `make(width)`, on weights."""
    return nn.Sequential(linear(INPUTS, HIDDEN), make(HIDDEN), linear(HIDDEN, CLASSES), make(CLASSES))


def of_snntorch(kind, *resets, **options):
    """With states inside, one timestep a call; half of membrane and current stay, so that few bits are rounded off."""
    fields = {"beta": 0.5, "threshold": 2.0, "init_hidden": True, **options}
    return [
        layers(lambda n, reset=reset: kind(**{k: v(n) if callable(v) else v for k, v in fields.items()}, **reset))
        for reset in ({"reset_mechanism": each} for each in resets or ("subtract", "zero", "none"))
    ]


def of_jelly(kind, *resets, modes="sm", **options):
    """In both step modes and with both resets, unless they are given."""
    for v_reset in resets or (0.0, None):
        for mode in modes:
            model = layers(lambda _n, r=v_reset: kind(v_threshold=1.0, v_reset=r, **options), layer.Linear)
            functional.set_step_mode(model, mode)
            yield model


class Cells(nn.Module):
    """A loop over time with states handed on; the last cell may be another."""

    def __init__(self, cell, last=None, within=False):
        super().__init__()
        self.a, self.n = nn.Identity() if within else nn.Linear(INPUTS, HIDDEN), cell(INPUTS, HIDDEN)
        self.b, self.m = nn.Identity() if within else nn.Linear(HIDDEN, CLASSES), (last or cell)(HIDDEN, CLASSES)

    def forward(self, x):
        r = s = None
        out = []
        for now in x:
            z, r = self.n(self.a(now), r)
            y, s = self.m(self.b(z), s)
            out.append(y)
        return torch.stack(out)


def parameters(kind, **values):
    given = {"tau_mem_inv": 500.0, "tau_syn_inv": 500.0, "v_th": 1.0} | values
    known = {key: torch.as_tensor(value) if isinstance(value, float) else value for key, value in given.items()}
    return kind(**{key: value for key, value in known.items() if key in kind._fields})


def of_norse(cell, whole=None, kind=norse.LIFParameters, changes=({},), within=False):
    """A loop over cells, and the module that has it within; half of membrane and current stay."""
    for values in changes:
        p = parameters(kind, **values)
        yield Cells(lambda n, m, p=p: cell(n, m, p) if within else cell(p), within=within)
        if whole is not None and within:
            yield norse.SequentialState(whole(INPUTS, HIDDEN, p), whole(HIDDEN, CLASSES, p, autapses=True))
        elif whole is not None:
            first, second = nn.Linear(INPUTS, HIDDEN), norse.Lift(nn.Linear(HIDDEN, CLASSES))
            yield norse.SequentialState(first, whole(p), second, whole(p))


def read_out():
    p, q, box = (parameters(kind) for kind in (norse.LIFParameters, norse.LIParameters, LIBoxParameters))
    yield Cells(lambda _n, _m: norse.LIFCell(p), lambda _n, _m: norse.LICell(q))
    yield Cells(lambda _n, _m: norse.LIFCell(p), lambda _n, _m: norse.LIBoxCell(box))
    yield norse.SequentialState(nn.Linear(INPUTS, HIDDEN), norse.LIF(p), nn.Linear(HIDDEN, CLASSES), norse.LI(q))


LEAKS_BY_CHANNEL = {"beta": lambda n: torch.linspace(0, n - 1, n).remainder(2) / 2}
CUT_SMALL = {"threshold": 8.0, "beta": 1.0}  # no membrane comes to twice the threshold
VECTORS = {"linear_features": lambda n: n}
ONE_TO_ONE = {"all_to_all": False, "V": lambda n: torch.linspace(-3, 3, n).round() / 8}
LEAK_TO = ({}, {"v_leak": 0.5, "v_th": 1.25, "v_reset": 0.25})
BOX = (*LEAK_TO, {"v_th": 1.5, "reset_method": reset_subtract})
CASES = {
    "snnTorch 1.0": {
        "`Leaky`": lambda: [*of_snntorch(snn.Leaky), *of_snntorch(snn.Leaky, **LEAKS_BY_CHANNEL)],
        "`Leaky`, `reset_delay=False`": lambda: [
            *of_snntorch(snn.Leaky, "zero", "none", reset_delay=False),
            *of_snntorch(snn.Leaky, "subtract", reset_delay=False, **CUT_SMALL),
        ],
        "`Lapicque`": lambda: of_snntorch(snn.Lapicque, beta=False, R=1.0, C=2.0, threshold=1.0),
        "`Synaptic`": lambda: [
            *of_snntorch(snn.Synaptic, alpha=0.5),
            *of_snntorch(snn.Synaptic, "zero", alpha=0.5, reset_delay=False),
        ],
        "`Alpha`, `none`": lambda: of_snntorch(snn.Alpha, "none", alpha=0.5, beta=0.25, threshold=0.25),
        "`RLeaky`, `all_to_all`": lambda: of_snntorch(snn.RLeaky, **VECTORS),
        "`RLeaky`, `V`": lambda: of_snntorch(snn.RLeaky, **ONE_TO_ONE),
        "`RSynaptic`, `all_to_all`": lambda: of_snntorch(snn.RSynaptic, alpha=0.5, **VECTORS),
        "`RSynaptic`, `V`": lambda: of_snntorch(snn.RSynaptic, alpha=0.5, **ONE_TO_ONE),
    },
    "SpikingJelly 2.0": {
        "`IFNode`, `SimpleIFNode`": lambda: [*of_jelly(neuron.IFNode), *of_jelly(neuron.SimpleIFNode)],
        "`LIFNode`, `SimpleLIFNode`, `decay_input=True`": lambda: [
            *of_jelly(neuron.LIFNode, tau=2.0),
            *of_jelly(neuron.SimpleLIFNode, 0.0, tau=2.0, decay_input=True),
        ],
        "`LIFNode`, `SimpleLIFNode`, `decay_input=False`": lambda: [
            *of_jelly(neuron.LIFNode, tau=2.0, decay_input=False),
            *of_jelly(neuron.SimpleLIFNode, 0.0, tau=2.0, decay_input=False),
        ],
        "`ParametricLIFNode`": lambda: of_jelly(neuron.ParametricLIFNode, init_tau=2.0),
        "`OTTTLIFNode`, `SLTTLIFNode`": lambda: [
            *of_jelly(neuron.OTTTLIFNode, modes="s"),
            *of_jelly(neuron.SLTTLIFNode, modes="s"),
        ],
        "`CUBALIFNode`": lambda: of_jelly(neuron.CUBALIFNode, c_decay=0.5, v_decay=0.5),
        "`TernaryIFNode`": lambda: of_jelly(neuron.TernaryIFNode),
        "`TernaryLIFNode`": lambda: [
            *of_jelly(neuron.TernaryLIFNode, tau=2.0),
            *of_jelly(neuron.TernaryLIFNode, tau=2.0, decay_input=False),
        ],
    },
    "Norse 1.1": {
        "`LIFBoxCell`": lambda: of_norse(norse.LIFBoxCell, kind=norse.LIFBoxParameters, changes=BOX),
        "`LIFCell`, `LIF`": lambda: of_norse(norse.LIFCell, norse.LIF, changes=LEAK_TO),
        "`LIFRecurrentCell`, `LIFRecurrent`": lambda: of_norse(norse.LIFRecurrentCell, norse.LIFRecurrent, within=True),
        "`IAFCell`, `IAF`": lambda: of_norse(norse.IAFCell, norse.IAF, norse.IAFParameters, ({}, {"v_reset": -0.5})),
        "`LIBoxCell`, `LICell`, `LI`": read_out,
    },
}
LINES = [(framework, line) for framework, cases in CASES.items() for line in cases]


@pytest.mark.parametrize(("framework", "line"), LINES)
def test_every_spike_is_the_frameworks_own(framework, line):
    assert re.search(rf"\| {re.escape(line)} \|.*\| yes[^|]*\|\n", GUIDE), "the guide calls it exact"
    for model in CASES[framework][line]():
        trace = hwsim.capture(
            on_lattice(model), X, labels=Y, over_time=True, allow_drift=0.0, per_channel=framework != "Norse 1.1"
        )
        assert trace.timesteps == STEPS and verify(trace).ok
        first, *_ = trace.spikes.values()
        assert 0 < np.bitwise_count(first.words).sum() < HIDDEN * STEPS * len(X)


@pytest.mark.no_kernel
@pytest.mark.parametrize("framework", CASES)
def test_every_line_of_the_guide_is_tested(framework):
    assert set(lines(framework)) == set(CASES[framework])


@pytest.mark.no_kernel
def test_the_guide_has_every_neuron_of_the_frameworks():
    taken, refused = GUIDE.split("## Refused, by name")
    for key in NEURONS:
        assert f"`{key.partition('.')[2]}`" in taken, key
    named = set(re.findall(r"`(\w+)`", GUIDE))
    named |= {f"{name.removesuffix('Cell')}{end}" for name in named for end in ("", "Recurrent", "RecurrentCell")}
    assert neurons_of_frameworks() - named == set()
    said = set(re.findall(r"`(\w+)`", refused))
    others = {"ReLU", "LayerNorm", "GroupNorm", "ConvTranspose2d", "Conv1d", "SynapseFilter", "Upsample"}
    assert set(HINTS) - others - said == set()


def neurons_of_frameworks():
    """Classes of neurons by name, but for bases of them."""

    def modules(library, among):
        return {
            name
            for name, kind in vars(library).items()
            if inspect.isclass(kind) and issubclass(kind, nn.Module) and among(kind)
        }

    of_snn = modules(snn, lambda kind: issubclass(kind, snn.SpikingNeuron))
    of_sj = modules(neuron, lambda kind: not kind.__name__.endswith("BaseNode"))
    cells = ("SNN", "SNNCell", "SNNRecurrent", "SNNRecurrentCell")
    of_nt = modules(norse, lambda kind: any(each.__name__ in cells for each in kind.__mro__))
    of_nir = {name for name, kind in vars(nir.ir.neuron).items() if getattr(kind, "__module__", "") == "nir.ir.neuron"}
    return (of_snn - {"SpikingNeuron", "LIF"}) | of_sj | of_nt | of_nir


def test_a_reset_in_the_timestep_of_the_spike_differs_above_twice_the_threshold():
    """The guide's condition: 2.5 leaves 1.5, which fires in a trace, and in snnTorch is reset once more before."""
    model = nn.Sequential(nn.Linear(1, 1, bias=False), snn.Leaky(beta=1.0, init_hidden=True, reset_delay=False))
    inputs = np.array([[[1], [0], [0]]], np.float32)
    with torch.no_grad():
        model[0].weight.fill_(2.5)
        theirs = [int(model(torch.as_tensor(inputs[:, t]))) for t in range(3)]
    trace = hwsim.capture(model, inputs, labels=[0], over_time=True, allow_drift=10.0)
    assert theirs == [1, 0, 0]
    assert [int(word) for word in trace.spikes["0"].words[0, :, 0, 0]] == [1, 1, 0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: snn.Alpha(0.5, 0.25, init_hidden=True), "(Alpha): is reset in its currents"),
        (lambda: snn.Leaky(0.5, init_hidden=True, inhibition=True), "(Leaky): inhibition within a layer"),
        (lambda: snn.Leaky(0.5, init_hidden=True, state_quant=lambda v: v), "(Leaky): states are quantised"),
        (lambda: snn.Leaky(0.5, init_hidden=True, graded_spikes_factor=2.0), "(Leaky): graded spikes"),
        (lambda: neuron.STBIFNode(1.0, 8), "(STBIFNode): counts what it fires, within bounds"),
        (lambda: neuron.TernaryIFNode(v_reset=-0.5), "(TernaryIFNode): membranes begin at 0 in a trace"),
        (neuron.HalfThresholdIFNode, "(HalfThresholdIFNode): begins at half of its threshold"),
        (neuron.KLIFNode, "(KLIFNode): cuts its membrane off below 0"),
        (neuron.ILIFNode, "(ILIFNode): fires several spikes a timestep"),
        (lambda: neuron.LIAFNode(torch.relu, False), "(LIAFNode): gives values and no spikes"),
        (neuron.QIFNode, "(QIFNode): has a quadratic membrane"),
        (lambda: neuron.IFNode(v_reset=-1.0), "(IFNode): membranes begin at 0 in a trace"),
    ],
)
def test_neurons_that_no_trace_says_are_refused_by_name(make, message):
    model = nn.Sequential(nn.Linear(INPUTS, HIDDEN), make(), nn.Linear(HIDDEN, CLASSES), neuron.IFNode())
    with pytest.raises(TraceError) as raised:
        hwsim.capture(model, X[:, 0], labels=Y, timesteps=2, allow_drift=1.0)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_a_reset_that_the_framework_leaves_out_is_refused():
    """With states inside, this module fails in snnTorch itself."""
    module = snn.RSynaptic(0.5, 0.5, linear_features=HIDDEN, reset_delay=False)
    with pytest.raises(TraceError, match=r"^module 'n' \(RSynaptic\): reset_delay=False resets nothing in snnTorch"):
        NEURONS["snntorch.RSynaptic"]("n", module)
