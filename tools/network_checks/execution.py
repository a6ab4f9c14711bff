"""Whether a network is executed as the format's page says: compiled, interpreted, and from its file again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray
from traces.direct.test_golden import naive_execute

from hwsim.kernels.compiled import _Kernel
from hwsim.traces.codings import verify
from hwsim.traces.direct.golden import Execution, execute
from hwsim.traces.direct.rate import RateTrace, encoder
from hwsim.traces.direct.trace import Trace
from hwsim.traces.io import read_trace, write_trace
from hwsim.traces.network.layers import Network
from hwsim.traces.network.mixed.dice import Dice
from hwsim.traces.trace import PackedSpikes
from network_checks.cases import RECORDED, Case


@contextmanager
def interpreted() -> Iterator[None]:
    """Run kernels as plain Python."""
    with mock.patch.object(_Kernel, "__call__", lambda kernel, *arguments: kernel._plain(*arguments)):
        yield


def check_execution(case: Case, trace: Trace | RateTrace) -> None:
    """Raise AssertionError unless the compiled run, the interpreted one and plain Python agree on all samples."""
    encode = encoder(case.network) if case.coding == "rate" else None
    compiled = execute(case.network, case.inputs, case.timesteps, encode=encode)
    with interpreted():
        plain = execute(case.network, case.inputs, case.timesteps, encode=encode)
    _same(compiled.logits, plain.logits, "logits, compiled and interpreted")
    for name, packed in compiled.spikes.items():
        again, recorded = (other.spikes[name].arrays() for other in (plain, trace))
        for field, words in packed.arrays().items():
            _same(words, again[field], f"{name}/{field}, compiled and interpreted")
            _same(words[:RECORDED], recorded[field], f"{name}/{field}, executed and in the trace")
    network, inputs = _as_events(case) if case.coding == "rate" else (case.network, case.inputs)
    for n, sample in enumerate(inputs):
        spikes, logits = naive_execute(network, sample, case.timesteps)
        _same(compiled.logits[n], np.array(logits), f"sample {n}: logits, executed and as the page says")
        for layer in network.spiking():
            wanted = [[each[place] for place in np.ndindex(layer.shape)] for each in spikes[layer.name]]
            found = _bits(compiled, layer.name, n).reshape(case.timesteps, -1)
            _same(found, np.array(wanted), f"sample {n}, {layer.name}: spikes, executed and as the page says")


def check_verification(case: Case, trace: Trace | RateTrace) -> None:
    """Raise AssertionError unless the trace's file verifies, and no longer does with one other spike."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trace.npz"
        write_trace(file, trace, compress=case.dice.once_in(2))
        assert verify(read_trace(file)).ok, "the trace does not verify"
        name = case.dice.one_of(sorted(trace.spikes))
        packed = trace.spikes[name]
        changed, field = _with_another(packed, case.dice)
        write_trace(file, replace(trace, spikes={**trace.spikes, name: changed}))
        result = verify(read_trace(file))
    differing = {key: outcome.differing for key, outcome in result.arrays.items() if outcome.differing}
    assert differing == {f"{name}/{field}": 1}, f"one other spike in {name} is found as {differing}"


def _with_another(packed: PackedSpikes, dice: Dice) -> tuple[PackedSpikes, str]:
    """Spikes of which one is other than it was: there or not, or of the other sign; and the array that says so."""
    words, first = packed.words.copy(), np.uint64(1)
    if packed.negative is None:
        words.reshape(-1)[0] ^= first
        return replace(packed, words=words), "spikes"
    fired = np.flatnonzero(words)
    if fired.size and dice.once_in(2):
        negative, place = packed.negative.copy(), int(fired[0])
        negative.reshape(-1)[place] ^= words.reshape(-1)[place] & ~(words.reshape(-1)[place] - first)  # its lowest bit
        return replace(packed, negative=negative), "negative"
    silent = np.flatnonzero(words.reshape(-1) & first == 0)
    if not silent.size:
        negative = packed.negative.copy()
        negative.reshape(-1)[0] ^= first
        return replace(packed, negative=negative), "negative"
    words.reshape(-1)[silent[0]] ^= first
    return replace(packed, words=words), "spikes"


def _as_events(case: Case) -> tuple[Network, NDArray[Any]]:
    """A rate-coded input as spikes over time, by the formula of the page: T x / m of them, evenly spaced."""
    top = 2**case.network.input.bits - 1

    def fires(x: int, t: int) -> int:
        return int((2 * (t + 1) * x + top) // (2 * top) > (2 * t * x + top) // (2 * top))

    spikes = [[[fires(int(x), t) for x in sample.flat] for t in range(case.timesteps)] for sample in case.inputs]
    shaped = np.array(spikes).reshape(len(case.inputs), case.timesteps, *case.network.input.shape)
    first = replace(case.network.input, bits=1, over_time=True)
    return Network((first, *case.network.layers[1:])), shaped


def _bits(run: Execution, name: str, sample: int) -> NDArray[Any]:
    """Spikes of a sample as -1, 0 or 1 [timestep, position, channel], a bit at a time."""
    packed = run.spikes[name]

    def unpacked(words: NDArray[Any]) -> NDArray[Any]:
        channels = [words[sample, :, :, c // 64] >> np.uint64(c % 64) & np.uint64(1) for c in range(packed.shape[2])]
        return np.stack(channels, axis=-1).astype(np.int64)

    fired = unpacked(packed.words)
    return fired if packed.negative is None else fired - 2 * unpacked(packed.negative)


def _same(found: NDArray[Any], wanted: NDArray[Any], what: str) -> None:
    assert np.array_equal(found, wanted), f"{what} differ in {int((found != wanted).sum())} of {found.size}"
