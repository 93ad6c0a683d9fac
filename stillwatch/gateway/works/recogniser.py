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
from stillwatch.gateway.works.evidence import MOST_THREADS
from stillwatch.gateway.works.learn import MACHINE, MARKS
from stillwatch.gateway.works.told import models_of, told
from stillwatch.gateway.works.view import View, begins_thread, view_of
from stillwatch.signals.content import SCALE
from stillwatch.signals.keys import network_keys, string_keys
from stillwatch.statistics.cells import Codebook
from stillwatch.statistics.mmd import Means, samples, squared_mmd
from stillwatch.tables import CONTENT_COMPONENTS

LEAST_HITS = 2
"""Hits of an account that is recognised, whatever else speaks: one is anybody's."""

COUNTED = ("hits", "asked", "access", "seats", "parts", "squares", "sums")
"""What is counted in a slot for the campaigns that its stamp names."""

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
        digest = hashlib.blake2b(json.dumps(self.names).encode(), digest_size=8).digest()
        self.stamp = int.from_bytes(digest, "little")
        """What hits are counted for: other campaigns, or another order of them, begin anew."""
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
        self._at_device = self._access * mine["device"]
        self._machine: NDArray[np.float32] = mine["machine"]

    def __len__(self) -> int:
        return len(self.names)

    def look(
        self, request: Request, slot: Any, false_rate: float, least_requests: int
    ) -> Recognition | None:
        """Count one request of a new account in its `slot`; whose work it is, once that is sure.

        Of honest new accounts a share of at most `false_rate` is ever recognised by chance.
        """
        if slot["stamp"] != self.stamp:
            slot["stamp"] = self.stamp
            for name in COUNTED:
                slot[name] = 0
            slot["summed"] = -1
        slot["requests"] += 1
        if not self.names:
            return None
        self._note_access(request, slot)
        if request.prompt and begins_thread(request.turns) and slot["threads"] < MOST_THREADS:
            view = view_of(request, self._book, self._families)
            yes = told(view.codes, view.keys, self._models)[0] >= ATTRIBUTED
            slot["threads"] += 1
            slot["asked"] += 1
            slot["hits"][: len(yes)] += yes
            slot["any_hits"] += yes.any()
            if yes.any():
                self._add_up(view, slot, yes)
        if slot["requests"] < least_requests:
            return None
        return self._decide(slot, -np.log10(false_rate))

    def _decide(self, slot: Any, needed: float) -> Recognition | None:
        """Whose work it is, once the mean of the likelihood ratios is as large as `needed` (log10).

        One half counts that it sits at a member's machine, the other the marks of all campaigns;
        what the account doesn't bear is nil.
        """
        hits, asked, least = slot["hits"][: len(self)], int(slot["asked"]), 10.0**needed
        told = np.float_power(10.0, self._evidence[self._places, :, asked, hits])
        told[hits < LEAST_HITS] = 0
        told[:, 1][~self._bits(slot["access"])] = 0
        seat = 0.0
        if slot["seats"] and slot["any_hits"] >= LEAST_HITS:
            seat = 10.0 ** float(self._machine[slot["threads"], slot["any_hits"]])
        if (told.mean() + seat) / 2 < least:
            return None
        if seat / 2 < least:
            fits = [bool(row.any()) and self._fits(slot, k) for k, row in enumerate(told)]
            told[~np.array(fits)] = 0
        sure = (told.mean() + seat) / 2
        if sure < least:
            return None
        slot["evidence"] = evidence = float(np.log10(sure))
        if seat > told.mean():
            campaign, threads = int(np.argmax(self._bits(slot["seats"]))), int(slot["threads"])
            return Recognition(campaign, evidence, int(slot["any_hits"]), threads, MACHINE)
        campaign, mark = divmod(int(told.argmax()), len(MARKS))
        return Recognition(campaign, evidence, int(hits[campaign]), asked, MARKS[mark])

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
        for name, value in (("network", request.ip), ("device", request.device_id)):
            if value is not None and len(self._way):
                key = _way_of(name, value)
                at = int(self._way.searchsorted(key))
                if at < len(self._way) and self._way[at] == key:
                    slot["access"] |= self._access[at]
                    slot["seats"] |= self._at_device[at]


@lru_cache(REMEMBERED)
def _way_of(name: str, value: str) -> np.uint64:
    """The key of a way of access, as signals have it; the same few come again and again."""
    keys = network_keys if name == "network" else string_keys
    return keys(pa.array([value], pa.string()))[0]


def warm_up() -> None:
    """Ask once of nothing, so that what is compiled is there when a request comes."""
    cells = np.zeros((1, 1, CONTENT_COMPONENTS), np.float32)
    families = np.zeros(0, np.uint64)
    models = models_of(())
    for array in (cells, families, *models.values()):
        array.setflags(write=False)  # as they lie in a table
    view = view_of(Request("", 0, prompt="two words"), Codebook(cells[0], cells), families)
    told(view.codes, view.keys, models)
