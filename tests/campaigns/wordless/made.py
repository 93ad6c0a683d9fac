"""Logs without text, by hand: honest accounts, a reseller's pool, and a campaign inside one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from stillwatch.campaigns.wordless.works import Works
from stillwatch.signals.manner import manners
from stillwatch.tables import CAPABILITIES, CONTENT_COMPONENTS, FRAME_BANDS, SIGNALS
from stillwatch.traffic import Candidates, Group, Nearest, Traffic
from tests.profiles.traffic_made import columns_of, gathered

DAY_US = 86_400_000_000
DAYS = 20
MIX = np.uint64(0x9E3779B97F4A7C15)
CHOICES = 40
"""Settings that customers have, each one of them; some are popular."""


class Silent:
    """Threads added one by one; what is not said is the same everywhere."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.rows: list[dict[str, int]] = []
        self.names: list[str] = []
        self.registered: dict[int, dict[str, int]] = {}
        self._thread = 0

    def account(self, name: str, **registration: int) -> int:
        """A new account's key."""
        self.names.append(name)
        self.registered[len(self.names)] = registration
        return len(self.names)

    def thread(self, account: int, settings: int, tokens: int, pauses: int, network: int) -> None:
        """A thread of 1 + `pauses` exchanges, three minutes apart, with answers of `tokens`."""
        self._thread += 1
        begin = int(self.rng.integers(0, DAYS * DAY_US))
        for step in range(1 + pauses):
            self.rows.append(
                {
                    "account": account,
                    "conversation": self._thread,
                    "settings": settings,
                    "output_tokens": tokens,
                    "input_tokens": int(self.rng.lognormal(5, 1)),
                    "turns": 2 * step + 1,
                    "network": network,
                    "ts": begin + step * 180_000_000,
                    "model": 1 + account % 3,
                }
            )

    def customer(self) -> tuple[int, float]:
        """Settings and the usual length of answers of somebody new."""
        return 100 + int(CHOICES * self.rng.random() ** 1.5), float(self.rng.lognormal(5.3, 0.5))

    def chat(self, account: int, settings: int, usual: float, network: int) -> None:
        """A person's thread: read, and mostly answered."""
        tokens = int(usual * self.rng.lognormal(0, 0.6))
        self.thread(account, settings, tokens, int(self.rng.integers(0, 5)), network)

    def honest(self, n: int) -> Silent:
        """Independent customers."""
        for i in range(n):
            account = self.account(f"h-{i:03}", payment=9_000 + i)
            settings, usual = self.customer()
            for _ in range(int(self.rng.integers(10, 40))):
                self.chat(account, settings, usual, 5_000 + i)
        return self

    def pool(
        self, start: str, n: int, *, own: float = 1.0, spare: int = 0, networks: int = 0
    ) -> Silent:
        """A reseller's accounts: `own` of each but the last `spare` is customers', the rest one
        queue's, of three settings. They share networks and cards by the handful."""
        accounts = [
            self.account(f"{start}-{i:03}", payment=100 + i // 6, cohort=7 + i % 3)
            for i in range(n)
        ]
        customers = [self.customer() for _ in range(4 * n)]
        for i, account in enumerate(accounts):
            share = 1.0 if i >= n - spare else own
            for _ in range(80):
                network = 300 + int(self.rng.integers(0, networks or max(2, n // 5)))
                if self.rng.random() < share:
                    self.chat(account, *customers[self.rng.integers(0, len(customers))], network)
                else:
                    settings = 1 + int(self.rng.integers(0, 3))
                    tokens = int(700 * self.rng.lognormal(0, 0.5))
                    self.thread(account, settings, tokens, 0, network)
        return self

    def traffic(self, *hidden: str) -> Traffic:
        """What a run would gather, with the columns of `hidden` unknown."""
        n = len(self.rows)
        unknown = {"output_tokens": -1, "input_tokens": -1}
        columns: dict[str, pa.Array] = {}
        for field in SIGNALS:
            if pa.types.is_integer(field.type):
                values = [row.get(field.name, 0) for row in self.rows]
                if field.name in hidden:
                    values = [unknown.get(field.name, 0)] * n
                columns[field.name] = pa.array(values, field.type)
        columns["exchange"] = pa.array(np.arange(1, n + 1).astype(np.uint64) * MIX)
        columns["capability"] = pa.array(np.full(n, CAPABILITIES.index("other"), np.int8))
        columns["max_tokens"] = pa.array(np.full(n, -1, np.int32))
        blank = {"bands": (FRAME_BANDS, np.uint64), "content": (CONTENT_COMPONENTS, np.int8)}
        for name, (width, kind) in blank.items():
            flat = pa.array(np.zeros(n * width, kind))
            columns[name] = pa.FixedSizeListArray.from_arrays(flat, width)
        table = pa.table([columns[name] for name in SIGNALS.names], schema=SIGNALS)
        kinds = ("org", "payment", "email_domain", "program", "signup_network", "cohort")
        registered = pa.table(
            {"account": pa.array(list(self.registered), pa.uint64())}
            | {
                kind: pa.array([r.get(kind, 0) for r in self.registered.values()], pa.uint64())
                for kind in kinds
            }
        )
        names = {
            "account_id": dict(enumerate(self.names, 1)),
            "model": {m: f"model-{m}" for m in (1, 2, 3)},
        }
        manner = np.concatenate(list(manners(columns_of(table))))
        return replace(gathered(table, registered, names, content=manner), text=False)


def places(traffic: Traffic, start: str) -> np.ndarray:
    """Places of the accounts whose names begin so."""
    ids = traffic.accounts.ids
    return np.array([i for i, name in enumerate(ids) if name.startswith(start)], np.int64)


def found_as(traffic: Traffic, *starts: str) -> Candidates:
    """What the finders would hand on, had they found these by their access."""
    none = np.zeros(0, np.int64)
    nothing = Nearest(none, np.zeros((0, 5), np.int64), np.zeros((0, 5)), np.zeros((0, 5)))
    return Candidates(
        [], [Group(places(traffic, start), ("shared origin",)) for start in starts], nothing
    )


def some_works(account: list[int], settings: list[int], unread: list[int] | None = None) -> Works:
    """Threads by hand, of one exchange each; settings are keys, 0 unknown."""
    keys, place = np.unique(np.array(settings, np.uint64), return_inverse=True)
    flags = np.array(unread if unread is not None else [0] * len(account), bool)
    return Works(np.array(account), place, flags, keys)
