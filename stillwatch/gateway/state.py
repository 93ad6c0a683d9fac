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
_NUMBER, _REQUESTS, _REFUSED = range(3)

_FRESH = np.zeros(1, SLOT)
_FRESH["campaign"] = _FRESH["summed"] = -1


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


class Alone:
    """Alone among workers, where that can be had soon; entered, it tells whether it could.

    To be entered by one thread at a time. Where a signal's handler raises meanwhile, it may stay
    with this worker until the next time.
    """

    def __init__(self, file: int) -> None:
        self._file, self._sure = file, False

    def __enter__(self) -> bool:
        self._sure = self._taken()
        return self._sure

    def __exit__(self, *_: object) -> None:
        if self._sure:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _taken(self) -> bool:
        for _ in range(PATIENCE):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except OSError:
                os.sched_yield()
        return False


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
        size = BUCKETS * WINDOW.itemsize
        at = HEADER.itemsize + worker % WORKERS * size
        self._mine = memoryview(data)[at : at + size].cast("q", (BUCKETS, 3))
        self.threads, self.alone = threading.Lock(), Alone(handle)
        """Entered one after the other by whoever changes a slot."""

    def slot_of(self, key: int, check: int, now: int) -> int:
        """The place of an account's slot, made empty if it had none; `now` is when it was seen."""
        return int(_slot_of(self.slots, np.uint64(key), np.uint64(check), now, _FRESH))

    def throttle(self, place: int, now: int, since: int, every_us: int, burst: int) -> int:
        """Microseconds that a slowed account has to wait; 0 where its request may go on.

        A bucket that leaks (GCRA): one request in `every_us`, `burst` at once for whoever was quiet
        so long. It is empty at first, from `since` on.
        """
        return _throttle(self.slots, place, now, since, every_us, burst)

    def refuse(self, place: int, now: int, window_us: int) -> int:
        """Count a refusal of an account; how many it has had in this window."""
        return _refuse(self.slots, place, now // window_us)

    def count(self, now: int, window_us: int, refused: bool) -> None:
        """Count a request in this worker's window."""
        number = now * BUCKETS // window_us
        mine, at = self._mine, number % BUCKETS
        if mine[at, _NUMBER] != number:
            mine[at, _REQUESTS] = mine[at, _REFUSED] = 0
            mine[at, _NUMBER] = number
        mine[at, _REQUESTS] += 1
        mine[at, _REFUSED] += refused

    def shares(self, now: int, window_us: int) -> tuple[int, int]:
        """Refused and all requests of the last window, of all workers."""
        return _shares(self._windows, now * BUCKETS // window_us - BUCKETS)

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


def warm_up() -> None:
    """Load what is compiled, with slots and windows of nobody's."""
    slots = np.zeros(REACH, SLOT)
    place = _slot_of(slots, np.uint64(1), np.uint64(1), 1, _FRESH)
    _throttle(slots, place, 1, 1, 1, 1)
    _refuse(slots, place, 1)
    _shares(np.zeros((1, BUCKETS), WINDOW), 1)


@nb.njit(nogil=True, cache=True)
def _slot_of(slots, key, check, now, fresh):
    """The slot of an account: its own, else an empty one, else the one that was seen first."""
    best, free = -1, -1
    for step in range(REACH):
        place = np.int64((key + np.uint64(step)) % np.uint64(len(slots)))
        slot = slots[place]
        if slot.key == key and slot.check == check:
            slot.seen = max(slot.seen, now)
            return place
        if free < 0 and slot.key == 0 and slot.check == 0:
            free = place
        if best < 0 or slot.seen < slots[best].seen:
            best = place
    place = free if free >= 0 else best
    slots[place] = fresh[0]
    slots[place].key, slots[place].check, slots[place].seen = key, check, now
    return place


@nb.njit(nogil=True, cache=True)
def _throttle(slots, place, now, since, every_us, burst):
    account = slots[place]
    at = account.free_at if account.free_at != 0 else since + burst * every_us
    at = min(max(at, now), now + burst * every_us)
    wait = at - (burst - 1) * every_us - now
    if wait <= 0:
        account.free_at = at + every_us
        return 0
    if account.free_at == 0:
        account.free_at = at
    return wait


@nb.njit(nogil=True, cache=True)
def _refuse(slots, place, window):
    account = slots[place]
    if account.window != window:
        account.window, account.refused = window, 0
    account.refused += 1
    return account.refused


@nb.njit(nogil=True, cache=True)
def _shares(windows, before):
    """Refused and all requests of the windows that are later than the one of number `before`."""
    refused = requests = 0
    for worker in range(len(windows)):
        for bucket in range(windows.shape[1]):
            one = windows[worker, bucket]
            if one.number > before:
                refused += one.refused
                requests += one.requests
    return refused, requests
