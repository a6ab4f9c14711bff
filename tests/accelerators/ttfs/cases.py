"""Small ttfs machines and what they do with small traces."""

from __future__ import annotations

from pathlib import Path

from traces.ttfs import cases

from hwsim import api
from hwsim.accelerators.ttfs import Machine
from hwsim.contract.operating import operated
from hwsim.run.play import play

TRACES = Path(__file__).resolve().parents[3] / "traces"
OFF = ("early_stop.element=run", "early_stop.hidden=never", "early_stop.output=never")
SMALL = (
    "array.rows=2",
    "array.columns=2",
    "weights.banks=1",
    "weights.port_bits=16",
    "queue.capacity_kib=32",
    "spikes.capacity_kib=16",
    "pe.potential_bits=26",
    "decision.bits=26",
)


def machine(*overrides):
    return Machine(api.load_architecture("ttfs", (*SMALL, *overrides)).spec)


def tallied(trace, *overrides, engine="compiled"):
    built = machine(*overrides)
    return play(operated(built.lower(trace), built.spec.operating), engine)


def totals(tally):
    """Counts of every action: layer, component, action -> [sample]."""
    return {key: counts.sum(axis=1) for key, counts in tally.counts.items()}


def trace_of(make=cases.convolutions, **how):
    return cases.recorded(make(), **({"samples": 3} | how))
