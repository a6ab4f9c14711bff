"""What is right on this hardware and in the exact network, in every run, on the samples that both have logits of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.imc.exit.decide import leaving_timesteps
from hwsim.accelerators.imc.spec import EarlyExit
from hwsim.contract.exits import Exits
from hwsim.contract.judged import Judged
from hwsim.contract.run import RunName
from hwsim.traces.direct.trace import Trace
from hwsim.traces.trace import Logits


def judge(rule: EarlyExit, exact: Trace, own: Trace, exits: Exits | None) -> Mapping[RunName, Judged]:
    """The largest set of logits of the trace's split, those of this hardware in `own`; nothing for synthetic spikes.

    Where samples leave early, each does so by its own logits: the threshold is one, the timesteps may differ.
    """
    ours = [name for name, logits in own.logits.items() if logits.split == exact.provenance.split]
    if exact.provenance.synthetic or not ours:
        return {}
    name = max(ours, key=lambda name: own.logits[name].labels.size)
    here, there = own.logits[name], exact.logits[name]
    same = np.isin(there.sample_ids, here.sample_ids)
    there = replace(there, values=there.values[same], labels=there.labels[same], sample_ids=there.sample_ids[same])
    found = {RunName.STATIC: Judged(here.right()[:, -1], there.right()[:, -1])}
    for run in () if exits is None else exits.runs:
        found[run] = Judged(*(_right(rule, logits, exits) for logits in (here, there)))
    return found


def _right(rule: EarlyExit, logits: Logits, exits: Exits | None) -> NDArray[np.bool_]:
    assert exits is not None
    timesteps = leaving_timesteps(rule, logits, exits.threshold)
    return np.asarray(logits.right()[np.arange(timesteps.size), timesteps - 1])
