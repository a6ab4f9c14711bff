"""What early exit saves: DT-SNN's networks at its mean timesteps, trained networks by their own logits."""

from __future__ import annotations

import numpy as np

from hwsim.report.report import Figure, Run
from hwsim.traces.direct.trace import Trace
from reproduction.designs import shipped
from reproduction.early_exit.chips import DEFAULT, Configuration, play_on, synthetic
from reproduction.early_exit.published import TIMESTEPS, VGG, Published
from reproduction.exits import bounds_of_mean, exits_of_mean
from reproduction.rows import Row, Section, percent, timed, with_error

_CALIBRATED = "early_exit.threshold=calibrated"
_IMAGES = 250  # raw inputs run on the crossbars for their accuracy


def published_exit(configuration: Configuration, published: Published) -> Row:
    """EDP over static with the paper's mean timesteps, and its bounds over all histograms with that mean."""
    trace = synthetic(published, TIMESTEPS)
    report = play_on(configuration, trace, "early_exit.threshold=0.5")
    static, gated = report.run("static").samples, report.run("early exit").samples
    energy, time = np.asarray(gated.energy_pj), np.asarray(gated.latency_ns)
    products = (energy * time).mean(axis=0) / (np.asarray(static.energy_pj) * np.asarray(static.latency_ns))[
        :, -1
    ].mean()
    shares = exits_of_mean(published.timesteps, TIMESTEPS)
    edp, (low, high) = float(products @ shares), bounds_of_mean(products, published.timesteps)
    saved = float(energy.mean(axis=0) @ shares / np.asarray(static.energy_pj)[:, -1].mean())
    return Row(
        f"{published.name}: EDP over static T = 4 at {published.timesteps} timesteps",
        published.edp,
        f"{edp:.3f}",
        f"{low:.3f} to {high:.3f} by the histogram; energy {saved:.3f}",
        {"edp": edp, "low": low, "high": high, "energy": saved},
        headline=True,
    )


def measured_exit(configuration: Configuration, name: str, trace: Trace) -> list[Row]:
    """Early exit of a trained network by its own logits."""
    images = 0 if trace.inputs is None else min(_IMAGES, trace.inputs.labels.size)
    report = play_on(configuration, trace, _CALIBRATED, accuracy_samples=images)
    static, run = report.run("static"), report.run("early exit")
    comparison = next(each for each in report.comparisons if (each.run, each.reference) == (run.name, static.name))
    assert run.accuracy is not None and static.accuracy is not None
    edp, energy, timesteps = (_estimate(each) for each in (comparison.edp, comparison.energy, run.timesteps))
    what = f"{name}: EDP over static T = {trace.timesteps} at {timesteps} timesteps"
    lost = f"accuracy {percent(run.accuracy, 2)} of {percent(static.accuracy, 2)}; energy {energy}"
    numbers = {
        "edp": comparison.edp.value,
        "energy": comparison.energy.value,
        "timesteps": run.timesteps.value,
        "accuracy": run.accuracy,
        "static accuracy": static.accuracy,
    }
    return [
        Row(what, VGG.exit, edp, f"{lost}; {trace.n_samples} samples with spikes", numbers, headline=True),
        *_crossbar_accuracy(name, static),
    ]


def _crossbar_accuracy(name: str, run: Run) -> list[Row]:
    found = run.hardware_accuracy
    if found is None:
        return []
    return [
        Row(
            f"{name}: accuracy of these crossbars themselves",
            "",
            percent(found.accuracy),
            f"all timesteps, {found.samples} images",
            {"accuracy": found.accuracy},
        )
    ]


def _estimate(figure: Figure) -> str:
    return with_error(figure.value, figure.standard_error)


_FIRST_LAYERS = {
    "beside the crossbars, once": "digital",
    "on crossbars, once, its currents kept": "once",
    "on crossbars, at every timestep": "every_step",
}


def first_layers() -> Section:
    """What early exit saves by where and how often the first layer is multiplied."""
    trace = shipped(Trace, "fashion_dietsnn")["fashion_dietsnn"]
    rows = [_first_layer(trace, where, key) for where, key in _FIRST_LAYERS.items()]
    return Section("fashion_dietsnn on arch/imc.yaml, EDP over static T = 4 by where its first layer is", rows)


def _first_layer(trace: Trace, where: str, key: str) -> Row:
    report = play_on(DEFAULT, trace, _CALIBRATED, f"direct_input={key}")
    (comparison,) = report.comparisons
    run, edp = report.run("early exit"), comparison.edp
    four, early = (timed(report.run(name).edp_pj_ns).value * 1e-9 for name in ("static", run.name))
    numbers = {"edp": edp.value, "error": edp.standard_error or 0.0, "timesteps": run.timesteps.value}
    why = f"{four:.4g} pJ s to {early:.4g} pJ s at {_estimate(run.timesteps)} timesteps"
    return Row(f"{where}, direct_input: {key}", VGG.exit, _estimate(edp), why, numbers)
