"""Points over an executor, in chunks that take about half a second; a worker that is lost costs no point.

Chunks begin, where that is near, at points that share little with those before: what a chunk has found is of no use to
the worker of the next.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar

from hwsim.errors import UsageError
from hwsim.sweep.worker import Task

Result = TypeVar("Result")
SECONDS_A_CHUNK = 0.5
MOST_A_CHUNK = 250
NEAR = 8
"""Points by which a chunk may always be longer to end where a new one should begin; long ones by half."""
LOSSES = 5
"""Times in a row that workers may be lost with nothing done in between."""


class Executors:
    """An executor that is started when it is first needed, stays for further work, and is started again where lost."""

    def __init__(
        self,
        start: Callable[[], AbstractContextManager[Executor]],
        jobs: int,
        lost: tuple[type[BaseException], ...] = (BrokenExecutor,),
        least: int = 1,
    ) -> None:
        self.jobs = jobs  # how many tasks it works on at once
        self.lost = lost  # what a task ends in whose worker was lost
        self.least = least  # points a chunk, where a task itself takes its time
        self._start, self._stack = start, ExitStack()
        self._running: Executor | None = None

    def get(self) -> Executor:
        """The executor."""
        if self._running is None:
            self._running = self._stack.enter_context(self._start())
        return self._running

    def drop(self) -> None:
        """Forget an executor that has lost a worker."""
        self._running = None
        with suppress(Exception):
            self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._running = None
        self._stack.__exit__(*error)


@dataclass
class _Queue(Generic[Result]):
    """What is still to be done, and how long it takes."""

    numbers: deque[int]
    begins: Collection[int] = ()  # points at which chunks should begin
    seconds_a_point: float = 0.0
    again: deque[int] = field(default_factory=deque)  # points that were under way when a worker was lost

    def next(self, jobs: int, least: int) -> list[int]:
        """Points of one task."""
        if not self.numbers:
            return [self.again.popleft()]
        n = int(SECONDS_A_CHUNK / self.seconds_a_point) if self.seconds_a_point else 4
        n = min(n, MOST_A_CHUNK, -(-len(self.numbers) // (2 * jobs)))
        n = self._nearest_begin(min(max(n, least, 1), len(self.numbers)))
        return [self.numbers.popleft() for _ in range(n)]

    def _nearest_begin(self, n: int) -> int:
        """How many points there are up to where a chunk should begin, about `n`, or `n` where none does."""
        if not self.begins:
            return n
        lengths = range(max(1, n - n // 2), min(n + max(n // 2, NEAR), len(self.numbers)) + 1)
        ends = (each for each in lengths if each == len(self.numbers) or self.numbers[each] in self.begins)
        return min(ends, key=lambda each: abs(each - n), default=n)

    def at_once(self, jobs: int) -> int:
        """How many tasks may be under way: one, where it may be the task itself that ends its worker."""
        return 2 * jobs if self.numbers else 1

    def learn(self, n: int, seconds: float) -> None:
        """What a task has taken: later ones count as much as all before."""
        each = seconds / n
        self.seconds_a_point = each if not self.seconds_a_point else (self.seconds_a_point + each) / 2

    def __bool__(self) -> bool:
        return bool(self.numbers or self.again)


def run(
    do: Callable[[Task, Sequence[int]], list[Result]],
    task: Task,
    numbers: Sequence[int],
    executors: Executors | None,
    begins: Collection[int] = (),
) -> Iterator[tuple[list[int], list[Result]]]:
    """Do something with all points, in this process without executors: chunks and results as they are done.

    `begins` are the points at which chunks should begin.  Raises UsageError where workers are lost again and again.
    """
    queue: _Queue[Result] = _Queue(deque(numbers), begins)
    if executors is None:
        while queue:
            chunk = queue.next(1, 1)
            results, seconds = _timed(do, task, chunk)
            queue.learn(len(chunk), seconds)
            yield chunk, results
        return
    losses = 0
    while queue:
        done = 0
        for chunk, results in _until_lost(do, task, queue, executors):
            done += 1
            yield chunk, results
        losses = 0 if done else losses + 1
        if queue and losses >= LOSSES:
            left = sorted((*queue.numbers, *queue.again))
            raise UsageError(
                f"jobs: worker processes end early again and again, last at point {left[0]}; each needs memory of its "
                "own, fewer need less"
            )


def _until_lost(
    do: Callable[[Task, Sequence[int]], list[Result]], task: Task, queue: _Queue[Result], executors: Executors
) -> Iterator[tuple[list[int], list[Result]]]:
    """Work with one executor until all is done or it is lost; what was under way then is to be done again."""
    pending: dict[Future[tuple[list[Result], float]], list[int]] = {}
    waiting: list[int] = []  # taken, and not yet under way
    try:
        executor = executors.get()
        while queue or pending:
            while queue and len(pending) < queue.at_once(executors.jobs):
                waiting = queue.next(executors.jobs, executors.least)
                pending[executor.submit(_timed, do, task, waiting)] = waiting
                waiting = []
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                results, seconds = future.result()
                chunk = pending.pop(future)
                queue.learn(len(chunk), seconds)
                yield chunk, results
    except executors.lost:
        executors.drop()
        queue.again.extend(waiting)
        for future, chunk in pending.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                yield chunk, future.result()[0]
            else:
                queue.again.extend(chunk)


def _timed(
    do: Callable[[Task, Sequence[int]], list[Result]], task: Task, numbers: list[int]
) -> tuple[list[Result], float]:
    begin = time.perf_counter()
    results = do(task, numbers)
    return results, time.perf_counter() - begin
