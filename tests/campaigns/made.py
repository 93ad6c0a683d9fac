"""Logs written by hand as signals: honest customers, a campaign, and what looks like one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import pyarrow as pa

from stillwatch.campaigns.component import Component, Outsiders
from stillwatch.campaigns.ground import Ground, ground
from stillwatch.campaigns.outsiders import outsiders
from stillwatch.profiles.threads import threads
from stillwatch.tables import CAPABILITIES, CONTENT_COMPONENTS, FRAME_BANDS, SIGNALS
from stillwatch.traffic import (
    Accounts,
    Candidates,
    Cells,
    Exchanges,
    Group,
    Incidence,
    Nearest,
    Slices,
    Traffic,
)
from tests.profiles.traffic_made import SCALE, gathered

DAYS = 14
DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
TOPICS = 40
CODE = {name: code for code, name in enumerate(CAPABILITIES)}
HONEST = ("chat", "mathematical_reasoning", "other", "mathematical_reasoning", "coding")
MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Made:
    """A log's traffic; `common` (n,) says which exchanges are of common work."""

    traffic: Traffic
    common: np.ndarray

    @cached_property
    def ground(self) -> Ground:
        """What all judgement of it stands on."""
        return ground(self.traffic)

    def places(self, start: str) -> np.ndarray:
        """Places of the accounts whose ids begin so."""
        ids = self.traffic.accounts.ids
        return np.array([i for i, name in enumerate(ids) if name.startswith(start)], np.int64)

    def group(self, start: str) -> Group:
        """Those accounts as a candidate group."""
        return Group(self.places(start), ("twins",))

    def rows(self, start: str) -> np.ndarray:
        """Their exchanges, thread by thread."""
        return self.traffic.exchanges.rows_of(self.places(start))

    def others(self, *starts: str) -> Outsiders:
        """The outsiders, where groups are the accounts whose ids begin so."""
        return outsiders(self.traffic, [self.group(s) for s in starts], self.ground)

    def component(self, start: str = "m", *, only_common: bool = True) -> Component:
        """Those accounts with their common work as the truth has it, against the rest."""
        rows = self.rows(start)
        chosen = rows[self.common[rows]] if only_common else rows
        rest = np.setdiff1d(rows, chosen)
        return Component(chosen, rows, self.places(start), self.others(start), rest)

    def candidates(self, *groups: str, networks: tuple[str, ...] = ()) -> Candidates:
        """What the finders would hand on, had they found these."""
        everybody = np.arange(len(self.traffic.accounts))
        other = np.roll(everybody, 1)[:, None]
        far = np.full((len(everybody), 1), 0.25)
        return Candidates(
            [self.group(s) for s in groups],
            [self.group(s) for s in networks],
            Nearest(everybody, other, far, 2 * far),
        )


def bare(account: list[int], frame: list[int], ts: list[int] | None = None) -> Traffic:
    """Traffic that says nothing but which account sent which frame, in order or at times `ts`."""
    n, people = len(account), max(account) + 1
    keys = {
        "exchange": np.arange(1, n + 1, dtype=np.uint64),
        "ts": np.array(range(n) if ts is None else ts, np.int64),
        "frame": np.array(frame, np.uint64),
    }
    nothing = np.zeros(n, np.uint64)
    alone = (nothing, nothing, np.ones(n, np.int32))
    keys["thread"], followed = threads(
        np.array(account), keys["ts"], keys["exchange"], *alone, people
    )
    content, ids = np.zeros((n, 256), np.int8), pa.chunked_array([], pa.string())
    exchanges = Exchanges(np.array(account), keys, content, ids, followed)
    none, load = np.zeros(people, np.uint64), np.bincount(account)
    span = [np.full(people, edge) for edge in (keys["ts"].min(), keys["ts"].max())]
    accounts = Accounts(
        [f"a-{i}" for i in range(people)],
        load,
        *span,
        none,
        {},
        {},
    )
    # Figures of frames look at nothing else.
    nothing = cast(Slices, None), cast(Cells, None), cast(Incidence, None)
    return Traffic(accounts, exchanges, *nothing, {}, SCALE)


def alone(traffic: Traffic) -> Component:
    """All of the traffic as one component, with no outsiders at hand."""
    rows = np.arange(len(traffic.exchanges))
    everyone = np.arange(len(traffic.accounts))
    return Component(rows, rows, everyone, cast(Outsiders, None), rows[:0])


class Log:
    """Exchanges added one by one; unless told otherwise every key is an exchange's own."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.rows: list[dict] = []
        self.names: dict[str, int] = {}
        self.registered: dict[str, dict[str, int]] = {}
        self.orgs: dict[int, str] = {}
        self._key = 1000
        self.topics = _unit(np.random.default_rng(99).normal(size=(TOPICS + 20, 256)))

    def key(self) -> int:
        """A key that nothing else has."""
        self._key += 1
        return self._key * int(MIX) % 2**63

    def say(self, topic: int) -> np.ndarray:
        """An embedding of something about a topic: cosine 0.6 with it, the rest by itself."""
        noise = _unit(self.rng.normal(size=(1, CONTENT_COMPONENTS)))[0]
        vector = _unit((0.6 * self.topics[topic] + 0.8 * noise)[None, :])[0]
        return np.clip(np.round(vector * SCALE), -127, 127).astype(np.int8)

    def send(self, account: str, *, common: bool = False, **columns) -> None:
        """One exchange; `columns` are of `tables.SIGNALS`, or `topic` for content about it."""
        self.names.setdefault(account, 7 + 13 * len(self.names))
        topic = columns.pop("topic", None)
        if topic is not None:
            columns["content"] = self.say(topic)
        self.rows.append(columns | {"account": self.names[account], "common": common})

    def customer(self, account: str, exchanges: int, topics: int = 4, **columns) -> None:
        """Honest traffic: a few interests, days and a network of its own, talks of some turns."""
        about = self.rng.choice(TOPICS, topics, replace=False)
        day = self.rng.choice(DAYS, max(2, int(self.rng.integers(3, 9))), replace=False)
        own = {"network": self.key(), "device": self.key(), "system": self.key()}
        habits = [self.key() for _ in range(3)]
        sent = 0
        while sent < exchanges:
            topic = int(self.rng.choice(about))
            ts = int(self.rng.choice(day)) * DAY_US + int(self.rng.integers(0, 20 * HOUR_US))
            talk, opening = self.key(), self.key()
            for turn in range(min(int(self.rng.integers(1, 5)), exchanges - sent)):
                frame = int(self.rng.choice(habits)) if self.rng.random() < 0.3 else self.key()
                told = {
                    "topic": topic,
                    "capability": CODE[HONEST[topic % len(HONEST)]],
                    "ts": ts + turn * 60_000_000,
                    "turns": 1 + 2 * turn,
                    "conversation": talk,
                    "opening": opening,
                    "frame": frame,
                    "max_tokens": 1024,
                }
                self.send(account, **(told | own | columns))
                sent += 1

    def outsiders(self, n: int = 60) -> Log:
        """`n` customers, called c-.., of very different loads."""
        for i in range(n):
            self.customer(f"c-{i:03d}", int(np.clip(self.rng.lognormal(3.4, 0.6), 12, 120)))
        return self

    def campaign(
        self,
        members: int = 10,
        each: int = 40,
        own: int = 15,
        start: str = "m",
        topic: int = TOPICS,
        pool: int | None = 400,
        days: tuple[int, ...] = (2, 3, 6, 9, 10),
        **columns,
    ) -> Log:
        """Members called m-.., who are dealt prompts of one pool, and have traffic of their own.

        The pool is about three topics from `topic` on; `each` prompts go to every member, through
        any of eight networks. Where `pool` is `None`, no prompt comes twice.
        """
        queue = [(self.key(), topic + int(self.rng.integers(3))) for _ in range(pool or 0)]
        openings, exits = [self.key() for _ in range(4)], [self.key() for _ in range(8)]
        for m in range(members):
            name = f"{start}-{m:03d}"
            if own:
                self.customer(name, own)
            for _ in range(each):
                frame, about = self.key(), topic + int(self.rng.integers(3))
                if queue:
                    frame, about = queue[int(self.rng.integers(len(queue)))]
                told = {
                    "topic": about,
                    "capability": CODE["mathematical_reasoning"],
                    "ts": int(self.rng.choice(days)) * DAY_US
                    + int(self.rng.integers(0, 20 * HOUR_US)),
                    "turns": 1,
                    "frame": frame,
                    "opening": int(self.rng.choice(openings)),
                    "network": int(self.rng.choice(exits)),
                    "max_tokens": 8192,
                    "thinking": 1,
                }
                self.send(name, common=True, **(told | columns))
        return self

    def register(self, start: str, **columns: int) -> Log:
        """What the accounts table says of the accounts whose ids begin so."""
        for name in self.names:
            if name.startswith(start):
                self.registered.setdefault(name, {}).update(columns)
        return self

    def made(self, shuffle: int | None = None) -> Made:
        """The traffic; with `shuffle`, of the same rows in another order."""
        n = len(self.rows)
        place = np.arange(n)
        if shuffle is not None:
            place = np.random.default_rng(shuffle).permutation(n)
        rows = [self.rows[i] for i in place]
        columns: dict[str, pa.Array] = {}
        for field in SIGNALS:
            if pa.types.is_integer(field.type):
                plain = {"thinking": 0, "max_tokens": 1024, "output_tokens": 200, "turns": 1}
                values = [row.get(field.name, plain.get(field.name, 0)) for row in rows]
                columns[field.name] = pa.array(values, field.type)
        # Keys are in no order of time, as hashes are; grown logs keep those that they had.
        keys = (np.arange(1, n + 1).astype(np.uint64) * MIX)[place]
        columns["exchange"] = pa.array(keys)
        if not any("model" in row for row in rows):
            columns["model"] = pa.array(np.full(n, 5, np.uint64))
        frame = np.asarray(columns["frame"])
        bands = np.stack([(frame >> np.uint64(3)) + np.uint64(b) for b in range(FRAME_BANDS)], 1)
        bands[frame == 0] = 0
        columns["bands"] = _lists(bands)
        blank = np.zeros(CONTENT_COMPONENTS, np.int8)
        columns["content"] = _lists(np.stack([row.get("content", blank) for row in rows]))
        names = {key: name for name, key in self.names.items()}
        kinds = ("org", "payment", "email_domain", "program", "signup_network", "cohort")
        registrations = pa.table(
            {"account": pa.array([self.names[name] for name in self.registered], pa.uint64())}
            | {
                kind: pa.array([r.get(kind, 0) for r in self.registered.values()], pa.uint64())
                for kind in kinds
            }
        )
        traffic = gathered(
            pa.table([columns[name] for name in SIGNALS.names], schema=SIGNALS),
            registrations,
            {"account_id": names, "model": {5: "model-5"}, "org_id": self.orgs},
        )
        return Made(traffic, np.array([row["common"] for row in rows]))


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _lists(matrix: np.ndarray) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1])
