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

from stillwatch.campaigns.membership import ATTRIBUTED
from stillwatch.gateway.request import Request
from stillwatch.gateway.works.access import CAME, SEAT, WAYS, came, way_keys
from stillwatch.gateway.works.evidence import MOST_THREADS
from stillwatch.gateway.works.fit import SIZES, of_size
from stillwatch.gateway.works.learn import FORM, MARKS, ON_SEATS, SEATS
from stillwatch.gateway.works.told import models_of, told
from stillwatch.gateway.works.view import View, begins_thread, view_of
from stillwatch.signals.content import SCALE
from stillwatch.statistics.cells import Codebook
from stillwatch.statistics.mmd import Means, samples, squared_mmd
from stillwatch.tables import CONTENT_COMPONENTS

REMEMBERED = 1 << 14
"""Addresses and devices whose keys are remembered."""

_SAT = np.cumsum(SEAT) - 1
"""Where a slot keeps the first seat of each kind of way."""


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
    """The works of a table; of another version's form nothing is known by them."""

    def __init__(self, says: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> None:
        mine = {name.removeprefix("works."): a for name, a in arrays.items() if "works." in name}
        self.names: list[str] = says["names"] if says.get("form") == FORM else []
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
        self._near: NDArray[np.float64] = mine["near"]
        self._far: NDArray[np.float64] = mine["far"]
        self._way: NDArray[np.uint64] = mine["way"]
        bits = 1 << np.arange(len(self.names), dtype=np.uint32)
        self._access = (mine["owners"] * bits).sum(1).astype(np.uint32)
        self._is_seat: NDArray[np.bool_] = mine["seat"]
        self._seated: NDArray[np.float32] = mine["seated"]
        self._seated_fitting: NDArray[np.float32] = mine["seated_fitting"]
        self._stake = float(mine["stake"][0])
        self._spread: NDArray[np.float64] = mine["spread"]

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
        if not slot["any_hits"] or slot["requests"] < least_requests:
            return None
        return self._decide(slot, 1 / false_rate)

    def _decide(self, slot: Any, least: float) -> Recognition | None:
        """Whose work it is, once the bets on the marks of one with hits come to `least` at least.

        A part of the stake is on its sitting where members sat, the rest is spread over campaigns
        by their members; what the account doesn't bear is lost.
        """
        bets, told = self._told_by_seats(slot), self._told_by_content(slot)
        if sum(bets.values()) + sum(told.values()) < least:
            return None
        fits, elsewhere = self._compared(slot)
        if fits:
            bets |= told
        elif elsewhere:
            return None
        sure = sum(bets.values())
        if sure < least:
            return None
        slot["evidence"] = evidence = float(np.log10(sure))
        mark = max(bets, key=lambda name: bets[name])
        if mark in told:
            campaign = int(slot["summed"])
        else:
            campaign = int(np.argmax(self._bits(slot["seats"])))
        hits, threads = slot["any_hits"], slot["threads"]
        if mark in MARKS:
            hits, threads = slot["hits"][campaign], slot["asked"][campaign]
        return Recognition(campaign, evidence, int(hits), int(threads), mark)

    def _told_by_seats(self, slot: Any) -> dict[str, float]:
        """What the bets on where it sits are worth, by mark."""
        return {
            SEATS[n][0]: self._stake
            * ON_SEATS[n][0]
            * 10.0 ** float(self._seated[n, slot["threads"], slot["any_hits"]])
            for n in range(int(slot["sits"]))
        }

    def _told_by_content(self, slot: Any) -> dict[str, float]:
        """What the bets on its hits' fitting are worth if they do, by mark."""
        k = int(slot["summed"])
        if k < 0:
            return {}
        threads, hits = slot["asked"][k], slot["hits"][k]
        comes = bool(self._bits(slot["access"])[k])
        told = {
            mark: (1 - self._stake) * 10.0 ** float(self._evidence[k, m, threads, hits])
            for m, mark in enumerate(MARKS[: 1 + comes])
        }
        threads, hits = slot["threads"], slot["any_hits"]
        told |= {
            SEATS[n][1]: self._stake
            * ON_SEATS[n][1]
            * 10.0 ** float(self._seated_fitting[k, n, threads, hits])
            for n in range(int(slot["sits"]))
        }
        return {mark: worth * self._spread[k] for mark, worth in told.items()}

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
        if not slot["seats"]:
            slot["sits"] = slot["sat"] = 0
        for kind, key in enumerate(slot["sat"]):
            if key and self._way_at(key) is None:
                slot["sat"][kind], slot["sits"] = 0, 1
        moved = np.flatnonzero(there & (first == slot["summed"]))
        slot["summed"] = moved[0] if len(moved) else -1
        if not len(moved):
            slot["parts"] = slot["squares"] = slot["sums"] = 0
        slot["names"] = 0
        slot["names"][:n] = self._digests
        slot["stamp"] = self.stamp

    def _way_at(self, key: np.uint64) -> int | None:
        """The place of a way, where it is known and a campaign's."""
        if not key:
            return None
        at = int(self._way.searchsorted(key))
        return at if at < len(self._way) and self._way[at] == key else None

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

    def _compared(self, slot: Any) -> tuple[bool, bool]:
        """Whether the account's part is about what members' parts are, and whether it surely is
        about something else; neither where it can't be compared."""
        campaign, parts = int(slot["summed"]), int(slot["parts"])
        if parts < SIZES[0] or not len(self._members[campaign].size):
            return False, False
        mine = samples(
            slot["sums"].astype(float)[None],
            np.array([slot["squares"]], float),
            np.array([parts]),
            SCALE,
        )
        apart = float(np.median(squared_mmd(mine, self._members[campaign])))
        near, far = (of_size(bounds[campaign], parts) for bounds in (self._near, self._far))
        return apart <= near, apart > far

    def _note_access(self, request: Request, slot: Any) -> None:
        """Remember whose ways the account comes, and at how many seats it sits."""
        ways = _ways_of(request.ip, request.device_id, request.user_agent, request.ja4)
        for kind, key in enumerate(ways):
            if (at := self._way_at(key)) is None:
                continue
            slot["access"] |= self._access[at]
            if self._is_seat[at]:
                slot["seats"] |= self._access[at]
                first = slot["sat"][_SAT[kind]] or key
                slot["sat"][_SAT[kind]] = first
                slot["sits"] = max(int(slot["sits"]), 1 + (first != key))


def _digest(text: str, size: int) -> int:
    digest = hashlib.blake2b(text.encode(), digest_size=size).digest()
    return int.from_bytes(digest, "little") or 1


@lru_cache(REMEMBERED)
def _ways_of(
    ip: str | None, device: str | None, user_agent: str | None, ja4: str | None
) -> tuple[np.uint64, ...]:
    """Keys of `WAYS` as signals have them, 0 of unknown ones; the same few come again and again."""
    values = (None, ip, user_agent, ja4, device)
    columns = came(pa.record_batch([pa.array([value], pa.string()) for value in values], CAME))
    return tuple(way_keys(kind, columns)[0] for kind in range(len(WAYS)))


def warm_up() -> None:
    """Ask once of nothing, so that what is compiled is there when a request comes."""
    cells = np.zeros((1, 1, CONTENT_COMPONENTS), np.float32)
    families = np.zeros(0, np.uint64)
    models = models_of(())
    for array in (cells, families, *models.values()):
        array.setflags(write=False)  # as they lie in a table
    view = view_of(Request("", 0, prompt="two words"), Codebook(cells[0], cells), families)
    told(view.codes, view.keys, models)
