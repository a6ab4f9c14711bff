"""Whether machines count what brute force counts, for a drawn setting of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from accelerators.digital import cases as digital_cases
from accelerators.digital.reference import Twin
from accelerators.imc import cases as imc_cases
from accelerators.imc.chip_reference import all_counts

from hwsim.accelerators import digital, imc
from hwsim.contract.workload import Workload
from hwsim.run.play import play
from hwsim.traces.direct.trace import Trace
from network_checks.cases import Case

Counts = Mapping[tuple[str, str, str], Any]
SIGNS = (
    ("offset", "popcount", "digital"),
    ("offset", "reference_column", "digital"),
    ("differential", "popcount", "analog"),
    ("differential", "popcount", "digital"),
)
IMC = {
    "placement": ("im2col", "kernel_split"),
    "skip": ("none", "silent_rows"),
    "sensing": ("sample_hold", "current"),
    "read_energy": ("value", "mean"),
    "direct_input": ("every_step", "once"),
    "loop_order": ("timestep_outer", "layer_outer"),
}
DIGITAL = {
    "skip": ("none", "gate", "skip"),
    "loop_order": ("layer_outer", "timestep_outer"),
    "direct_input": ("every_step", "once"),
}


def options_for(case: Case, known: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """One value of each option; timesteps lie outside where layers read the one before."""
    options: dict[str, Any] = {key: case.dice.one_of(values) for key, values in known.items()}
    return options | ({"loop_order": "timestep_outer"} if case.network.read_late else {})


def check_imc(case: Case, trace: Trace) -> None:
    """Raise AssertionError unless crossbars, converters and chip of a drawn design count what plain loops count."""
    dice = case.dice
    options = options_for(case, IMC)
    signs = zip(("signs__encoding", "signs__correction", "signs__subtraction"), dice.one_of(SIGNS), strict=True)
    rows = dice.whole(1, 20)
    spec = imc_cases.small(
        **options,
        **dict(signs),
        crossbar__rows=rows,
        crossbar__columns=dice.whole(33, 56),  # 16-bit weights in pairs of 1-bit cells fit
        crossbar__cell_bits=dice.whole(1, 4),
        rows_per_read=dice.whole(1, rows),
        dac__bits=dice.whole(1, 4),
        adc__columns_per_adc=dice.one_of([1, 4, 64]),
        chip__pes_per_tile=dice.whole(1, 3),
        shift_add__bits=48,
        offset_corrector__bits=48,
        accumulator__bits=48,
        neuron__membrane_bits=32,
        pooling__bits=32,
    )
    workload = imc.Machine(spec).lower(trace)
    _same(imc_cases.posted(workload), all_counts(spec, trace), trace)
    _same_engines(workload)


def check_digital(case: Case, trace: Trace) -> None:
    """Raise AssertionError unless array and buffers of a drawn design count what plain loops over tiles count."""
    dice = case.dice
    options = options_for(case, DIGITAL)
    spec = digital_cases.variant(
        **options,
        array__rows=dice.whole(1, 7),
        array__columns=dice.whole(1, 7),
        detector__bits=dice.whole(1, 8),
        mac__input_bits=32,
        mac__weight_bits=16,
        mac__sum_bits=48,
        ac__bits=48,
        neuron__membrane_bits=32,
        pooling__bits=32,
    )
    workload = digital.Machine(spec).lower(trace)
    _same(imc_cases.posted(workload), Twin(spec, trace, "global_buffer").counts, trace)
    _same_engines(workload)


def _same_engines(workload: Workload) -> None:
    """Raise AssertionError unless SimPy and the compiled loop give the same counts, times and stalls."""
    simpy, compiled = (play(workload, engine) for engine in ("simpy", "compiled"))
    for run, tally in simpy.items():
        for name in ("step_end_cycles", "latency_cycles", "makespan_cycles"):
            found, wanted = getattr(compiled[run], name), getattr(tally, name)
            assert np.array_equal(found, wanted), f"{name} of the engines differ: {found} and {wanted}"
        for name in ("counts", "busy_cycles", "stall_cycles"):
            other = getattr(compiled[run], name)
            wrong = [key for key, each in getattr(tally, name).items() if not np.array_equal(other[key], each)]
            assert not wrong, f"{name} of the engines differ, as those of {wrong[0]}"


def _same(found: Counts, wanted: Counts, trace: Trace) -> None:
    """Counts that are nowhere are zero."""
    zero = np.zeros((trace.n_samples, trace.timesteps), np.int64)
    wrong = [key for key in found.keys() | wanted.keys() if (found.get(key, zero) != wanted.get(key, zero)).any()]
    assert not wrong, f"{len(wrong)} counts differ, as {', '.join(min(wrong))}"
