"""Texts of sample exchanges, read from the log when pages first ask for them, and shown redacted.

Reading goes on in the background, since an exchange is found by looking through the log. Texts stay
in this process's memory, the last so many of them; nothing is written anywhere.
"""

from __future__ import annotations

import queue
import threading
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

from stillwatch.errors import StillwatchError
from stillwatch.reports import Sample, read_samples

KEPT = 20_000
"""Texts that stay in memory."""

AT_ONCE = 2_000
"""Exchanges that are looked for in one look through the log."""


class Texts:
    """Samples by exchange id. Without a log there are none."""

    def __init__(self, log: Path | None) -> None:
        self._log = log
        self._found: OrderedDict[str, Sample | None] = OrderedDict()
        self._lock = threading.Lock()
        self._wanted: queue.SimpleQueue[list[str] | None] = queue.SimpleQueue()
        self._asked: set[str] = set()
        self.fault: str | None = None
        self._worker: threading.Thread | None = None

    @property
    def reading(self) -> bool:
        """Whether some texts that were asked for are still to come."""
        return bool(self._asked)

    def want(self, exchange_ids: Iterable[str]) -> None:
        """Have these read, but for those that are at hand or asked for already."""
        if self._log is None:
            return
        with self._lock:
            new = [i for i in exchange_ids if i not in self._found and i not in self._asked]
            self._asked.update(new)
            if new and self._worker is None:
                self._worker = threading.Thread(target=self._read_on, daemon=True)
                self._worker.start()
        for begin in range(0, len(new), AT_ONCE):
            self._wanted.put(new[begin : begin + AT_ONCE])

    def of(self, exchange_ids: Iterable[str], most: int) -> list[tuple[str, Sample]]:
        """What there is of these now, at most so many; the rest is asked for."""
        ids = list(dict.fromkeys(exchange_ids))[:most]
        self.want(ids)
        with self._lock:
            found = [(i, self._found.get(i)) for i in ids]
        return [(i, sample) for i, sample in found if sample is not None]

    def close(self) -> None:
        """Read no further."""
        self._wanted.put(None)

    def _read_on(self) -> None:
        assert self._log is not None
        while (ids := self._wanted.get()) is not None:
            try:
                found = read_samples(self._log, ids)
                self.fault = None
            except (StillwatchError, OSError) as fault:
                found, self.fault = {}, str(fault)
            with self._lock:
                for i in ids:
                    self._found[i] = found.get(i)
                self._asked.difference_update(ids)
                while len(self._found) > KEPT:
                    self._found.popitem(last=False)
