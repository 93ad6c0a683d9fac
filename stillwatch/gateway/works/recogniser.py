"""A new account's requests, one by one: is this a live campaign's work?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.campaigns.membership import ATTRIBUTED, COMPARED
from stillwatch.gateway.request import Request
from stillwatch.gateway.works.access import CAME, WAYS, came, way_keys
from stillwatch.gateway.works.evidence import MOST_THREADS
from stillwatch.gateway.works.learn import MARKS, SEAT
from stillwatch.gateway.works.told import models_of, told
from stillwatch.gateway.works.view import View, begins_thread, view_of
from stillwatch.signals.content import SCALE
from stillwatch.statistics.cells import Codebook
from stillwatch.statistics.mmd import Means, samples, squared_mmd
from stillwatch.tables import CONTENT_COMPONENTS

LEAST_HITS = 2
"""Hits of an account that is recognised by its work: one is anybody's. Where it sits alone is never
enough either."""

REMEMBERED = 1 << 14
"""Addresses and devices whose keys are remembered."""


@dataclass(frozen=True)
class Recognition:
    """Whose work it is: the campaign's place, and the evidence (log10 of a likelihood ratio), from
    `hits` among the account's first `threads` and the `mark` that it bears beside them."""

    campaign: int
    evidence: float
    hits: int
    threads: int
    mark: str


class Recogniser:
    """The works of a table."""

    def __init__(self, says: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> None:
        mine = {name.removeprefix("works."): a for name, a in arrays.items() if "works." in name}
        self.names: list[str] = says["names"]
        self._models = mine
        self.stamp = _digest(json.dumps(self.names), 8)
        """Which campaigns a slot's counts are of, and in which order."""
        self._digests = np.array([_digest(name, 4) for name in self.names], np.uint32)
        if not self.names:
            return
        self._book = Codebook(mine["wide"], mine["parts"])
        self._families: NDArray[np.uint64] = mine["families"]
        self._evidence: NDArray[np.float32] = mine["evidence"]
        self._members = [
            Means(*(mine[name][begin:end] for name in ("size", "mean", "own")))
            for begin, end in pairwise(mine["compared"].tolist())
        ]
        self._places = np.arange(len(self.names))
        self._way: NDArray[np.uint64] = mine["way"]
        bits = 1 << np.arange(len(self.names), dtype=np.uint32)
        self._access = (mine["owners"] * bits).sum(1).astype(np.uint32)
        self._seat = self._access * mine["seat"]
        self._seated: NDArray[np.float32] = mine["seated"]
        self._stake = float(mine["stake"][0])

    def __len__(self) -> int:
        return len(self.names)

    def look(
        self, request: Request, slot: Any, false_rate: float, least_requests: int
    ) -> Recognition | None:
        """Count one request of a new account in its `slot`; whose work it is, once that is sure.

        Of honest new accounts a share of at most `false_rate` is ever recognised by chance.
        """
        if slot["stamp"] != self.stamp:
            self._carry_over(slot)
        slot["requests"] += 1
        if not self.names:
            return None
        self._note_access(request, slot)
        if request.prompt and begins_thread(request.turns) and slot["threads"] < MOST_THREADS:
            view = view_of(request, self._book, self._families)
            yes = told(view.codes, view.keys, self._models)[0] >= ATTRIBUTED
            slot["threads"] += 1
            slot["asked"][: len(yes)] += 1
            slot["hits"][: len(yes)] += yes
            slot["any_hits"] += yes.any()
            if yes.any():
                self._add_up(view, slot, yes)
        if slot["requests"] < least_requests:
            return None
        return self._decide(slot, -np.log10(false_rate))

    def _decide(self, slot: Any, needed: float) -> Recognition | None:
        """Whose work it is, once the bets on its marks come to as much as `needed` (log10).

        A part of the stake is on its sitting where a member sat, the rest is spread evenly over the
        campaigns' marks; what the account doesn't bear is lost.
        """
        hits, asked = slot["hits"][: len(self)], slot["asked"][: len(self)]
        least = 10.0**needed
        told = np.float_power(10.0, self._evidence[self._places, :, asked, hits])
        told *= (1 - self._stake) / len(self)
        told[hits < LEAST_HITS] = 0
        told[:, 1][~self._bits(slot["access"])] = 0
        seat = 0.0
        if slot["seats"] and slot["any_hits"]:
            seat = self._stake * 10.0 ** float(self._seated[slot["threads"], slot["any_hits"]])
        if told.sum() + seat < least:
            return None
        if seat < least:
            fits = [bool(row.any()) and self._fits(slot, k) for k, row in enumerate(told)]
            told[~np.array(fits)] = 0
        sure = told.sum() + seat
        if sure < least:
            return None
        slot["evidence"] = evidence = float(np.log10(sure))
        if seat > told.sum():
            campaign, threads = int(np.argmax(self._bits(slot["seats"]))), int(slot["threads"])
            return Recognition(campaign, evidence, int(slot["any_hits"]), threads, SEAT)
        campaign, mark = divmod(int(told.argmax()), len(MARKS))
        threads = int(asked[campaign])
        return Recognition(campaign, evidence, int(hits[campaign]), threads, MARKS[mark])

    def _carry_over(self, slot: Any) -> None:
        """Count for this table's campaigns from now on; what was counted for them before stays."""
        before, n = slot["names"].copy(), len(self)
        first = np.argmax(before == self._digests[:, None], axis=1) if n else self._digests
        there = before[first] == self._digests
        for name in ("asked", "hits"):
            kept = np.where(there, slot[name][first], 0)
            slot[name] = 0
            slot[name][:n] = kept
        for name in ("access", "seats"):
            bits = there & (int(slot[name]) >> first & 1).astype(bool)
            slot[name] = (bits << np.arange(n)).sum()
        moved = np.flatnonzero(there & (first == slot["summed"]))
        slot["summed"] = moved[0] if len(moved) else -1
        if not len(moved):
            slot["parts"] = slot["squares"] = slot["sums"] = 0
        slot["names"] = 0
        slot["names"][:n] = self._digests
        slot["stamp"] = self.stamp

    def _bits(self, bits: Any) -> NDArray[np.bool_]:
        """Which campaigns a slot's bits name, (k,)."""
        return (int(bits) >> self._places & 1).astype(bool)

    def _add_up(self, view: View, slot: Any, yes: NDArray[np.bool_]) -> None:
        """Add a hit to the account's part of the campaign that it was first taken for."""
        campaign = int(slot["summed"])
        if campaign < 0:
            campaign = slot["summed"] = int(yes.argmax())
        if yes[campaign]:
            row = view.content[0].astype(np.int16)
            slot["sums"] += row
            slot["squares"] += int(row.astype(np.int64) @ row.astype(np.int64))
            slot["parts"] += 1

    def _fits(self, slot: Any, campaign: int) -> bool:
        """Whether the account's part can be compared, and is about what members' parts are."""
        if int(slot["summed"]) != campaign:
            return False
        theirs = self._members[campaign]
        if slot["parts"] < COMPARED or not len(theirs.size):
            return False
        size = np.array([slot["parts"]])
        mine = samples(
            slot["sums"].astype(float)[None], np.array([slot["squares"]], float), size, SCALE
        )
        return bool(np.median(squared_mmd(mine, theirs)) <= self._models["near"][campaign])

    def _note_access(self, request: Request, slot: Any) -> None:
        """Remember whose ways the account comes."""
        if not len(self._way):
            return
        for key in _ways_of(request.ip, request.device_id, request.user_agent, request.ja4):
            at = int(self._way.searchsorted(key))
            if at < len(self._way) and self._way[at] == key:
                slot["access"] |= self._access[at]
                slot["seats"] |= self._seat[at]


def _digest(text: str, size: int) -> int:
    digest = hashlib.blake2b(text.encode(), digest_size=size).digest()
    return int.from_bytes(digest, "little") or 1


@lru_cache(REMEMBERED)
def _ways_of(
    ip: str | None, device: str | None, user_agent: str | None, ja4: str | None
) -> tuple[np.uint64, ...]:
    """Keys of ways of access, as signals have them; the same few come again and again."""
    values = (None, ip, user_agent, ja4, device)
    columns = came(pa.record_batch([pa.array([value], pa.string()) for value in values], CAME))
    keys = [way_keys([columns[name] for name in names])[0] for names in WAYS]
    return tuple(key for key in keys if key)


def warm_up() -> None:
    """Ask once of nothing, so that what is compiled is there when a request comes."""
    cells = np.zeros((1, 1, CONTENT_COMPONENTS), np.float32)
    families = np.zeros(0, np.uint64)
    models = models_of(())
    for array in (cells, families, *models.values()):
        array.setflags(write=False)  # as they lie in a table
    view = view_of(Request("", 0, prompt="two words"), Codebook(cells[0], cells), families)
    told(view.codes, view.keys, models)
