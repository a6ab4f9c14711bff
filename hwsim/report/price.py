"""Where prices meet counts and times: the only multiplications by a price."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim import units
from hwsim.components.pricing.price import Price, Priced
from hwsim.contract.flip_flops import CLOCK
from hwsim.contract.ledger import Action
from hwsim.contract.run import RunName
from hwsim.contract.workload import Workload
from hwsim.contract.writing import Written
from hwsim.errors import ModelError
from hwsim.kept import kept_with
from hwsim.named import Named, Places
from hwsim.report.account import Account
from hwsim.report.report import AreaRow, Figure, Programming, Row
from hwsim.report.statistics import Leaving
from hwsim.run.tally import Tally

LEAKAGE = "leakage"
Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Bound = str  # "value", "low" or "high"
BOUNDS = ("value", "low", "high")
ByBound = Named[Bound]
_bounds_of = attrgetter(*BOUNDS)
_PLACES = Places({bound: place for place, bound in enumerate(BOUNDS)})


def by_bound(find: Callable[[Bound], Floats]) -> ByBound:
    """Something that is known for each bound of prices, side by side: [bound, ...]."""
    return Named(_PLACES, np.stack([find(bound) for bound in BOUNDS]))


class _Rates(NamedTuple):
    """What counts and time are multiplied with, by bound, and the parts that it is from."""

    components: Mapping[str, Priced]
    per_count: ByBound  # pJ [action] in the order of an account
    leakage_uw: Mapping[Bound, float]
    leakage_pj: Floats  # [bound] in a ns


@dataclass(frozen=True)
class PricedRun:
    """A tally with everything that turns it into energy: prices of actions, leakage and the clock."""

    name: RunName
    tally: Tally
    workload: Workload
    components: Mapping[str, Priced]
    clock_mhz: float
    leaving: Leaving

    @property
    def n_samples(self) -> int:
        """Samples of this run."""
        return len(self.tally.latency_cycles)

    @property
    def on_cycles(self) -> Counts:
        """Cycles the machine is on if a sample leaves after each timestep: [sample, timestep].

        It is on, and pays clock and leakage, until everything that started is done, in vain or not.
        """
        return self.tally.on_cycles

    @cached_property
    def counts(self) -> Mapping[Action, Counts]:
        """Priced actions, clock cycles included: int64 [sample, timestep]."""
        return dict(zip(self._account.keys, self._stacked, strict=True))

    @cached_property
    def _account(self) -> Account:
        return Account.of(self.tally, self.workload.hardware, self.components)

    @cached_property
    def _stacked(self) -> Counts:
        """All counts: int64 [action, sample, timestep]; kept with the tally, which may be priced again."""
        tally, account = self.tally, self._account

        def count() -> Counts:
            since = tally.on_cycles.copy()
            since[:, 1:] -= tally.on_cycles[:, :-1]
            return account.stack(tally.counts, tally.busy_cycles, since)

        return kept_with(tally).once(("counted", account), count)

    @property
    def flip_flops(self) -> int:
        """How many of them the clock reaches."""
        return self._account.flip_flops

    @property
    def n_actions(self) -> int:
        """How many actions of how many layers are counted."""
        return len(self._account.keys)

    def check(self) -> None:
        """Raise ModelError unless every posted action has a price and every price a posted action."""
        posted = set(self._account.kinds)
        priced = {(name, action) for name, part in self.components.items() for action in part.actions}
        if posted != priced:
            unpriced, unposted = sorted(posted - priced), sorted(priced - posted)
            raise ModelError(
                f"counts without a price: {unpriced or 'none'}; prices without a count: {unposted or 'none'}"
            )

    def price(self, key: Action) -> Price:
        """Price in pJ of what one count of an action stands for."""
        return self._prices[key.component, key.action]

    @cached_property
    def _prices(self) -> Mapping[tuple[str, str], Price]:
        """Price of one count of every action."""
        per_action, together, found = self.workload.count_units, self.workload.together, {}
        for name, part in self.components.items():
            for action, price in part.actions.items():
                unit = per_action.get((name, action), 1) * together
                found[name, action] = price if unit == 1 else price.scaled(1 / unit)
        return found

    def unit(self, key: Action) -> int:
        """Counts of an action that make one of it in each inference."""
        return self.workload.count_units.get((key.component, key.action), 1) * self.workload.together

    @cached_property
    def _rates(self) -> _Rates:
        """Kept for the next run with the same parts and actions, as the runs of a loop that asks for costs are."""
        known, rates = self.components, self._account.rates
        like = (*known, *map(id, known.values()), self.workload.together, *self.workload.count_units.items())
        if like not in rates:
            rates.clear()
            rates[like] = self._found_rates()
        found = rates[like]
        assert isinstance(found, _Rates)
        return found

    def _found_rates(self) -> _Rates:
        known, account, instances = self._prices, self._account, self.workload.hardware.instances
        per_kind = np.array([_bounds_of(known[kind]) for kind in account.kinds])
        per_count = np.ascontiguousarray(per_kind[account.kind_of].T)  # so that sums of many are taken in one order
        leaking = [(n, _bounds_of(self.components[name].leakage_uw)) for name, n in instances.items()]
        leakage_uw = {bound: math.fsum(n * uw[place] for n, uw in leaking) for place, bound in enumerate(BOUNDS)}
        leakage_pj = np.array([units.pj_from_power(each, 1.0) for each in leakage_uw.values()])
        return _Rates(self.components, Named(_PLACES, per_count), leakage_uw, leakage_pj)

    def leakage_uw(self, bound: Bound) -> float:
        """Leakage power of everything."""
        return self._rates.leakage_uw[bound]

    def time_ns(self, cycles: NDArray[np.int64]) -> Floats:
        """Cycles as nanoseconds: float64, the shape of `cycles`."""
        return np.asarray(cycles * (1e3 / self.clock_mhz), dtype=np.float64)

    @cached_property
    def on_ns(self) -> Floats:
        """Time that the machine is on for an inference, its share of one that it runs together with others.

        [sample, timestep].
        """
        on = self.time_ns(self.on_cycles)
        return on if self.workload.together == 1 else on / self.workload.together

    def _energy(self, bound: Bound, chosen: Callable[[Action], bool]) -> Floats:
        """Energy of some actions, pJ [sample, timestep], cumulated; added up action by action."""
        places = [place for place, key in enumerate(self._account.keys) if chosen(key)]
        if not places:
            return np.zeros(self.on_cycles.shape)
        return _cumulated(self._stacked[places] * self._rates.per_count[bound][places, None, None])

    def energies(self, bound: Bound, clock: bool | None = None) -> Floats:
        """Energy of counts, pJ [sample, timestep], cumulated; `clock` picks only or all but the clock's."""
        if clock is None:
            return _cumulated(self._stacked * self._rates.per_count[bound][:, None, None])
        return self._energy(bound, lambda key: clock == (key.component == CLOCK))

    def dynamic_of(self, components: Collection[str]) -> Floats:
        """Energy of what some components do, pJ [sample, timestep], cumulated."""
        return self._energy("value", lambda key: key.component in components)

    def leakages(self, bound: Bound) -> Floats:
        """Leakage energy, pJ [sample, timestep], if a sample leaves after each timestep."""
        return units.pj_from_power(self.leakage_uw(bound), 1.0) * self.on_ns

    @cached_property
    def totals(self) -> ByBound:
        """All energy, pJ [sample, timestep], cumulated."""
        rates = self._rates
        energies = _cumulated(self._stacked.astype(np.float64) * rates.per_count.array[:, :, None, None])
        return Named(_PLACES, energies + rates.leakage_pj[:, None, None] * self.on_ns)

    @cached_property
    def speculative(self) -> ByBound:
        """Energy of what runs in vain, pJ [sample, timestep] by bound, if a sample leaves after each timestep.

        That is the work of later timesteps that has started, and the clock and leakage from the answer until its end.
        """
        speculation = self.tally.speculation
        if speculation is None:
            return by_bound(lambda _: np.zeros(self.on_cycles.shape))
        cycles = self.on_cycles - self.tally.step_end_cycles
        counts = self._account.stack(speculation.counts, speculation.busy_cycles, cycles)

        def spent(bound: Bound) -> Floats:
            total: Floats = np.add.reduce(counts * self._rates.per_count[bound][:, None, None], axis=0)
            return total + units.pj_from_power(self.leakage_uw(bound), 1.0) * self.time_ns(cycles)

        return by_bound(spent)

    @cached_property
    def latency_ns(self) -> Floats:
        """Latency if a sample leaves after each timestep: [sample, timestep]."""
        return self.time_ns(self.tally.step_end_cycles)

    @cached_property
    def edp_pj_ns(self) -> ByBound:
        """Energy times latency: [sample, timestep], by bound of prices."""
        return Named(_PLACES, self.totals.array * self.latency_ns)

    @property
    def leaves_early(self) -> bool:
        """Whether its samples may leave before the last timestep."""
        exits = self.workload.exits
        return exits is not None and self.name in exits.runs

    def mean_counts(self) -> Mapping[Action, float]:
        """Counts per inference, weighted by when samples leave."""
        survival, n = self.leaving.survival(), self.n_samples
        return {key: math.fsum((counts * survival).ravel()) / n for key, counts in self.counts.items()}

    def coefficients(self, weight: Floats | None = None) -> Mapping[tuple[str, str], float]:
        """Mean energy as a linear form in the prices: (component, action) -> factor, leakage by component.

        With a `weight` [sample, timestep] it is the mean of energy times that weight.
        """
        factors: dict[tuple[str, str], float] = {}
        each = np.ones(self.on_cycles.shape) if weight is None else weight
        means = self.leaving.means(np.cumsum(self._stacked, axis=2) * each)
        for key, mean in zip(self._account.keys, means, strict=True):
            factors[key.component, key.action] = factors.get((key.component, key.action), 0.0) + mean
        on_ns = self.leaving.mean(self.on_ns * each)
        for name, n in self.workload.hardware.instances.items():
            factors[name, LEAKAGE] = units.pj_from_power(1.0, on_ns) * n
        return factors

    def prices(self) -> Mapping[tuple[str, str], Price]:
        """The prices that `coefficients` multiplies: pJ an action, uW of leakage an instance."""
        prices = {(name, LEAKAGE): part.leakage_uw for name, part in self.components.items()}
        for name, part in self.components.items():
            prices.update({(name, action): self.price(Action("", name, action)) for action in part.actions})
        return prices

    def figure(self, found: ByBound) -> Figure:
        """Mean, standard error and interval of something [sample, timestep] known for each bound."""
        return figure(self.leaving, found)


def _cumulated(energies: Floats) -> Floats:
    """Energies [..., action, sample, timestep] of all actions, added up one after another and over timesteps."""
    return np.add.accumulate(np.add.reduce(energies, axis=-3), axis=-1)


def rows_of(run: PricedRun) -> list[Row]:
    """How often each action happens per inference and what that costs; then leakage, by component."""
    rows = []
    for key, count in run.mean_counts().items():
        price = run.price(key)
        rows.append(Row(*key, count / run.unit(key), count * price.value, count * price.low, count * price.high))
    on_ns = run.leaving.mean(run.on_ns)
    for name, n in run.workload.hardware.instances.items():
        leakage = run.components[name].leakage_uw
        bounds = (units.pj_from_power(getattr(leakage, bound) * n, on_ns) for bound in BOUNDS)
        rows.append(Row("", name, LEAKAGE, float(n), *bounds))
    return rows


def programming_of(run: PricedRun) -> Programming | None:
    """What writing weights takes, before the first inference and in each; None where the machine does not say."""
    writing = run.workload.hardware.writing
    if writing is None:
        return None
    worn = endurance = None
    if writing.endurance is not None:
        endurance = Figure(writing.endurance[0], 0.0, *writing.endurance[1:])
        if writing.most_writes:
            value, low, high = (writes / writing.most_writes for writes in writing.endurance)
            worn = Figure(value, 0.0, low, high)
    cycle_ns = 1e3 / run.clock_mhz
    return Programming(
        cells=writing.once.cells,
        energy_pj=_writing_pj(run, writing.once),
        time_ns=writing.once.cycles * cycle_ns,
        passes=writing.passes,
        rewritten_cells=writing.each.cells,
        rewriting_pj=_writing_pj(run, writing.each),
        rewriting_ns=writing.each.cycles * cycle_ns,
        writes_of_a_cell=writing.most_writes,
        endurance_writes=endurance,
        inferences_until_worn=worn,
    )


def _writing_pj(run: PricedRun, written: Written) -> Figure:
    """Energy of what writing does."""

    def total(bound: Bound) -> float:
        parts = ((run.components[name], action, n) for (name, action), n in written.actions.items())
        return math.fsum(
            n * getattr(part.writes.get(action) or part.actions[action], bound) for part, action, n in parts
        )

    value, low, high = map(total, BOUNDS)
    return Figure(value, 0.0, low, high)


def area_of(run: PricedRun) -> list[AreaRow]:
    """Area and leakage of all instances of every component."""
    rows = []
    for name, n in run.workload.hardware.instances.items():
        part = run.components[name]
        area = part.area_um2
        rows.append(AreaRow(name, n, n * area.value, n * area.low, n * area.high, n * part.leakage_uw.value))
    return rows


def leakage_of(run: PricedRun) -> Figure:
    """Leakage power of everything in uW."""
    value, low, high = (run.leakage_uw(bound) for bound in BOUNDS)
    return Figure(value, 0.0, low, high)


def figure(leaving: Leaving, found: ByBound) -> Figure:
    """Mean, standard error and interval of something [sample, timestep], for samples that leave so."""
    estimate, (low, high) = leaving.bounded(found.array)
    return Figure(estimate.value, estimate.standard_error, low, high)


def price(
    runs: Mapping[RunName, Tally], workload: Workload, components: Mapping[str, Priced], clock_mhz: float
) -> list[PricedRun]:
    """Bring counts, times and prices together: the one multiplication.

    Raises ModelError when an action that was posted has no price or a price was never posted.
    """
    priced = []
    for name, tally in runs.items():
        leaving = leaving_of(name, tally, workload)
        run = PricedRun(name, tally, workload, components, clock_mhz, leaving)
        priced.append(run)
    # A run with decisions off does not post the decision's actions; the fullest run has to match every price.
    max(priced, key=lambda run: run.n_actions).check()
    return priced


def leaving_of(run: RunName, tally: Tally, workload: Workload) -> Leaving:
    """When the samples of a run leave: after all timesteps where nothing decides on them."""
    exits = workload.exits
    if exits is None or run not in exits.runs:
        return _leaving_last(len(tally.latency_cycles), workload.timesteps)
    return kept_with(exits).once("leaving", partial(leaving, exits.histogram, exits.recorded))


@lru_cache(maxsize=4)
def _leaving_last(n_samples: int, timesteps: int) -> Leaving:
    """After all timesteps."""
    return Leaving.after(np.full(n_samples, timesteps, np.int64), timesteps)


def leaving(histogram: NDArray[np.int64], recorded: NDArray[np.int64]) -> Leaving:
    """When samples leave: as a larger set does, [timestep] samples leaving after each, else each recorded [sample]."""
    if histogram.sum() > recorded.size:
        n = recorded.size
        return kept_with(histogram).once(("leaving", n), lambda: Leaving.by_histogram(histogram, n))
    return Leaving.after(recorded, histogram.size)
