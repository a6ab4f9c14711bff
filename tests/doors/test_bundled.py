"""Networks that nobody wrote for hwsim: SpikingJelly's bundled ones, and those of snnTorch's tutorials 5 and 6."""

from __future__ import annotations

import sys
import types

import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
pytest.importorskip("spikingjelly")

from spikingjelly.activation_based import functional, neuron, surrogate  # noqa: E402
from torch import nn  # noqa: E402

import hwsim  # noqa: E402
from hwsim.traces import write_trace  # noqa: E402
from hwsim.traces.codings import verify  # noqa: E402
from hwsim.traces.io import read_trace  # noqa: E402

WIDE = {
    "imc": {"accumulator.bits": 32, "shift_add.bits": 32, "pooling.bits": 32, "first_layer_mac.sum_bits": 32},
    "digital": {"pooling.bits": 32},
}


pytestmark = pytest.mark.usefixtures("seeded")


@pytest.fixture
def models(monkeypatch):
    """SpikingJelly's models, which want torchvision only to download weights."""
    for name in ("torchvision", "torchvision._internally_replaced_utils"):
        module = types.ModuleType(name)
        module.load_state_dict_from_url = None
        monkeypatch.setitem(sys.modules, name, module)
    from spikingjelly.activation_based.model import parametric_lif_net, sew_resnet, spiking_vgg

    return types.SimpleNamespace(vgg=spiking_vgg, sew=sew_resnet, parametric_lif=parametric_lif_net)


def goes_through(model, inputs, tmp_path, **options):
    """Captured, saved, loaded, verified and simulated on both machines; the trace."""
    trace = hwsim.capture(model.eval(), inputs, labels=torch.arange(len(inputs)), allow_drift=10, **options)
    write_trace(tmp_path / "net.npz", trace)
    assert verify(read_trace(tmp_path / "net.npz")).ok
    for machine, settings in WIDE.items():
        report = hwsim.simulate(machine, trace, set=settings, accuracy_samples=0)
        assert report.runs[0].energy_pj.value > 0
    return trace


def of_spikingjelly(make, kind=neuron.IFNode, **options):
    model = make(spiking_neuron=kind, surrogate_function=surrogate.ATan(), detach_reset=True, **options)
    functional.set_step_mode(model, "m")
    return model


@pytest.mark.filterwarnings("ignore")
def test_sew_resnet_18(models, tmp_path):
    model = of_spikingjelly(models.sew.sew_resnet18, cnf="ADD", num_classes=10)
    trace = goes_through(model, torch.rand(2, 3, 32, 32), tmp_path, timesteps=4)
    assert sum(layer.name.endswith(("conv1", "conv2")) for layer in trace.network) == 17


@pytest.mark.filterwarnings("ignore")
def test_spiking_vgg_11(models, tmp_path):
    """Its last map is one place wide, and is repeated seven by seven before the fully connected layers."""
    model = of_spikingjelly(models.vgg.spiking_vgg11_bn, num_classes=10)
    trace = goes_through(model, torch.rand(2, 3, 32, 32), tmp_path, timesteps=4)
    assert [layer.factor for layer in trace.network if type(layer).__name__ == "Upsample"] == [(7, 7)]


@pytest.mark.filterwarnings("ignore")
def test_parametric_lif_net(models, tmp_path):
    model = of_spikingjelly(models.parametric_lif.DVSGestureNet, neuron.ParametricLIFNode, channels=8)
    events = (torch.rand(2, 4, 2, 128, 128) > 0.9).float()
    goes_through(model, events, tmp_path, timesteps=4, over_time=True)


class Tutorial5(nn.Module):
    """Fully connected, 25 timesteps in a loop of its own, membranes returned beside spikes."""

    def __init__(self):
        super().__init__()
        self.fc1, self.lif1 = nn.Linear(784, 1000), snn.Leaky(beta=0.95)
        self.fc2, self.lif2 = nn.Linear(1000, 10), snn.Leaky(beta=0.95)

    def forward(self, x):
        mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        spikes, membranes = [], []
        for _ in range(25):
            spk1, mem1 = self.lif1(self.fc1(x), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            spikes.append(spk2)
            membranes.append(mem2)
        return torch.stack(spikes), torch.stack(membranes)


def tutorial_6():
    """Convolutions whose currents are pooled before the neurons."""

    def lif(**more):
        return snn.Leaky(beta=0.5, spike_grad=snn.surrogate.fast_sigmoid(slope=25), init_hidden=True, **more)

    return nn.Sequential(
        nn.Conv2d(1, 12, 5),
        nn.MaxPool2d(2),
        lif(),
        nn.Conv2d(12, 64, 5),
        nn.MaxPool2d(2),
        lif(),
        nn.Flatten(),
        nn.Linear(64 * 4 * 4, 10),
        lif(output=True),
    )


@pytest.mark.filterwarnings("ignore")
def test_snntorch_tutorial_5(tmp_path):
    assert goes_through(Tutorial5(), torch.rand(4, 784), tmp_path).timesteps == 25


@pytest.mark.filterwarnings("ignore")
def test_snntorch_tutorial_6(tmp_path):
    trace = goes_through(tutorial_6(), torch.rand(4, 1, 28, 28), tmp_path, timesteps=20)
    pools = [layer for layer in trace.network if type(layer).__name__ == "Pool"]
    assert all(trace.network.gives_currents(pool.name) for pool in pools)
    assert len(pools) == 2


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("pool", [nn.MaxPool2d(2), nn.MaxPool2d(3, 1, 1), nn.AvgPool2d(2), nn.AvgPool2d(3, 2, 1)])
def test_pooled_currents_are_exact_on_the_lattice(pool):
    """Weights, biases and thresholds that are whole: every spike is the framework's own."""
    conv = nn.Conv2d(1, 3, 3)
    size = 6 if getattr(pool, "stride", 1) == 1 else 3
    head = nn.Linear(3 * size * size, 4)
    with torch.no_grad():
        for module in (conv, head):
            module.weight.copy_(torch.randint(-7, 8, module.weight.shape))
            module.weight.flatten(1)[:, 0] = 127  # the largest of each channel, which makes its step one
            module.bias.copy_(torch.randint(-3, 4, module.bias.shape))
    lifs = [snn.Leaky(beta=0.5, threshold=60.0, init_hidden=True) for _ in range(2)]
    model = nn.Sequential(conv, pool, lifs[0], nn.Flatten(), head, lifs[1])
    inputs = torch.randint(0, 2, (4, 6, 1, 8, 8)).float()
    trace = hwsim.capture(model, inputs, labels=torch.arange(4), timesteps=6, over_time=True, allow_drift=0.0)
    assert sum(int(each.words.any()) for each in trace.spikes.values()) == 2
