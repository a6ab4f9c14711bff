"""What some samples of a trace ask of the machine, kept with the trace where that is little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from hwsim.accelerators.imc.baseline import planes_of
from hwsim.accelerators.imc.counting import LayerCounts, by_digits, cells_of, count_layer
from hwsim.accelerators.imc.layout import Layout
from hwsim.accelerators.imc.plan.placement import by_layer
from hwsim.accelerators.imc.plan.plan import placed
from hwsim.accelerators.imc.posting import postings
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.arch.reads import is_watched, kept
from hwsim.contract.dense import Dense
from hwsim.contract.ledger import Ledger
from hwsim.traces.direct.encode import Activations
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import Conv2d, Linear
from hwsim.traces.network.raw_input import multiplies_input

_MOST_KEPT = 1 << 19  # counts, 4 MiB, but for those of further copies


def count(spec: ImcSpec, trace: Trace, dense: Dense | None, samples: range) -> Mapping[str, LayerCounts]:
    """Counts of every weighted layer on the chip."""
    if not _is_little(trace, samples):
        return _count(spec, trace, dense, samples)
    return kept(trace, ("counts", dense), spec, lambda asked: _count(asked, trace, dense, samples))


def post(
    laid_out: Layout, trace: Trace, dense: Dense | None, samples: range, counts: Mapping[str, LayerCounts]
) -> Ledger:
    """Every action that some samples with such counts need, whatever time it takes; kept where designs are varied."""
    if not (is_watched(laid_out.spec) and _is_little(trace, samples)):
        return _post(laid_out, counts, len(samples))
    runs, timesteps = tuple(laid_out.plans), 1 if dense is not None else trace.timesteps

    def compute(asked: ImcSpec) -> Ledger:
        own = Layout.of(asked, trace.network, timesteps, runs)
        return _post(own, count(asked, trace, dense, samples), len(samples))

    return kept(trace, ("actions", dense, runs), laid_out.spec, compute)


def _post(laid_out: Layout, counts: Mapping[str, LayerCounts], n_samples: int) -> Ledger:
    *_, fullest = laid_out.plans.values()
    return Ledger.of(n_samples, postings(fullest, laid_out.constant, laid_out.forms, counts, n_samples))


def _is_little(trace: Trace, samples: range) -> bool:
    """Whether counts can be kept; of several batches all would be."""
    rows = sum(layer.shape[0] for layer in trace.network.weighted())
    counts = len(samples) * trace.timesteps * rows * len(fields(LayerCounts))
    return counts <= _MOST_KEPT and len(samples) == trace.n_samples


def _count(spec: ImcSpec, trace: Trace, dense: Dense | None, samples: range) -> Mapping[str, LayerCounts]:
    network, counts = trace.network, {}
    timesteps = trace.timesteps if dense is None else 1
    placement = placed(spec, network)
    cells = kept(placement, "cells", spec, lambda asked: cells_of(asked, network, placement))
    chosen = slice(samples.start, samples.stop)
    activations = Activations(trace, chosen, None if dense is None else planes_of(dense, trace, samples))
    for name, own in by_layer(placement).items():
        layer = network[name]
        assert isinstance(layer, Conv2d | Linear)
        planes, once = activations.met_by(layer), spec.keeps_currents and multiplies_input(network, layer)
        for placed_layer in own:
            digits = by_digits(planes, placed_layer, spec.dac.bits)
            counted = count_layer(placed_layer, digits, cells[placed_layer.name])
            counts[placed_layer.name] = counted.over(timesteps, only_first=once)
    return counts
