"""What a machine costs between inferences, one a period: leakage, idle clock, sleeping and waking.

Beside `price`, the one other place that multiplies by a price: by leakage and by the gated clock, times idle time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hwsim import units
from hwsim.components.dram import Dram
from hwsim.components.link import Link
from hwsim.components.memory import Sram
from hwsim.components.operating import Operating, PowerGating
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.sram_crossbar import SramCrossbar
from hwsim.contract.flip_flops import CLOCK
from hwsim.contract.run import RunName
from hwsim.contract.spec import MachineSpec
from hwsim.errors import ArchitectureError, UsageError
from hwsim.report.costs import point
from hwsim.report.price import BOUNDS, Bound, Floats, PricedRun, by_bound
from hwsim.report.report import Figure, Period
from hwsim.report.statistics import Estimate

_SLACK = 1e-12  # relative: what a period may fall short of an inference by the last bits of a float
_PJ_PER_NF_V2 = 1e3
_NS_PER_S = 1e9


@dataclass(frozen=True)
class Idle:
    """A run whose inferences begin once a period, and how its machine is operated between them."""

    run: PricedRun
    spec: MachineSpec

    @property
    def operating(self) -> Operating:
        """How it is operated."""
        return self.spec.operating

    @property
    def gating(self) -> PowerGating:
        """What is switched off; nothing where samples follow each other in a stream, as the pipeline never empties."""
        return "none" if self.run.name is RunName.STREAMED else self.operating.power_gating

    @cached_property
    def on_ns(self) -> Floats:
        """How long an inference keeps the machine on: [sample, timestep]."""
        return self.run.on_ns

    @property
    def shortest_ns(self) -> float:
        """The shortest period: of the longest inference with waking, or in a stream from one answer to the next."""
        if self.run.name is RunName.STREAMED:
            return self.run.leaving.mean(self.on_ns)
        return float(self.on_ns[self.run.leaving.weights > 0].max()) + self.wake_ns

    @property
    def wake_ns(self) -> float:
        """From sleep to the start of an inference, loading of weights included."""
        if self.gating == "none":
            return 0.0
        return self.operating.wake_ns + (self._io.time_ns(self._lost_bits) if self._lost_bits else 0.0)

    @property
    def _lost_bits(self) -> int:
        """Weights that have to be loaded again."""
        return sum(self.run.workload.hardware.weights.values()) if self.gating == "off" else 0

    @property
    def _io(self) -> Link:
        if self.spec.io == "none":
            raise ArchitectureError(
                f"operating.power_gating: off loses {self._lost_bits} bits of weights, and without `io` nothing says "
                "what loading them costs: use retention"
            )
        return self.spec.io

    def leakage_uw(self, bound: Bound, gating: PowerGating | None = None) -> float:
        """Power that leaks while the machine is idle."""
        mode = self.gating if gating is None else gating
        if mode == "none":
            return self.run.leakage_uw(bound)
        operating, total = self.operating, [getattr(self.operating.always_on_uw, bound)]
        kept = operating.retention_leakage if mode == "retention" else operating.residual_leakage
        for name, n, part in self._parts:
            kind = self._kind(name)
            share = 1.0 if kind is Dram else getattr(kept if kind is Sram else operating.residual_leakage, bound)
            total.append(n * getattr(part.leakage_uw, bound) * share)
        return math.fsum(total)

    def clock_uw(self, bound: Bound, gating: PowerGating | None = None) -> float:
        """Power of the gated clock while the machine is idle; it stands where anything is switched off."""
        if (self.gating if gating is None else gating) != "none":
            return 0.0
        cycle: float = getattr(self.run.components[CLOCK].actions["cycle"], bound)
        return cycle * self.run.flip_flops * self.run.clock_mhz

    def wake_pj(self, bound: Bound) -> float:
        """Energy of waking: supplies charged, weights loaded, and leakage meanwhile."""
        if self.gating == "none":
            return 0.0
        leaking = units.pj_from_power(self.run.leakage_uw(bound), self.wake_ns)
        return self._charge_pj(bound) + self._load_pj(bound) + leaking

    def _charge_pj(self, bound: Bound) -> float:
        """C V^2 of what was off, C V (V - V of retention) of what was in retention."""
        volts, low = self.spec.technology.vdd_v, self.operating.retention_v
        found = []
        for name, n, part in self._parts:
            kept = self.gating == "retention" and self._kind(name) is Sram
            swing = max(0.0, volts - low) if kept else volts
            found.append(n * getattr(part.area_um2, bound) / units.UM2_PER_MM2 * swing)
        farads: float = getattr(self.operating.rail_nf_per_mm2, bound)
        return math.fsum(found) * farads * volts * _PJ_PER_NF_V2

    def _load_pj(self, bound: Bound) -> float:
        """Bits over the interface, and words written where the part has a price of writing one."""
        found = []
        for name, bits in self.run.workload.hardware.weights.items() if self._lost_bits else ():
            memory = getattr(self.spec, name, None)
            found.append(bits * getattr(self._io.bit, bound))
            if isinstance(memory, Sram):
                word: Price = memory.priced_as(name, self.spec.technology).actions["write"]
                found.append(-(-bits // memory.port_bits) * getattr(word, bound))
        return math.fsum(found)

    @property
    def _parts(self) -> list[tuple[str, int, Priced]]:
        instances = self.run.workload.hardware.instances.items()
        return [(name, n, self.run.components[name]) for name, n in instances]

    def _kind(self, name: str) -> type:
        """`Sram` for what loses its contents without supply, `Dram` for what is beside the chip, else `object`."""
        part = getattr(self.spec, name, None)
        if isinstance(part, Sram | SramCrossbar):
            return Sram
        return Dram if isinstance(part, Dram) else object

    def figures(self, period_ns: float) -> Period:
        """Energy and mean power of a period that is no shorter than the shortest."""
        run, idle_ns = self.run, period_ns - self.on_ns - self.wake_ns
        if run.name is not RunName.STREAMED:  # there the first sample fills the pipeline and only all together fit
            idle_ns = np.maximum(idle_ns, 0.0)

        wake = {bound: self.wake_pj(bound) for bound in BOUNDS}
        leaking = by_bound(lambda bound: idle_ns * (self.leakage_uw(bound) * units.PJ_PER_UW_NS))
        ticking = by_bound(lambda bound: idle_ns * (self.clock_uw(bound) * units.PJ_PER_UW_NS))
        energy = run.figure(by_bound(lambda bound: run.totals[bound] + leaking[bound] + ticking[bound] + wake[bound]))
        latency = run.leaving.estimate(run.latency_ns)
        even_ns, pays_ns = self._even_ns(), self._pays_ns()
        return Period(
            period_ns=period_ns,
            power_gating=self.gating,
            energy_pj=energy,
            power_uw=_scaled(energy, 1 / period_ns / units.PJ_PER_UW_NS),
            idle_leakage_pj=run.figure(leaking),
            idle_clock_pj=run.figure(ticking),
            wake_pj=Figure(wake["value"], 0.0, wake["low"], wake["high"]),
            latency_ns=point(Estimate(latency.value + self.wake_ns, latency.standard_error)),
            shortest_ns=self.shortest_ns,
            idle_equals_active_per_s=None if even_ns is None else _NS_PER_S / even_ns,
            gating_pays_from_ns=pays_ns,
        )

    def _even_ns(self) -> float | None:
        """The period at which what is idle, waking included, takes as much as what is active; None where none does."""
        run, power_uw = self.run, self.leakage_uw("value") + self.clock_uw("value")
        left_pj = run.leaving.mean(run.totals["value"]) - self.wake_pj("value")
        if left_pj <= 0 or power_uw <= 0:
            return None
        return run.leaving.mean(self.on_ns) + self.wake_ns + left_pj / power_uw / units.PJ_PER_UW_NS

    def _pays_ns(self) -> float | None:
        """The period from which on switching off saves; None where nothing is switched off, or it never does."""
        if self.gating == "none":
            return None
        awake, asleep = (
            self.leakage_uw("value", mode) + self.clock_uw("value", mode) for mode in ("none", self.gating)
        )
        if awake <= asleep:
            return None
        spent_pj = self.wake_pj("value") - units.pj_from_power(asleep, self.wake_ns)
        idle_ns = spent_pj / units.PJ_PER_UW_NS / (awake - asleep)
        return self.run.leaving.mean(self.on_ns) + max(idle_ns, self.wake_ns)


def periods(runs: list[PricedRun], spec: MachineSpec) -> dict[RunName, Period]:
    """Figures of a period for each run that is short enough for it; none where no period is asked for.

    Raises UsageError where no run is, with the shortest period.
    """
    wanted = spec.operating.period_ns
    if wanted is None:
        return {}
    if not runs[0].workload.timed:
        raise UsageError("operating.period_ns: this design is an equation of energy, which has no time")
    found = [Idle(run, spec) for run in runs]
    able = {each.run.name: each for each in found if wanted >= each.shortest_ns * (1 - _SLACK)}
    if not able:
        shortest = min(found, key=lambda each: each.shortest_ns)
        stream = (
            "" if spec.operating.stream or runs[0].workload.stream is None else "; samples may overlap with --stream"
        )
        raise UsageError(
            f"operating.period_ns: {wanted:g} ns is shorter than an inference ({shortest.run.name}), "
            f"operating.period_ns={shortest.shortest_ns!r} is long enough{stream}"
        )
    return {name: each.figures(wanted) for name, each in able.items()}


def _scaled(figure: Figure, factor: float) -> Figure:
    error = None if figure.standard_error is None else figure.standard_error * factor
    return Figure(figure.value * factor, error, figure.low * factor, figure.high * factor)
