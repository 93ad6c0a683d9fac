"""The scene: what the makers of traffic add to, and what is written out in the end.

A maker adds accounts, places, clients and calls, and emits blocks of exchanges that refer to them
by number, onto the disk; strings exist only while a day is written.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stillwatch.worlds.accounts import AccountBook
from stillwatch.worlds.blocks import Blocks
from stillwatch.worlds.calls import CallBook
from stillwatch.worlds.clients import ClientBook
from stillwatch.worlds.places import PlaceBook
from stillwatch.worlds.spool import BLOCK, Spool
from stillwatch.worlds.texts.phrases import PhraseBook

MODELS = ("lumen-3-mini", "lumen-3", "lumen-3-max", "lumen-4")
NEWEST = 3


@dataclass(frozen=True)
class Window:
    """The span of a world: first and last moment, and when the newest model came out."""

    start: int
    end: int
    release: int


class Scene:
    """One world in the making."""

    def __init__(
        self,
        seed: int,
        window: Window,
        book: PhraseBook,
        folder: Path,
        blocks: Blocks | None = None,
    ) -> None:
        self.seed, self.window, self.book = seed, window, book
        self.spool = Spool(folder, window.start, window.end)
        self.accounts = AccountBook(self.rng("accounts"), window.start, window.end)
        self.places = PlaceBook(self.rng("places"), blocks)
        self.clients = ClientBook(self.rng("clients"), seed)
        self.calls = CallBook(seed)
        self.agent_toolsets: np.ndarray | None = None
        self._conversations = 0
        self._numbers = 0

    def rng(self, purpose: str) -> np.random.Generator:
        """An independent stream for one purpose: the same for the same seed, in any order."""
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode())])

    def conversations(self, n: int) -> int:
        """Reserve `n` conversation numbers; returns the first."""
        first, self._conversations = self._conversations, self._conversations + n
        return first

    def numbers(self, n: int) -> np.ndarray:
        """`n` fresh numbers for keys, end users, organisations and payment instruments."""
        first, self._numbers = self._numbers, self._numbers + n
        return np.arange(first, self._numbers, dtype=np.int32)

    def emit(self, **columns: np.ndarray | int) -> np.ndarray:
        """Add exchanges; scalars are repeated, rows outside the window or an account's life go.

        Returns the accounts of the exchanges that were kept.
        """
        block, _ = self.block(banned=False, **columns)
        self.spool.add(block)
        return block["account"]

    def block(
        self, *, banned: bool = False, **columns: np.ndarray | int
    ) -> tuple[np.ndarray, np.ndarray]:
        """What `emit` adds: rows of `spool.BLOCK` by time, and which of the given ones they are.

        With `banned`, those of banned accounts are among them.
        """
        ts = np.asarray(columns["ts"], dtype=np.int64)
        account = np.asarray(columns["account"], dtype=np.int32)
        born, died = self.accounts.lives()
        keep = (ts >= self.window.start) & (ts < self.window.end)
        keep &= (ts >= born[account]) & (banned | (ts < died[account]))
        rows = np.flatnonzero(keep)
        rows = rows[np.argsort(ts[rows], kind="stable")]
        block = np.empty(len(rows), dtype=BLOCK)
        for name in BLOCK.fields or ():
            value = np.asarray(columns.get(name, -1))
            block[name] = value if value.ndim == 0 else value[rows]
        return block, rows

    def choose_models(
        self, rng: np.random.Generator, owners: np.ndarray, ts: np.ndarray, eager: float = 0.35
    ) -> np.ndarray:
        """A model for each exchange: a customer's habit, and the newest one once it is taken up.

        A share `eager` of the customers takes up the newest model at a date of its own after the
        release (half of them within six days).
        """
        ids, at = np.unique(owners, return_inverse=True)
        habit = rng.choice(3, size=len(ids), p=[0.3, 0.5, 0.2])
        delay = rng.exponential(6, len(ids)) * 86_400_000_000
        switch = np.where(rng.random(len(ids)) < eager, self.window.release + delay, float(2**62))
        other = rng.random(len(ts)) < 0.06
        model = np.where(other, rng.integers(0, 3, len(ts)), habit[at])
        return np.where((ts >= switch[at]) & (rng.random(len(ts)) < 0.9), NEWEST, model)
