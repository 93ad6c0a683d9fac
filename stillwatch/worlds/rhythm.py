"""When requests happen: conversations with human gaps, days and nights, jobs, bursts.

Times are microseconds since the epoch (int64). All of it is arrays in, arrays out.
"""

from __future__ import annotations

import numpy as np

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR


def split_counts(
    rng: np.random.Generator, totals: np.ndarray, mean: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cut each total into conversations of geometric length about `mean`.

    Returns (owner, length) of each conversation, owners in order; lengths of an owner sum to its
    total.
    """
    totals = np.asarray(totals, dtype=np.int64)
    n = int(totals.sum())
    if n == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    owner_of = np.repeat(np.arange(len(totals)), totals)
    new = rng.random(n) < 1.0 / max(mean, 1.0)
    new[0] = True
    new[1:] |= owner_of[1:] != owner_of[:-1]
    starts = np.flatnonzero(new)
    return owner_of[starts], np.diff(np.append(starts, n))


def within(lengths: np.ndarray) -> np.ndarray:
    """0, 1, 2, ... inside each run of the given lengths."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)


def running(gaps: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Cumulative sums of `gaps` that restart (at 0) with each run: gap i leads to element i."""
    if not len(gaps):
        return gaps
    firsts = np.cumsum(lengths) - lengths
    gaps = gaps.copy()
    gaps[firsts] = 0
    total = np.cumsum(gaps)
    return total - np.repeat(total[firsts], lengths)


def human_gaps(rng: np.random.Generator, n: int) -> np.ndarray:
    """Seconds between the turns of a person: median 75, long tail."""
    return np.minimum(rng.lognormal(np.log(75), 1.0, n), 6 * 3600)


def agent_gaps(rng: np.random.Generator, n: int) -> np.ndarray:
    """Seconds between the requests of a coding agent: p10/p50/p90/p99 near 8/18/130/2200.

    A mixture of tool loops (median 15 s) and waits for a person, fitted by eye to published
    session traces.
    """
    waits = rng.random(n) < 0.16
    return np.where(
        waits, rng.lognormal(np.log(200), 1.35, n), rng.lognormal(np.log(15), 0.55, n)
    ).clip(1, 20_000)


def job_gaps(rng: np.random.Generator, n: int, mean_s: np.ndarray | float) -> np.ndarray:
    """Seconds between the requests of a program: gamma with shape 0.7, so a little bursty."""
    return rng.gamma(0.7, 1 / 0.7, n) * mean_s


def life_moments(
    rng: np.random.Generator, owners: np.ndarray, born: np.ndarray, died: np.ndarray
) -> np.ndarray:
    """A moment in the life of each owner: half scattered, half near a few busy spells of its own.

    `owners` [n] indexes `born` and `died` [m].
    """
    m = len(born)
    spells = rng.random((m, 4))
    u = rng.random(len(owners))
    near = spells[owners, (rng.random(len(owners)) ** 1.7 * 4).astype(int)]
    near = near + rng.normal(0, 0.025, len(owners))
    u = np.where(rng.random(len(owners)) < 0.55, np.abs(near) % 1.0, u)
    return (born[owners] + u * (died - born)[owners]).astype(np.int64)


def by_daylight(
    rng: np.random.Generator, moments: np.ndarray, offset_h: np.ndarray, night: np.ndarray | float
) -> np.ndarray:
    """Move each moment, inside its UTC day, to an hour that fits its owner's local day.

    `offset_h` [n] are UTC offsets; a share `night` of the moments keeps any hour at all.
    """
    n = len(moments)
    work = rng.normal(13.5, 3.0, n)
    evening = rng.normal(20.5, 2.0, n)
    local = np.where(rng.random(n) < 0.6, work, evening)
    hour = np.where(rng.random(n) < night, rng.random(n) * 24, (local - offset_h) % 24)
    return moments // DAY * DAY + (hour * HOUR).astype(np.int64)


def heavy_volumes(
    rng: np.random.Generator, n: int, mean: float, sigma: float, *, low: int = 1, high: float = 40.0
) -> np.ndarray:
    """Lognormal counts with the given mean, at least `low`, at most `high` times the mean."""
    v = rng.lognormal(np.log(mean) - sigma**2 / 2, sigma, n)
    return np.clip(v, low, high * mean).round().astype(np.int64)
