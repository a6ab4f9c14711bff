"""A network that learns on line by spike-timing-dependent plasticity, and its samples.

Golden semantics.  P pixels drive N excitatory neurons through weights w[i, j]; the neurons inhibit each other.
A presentation is `present_steps` steps with input and `rest_steps` without.  Pixel i with raw value x of 8 bits fires
at step t if the highest 32 bits of word t P + i of the presentation's stream (SplitMix64 read by counter,
`counter_rng`; its key is that of `seed`, "poisson", the presentation's label) are below `chances`[x]: Poisson rate
coding, peak rate `peak_millihertz` at x = 255.  A sample that draws fewer than `fewest_spikes` output spikes is
presented again, r = 1, 2 .. `most_repeats`, with rates (2 + r) / 2 as high.  The label is the part and the sample's id,
then, beyond the first presentation of the first pass, the number of the pass and r, all joined by "/".

Membrane potentials are in mV above rest.  Before the first presentation of a sample to learn, each neuron's weights
are scaled to the sum `weight_sum`; before every one that learns theta = theta theta_leak, before all v, traces and
refractory counts are 0.  Each step does, in this order,

    1. v = v leak;  when learning pre, post = pre, post times their leaks
    2. v = v + sum of w[i, j] over the pixels that fire, unless refractory
    3. refractory -= 1 where above 0, the others fire if v >= v_threshold + theta; with `one_winner` of these only the
       one with the highest v - theta, then the lowest index
    4. who fires: v = v_reset, refractory = `refractory_steps`, when learning theta += theta_plus;
       then for k others that inhibit by what they did `delay_steps` before: v = max(v - k strength, v_lowest).
       `direct`: they fired.  `layer`: each neuron has an inhibitory one, which fired: after the excitatory ones
       u = u leak; u += drive for whom its own fired, unless refractory; refractory -= 1 where above 0, the others fire
       if u >= threshold, and u = reset, refractory = `refractory_steps`
    5. when learning pre[i] = 1 for pixels that fired; then
       pairwise   w[i, j] -= depression post[j] for pixels that fired now;  post[j] = 1 for who fired, and for these
                  w[i, j] += potentiation pre[i] for all i
       windowed   post[j] = 1 for who fired; at the end of every `window_steps` steps, for j that fired in the window
                  w[i, j] += k potentiation pre[i] for all i, k = ceil(most spikes of any neuron since the presentation
                  began / spikes_per_factor); else w[i, j] -= depression post[j] for pixels that fired in the window
       and weights stay within 0 and w_highest

The strength of inhibition starts at `strength_mv`.  After a presentation that learns it grows by `strength_step_mv` if
more than `most_responding` neurons fired, else it shrinks so, within `strength_lowest_mv` and `strength_highest_mv`.

In FP32 each operation is one of 32-bit floats, sums over i in ascending order.  In fixed point every value is an
integer in units of 2**-n of its format; products are rounded once as the format of their result says, limits are exact:
|v| < 2**(m + n) units, weights, thresholds below 2**(m + n) units.  Leaks have 16 fraction bits and learning rates 20.
The normalisation multiplies by floor(2**16 weight_sum / sum) / 2**16.  Stochastic rounding adds random bits below the
unit, from the streams of `seed`, "weights" | "normalise" | "membranes" | "pre" | "post" | "theta" | "inhibitory", label
at counters

    weights  (2 t + potentiates) P N + i N + j        normalise  i N + j        theta  j
    membranes  (2 t + 1 if adding the input) N + j    pre  t P + i    post, inhibitory  t N + j

After Diehl and Cook (2015) and BindsNET; the windowed rule and the adaptive strength are our reading of FSpiNN's ideas,
not its formulas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hwsim.kept import Keeps
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import in_a_line

RoundingName = Literal["truncate", "nearest", "stochastic"]
Rule = Literal["pairwise", "windowed"]
InhibitionKind = Literal["direct", "layer"]
TRAIN, INFER = "train", "infer"
"""The phases: learning from the training samples, and deciding on the test samples by what was learned."""
QUANTITIES = ("weights", "membranes", "traces", "thresholds")


@dataclass(frozen=True, slots=True)
class QFormat:
    """Fixed point Qm.n: m + n bits without a sign; membranes have a sign bit besides."""

    integer_bits: int
    fraction_bits: int
    rounding: RoundingName

    @property
    def highest(self) -> int:
        """The largest value, in units of 2**-n."""
        return (1 << (self.integer_bits + self.fraction_bits)) - 1


@dataclass(frozen=True, slots=True)
class PoissonInput:
    """How raw samples become spikes."""

    peak_millihertz: int  # rate of a pixel of value 255
    dt_us: int  # of one step
    present_steps: int
    rest_steps: int
    fewest_spikes: int = 0  # of all neurons, for a presentation not to be repeated
    most_repeats: int = 0

    def chances(self, repeat: int = 0) -> NDArray[np.int64]:
        """Chance to fire at a step, of each value, in units of 2**-32: int64 [256]."""
        peak = self.peak_millihertz * self.dt_us * (1 << 32) // 10**9 * (2 + repeat) // 2
        certain = 1 << 32
        return np.minimum(np.arange(256) * min(peak, 255 * certain) // 255, certain)


@dataclass(frozen=True, slots=True)
class ExcitatoryNeurons:
    """LIF neurons with adaptive threshold; potentials in mV above rest, leaks in units of 2**-16."""

    count: int
    leak: int  # of v at each step, 2**16 for none
    v_threshold_mv: float
    v_reset_mv: float
    v_lowest_mv: float  # lowest potential, at most 0: the reversal potential of the inhibition
    refractory_steps: int
    theta_plus_mv: float
    theta_leak: int  # of theta at each presentation that learns
    one_winner: bool


@dataclass(frozen=True, slots=True)
class InhibitoryNeurons:
    """LIF neurons, each driven by one excitatory neuron; potentials in mV above rest, leaks in units of 2**-16."""

    drive_mv: float
    leak: int
    v_threshold_mv: float
    v_reset_mv: float
    refractory_steps: int


@dataclass(frozen=True, slots=True)
class Inhibition:
    """How neurons that fire hold the others down."""

    kind: InhibitionKind
    strength_mv: float
    delay_steps: int  # from a spike that inhibits to its effect
    neurons: InhibitoryNeurons  # of a layer
    most_responding: int = 0  # neurons in a presentation; with more of them the strength grows
    strength_step_mv: float = 0.0  # 0: it stays as it is
    strength_lowest_mv: float = 0.0
    strength_highest_mv: float = 0.0


@dataclass(frozen=True, slots=True)
class Stdp:
    """The learning rule; leaks in units of 2**-16, rates in units of 2**-20."""

    rule: Rule
    potentiation: int
    depression: int
    pre_leak: int
    post_leak: int
    w_highest: float
    weight_sum: float  # 0: not normalised
    initial_highest: float  # initial weights are uniform from 0 to this
    window_steps: int = 1  # windowed only
    spikes_per_factor: int = 1


@dataclass(frozen=True, slots=True)
class PlasticNetwork(Keeps):
    """Everything that is not a sample."""

    pixels: int
    coding: PoissonInput
    neurons: ExcitatoryNeurons
    inhibition: Inhibition
    stdp: Stdp
    formats: Mapping[str, QFormat] | None  # of each of QUANTITIES; None: FP32
    seed: int  # of input spikes, initial weights and stochastic rounding


@dataclass(frozen=True, slots=True)
class PlasticSamples:
    """Raw samples of one part, and digests of their input spikes."""

    values: NDArray[np.uint8]  # [sample, pixel]
    labels: NDArray[np.int64]  # [sample]
    sample_ids: NDArray[np.int64]  # [sample], in the data set's split of this part's name
    input_spikes: NDArray[np.int32]  # [sample], how many
    digests: NDArray[np.uint64]  # [sample], see `hwsim.traces.plastic.encode`


@dataclass(frozen=True, slots=True)
class Presentation:
    """One showing of a sample; what is drawn for it depends on nothing else."""

    part: str
    sample_id: int
    passed: int = 0  # passes over the part before this one
    repeat: int = 0

    @property
    def label(self) -> str:
        """Its name in the streams of random numbers."""
        label = f"{self.part}/{self.sample_id}"
        return f"{label}/{self.passed}/{self.repeat}" if self.passed or self.repeat else label


@dataclass(frozen=True, slots=True)
class LearnedState:
    """What learning has changed so far, in units of the formats or as 32-bit floats."""

    weights: NDArray[Any]  # uint16 or float32 [pixel, neuron]
    theta: NDArray[Any]  # int32 or float32 [neuron]
    strength: int | float  # of inhibition
    samples: int  # training samples shown, over all passes


@dataclass(frozen=True, slots=True)
class PlasticTrace(Keeps):
    """A learning network, the samples to train and to test it on, and how often its neurons fired in training.

    With a `state` learning goes on from there; `responses` are then those of the samples shown so far.
    """

    coding: ClassVar = "plastic"

    network: PlasticNetwork
    n_classes: int
    parts: Mapping[str, PlasticSamples]  # "train" and "test"
    responses: NDArray[np.int32]  # [training sample], spikes of all neurons while learning on the samples in order
    provenance: Provenance
    sha256: str = ""
    state: LearnedState | None = None

    def __repr__(self) -> str:
        """What it is of, in one line."""
        return in_a_line(self)

    @property
    def timesteps(self) -> int:
        """Steps of a presentation with input."""
        return self.network.coding.present_steps

    @property
    def n_samples(self) -> int:
        """How many training samples there are."""
        return len(self.parts["train"].labels)

    def spike_rates(self) -> Mapping[str, float]:
        """Spikes per pixel or neuron and step of a presentation with input, over the training samples."""
        slots = self.timesteps * self.network.pixels, self.timesteps * self.network.neurons.count
        means = self.parts["train"].input_spikes.mean(), self.responses.mean() if self.responses.size else 0.0
        return {"input": float(means[0]) / slots[0], "excitatory": float(means[1]) / slots[1]}

    def accuracy_by_timestep(self) -> list[float]:
        """Nothing: what was learned is an outcome of hardware, and a presentation decides once."""
        return []
