"""SpikeSim's published script, executed, beside the design that has its prices."""

from __future__ import annotations

from hwsim.traces.direct.synth import synthesize
from reproduction.designs import play
from reproduction.rows import Row, Section

_TIMESTEPS = 5
_PRINTED_UJ, _PRINTED_MM2 = "15.907", "8.43"  # by the unchanged script of arXiv 2210.12899


def script() -> Section:
    """Energy and area of its own network; spikes do not matter, as it counts none."""
    report = play(synthesize("vgg9-spikesim", _TIMESTEPS, 1, 0.1), "imc_spikesim")
    uj, mm2 = report.runs[0].energy_pj.value / 1e6, report.area_mm2.value
    what = "SpikeSim's VGG-9: {}"
    return Section(
        f"SpikeSim's published script, executed, beside arch/imc_spikesim.yaml, T = {_TIMESTEPS}",
        [
            Row(what.format("energy"), f"{_PRINTED_UJ} uJ", f"{uj:.3f} uJ", "whatever spikes", {"uj": uj}),
            Row(what.format("area"), f"{_PRINTED_MM2} mm2", f"{mm2:.2f} mm2", "", {"mm2": mm2}),
        ],
        ["Every block's share is the script's, to float rounding: tests/accelerators/imc/test_spikesim_anchor.py."],
    )
