"""Bit planes back to the integers that they stand for."""

from __future__ import annotations

import numpy as np

from hwsim.traces.planes import unpack_channels


def unpack_integers(planes, channels):
    """The inverse of `pack_integers`: int64 [..., channel]."""
    return sum(unpack_channels(plane, channels).astype(np.int64) << p for p, plane in enumerate(planes))
