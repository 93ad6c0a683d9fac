"""What gates remember from request to request, shared by all workers of a machine.

One file that every worker maps: a header of counters, windows of each worker's own, and slots of
accounts that are slowed or new. An account's slot is one of `REACH` that follow from its digest;
where all are taken the one that was seen longest ago is given up, so memory stays bounded and what
is lost is the oldest. Changes are made under a lock that is waited for at most `PATIENCE` tries:
whoever doesn't get it goes on, and takes budgets for spent.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numba as nb
import numpy as np

from stillwatch.errors import TableBroken
from stillwatch.tables import CONTENT_COMPONENTS

CAMPAIGNS = 16
"""Campaigns whose work new accounts are asked for at once."""

SLOTS = 1 << 16
"""New and slowed accounts that are remembered: some 50 MB once all are in use."""

REACH = 16
PATIENCE = 200
WORKERS = 64
BUCKETS = 8
MAGIC = 0x5357_5354_4154_4533
DAY_US = 86_400_000_000

SLOT = np.dtype(
    [
        ("key", "u8"),
        ("check", "u8"),
        ("seen", "i8"),
        ("free_at", "i8"),
        ("recognised", "i8"),
        ("window", "i8"),
        ("stamp", "u8"),
        ("evidence", "f4"),
        ("requests", "u4"),
        ("refused", "u2"),
        ("threads", "u2"),
        ("campaign", "i2"),
        ("summed", "i2"),
        ("names", "u4", (CAMPAIGNS,)),
        ("asked", "u2", (CAMPAIGNS,)),
        ("hits", "u2", (CAMPAIGNS,)),
        ("any_hits", "u2"),
        ("access", "u4"),
        ("seats", "u4"),
        ("sits", "u4"),
        ("sat", "u8", (2,)),
        ("sums", "i2", (CONTENT_COMPONENTS,)),
        ("squares", "u4"),
        ("parts", "u4"),
    ],
    align=True,
)
"""One account. Times are microseconds; `free_at` is when a slowed one has all its requests back.

Of its `threads`, `any_hits` were some campaign's work. `stamp` says for which campaigns it counts,
and `names` are digests of their names: `hits` by campaign, of the threads `asked` since it is live.
`access` has a bit for each whose way it came, and `seats` for each at whose members' seats it sat;
`sits` is 1 at one, 2 at two of one kind, and `sat` has the first of each kind. `sums` and `squares`
add the embeddings of its `parts` hits of the campaign `summed`.
"""

HEADER = np.dtype(
    [
        ("magic", "u8"),
        ("day", "i8"),
        ("recognised", "i8"),
        ("opened", "i8"),
        ("refused", "f8"),
        ("of", "f8"),
    ]
)
"""`recognised` accounts this `day`; `opened` is when the breaker opened, 0 while it is closed, and
`refused` and `of` the requests of the window that opened it."""

WINDOW = np.dtype([("number", "i8"), ("requests", "i8"), ("refused", "i8")])


@dataclass(frozen=True)
class BreakerState:
    """Whether the breaker is open: since when (microseconds), and by so many refused of all."""

    opened_us: int
    refused: int
    requests: int

    @property
    def open(self) -> bool:
        """Whether nothing is done to anybody."""
        return self.opened_us > 0


class State:
    """The shared state in the file `path`, for the worker of a number."""

    def __init__(self, path: Path, worker: int = 0, slots: int = SLOTS) -> None:
        windows = WORKERS * BUCKETS * WINDOW.itemsize
        size = HEADER.itemsize + windows + slots * SLOT.itemsize
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            there = os.fstat(handle).st_size
            if not there:
                os.ftruncate(handle, size)
            data = mmap.mmap(handle, 0)
            self._header = np.frombuffer(data, HEADER, 1)
            if not there:
                self._header["magic"] = MAGIC
            if len(data) < HEADER.itemsize + windows or self._header["magic"][0] != MAGIC:
                raise TableBroken(
                    path,
                    "is no gate's state, or another version's",
                    "Remove it: it is made anew, with the breaker closed and nobody recognised",
                )
        except BaseException:
            fcntl.flock(handle, fcntl.LOCK_UN)  # the mapping holds the file, and so the lock
            os.close(handle)
            raise
        fcntl.flock(handle, fcntl.LOCK_UN)
        count = (len(data) - HEADER.itemsize - windows) // SLOT.itemsize
        self._windows = np.frombuffer(data, WINDOW, WORKERS * BUCKETS, HEADER.itemsize).reshape(
            WORKERS, BUCKETS
        )
        self.slots = np.frombuffer(data, SLOT, count, HEADER.itemsize + windows)
        self._mine = self._windows[worker % WORKERS]
        self._key, self._check, self._seen = (self.slots[n] for n in ("key", "check", "seen"))
        self._file, self._threads = handle, threading.Lock()

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Alone in the state, where that can be had soon; whether it could."""
        with self._threads:
            sure = False
            for _ in range(PATIENCE):
                try:
                    fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    sure = True
                    break
                except OSError:
                    os.sched_yield()
            try:
                yield sure
            finally:
                if sure:
                    fcntl.flock(self._file, fcntl.LOCK_UN)

    def slot_of(self, key: int, check: int, now: int) -> int:
        """The place of an account's slot, made empty if it had none; `now` is when it was seen."""
        place, fresh = _find(
            self._key, self._check, self._seen, np.uint64(key), np.uint64(check), now
        )
        if fresh:
            row = self.slots[place : place + 1]
            row.view(np.uint8)[:] = 0
            row["key"], row["check"], row["seen"] = key, check, now
            row["campaign"] = row["summed"] = -1
        return int(place)

    def throttle(self, place: int, now: int, since: int, every_us: int, burst: int) -> int:
        """Microseconds that a slowed account has to wait; 0 where its request may go on.

        A bucket that leaks (GCRA): one request in `every_us`, `burst` at once for whoever was quiet
        so long. It is empty at first, from `since` on.
        """
        row = self.slots[place]
        at = int(row["free_at"]) or since + burst * every_us
        at = min(max(at, now), now + burst * every_us)
        wait = at - (burst - 1) * every_us - now
        if wait > 0:
            if not row["free_at"]:
                row["free_at"] = at
            return wait
        row["free_at"] = at + every_us
        return 0

    def count(self, now: int, window_us: int, refused: bool) -> None:
        """Count a request in this worker's window."""
        number = now * BUCKETS // window_us
        row = self._mine[number % BUCKETS]
        if row["number"] != number:
            row["requests"] = row["refused"] = 0
            row["number"] = number
        row["requests"] += 1
        row["refused"] += refused

    def shares(self, now: int, window_us: int) -> tuple[int, int]:
        """Refused and all requests of the last window, of all workers."""
        number = now * BUCKETS // window_us
        last = self._windows[self._windows["number"] > number - BUCKETS]
        return int(last["refused"].sum()), int(last["requests"].sum())

    @property
    def breaker(self) -> BreakerState:
        """The circuit breaker."""
        header = self._header[0]
        return BreakerState(int(header["opened"]), int(header["refused"]), int(header["of"]))

    def is_open(self) -> bool:
        """Whether the breaker is open, at no cost."""
        return bool(self._header["opened"][0])

    def open_breaker(self, now: int, refused: int, requests: int) -> None:
        """Open it, until a person closes it."""
        self._header["refused"], self._header["of"] = refused, requests
        self._header["opened"] = max(1, now)

    def close_breaker(self) -> None:
        """Close it, and forget the window that opened it."""
        self._windows["requests"] = self._windows["refused"] = 0
        self._header["opened"] = 0

    def take_recognised(self, now: int, most: int) -> bool:
        """Take one of the `most` accounts that may be acted on by recognition a day (UTC)."""
        header = self._header[0]
        if header["day"] != now // DAY_US:
            header["day"], header["recognised"] = now // DAY_US, 0
        if header["recognised"] >= most:
            return False
        header["recognised"] += 1
        return True


@nb.njit(nogil=True, cache=True)
def _find(key, check, seen, wanted, other, now):
    """The slot of an account: its own, else an empty one, else the one that was seen first."""
    slots = np.uint64(len(key))
    best, free = -1, -1
    for step in range(REACH):
        place = np.int64((wanted + np.uint64(step)) % slots)
        if key[place] == wanted and check[place] == other:
            seen[place] = max(seen[place], now)
            return place, False
        if free < 0 and key[place] == 0 and check[place] == 0:
            free = place
        if best < 0 or seen[place] < seen[best]:
            best = place
    return (free if free >= 0 else best), True
