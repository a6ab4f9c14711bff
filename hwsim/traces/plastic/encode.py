"""Input spikes of raw samples of a learning network, drawn again bit for bit."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.counter_rng import stream_key
from hwsim.kernels.poisson import draw_spikes
from hwsim.traces.plastic.trace import PlasticNetwork, Presentation


class InputSpikes(NamedTuple):
    """Spikes of step t are pixels[starts[t]:starts[t + 1]], ascending."""

    starts: NDArray[np.int64]  # [step + 1], rest steps too
    pixels: NDArray[np.int32]
    present_steps: int

    @property
    def digest(self) -> np.uint64:
        """First 8 bytes, little-endian, of SHA-256 of `starts` (int64) and then `pixels` (int32), little-endian.

        Steps at rest are left out of `starts`: they have no spikes, and a machine may have another number of them.
        """
        starts = self.starts[: self.present_steps + 1]
        data = starts.astype("<i8").tobytes() + self.pixels.astype("<i4").tobytes()
        return np.uint64(int.from_bytes(hashlib.sha256(data).digest()[:8], "little"))


def input_spikes(network: PlasticNetwork, shown: Presentation, values: NDArray[np.uint8]) -> InputSpikes:
    """Spikes of one presentation of a sample uint8 [pixel]."""
    coding = network.coding
    starts = np.empty(coding.present_steps + coding.rest_steps + 1, np.int64)
    pixels = np.empty(coding.present_steps * values.size, np.int32)
    key = np.uint64(stream_key(network.seed, "poisson", shown.label))
    count = draw_spikes(key, coding.chances(shown.repeat)[values], coding.present_steps, starts, pixels)
    return InputSpikes(starts, pixels[:count], coding.present_steps)


def encoder_digests(
    network: PlasticNetwork, part: str, sample_ids: NDArray[np.int64], values: NDArray[np.uint8]
) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
    """How many input spikes samples uint8 [sample, pixel] have when first shown, int32, and their digests, uint64."""
    counts = np.empty(len(values), np.int32)
    digests = np.empty(len(values), np.uint64)
    for n, (sample_id, sample) in enumerate(zip(sample_ids.tolist(), values, strict=True)):
        spikes = input_spikes(network, Presentation(part, sample_id), sample)
        counts[n], digests[n] = len(spikes.pixels), spikes.digest
    return counts, digests
