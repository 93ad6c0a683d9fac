"""A new account's requests, one by one: is this a live campaign's work?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stillwatch.gateway.request import Request
from stillwatch.gateway.state import SLOT
from stillwatch.gateway.works.access import told_by
from stillwatch.gateway.works.bets import BETS, FITTING, worths
from stillwatch.gateway.works.counting import count_request, count_thread
from stillwatch.gateway.works.evidence import MOST_THREADS
from stillwatch.gateway.works.fit import SIZES, apart, of_size
from stillwatch.gateway.works.learn import FORM, MARKS
from stillwatch.gateway.works.told import models_of, told
from stillwatch.gateway.works.view import begins_thread, view_of
from stillwatch.statistics.cells import Codebook
from stillwatch.statistics.mmd import Means
from stillwatch.tables import CONTENT_COMPONENTS


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
        self.stamp = np.uint64(_digest(json.dumps(self.names), 8))
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
        self, request: Request, slot: NDArray, false_rate: float, least_requests: int
    ) -> Recognition | None:
        """Count one request of a new account in its `slot`, an array of one `state.SLOT`; whose
        work it is, once that is sure.

        Of honest new accounts a share of at most `false_rate` is ever recognised by chance.
        """
        if not self.names:
            return None
        came = told_by(request.ip, request.device_id, request.user_agent, request.ja4)
        requests, threads, hits = count_request(
            slot, came, self.stamp, self._digests, self._way, self._access, self._is_seat
        )
        if request.prompt and begins_thread(request.turns) and threads < MOST_THREADS:
            view = view_of(request, self._book, self._families)
            chances = told(view.codes, view.keys, self._models)[0]
            hits = count_thread(slot, chances, view.content[0])
        if not hits or requests < least_requests:
            return None
        return self._decide(slot, 1 / false_rate)

    def _decide(self, slot: NDArray, least: float) -> Recognition | None:
        """Whose work it is, once the bets on the marks of an account come to `least` at least."""
        bets = worths(
            slot, self._stake, self._spread, self._evidence, self._seated, self._seated_fitting
        )
        if sum(bets) < least:
            return None
        account = slot[0]
        fits, elsewhere = self._compared(slot)
        if not fits:
            bets = bets[:FITTING]
        sure = sum(bets)
        if sure < least or (elsewhere and not fits):
            return None
        account["evidence"] = evidence = float(np.log10(sure))
        best = bets.index(max(bets))
        if best >= FITTING:
            campaign = int(account["summed"])
        else:
            seats = int(account["seats"])
            campaign = max(0, (seats & -seats).bit_length() - 1)
        hits, threads = account["any_hits"], account["threads"]
        if BETS[best] in MARKS:
            hits, threads = account["hits"][campaign], account["asked"][campaign]
        return Recognition(campaign, evidence, int(hits), int(threads), BETS[best])

    def _compared(self, slot: NDArray) -> tuple[bool, bool]:
        """Whether the account's part is about what members' parts are, and whether it surely is
        about something else; neither where it can't be compared."""
        campaign, parts = int(slot["summed"][0]), int(slot["parts"][0])
        if parts < SIZES[0] or not len(self._members[campaign].size):
            return False, False
        members = self._members[campaign]
        far_off = float(apart(slot, members.mean, members.own))
        near, far = (of_size(bounds[campaign], parts) for bounds in (self._near, self._far))
        return far_off <= near, far_off > far


def _digest(text: str, size: int) -> int:
    digest = hashlib.blake2b(text.encode(), digest_size=size).digest()
    return int.from_bytes(digest, "little") or 1


def warm_up() -> None:
    """Look at a request of nobody's, so that what is compiled is there when others come."""
    by = Recogniser({"names": ["nobody"], "form": FORM}, _nobodys())
    slot = np.zeros(1, SLOT)
    by.look(Request("", 0, prompt="two words"), slot, 1.0, 1)
    by._decide(slot, np.inf)
    slot["summed"], slot["parts"] = 0, SIZES[0]
    by._compared(slot)


def _nobodys() -> dict[str, NDArray]:
    """Works of one campaign of which nothing is known, as they lie in a table."""
    evidence = np.zeros((1, len(MARKS), MOST_THREADS + 1, MOST_THREADS + 1), np.float32)
    cells = np.zeros((1, 1, CONTENT_COMPONENTS), np.float32)
    keys = np.zeros(0, np.uint64)
    arrays = {
        **models_of(()),
        "evidence": evidence,
        "seated": evidence[0].copy(),
        "seated_fitting": evidence.copy(),
        "stake": np.zeros(1),
        "spread": np.ones(1),
        "families": keys.copy(),
        "wide": cells[0].copy(),
        "parts": cells,
        "way": keys,
        "owners": np.zeros((0, 1), bool),
        "seat": np.zeros(0, bool),
        "near": np.zeros((1, len(SIZES))),
        "far": np.zeros((1, len(SIZES))),
        "compared": np.array([0, 1]),
        "size": np.ones(1),
        "mean": cells[0].copy(),
        "own": np.zeros(1),
    }
    for array in arrays.values():
        array.setflags(write=False)
    return {f"works.{name}": array for name, array in arrays.items()}
