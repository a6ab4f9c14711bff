"""Ratios to the network without spikes: the equation's own, and their interval over all corners of two prices."""

import itertools
import json

import pytest
from click.testing import CliRunner

import hwsim
from hwsim.cli import main
from hwsim.errors import UsageError
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.rates import layer_rates

GEOMETRY = "mlp:36-20-10"


@pytest.fixture(scope="module")
def trace():
    return synthesize(GEOMETRY, 4, 3, layer_rates(GEOMETRY, ("0.2",)), 5, False)


def energies(architecture, trace, overrides):
    report = hwsim.simulate(hwsim.load_architecture(architecture, overrides), trace, baselines=["ann", "qann"])
    by_name = {run.name: run.energy_pj.value for run in report.runs + report.baselines}
    return report, by_name


def test_ratio_is_the_equations(trace):
    # E_ANN = OP x 4.6 over E_SNN = T x OP_1 x 4.6 + spikes x fan-out x 0.9
    report = hwsim.simulate(hwsim.load_architecture("digital_compute"), trace, baselines=["ann"])
    (ratio,) = report.baseline_ratios
    run = report.run("static")
    ann = (36 * 20 + 20 * 10) * 4.6
    spiking = 4 * 36 * 20 * 4.6 + run.operations["AC"] * 0.9
    assert report.baselines[0].energy_pj.value == pytest.approx(ann, rel=1e-12)
    # The ratio of means; first-layer spikes reach all 10 outputs, so the mean fan-out is the exact one.
    assert ratio.energy.value == pytest.approx(ann / spiking, rel=1e-12)
    assert ratio.compute_energy.value == pytest.approx(ratio.energy.value, rel=1e-12)


def test_ratio_is_baseline_over_run(trace):
    report, energy = energies("digital", trace, [])
    assert [run.name for run in report.baselines] == ["ann", "qann"]
    for ratio in report.baseline_ratios:
        assert ratio.energy.value == pytest.approx(energy[ratio.baseline] / energy[ratio.run], rel=1e-12)
        assert ratio.energy.low <= ratio.energy.value <= ratio.energy.high
        assert ratio.compute_energy.low <= ratio.compute_energy.value <= ratio.compute_energy.high
        assert ratio.latency.low == ratio.latency.value == ratio.latency.high


def test_interval_is_that_of_all_corners_of_shared_prices(trace):
    """With every other price fixed to its value, the corners of two bounded prices bound the ratio."""
    given = "{{value: {0}, low: {1}, high: {2}}}"
    mac, ac = (4.6, 2.0, 9.0), (0.9, 0.3, 2.5)
    overrides = [f"mac.given.mac_pj={given.format(*mac)}", f"ac.given.add_pj={given.format(*ac)}"]
    report = hwsim.simulate(hwsim.load_architecture("digital_compute", overrides), trace, baselines=["ann"])
    (ratio,) = report.baseline_ratios
    corners = []
    for mac_pj, ac_pj in itertools.product(mac[1:], ac[1:]):
        fixed = [f"mac.given.mac_pj={mac_pj}", f"ac.given.add_pj={ac_pj}"]
        corner = hwsim.simulate(hwsim.load_architecture("digital_compute", fixed), trace, baselines=["ann"])
        corners.append(corner.baseline_ratios[0].energy.value)
    assert ratio.energy.low == pytest.approx(min(corners), rel=1e-12)
    assert ratio.energy.high == pytest.approx(max(corners), rel=1e-12)
    assert ratio.energy.low < ratio.energy.value < ratio.energy.high


def test_a_machine_without_baselines_says_so():
    class Bare(hwsim.contract.machine.Accelerator):
        clock_mhz = 1.0

        def components(self, workload=None):
            return {}

        def lower(self, trace):
            raise NotImplementedError

    trace = synthesize(GEOMETRY, 1, 1, layer_rates(GEOMETRY, ("0.2",)), 0, False)
    with pytest.raises(UsageError, match=r"^baselines: this machine runs spikes only"):
        Bare(None).baseline(trace, "ann")


def test_command_shows_both_and_writes_them(tmp_path):
    runner, out = CliRunner(), tmp_path / "report.json"
    file = tmp_path / "t.npz"
    runner.invoke(main, ["trace", "synth", GEOMETRY, str(file), "--timesteps", "4", "--samples", "2", "--rate", "0.2"])
    done = runner.invoke(
        main,
        ["simulate", "digital", str(file), "--full", "--baseline", "ann", "--baseline", "qann", "--json", str(out)],
    )
    assert done.exit_code == 0
    assert "ann / static" in done.stdout and "qann / static" in done.stdout
    assert "multiplying and adding alone" in done.stdout
    stored = json.loads(out.read_text())
    assert {ratio["baseline"] for ratio in stored["baseline_ratios"]} == {"ann", "qann"}
