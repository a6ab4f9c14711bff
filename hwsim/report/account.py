"""Counts of all priced actions as one array, those of the clock among them: what is counted, and no price."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from numpy.typing import NDArray

from hwsim.components.pricing.price import Priced
from hwsim.contract.flip_flops import CLOCK, each_of, flip_flops_of
from hwsim.contract.hardware import Hardware
from hwsim.contract.ledger import OPERATIONS, Action
from hwsim.errors import ModelError
from hwsim.kept import kept_with
from hwsim.named import Named
from hwsim.run.tally import Tally

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Account:
    """Where counts go that have the same actions and stages, on one hardware with so many flip-flops."""

    keys: tuple[Action, ...]  # of all priced actions: what is posted, then what the clock does
    kinds: tuple[tuple[str, str], ...]  # components and what they do
    kind_of: NDArray[np.intp]  # of each key, its place among those
    posted: NDArray[np.int64]  # places of the former in the array of all that is posted
    flip_flops: int  # that the clock reaches
    stages: NDArray[np.int64]  # places of those that keep some running, those of one layer together
    running: Counts  # [stage] how many
    layers: NDArray[np.int64]  # where each layer's stages begin
    rates: dict[object, object] = field(default_factory=dict)  # what `report.price` makes of the last prices

    @classmethod
    def of(cls, tally: Tally, hardware: Hardware, components: Mapping[str, Priced]) -> Account:
        """That of a tally, kept with the hardware for the next with the same actions and stages."""
        flip_flops = tuple(each_of(components, name) for name in (*hardware.instances, CLOCK))
        found = tally.counts
        like = flip_flops, found.places if isinstance(found, Named) else (*found,), (*tally.busy_cycles,)
        return kept_with(hardware).once(("account", like), lambda: cls._made(tally, hardware, components))

    @classmethod
    def _made(cls, tally: Tally, hardware: Hardware, components: Mapping[str, Priced]) -> Account:
        total, running = flip_flops_of(hardware, components)
        found = tally.counts
        in_array = found.places.of.items() if isinstance(found, Named) else zip(found, count(), strict=False)
        posted = [(place, key) for key, place in in_array if key.component != OPERATIONS]
        by_layer: dict[Action, list[tuple[int, int]]] = {}
        places = {stage: place for place, stage in enumerate(tally.busy_cycles)}
        for stage, flip_flops in running.items():
            if stage in places:  # a run without decisions has no unit at work for them
                key = Action(tally.layer_of[stage], CLOCK, "active_cycle")
                by_layer.setdefault(key, []).append((places[stage], flip_flops))
        clocked = (Action("", CLOCK, "cycle"), *by_layer)
        if twice := [key for _, key in posted if key in clocked]:
            raise ModelError(f"{twice[0].component}.{twice[0].action}: counted from what is busy, and posted too")
        stages = [each for layer in by_layer.values() for each in layer]
        starts = np.cumsum([0, *map(len, by_layer.values())], dtype=np.int64)[:-1]
        keys = (*(key for _, key in posted), *clocked)
        kinds = {kind: place for place, kind in enumerate(dict.fromkeys(key[1:] for key in keys))}
        return cls(
            keys=keys,
            kinds=(*kinds,),
            kind_of=np.array([kinds[key[1:]] for key in keys], np.intp),
            posted=np.array([place for place, _ in posted], np.int64),
            flip_flops=total,
            stages=np.array([place for place, _ in stages], np.int64),
            running=np.array([n for _, n in stages], np.int64),
            layers=starts,
        )

    def stack(self, counts: Mapping[Action, Counts], busy: Mapping[str, Counts], cycles: Counts) -> Counts:
        """Counts and busy cycles [sample, timestep], and of all the cycles in which the clock ticks, in one array.

        It is int64 [action, sample, timestep], in the order of `keys`.
        """
        n_posted = self.posted.size
        stacked = np.empty((len(self.keys), *cycles.shape), np.int64)
        if n_posted:
            rows = counts.array if isinstance(counts, Named) else _side_by_side(counts.values(), cycles)
            stacked[:n_posted] = rows[self.posted]
        stacked[n_posted] = cycles * self.flip_flops
        if self.stages.size:
            running = _side_by_side(busy.values(), cycles)[self.stages] * self.running[:, None, None]
            np.add.reduceat(running, self.layers, axis=0, out=stacked[n_posted + 1 :])
        return stacked


def _side_by_side(arrays: Iterable[Counts], like: Counts) -> Counts:
    """Arrays [sample, timestep] as one [array, sample, timestep]; np.stack is slow."""
    return np.concatenate([*arrays]).reshape(-1, *like.shape)
