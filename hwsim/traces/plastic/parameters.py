"""A network that learns by the parameters of its equations: time constants in ms, potentials in mV, rates in Hz."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from hwsim.errors import UsageError
from hwsim.kernels.stdp.rules import FACTOR_BITS, RATE_BITS
from hwsim.traces.plastic.trace import (
    ExcitatoryNeurons,
    Inhibition,
    InhibitionKind,
    InhibitoryNeurons,
    PlasticNetwork,
    PoissonInput,
    QFormat,
    RoundingName,
    Rule,
    Stdp,
)

_ABOVE_ZERO = {"dt_ms", "tau_mem_ms", "tau_trace_ms", "theta_presentations"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """Neurons that inhibit each other and learn by STDP, as Diehl and Cook (2015) have them.

    Potentials are above rest.  Defaults are those of BindsNET's DiehlAndCook2015 but for those called our choice, which
    were found on training samples that were held out.
    """

    neurons: int = 400
    dt_ms: float = 1.0
    present_ms: float = 350.0
    rest_ms: float = 0.0  # our choice: traces and membranes begin anew in any case
    peak_hz: float = 128.0  # of the brightest pixel
    fewest_spikes: int = 5  # output spikes of a presentation that is not repeated, brighter
    most_repeats: int = 10
    tau_mem_ms: float = 100.0
    v_threshold_mv: float = 13.0  # -52 mV above a rest of -65 mV
    v_reset_mv: float = 5.0  # -60 mV
    v_lowest_mv: float = -35.0  # -100 mV, the reversal potential of their inhibition
    refractory_ms: float = 5.0
    theta_plus_mv: float = 0.6  # our choice
    theta_presentations: float = 4096.0  # time constant of theta, our choice: with theirs it grows beyond 256 mV
    one_winner: bool = True  # our choice: the first to fire inhibits all others at once
    rule: Rule = "pairwise"
    potentiation: float = 5000 / (1 << RATE_BITS)  # about half theirs, 1e-2: learning in windows does as well
    depression: float = 1e-4
    tau_trace_ms: float = 20.0
    w_highest: float = 1.0
    weight_sum_per_pixel: float = 0.1  # 78.4 over 784 pixels
    initial_highest: float = 0.3
    window_ms: float = 10.0  # of the windowed rule, our choice
    spikes_per_factor: int = 4  # of the windowed rule, our choice
    inhibition: InhibitionKind = "direct"
    strength_mv: float = 120.0
    most_responding: int = 3  # our choice, as the steps that follow from it are
    strength_step_mv: float = 1.0
    strength_lowest_mv: float = 80.0
    strength_highest_mv: float = 250.0
    weights: str = "fp32"  # or their format, such as Q1.7
    rounding: RoundingName = "nearest"  # of weights
    seed: int = 1

    def __post_init__(self) -> None:
        """Raise UsageError for times that are not above 0, and for what is no finite number."""
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(each.default, str):
                if not isinstance(value, str):
                    raise UsageError(f"{each.name}: wanted a word, got {value!r}")
                continue
            if not isinstance(value, int | float | np.number) or isinstance(value, bool) != (each.name == "one_winner"):
                wanted = "True or False" if each.name == "one_winner" else "a number"
                raise UsageError(f"{each.name}: wanted {wanted}, got {value!r}")
            if not math.isfinite(value) or (each.name in _ABOVE_ZERO and value <= 0):
                raise UsageError(
                    f"{each.name}: wanted a finite number{' above 0' if value <= 0 else ''}, got {value:g}"
                )

    def network(self, pixels: int) -> PlasticNetwork:
        """The network on samples of so many pixels; it is checked where it is executed.

        Raises UsageError for a format of weights that is none, and for times that are no whole timesteps.
        """
        coding = PoissonInput(
            round(self.peak_hz * 1000),
            round(self.dt_ms * 1000),
            self._steps("present_ms"),
            self._steps("rest_ms"),
            self.fewest_spikes,
            self.most_repeats,
        )
        neurons = ExcitatoryNeurons(
            count=self.neurons,
            leak=_leak(self.tau_mem_ms / self.dt_ms),
            v_threshold_mv=self.v_threshold_mv,
            v_reset_mv=self.v_reset_mv,
            v_lowest_mv=self.v_lowest_mv,
            refractory_steps=self._steps("refractory_ms"),
            theta_plus_mv=self.theta_plus_mv,
            theta_leak=_leak(self.theta_presentations),
            one_winner=self.one_winner,
        )
        formats = _formats(self.weights, self.rounding)
        return PlasticNetwork(pixels, coding, neurons, self._inhibition(), self._stdp(pixels), formats, self.seed)

    def _stdp(self, pixels: int) -> Stdp:
        trace_leak = _leak(self.tau_trace_ms / self.dt_ms)
        return Stdp(
            rule=self.rule,
            potentiation=round(self.potentiation * (1 << RATE_BITS)),
            depression=round(self.depression * (1 << RATE_BITS)),
            pre_leak=trace_leak,
            post_leak=trace_leak,
            w_highest=self.w_highest,
            weight_sum=self.weight_sum_per_pixel * pixels,
            initial_highest=self.initial_highest,
            window_steps=self._steps("window_ms"),
            spikes_per_factor=self.spikes_per_factor,
        )

    def _inhibition(self) -> Inhibition:
        """By inhibitory neurons one step passes on each of the two connections."""
        cells = InhibitoryNeurons(
            drive_mv=22.5,
            leak=_leak(10 / self.dt_ms),
            v_threshold_mv=20.0,
            v_reset_mv=15.0,
            refractory_steps=round(2 / self.dt_ms),
        )
        return Inhibition(
            kind=self.inhibition,
            strength_mv=self.strength_mv,
            delay_steps=0 if self.inhibition == "direct" else 2,
            neurons=cells,
            most_responding=self.most_responding,
            strength_step_mv=self.strength_step_mv,
            strength_lowest_mv=self.strength_lowest_mv,
            strength_highest_mv=self.strength_highest_mv,
        )

    def _steps(self, key: str) -> int:
        """Timesteps of a time."""
        steps: float = getattr(self, key) / self.dt_ms
        if abs(steps - round(steps)) > 1e-6:
            raise UsageError(f"{key}: wanted whole timesteps of {self.dt_ms:g} ms, got {getattr(self, key):g} ms")
        return round(steps)


def _leak(tau_steps: float) -> int:
    """What a step, or a presentation, leaves of an exponential decay."""
    return round(math.exp(-1 / tau_steps) * (1 << FACTOR_BITS))


def _formats(weights: str, rounding: RoundingName) -> Mapping[str, QFormat] | None:
    if weights.lower() == "fp32":
        return None
    found = re.fullmatch(r"[Qq](\d{1,2})\.(\d{1,2})", weights)
    if not found:
        raise UsageError(f"weights: wanted fp32 or a format such as Q1.7, got {weights}")
    return {
        "weights": QFormat(int(found[1]), int(found[2]), rounding),
        "membranes": QFormat(8, 12, "nearest"),  # these three wide enough not to matter: our choice
        "traces": QFormat(1, 15, "truncate"),
        "thresholds": QFormat(8, 12, "nearest"),
    }
