"""What programs share that run in an environment of their own: they time calls and print one line of JSON."""

from __future__ import annotations

import json
import os
import sys
import time


class Told:
    """Times of one process, in seconds, and what each timed call did.

    What libraries print goes to standard error, whatever language they are written in.
    """

    def __init__(self):
        self._out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        self.setup_cpu_s = 0.0
        self.wall_s, self.cpu_s = [], []
        self.work = {}

    def ready(self):
        """Everything that is done once is done: start of the interpreter, imports, reading, building."""
        self.setup_cpu_s = time.process_time()

    def timed(self, call, *arguments):
        """What the call gives."""
        wall, cpu = time.perf_counter(), time.process_time()
        given = call(*arguments)
        self.cpu_s.append(time.process_time() - cpu)
        self.wall_s.append(time.perf_counter() - wall)
        return given

    def did(self, **counts):
        """Work of the call that was timed last, in whole numbers."""
        for name, count in counts.items():
            self.work.setdefault(name, []).append(int(count))

    def tell(self, version):
        """Print the line."""
        line = {
            "version": version,
            "setup_cpu_s": self.setup_cpu_s,
            "wall_s": self.wall_s,
            "cpu_s": self.cpu_s,
            "work": self.work,
        }
        print(json.dumps(line), file=self._out, flush=True)
