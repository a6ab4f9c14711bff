"""Small learning networks and traces for the tests."""

import numpy as np

from hwsim.traces.plastic.encode import encoder_digests
from hwsim.traces.plastic.trace import (
    ExcitatoryNeurons,
    Inhibition,
    InhibitoryNeurons,
    PlasticNetwork,
    PlasticSamples,
    PlasticTrace,
    PoissonInput,
    QFormat,
    Stdp,
)
from hwsim.traces.plastic.verify import record_plastic
from hwsim.traces.provenance import Provenance

PROVENANCE = Provenance("small", "drawn", "train", "CC0-1.0", "none", "tests", 3, True, ())


def formats(rounding="nearest", weights=(1, 7), membranes=(7, 8), traces=(1, 10)):
    return {
        "weights": QFormat(*weights, rounding),
        "membranes": QFormat(*membranes, rounding),
        "traces": QFormat(*traces, rounding),
        "thresholds": QFormat(5, membranes[1], rounding),
    }


def neurons(count=7, **changes):
    fields = {
        "count": count,
        "leak": 64000,
        "v_threshold_mv": 6.0,
        "v_reset_mv": 1.5,
        "v_lowest_mv": -20.0,
        "refractory_steps": 2,
        "theta_plus_mv": 0.5,
        "theta_leak": 65400,
        "one_winner": False,
    }
    return ExcitatoryNeurons(**fields | changes)


def inhibition(kind="direct", **changes):
    """A layer whose neurons need two spikes of their own to fire, now and then."""
    cells = InhibitoryNeurons(drive_mv=7.5, leak=60_000, v_threshold_mv=7.0, v_reset_mv=1.0, refractory_steps=1)
    fields = {"kind": kind, "strength_mv": 4.25, "delay_steps": 0 if kind == "direct" else 2, "neurons": cells}
    return Inhibition(**fields | changes)


def stdp(rule="pairwise", **changes):
    fields = {
        "rule": rule,
        "potentiation": 90_000,
        "depression": 30_000,
        "pre_leak": 60_000,
        "post_leak": 58_000,
        "w_highest": 1.0,
        "weight_sum": 8.0,
        "initial_highest": 0.7,
        "window_steps": 6,
        "spikes_per_factor": 2,
    }
    return Stdp(**fields | changes)


def network(forms, pixels=30, seed=11, neuron=None, learning=None, inhibiting=None):
    coding = PoissonInput(120_000, dt_us=1000, present_steps=40, rest_steps=8, fewest_spikes=3, most_repeats=2)
    cells, rule = neuron or neurons(), learning or stdp()
    return PlasticNetwork(pixels, coding, cells, inhibiting or inhibition(), rule, forms, seed)


def samples(n, pixels=30, seed=5):
    """Raw samples with silent pixels: a third of them is 0."""
    random = np.random.default_rng(seed)
    values = random.integers(0, 256, (n, pixels)) * (random.random((n, pixels)) > 1 / 3)
    return values.astype(np.uint8)


def part(net, name, n, seed):
    return part_of(net, name, samples(n, net.pixels, seed))


def part_of(net, name, values):
    ids, labels = np.arange(len(values), dtype=np.int64) * 3, np.arange(len(values), dtype=np.int64) % 4
    return PlasticSamples(values, labels, ids, *encoder_digests(net, name, ids, values))


def unlearned(net, parts):
    train = parts["train"]
    return PlasticTrace(net, 4, parts, record_plastic(net, train.values, train.sample_ids), PROVENANCE)


def plastic_trace(forms=None, n=5):
    net = network(forms)
    return unlearned(net, {"train": part(net, "train", n, 1), "test": part(net, "test", 3, 2)})
