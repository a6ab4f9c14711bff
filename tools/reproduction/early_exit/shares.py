"""What groups of parts take of the energy, DT-SNN's Fig. 1A."""

from __future__ import annotations

from dataclasses import dataclass

from reproduction.early_exit.chips import DEFAULT, SPIKESIM, STATIC, Configuration, play_on, synthetic
from reproduction.early_exit.published import SHARES, TIMESTEPS, VGG
from reproduction.energies import by_component
from reproduction.rows import Row, Section, percent

_GROUPS = {
    "digital peripherals": (
        "shift_add accumulator offset silence_detector htree spike_buffer membrane psum_buffer global_buffer "
        "first_layer_mac first_layer_weights"
    ),
    "crossbar and ADC": "crossbar row_driver adc adc_reference column_mux",
    "network on chip": "noc noc_wire",
    "neurons, pooling and exit unit": "neuron pooling sigma_e",
    "clock": "clock",
}


@dataclass(frozen=True, slots=True)
class _Share:
    """What a group of parts takes of the energy."""

    counted: tuple[float, float, float]  # of everything, without leakage, without leakage and clock
    largest: str  # its parts that take most, of everything


def _shares(configuration: Configuration) -> dict[str, _Share]:
    """Share of each group of parts."""
    run = play_on(configuration, synthetic(VGG, TIMESTEPS), STATIC).runs[0]
    everything, dynamic = by_component(run, leakage=True), by_component(run, leakage=False)
    known = {member for members in _GROUPS.values() for member in members.split()}
    assert everything.keys() <= known, f"components in no group: {', '.join(everything.keys() - known)}"
    ticking = dynamic.get("clock", 0.0)
    totals = (sum(everything.values()), sum(dynamic.values()), sum(dynamic.values()) - ticking)
    found = {}
    for group, members in _GROUPS.items():
        whole, moving = (sum(part.get(name, 0.0) for name in members.split()) for part in (everything, dynamic))
        without = 0.0 if group == "clock" else moving
        inside = sorted((everything.get(name, 0.0), name) for name in members.split())[:-4:-1]
        largest = ", ".join(f"{name} {percent(energy / totals[0])}" for energy, name in inside if energy)
        found[group] = _Share((whole / totals[0], moving / totals[1], without / totals[2]), largest)
    return found


def share_rows(configuration: Configuration) -> list[Row]:
    """Shares that the paper prints, on one chip."""
    found = _shares(configuration)
    return [
        Row(
            f"VGG-16: {group}, share of energy",
            paper,
            percent(found[group].counted[0]),
            f"Fig. 1A; {found[group].largest}",
            {"share": found[group].counted[0]},
            headline=True,
        )
        for group, paper in SHARES.items()
    ]


def shares() -> Section:
    """Shares of energy, counted in three ways."""
    by_design = {each.architecture: _shares(each) for each in (SPIKESIM, DEFAULT)}
    rows = []
    for group in _GROUPS:
        for name, found in by_design.items():
            share = found[group]
            numbers = dict(zip(("all", "without leakage", "without clock"), share.counted, strict=True))
            text = ", ".join(map(percent, share.counted))
            rows.append(Row(f"{group}, {name}", SHARES.get(group, ""), text, share.largest, numbers))
    return Section(
        "Shares of energy, VGG-16, T = 4 (Fig. 1A): of all, without leakage, without leakage and clock",
        rows,
        [
            "The paper's other 30 % are not itemised where we could read it, nor whether it counts leakage and clock.",
            "Which parts are peripherals is our reading of 'input switching, buffers, accumulators'.",
        ],
    )
