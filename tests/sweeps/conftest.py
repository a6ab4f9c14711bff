"""Settings for tests of sweeps; the folder is not called like the room, since a tool is."""

from __future__ import annotations

from numba import config

# What sweeps add is the same with kernels of either kind, and these tests start many processes.
collect_ignore_glob = ["test_*.py"] if config.DISABLE_JIT else []
