"""The network without spikes on the imc machine, against the naive model of its counts on naive activations."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import numpy as np
import pytest
from accelerators.imc import cases
from accelerators.imc import chip_reference as imc_chip_reference
from accelerators.imc import reference as imc_reference
from accelerators.imc.reference import Crossbars, dense_macs, unpacked
from click.testing import CliRunner

import hwsim
from hwsim import api
from hwsim.accelerators.imc import Machine
from hwsim.accelerators.imc.baseline import planes_of
from hwsim.cli import main
from hwsim.contract.dense import Dense
from hwsim.errors import ArchitectureError
from hwsim.report.price import price
from hwsim.run.play import play
from hwsim.traces.network.layers import Conv2d, Linear
from hwsim.traces.slicing import first

NETWORKS = [
    *cases.WINDOWS,
    cases.flattened_input,
    cases.chain,
    cases.wide,
]
KINDS = ["ann", "qann"]
ANN_BITS = 5


def small(**changes):
    return cases.small(**{"baseline__ann_bits": ANN_BITS, "skip": "silent_rows"} | changes)


def activations_of(trace, kind):
    """Integers [sample, 1, y, x, channel] of every layer with neurons: spike counts, or the drawn ones."""
    if kind == "qann":
        return {name: unpacked(trace, name).sum(axis=1, keepdims=True) for name in trace.spikes}
    drawn = planes_of(Dense("ann", ANN_BITS), trace, range(trace.n_samples))
    values = {}
    for name, planes in drawn.items():
        assert planes.shape[0] == ANN_BITS
        digits = [
            unpacked(replace(trace, spikes={name: replace(trace.spikes[name], words=p)}), name) << i
            for i, p in enumerate(planes)
        ]
        values[name] = sum(digits)
    return values


def expected(spec, trace, kind, bits, monkeypatch):
    """What the naive model counts in one timestep when neurons give these activations and keep nothing."""
    values, of_layer = activations_of(trace, kind), imc_reference.ends

    def ends(network, name):
        neuron = getattr(network[name], "neuron", None)
        return of_layer(network, name) if neuron is None else (0, 2**bits - 1)

    def only_update(_spec, _network, layer, post, _first):
        post("neuron", "update", int(np.prod(layer.shape)))

    with monkeypatch.context() as patch:
        patch.setattr(imc_reference, "ends", ends)
        patch.setattr(imc_reference, "unpacked", lambda _trace, name: values[name])
        patch.setattr(imc_chip_reference, "neuron_counts", only_update)
        counts = imc_chip_reference.all_counts(spec, first(trace, timesteps=1))
        chip = imc_chip_reference.Chip(spec, trace.network)
    for layer in trace.network:
        if getattr(layer, "neuron", None) is not None:
            written = layer.shape[0] * chip.writes(layer.name, bits)
            counts[layer.name, "spike_buffer", "write"] = np.full((trace.n_samples, 1), written)
        if isinstance(layer, Conv2d | Linear):
            counts.pop((layer.name, "operations", "AC"), None)
            macs = sum(dense_macs(trace.network, layer, y) for y in range(layer.shape[0]))
            counts[layer.name, "operations", "MAC"] = np.full((trace.n_samples, 1), macs)
    return counts


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("dac_bits", [1, 3])
def test_counts_equal_the_naive_model_on_activations_of_several_bits(network, kind, dac_bits, monkeypatch):
    trace = cases.random_trace(network(), timesteps=4, samples=2, rate=0.2)
    spec = small(dac__bits=dac_bits, placement="kernel_split" if dac_bits == 3 else "im2col")
    workload = Machine(spec).baseline(trace, kind)
    found = {key: counts for key, counts in cases.posted(workload).items() if counts.any()}
    wanted = expected(spec, trace, kind, {"ann": ANN_BITS, "qann": 3}[kind], monkeypatch)
    assert sorted(found) == sorted(wanted)
    for key, counts in wanted.items():
        np.testing.assert_array_equal(found[key], counts, err_msg=str(key))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dac_bits", [1, 2])
def test_reads_and_conversions_without_skipping_are_the_closed_form(kind, dac_bits):
    """Row blocks x column blocks x positions x ceil(B / DAC bits) x phases; every neuron is one update."""
    trace = cases.random_trace(cases.binary(), timesteps=4)
    spec = small(skip="none", dac__bits=dac_bits, rows_per_read=3)
    counts = cases.posted(Machine(spec).baseline(trace, kind))
    for layer in trace.network:
        if not isinstance(layer, Conv2d | Linear):
            continue
        placed = Crossbars(spec, trace.network, layer)  # its digits are those of spikes
        raw = imc_reference.is_direct(trace.network, layer.inputs[0])
        bits = trace.network.input.bits if raw else {"ann": ANN_BITS, "qann": 3}[kind]
        reads = len(placed.reads) * layer.shape[0] * layer.shape[1] * ceil(bits / dac_bits) * ceil(8 / 3)
        assert (counts[layer.name, "crossbar", "read"] == reads * placed.column_blocks).all()
        assert (counts[layer.name, "adc", "convert"] == reads * placed.columns).all()


def test_a_neuron_that_never_spikes_is_a_zero_of_the_quantised_network():
    trace = cases.random_trace(cases.flattened_input(), timesteps=3, rate=cases.SILENT)
    silent, drawn = (cases.posted(Machine(small()).baseline(trace, kind)) for kind in ("qann", "ann"))
    assert not silent["fc3", "crossbar", "drive_row"].any() and not silent["fc3", "adc", "convert"].any()
    assert drawn["fc3", "crossbar", "drive_row"].all()


def test_bits_of_the_plain_network_are_even_and_do_not_depend_on_batches():
    trace = cases.random_trace(cases.wide(), samples=3)
    (name, packed) = next(iter(trace.spikes.items()))
    whole = planes_of(Dense("ann", 8), trace, range(3))[name]
    values = np.prod(packed.shape) * 3
    for plane in whole:  # 4.5 standard deviations of a fair coin
        assert abs(int(np.bitwise_count(plane).sum()) - values / 2) < 4.5 * values**0.5 / 2
    parts = [planes_of(Dense("ann", 8), trace, range(n, n + 1))[name] for n in range(3)]
    np.testing.assert_array_equal(whole, np.concatenate(parts, axis=1))
    batches = Machine(small()).baseline(trace, "ann").batches
    of_last = {(p.stage, p.component, p.action): p.counts for p in batches.lower(range(2, 3)).ledger.postings}
    for posting in batches.lower(range(3)).ledger.postings:
        key = (posting.stage, posting.component, posting.action)
        np.testing.assert_array_equal(posting.counts[2:], of_last[key], err_msg=str(key))


@pytest.mark.parametrize(("timesteps", "bits"), [(1, 1), (2, 2), (3, 2), (4, 3), (7, 3), (8, 4)])
def test_the_quantised_network_has_as_many_levels_as_rates(timesteps, bits):
    trace = cases.random_trace(cases.tiny(), timesteps=timesteps)
    workload = Machine(small()).baseline(trace, "qann")
    assert workload.hardware.notes["activation bits"] == bits
    assert (workload.timesteps, workload.runs, workload.exits) == (1, ("static",), None)


def test_pools_and_sums_widen_with_what_they_read():
    network = replace(cases.residuals(), activation_bits=4)
    plain = cases.residuals()
    for layer in plain:
        if not plain.gives_currents(layer.name) and layer is not plain.input:
            assert network.max_value(layer.name) == 15 * plain.max_value(layer.name)
    assert network.max_value(network.input.name) == plain.max_value(plain.input.name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"loop_order": "layer_outer"},
        {"direct_input": "once", "skip": "none"},
        {"early_exit__threshold": 0.5, "early_exit__overlap": True, "pipelining": "none"},
        {"signs__encoding": "differential", "sensing": "current", "mesh": "ideal"},
    ],
)
def test_every_count_has_a_price_and_nothing_is_kept_for_a_next_timestep(kind, changes):
    machine, trace = Machine(small(**changes)), cases.random_trace(cases.residuals())
    workload = machine.baseline(trace, kind)
    parts = machine.components(workload)
    runs = [play(workload, engine) for engine in ("simpy", "compiled")]
    one, other = (price(tallies, workload, parts, machine.clock_mhz)[0] for tallies in runs)
    np.testing.assert_array_equal(one.totals["value"], other.totals["value"])
    np.testing.assert_array_equal(one.tally.step_end_cycles, other.tally.step_end_cycles)
    assert (one.totals["value"] > 0).all()
    for absent in ("membrane", "psum_buffer", "sigma_e"):
        assert absent not in workload.hardware.instances and absent not in parts
        assert absent not in workload.hardware.storage
        assert all(key.component != absent for key in one.tally.counts)
    assert all(key.action not in ("membrane update", "AC") for key in one.tally.counts)
    assert all(not n.any() for key, n in one.tally.counts.items() if key.action == "hold")


def test_one_pass_is_the_same_with_a_direct_input_at_every_step_or_once():
    trace = cases.random_trace(cases.convolutions())
    every, once = (
        cases.posted(Machine(small(direct_input=rule)).baseline(trace, "ann")) for rule in ("every_step", "once")
    )
    assert every.keys() == once.keys()
    for key, counts in every.items():
        np.testing.assert_array_equal(counts, once[key], err_msg=str(key))


def test_rows_between_layers_are_kept_as_wide_as_activations():
    """The one row of neurons between two layers, all on one tile, at 1 and at 5 bits a value."""
    trace = cases.random_trace(cases.flattened_input(), timesteps=1)
    machine = Machine(small(chip__pes_per_tile=99))
    spiking, dense = (each.hardware for each in (machine.lower(trace), machine.baseline(trace, "ann")))
    assert spiking.notes["buffer rows"] == dense.notes["buffer rows"]
    values = dense.notes["buffer rows"]["fc2.neuron"] * trace.network["fc2"].shape[2]
    used = [hardware.storage["spike_buffer"].used_bits for hardware in (spiking, dense)]
    assert used[1] - used[0] == values * (ANN_BITS - 1)


def test_an_estimate_that_no_spike_changes_costs_a_timestep_more_for_each():
    """SpikeSim's counts do not depend on activations, and its converters take 8 bits in one read."""
    trace = cases.random_trace(cases.chain(), timesteps=3)
    architecture = api.load_architecture("imc_spikesim", ["assumptions.activations=rows"])
    report = hwsim.simulate(architecture, trace, baselines=["ann", "qann"])
    for ratio in report.baseline_ratios:
        assert ratio.energy.value == pytest.approx(1 / 3, rel=1e-12)


def test_maps_in_the_membrane_memory_are_refused_in_one_line():
    trace = cases.random_trace(cases.chain())
    architecture = api.load_architecture("imc_spikesim")
    with pytest.raises(ArchitectureError, match=r"^[^\n]*imc_spikesim.yaml:\d+: assumptions.activations: whole_maps.*"):
        hwsim.simulate(architecture, trace, baselines=["ann"])


def test_always_leaving_after_one_timestep_leaves_activations_of_one_bit():
    trace = cases.random_trace(cases.chain(), timesteps=4)
    workload = Machine(small(early_exit__threshold="always")).baseline(trace, "qann")
    assert workload.hardware.notes["activation bits"] == 1


def test_command_prints_the_ratios_beside_early_exit(tmp_path):
    runner, file = CliRunner(), str(tmp_path / "t.npz")
    runner.invoke(main, ["trace", "synth", "mlp:36-20-10", file, "--timesteps", "4", "--samples", "2", "--rate", "0.2"])
    done = runner.invoke(
        main,
        [
            "simulate",
            "imc",
            file,
            "--full",
            "--baseline",
            "ann",
            "--baseline",
            "qann",
            "--set",
            "early_exit.threshold=0.5",
        ],
        env={"COLUMNS": "240"},
    )
    assert done.exit_code == 0, done.output
    for pair in ("ann / static", "qann / static", "ann / early exit", "qann / early exit"):
        assert pair in done.stdout
    assert "multiplying and adding alone" in done.stdout
