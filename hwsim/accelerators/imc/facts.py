"""What the laws that hold for every machine need to know of the imc machine."""

from __future__ import annotations

from dataclasses import replace

from hwsim.contract.facts import Facts

_SHARED = Facts(
    deciding=("early_exit.threshold=0.4", "early_exit.overlap=true"),
    frozen=("early_exit.threshold=never",),
    prices_only=(
        "technology.vdd_v=0.8",
        "crossbar.r_on_ohm=15e3",
        "noc.wire.repeaters=1.0",
        "membrane.corner=standard",
    ),
    spike_driven=frozenset(
        {
            *(("crossbar", action) for action in ("read", "drive_row", "read_cell", "read_level")),
            ("row_driver", "drive"),
            ("adc", "convert"),
            ("adc_reference", "settle"),
            ("column_mux", "select"),
            ("shift_add", "add"),
            ("accumulator", "add"),
            ("offset", "count_rows"),
            ("offset", "subtract"),
            ("operations", "AC"),
        }
    ),
)

FACTS = replace(
    _SHARED,
    by_design={
        "imc_isaac": replace(
            _SHARED, prices_only=("adc.law=bound", "adc.sample_rate_mhz=1200", "membrane.corner=standard")
        ),
        "imc_spikesim": replace(
            _SHARED,
            prices_only=("adc.given.convert_pj=3", "membrane.given.write_pj=0.1"),
            spike_driven=frozenset({("operations", "AC")}),  # its energy does not depend on spikes
        ),
        "imc_sram": replace(
            _SHARED,
            prices_only=(
                "technology.vdd_v=0.8",
                "crossbar.swing_v=0.7",
                "noc.wire.repeaters=1.0",
                "membrane.corner=standard",
            ),
        ),
    },
)
