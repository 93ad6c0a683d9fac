"""Row-shaped stages on threads: kernels release the interpreter, results keep their order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_ordered(
    jobs: Iterable[Callable[[], T]],
    threads: int,
    ahead: int | None = None,
    begin: Callable[[], object] | None = None,
) -> Iterator[T]:
    """Results of `jobs` in their order, at most `ahead` of them in flight or waiting.

    That is `2 * threads` if not given; more where jobs differ much in length and results are small.
    Threads of its own call `begin` first; with one thread jobs run on the caller's.
    """
    ahead = ahead or 2 * threads
    if threads <= 1:
        for job in jobs:
            yield job()
        return
    with ThreadPoolExecutor(threads, initializer=begin or _nothing) as pool:
        waiting: deque[Future[T]] = deque()
        for job in jobs:
            waiting.append(pool.submit(job))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _nothing() -> None:
    """What a thread does first where nothing is asked of it."""
