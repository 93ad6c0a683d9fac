"""A new account's requests, one by one: is this a live campaign's work?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.campaigns.membership import ATTRIBUTED, COMPARED, LEAST_ATTRIBUTED, something_else
from stillwatch.gateway.request import Request
from stillwatch.gateway.works.evidence import MOST_THREADS
from stillwatch.gateway.works.told import told
from stillwatch.gateway.works.view import View, begins_thread, view_of
from stillwatch.signals.content import SCALE
from stillwatch.signals.keys import network_keys, string_keys
from stillwatch.statistics.cells import Codebook
from stillwatch.statistics.mmd import Samples, samples, squared_mmd

STAKED = 0.5
"""Part of what is staked on shared objects; the rest is kept, so that having none costs half."""


@dataclass(frozen=True)
class Recognition:
    """Whose work it is: the campaign's place, and the evidence (log10 of a likelihood ratio), from
    `hits` among the account's first `threads`, and what it shares with the campaign."""

    campaign: int
    evidence: float
    hits: int
    threads: int
    shared: bool


class Recogniser:
    """The works of a table."""

    def __init__(self, says: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> None:
        mine = {name.removeprefix("works."): a for name, a in arrays.items() if "works." in name}
        self.names: list[str] = says["names"]
        self._large: list[bool] = says["large"]
        self._models = mine
        digest = hashlib.blake2b(json.dumps(self.names).encode(), digest_size=8).digest()
        self.stamp = int.from_bytes(digest, "little")
        """What hits are counted for: other campaigns, or another order of them, begin anew."""
        if not self.names:
            return
        self._book = Codebook(mine["wide"], mine["parts"])
        self._families: NDArray[np.uint64] = mine["families"]
        self._ratio: NDArray[np.float32] = mine["ratio10"]
        self._object: NDArray[np.uint64] = mine["object"]

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
            for name in ("hits", "objects", "threads", "requests", "parts", "squares", "sums"):
                slot[name] = 0
            slot["summed"] = -1
        slot["requests"] += 1
        if not self.names:
            return None
        self._note_objects(request, slot)
        if request.prompt and begins_thread(request.turns) and slot["threads"] < MOST_THREADS:
            view = view_of(request, self._book, self._families)
            yes = told(view.codes, view.keys, self._models)[0] >= ATTRIBUTED
            slot["threads"] += 1
            slot["hits"][: len(yes)] += yes
            if yes.any():
                self._add_up(view, slot, yes)
        if slot["requests"] < least_requests:
            return None
        return self._decide(slot, np.log10(len(self.names) / false_rate))

    def _decide(self, slot: Any, needed: float) -> Recognition | None:
        threads, shared = int(slot["threads"]), self._shared(slot)
        evidence = np.array(
            [self._ratio[k, threads, slot["hits"][k]] + shared[k] for k in range(len(self.names))]
        )
        slot["evidence"] = evidence.max()
        best = int(evidence.argmax())
        hits = int(slot["hits"][best])
        if evidence[best] < needed or hits < LEAST_ATTRIBUTED:
            return None
        found = Recognition(best, float(evidence[best]), hits, threads, shared[best] > 0)
        if not found.shared and not self._fits(slot, best):
            return None
        return found

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
        """Whether the account's part is about what members' parts are about.

        A part that is too small to be compared doesn't, where most members' are larger.
        """
        if int(slot["summed"]) != campaign:
            return False
        begin, end = self._models["compared"][campaign : campaign + 2].tolist()
        if slot["parts"] < COMPARED or end - begin < 2:
            return end - begin < 2 and not self._large[campaign]
        size = np.array([slot["parts"]])
        mine = samples(
            slot["sums"].astype(float)[None], np.array([slot["squares"]], float), size, SCALE
        )
        theirs = Samples(
            self._models["size"][begin:end],
            self._models["total"][begin:end].astype(float),
            self._models["squares"][begin:end],
        )
        return not something_else(squared_mmd(mine, theirs), mine.size)[0]

    def _note_objects(self, request: Request, slot: Any) -> None:
        """Remember which of the campaigns' ways of access the account comes."""
        if not len(self._object):
            return
        for value, keys in ((request.ip, network_keys), (request.device_id, string_keys)):
            if value is None:
                continue
            key = keys(pa.array([value], pa.string()))[0]
            at = int(self._object.searchsorted(key))
            if at < len(self._object) and self._object[at] == key:
                noted = slot["objects"]
                free = np.flatnonzero((noted == at + 1) | (noted == 0))[:1]
                noted[free] = at + 1

    def _shared(self, slot: Any) -> NDArray[np.float64]:
        """log10 of what the shared objects say for each campaign, (k,)."""
        noted = slot["objects"]
        gain = self._models["raises"][noted[noted > 0] - 1].sum(0)
        return np.where(gain > 0, np.log10(1 - STAKED + STAKED * gain), 0.0)
