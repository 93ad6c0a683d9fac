"""Threads: results in order, few in flight, errors where they belong."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from stillwatch.engine.threads import map_ordered


@pytest.mark.parametrize("threads", [0, 1, 2, 5])
def test_results_keep_the_order_of_the_jobs(threads: int):
    """Whatever finishes first; no jobs give no results."""
    pause = threading.Event()

    def job(i: int) -> int:
        """Every third job is slow."""
        if i % 3 == 0:
            pause.wait(0.002)
        return i

    assert list(map_ordered((partial(job, i) for i in range(40)), threads)) == list(range(40))
    assert list(map_ordered([], threads)) == []


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_comes_out_after_the_results_before_it(threads: int):
    """The first failing job's exception is raised in its place."""

    def job(i: int) -> int:
        """The fifth job fails."""
        if i == 5:
            raise ValueError("job 5")
        return i

    results = map_ordered((partial(job, i) for i in range(30)), threads)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="job 5"):
        next(results)


@pytest.mark.parametrize("threads", [1, 2])
def test_jobs_are_taken_as_results_are(threads: int):
    """No more jobs are taken than may be in flight or waiting: memory is bounded."""
    taken = []

    def jobs():
        """Counts what is asked for."""
        for i in range(100):
            taken.append(i)
            yield partial(int, i)

    results = map_ordered(jobs(), threads)
    for i in range(20):
        assert next(results) == i
        assert len(taken) <= i + 2 * threads + 1
    results.close()
    assert len(taken) <= 20 + 2 * threads


def test_a_long_job_holds_up_only_as_many_as_may_go_ahead():
    """With more `ahead` than jobs, all are done while the first is not."""
    others = threading.Barrier(2)
    done = []

    def first() -> int:
        """Waits for the last."""
        others.wait(10)
        return 0

    def job(i: int) -> int:
        """The last lets the first go."""
        done.append(i)
        if i == 20:
            others.wait(10)
        return i

    jobs = [first, *(partial(job, i) for i in range(1, 21))]
    assert list(map_ordered(jobs, 2, ahead=100)) == list(range(21))
    assert done == list(range(1, 21))
