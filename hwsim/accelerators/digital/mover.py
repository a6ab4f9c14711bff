"""Adds up the words and bursts that the jobs of one task move, of what lies as it is and of what is compressed.

Counts are per job, int64 [sample or 1, timestep, channel job, position job].
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from hwsim.accelerators.digital.codes import Codes
from hwsim.accelerators.digital.plan import Plan, Task
from hwsim.accelerators.digital.storage import Home
from hwsim.contract.arrays import IntArray


@dataclass(slots=True)
class Traffic:
    """Accesses of one task's jobs."""

    dram_reads: IntArray
    dram_writes: IntArray
    buffer_fills: IntArray  # words written that come from DRAM
    buffer_reads: IntArray
    buffer_writes: IntArray  # words written that come from the array
    pad_writes: IntArray
    pad_reads: IntArray
    decoded: IntArray  # values that come from DRAM compressed
    encoded: IntArray


class Mover:
    """Adds up what one task moves."""

    def __init__(self, plan: Plan, task: Task, codes: Codes | None) -> None:
        self.plan, self.task, self.codes = plan, task, codes
        nothing = np.zeros((1, plan.timesteps, *task.tiling.shape), np.int64)
        self.moved = Traffic(*[nothing] * len(fields(Traffic)))

    def read(self, home: Home, bits: IntArray, times: IntArray, of_jobs: IntArray | int = 1) -> None:
        """Read runs of `bits` [channel tile], each `times` [..., part or 1, position tile], from their home.

        Only jobs that `of_jobs` [timestep, channel job, position job] has do.
        """
        if home == "global_buffer":
            self.moved.buffer_reads = self.moved.buffer_reads + self._words(bits, times) * of_jobs
        elif home == "dram":
            self.moved.dram_reads = self.moved.dram_reads + self._bursts(bits, times) * of_jobs

    def write(self, home: Home, bits: IntArray, times: IntArray) -> None:
        """Write runs of bits to their home."""
        if home == "global_buffer":
            self.moved.buffer_writes = self.moved.buffer_writes + self._words(bits, times)
        elif home == "dram":
            self.moved.dram_writes = self.moved.dram_writes + self._bursts(bits, times)

    def fill(self, bits: IntArray, times: IntArray, of_jobs: IntArray | int = 1) -> None:
        """Bring runs of bits from DRAM into the global buffer."""
        self.moved.dram_reads = self.moved.dram_reads + self._together(bits, times, of_jobs)
        self.fill_words(bits, times, of_jobs)

    def _together(self, bits: IntArray, times: IntArray, of_jobs: IntArray | int) -> IntArray:
        """Bursts of runs of which those of one block lie side by side, or of one job where there are no blocks."""
        if self.task.cells is None:
            return self._bursts(bits, times) * of_jobs
        return self._bursts_of_jobs(self.task.tiling.combine(bits, times) * of_jobs)

    def _bursts_of_jobs(self, bits: IntArray) -> IntArray:
        """Bursts of the bits of jobs, of which those of one block lie side by side."""
        dram, cells = self.plan.spec.dram, self.task.cells
        assert dram != "none"
        if cells is None:
            return -(-bits // dram.burst_bits)
        return cells.bursts(np.broadcast_to(bits, (len(bits), *cells.shape)), dram.burst_bits)

    def read_coded(self, bits: IntArray, values: IntArray) -> None:
        """Read compressed bits of jobs from DRAM, so many values of them."""
        self.moved.dram_reads = self.moved.dram_reads + self._bursts_of_jobs(bits)
        self.moved.decoded = self.moved.decoded + values

    def fill_words(self, bits: IntArray, times: IntArray, of_jobs: IntArray | int = 1) -> None:
        """Write runs of bits that come from DRAM into the global buffer."""
        self.moved.buffer_fills = self.moved.buffer_fills + self._words(bits, times) * of_jobs

    def write_coded(self, bits: IntArray, values: IntArray) -> None:
        """Write compressed bits of jobs to DRAM, so many values of them."""
        dram = self.plan.spec.dram
        assert dram != "none"
        self.moved.dram_writes = self.moved.dram_writes + -(-bits // dram.burst_bits)
        self.moved.encoded = self.moved.encoded + values

    def _words(self, bits: IntArray, times: IntArray) -> IntArray:
        buffer = self.plan.spec.global_buffer
        assert buffer != "none"
        return self.task.tiling.combine(-(-bits // buffer.port_bits), times)

    def _bursts(self, bits: IntArray, times: IntArray) -> IntArray:
        """Runs of one job lie side by side."""
        dram = self.plan.spec.dram
        assert dram != "none"
        return -(-self.task.tiling.combine(bits, times) // dram.burst_bits)
