"""Recordings: bytes to events, events to counts, each against its description written once more."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.doors.events.binning import Bins, binned
from hwsim.doors.events.readers import Events, read_events
from hwsim.errors import TraceError, UsageError

EVENTS = st.lists(
    st.tuples(st.integers(0, 2**23 - 1), st.integers(0, 33), st.integers(0, 20), st.integers(0, 1)),
    min_size=1,
    max_size=40,
)


def nmnist_bytes(events):
    """x, y, then polarity in the top bit of 24 and 23 bits of microseconds, most significant byte first."""
    return b"".join(struct.pack(">BB", x, y) + (p << 23 | t).to_bytes(3, "big") for t, x, y, p in events)


@settings(max_examples=40, deadline=None)
@given(EVENTS)
def test_every_kind_of_file_holds_the_same_events(tmp_path_factory, events):
    folder = tmp_path_factory.mktemp("events")
    (folder / "a.bin").write_bytes(nmnist_bytes(events))
    table = np.array(events, np.int64)
    np.save(folder / "b.npy", table)
    named = np.zeros(len(events), [("x", "<u2"), ("y", "<u2"), ("t", "<u4"), ("p", "?")])
    for place, name in enumerate("txyp"):
        named[name] = table[:, place]
    np.save(folder / "c.npy", named)
    np.savez(folder / "d.npz", t=table[:, 0], x=table[:, 1], y=table[:, 2], p=table[:, 3])
    wanted = sorted(events, key=lambda event: event[0])
    for name in ("a.bin", "b.npy", "c.npy", "d.npz"):
        found = read_events(folder / name)
        assert list(zip(found.t_us.tolist(), found.x, found.y, found.p, strict=True)) == wanted


@settings(max_examples=60, deadline=None)
@given(EVENTS, st.integers(1, 5), st.integers(1, 3_000_000), st.integers(1, 7), st.booleans())
def test_counts_are_those_of_a_loop(events, timesteps, bin_us, bin_events, by_time):
    events = sorted(events, key=lambda event: event[0])
    t, x, y, p = (np.array(column, np.int64) for column in zip(*events, strict=True))
    bins = Bins(timesteps, bin_us=bin_us) if by_time else Bins(timesteps, bin_events=bin_events)
    for polarities in (1, 2):
        wanted = np.zeros((timesteps, 21, 34, polarities), np.int64)
        for number, (when, px, py, polarity) in enumerate(events):
            step = when // bin_us if by_time else number // bin_events
            if step < timesteps:
                wanted[step, py, px, polarity if polarities == 2 else 0] += 1
        np.testing.assert_array_equal(binned(Events(t, x, y, p), bins, (21, 34, polarities)), wanted)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.bin", b"123456", "wanted records of 5 bytes, 1 or more, found 6 bytes"),
        ("a.bin", b"", "wanted records of 5 bytes, 1 or more, found 0 bytes"),
        ("a.npy", b"not an array", "magic string"),
        ("a.txt", b"", "wanted events as .bin (N-MNIST), .npy or .npz, found .txt"),
    ],
)
def test_what_is_no_recording_is_refused_in_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TraceError) as raised:
        read_events(tmp_path / name)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_arrays_that_are_no_events_are_refused(tmp_path):
    for number, (array, message) in enumerate(
        (
            (np.zeros((3, 3)), "wanted columns t, x, y, p"),
            (np.zeros((3, 4)), "wanted integers from 0"),
            (np.full((3, 4), -1), "wanted integers from 0"),
        )
    ):
        np.save(tmp_path / f"{number}.npy", array)
        with pytest.raises(TraceError, match=message):
            read_events(tmp_path / f"{number}.npy")
    np.savez(tmp_path / "x.npz", t=np.zeros(3, int))
    with pytest.raises(TraceError, match="wanted arrays t, x, y and p, found t"):
        read_events(tmp_path / "x.npz")
    with pytest.raises(TraceError, match="cannot be read"):
        read_events(tmp_path / "nowhere.bin")


def test_places_beyond_the_sensor_and_counts_beyond_a_byte_are_refused():
    many = Events(*(np.zeros(300, np.int64) for _ in range(4)))
    with pytest.raises(TraceError, match="at most 255 a place and timestep, found 300"):
        binned(many, Bins(1, bin_us=10), (2, 2, 2))
    far = Events(*(np.full(1, 5, np.int64) for _ in range(4)))
    with pytest.raises(TraceError, match=r"wanted places within 2 x 3, found x to 5, y to 5"):
        binned(far, Bins(1, bin_us=10), (3, 2, 2))
    for wrong in ({}, {"bin_us": 1, "bin_events": 1}, {"bin_us": 0}):
        with pytest.raises(UsageError, match=r"^bins: wanted"):
            Bins(1, **wrong)
