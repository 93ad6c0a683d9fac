"""What was approved, as the files that leave: read from the store, its digest checked.

A share that was revoked leaves too, as its revocation: in STIX all of its objects say so, and lists
and rules of it are empty.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stillwatch.cases import Store
from stillwatch.cases.shares import Share, ShareState, get_share, list_shares, shared_content
from stillwatch.cases.texts import NAME, check
from stillwatch.errors import SharingRefused
from stillwatch.sharing.gateway_list import gateway_list
from stillwatch.sharing.indicators import Telling
from stillwatch.sharing.misp import misp_event
from stillwatch.sharing.sigma import sigma
from stillwatch.sharing.stix.bundle import Approved, bundle


@dataclass(frozen=True)
class Leaving:
    """A file that may leave. `left_out` counts indicators that the format can't carry safely."""

    content: bytes
    left_out: int = 0


def approved_bundle(store: Store, share_id: int, producer: str) -> dict[str, Any]:
    """The STIX bundle of a share as it stands, `producer` being who tells it.

    Raises `SharingRefused` where it was never approved or another one replaced it, `UnknownName`,
    and `LedgerBroken` where it isn't what was approved.
    """
    share, past = _past(store, share_id)
    who = check(producer, "the producer's name", NAME)
    if not who.isprintable():
        raise SharingRefused("the producer's name", "holds what can't be seen", "Write it anew")
    taken = _time(share.changed_at) if share.state == ShareState.REVOKED else None
    return bundle(past, who, taken)


def leaving(
    store: Store, share_id: int, format: str, producer: str, today: dt.date | None = None
) -> Leaving:
    """A share in one of `FORMATS`; raises what `approved_bundle` does, and `ExtraMissing`."""
    return FORMATS[format](store, share_id, producer, today or dt.datetime.now(dt.UTC).date())


def _stix(store: Store, share_id: int, producer: str, today: dt.date) -> Leaving:
    return Leaving(_as_json(approved_bundle(store, share_id, producer)))


def _misp(store: Store, share_id: int, producer: str, today: dt.date) -> Leaving:
    share, _ = _past(store, share_id)
    if share.state == ShareState.REVOKED:
        todo = "Delete the event in MISP, or import --format stix, which says so"
        raise SharingRefused(share, "was revoked, which a MISP event can't say", todo)
    return Leaving(_as_json(misp_event(approved_bundle(store, share_id, producer), producer)))


def _sigma(store: Store, share_id: int, producer: str, today: dt.date) -> Leaving:
    share, past = _past(store, share_id)
    told = _standing(share, past)
    return Leaving(sigma(told, past[0].at.date(), today).encode("utf-8"))


def _csv(store: Store, share_id: int, producer: str, today: dt.date) -> Leaving:
    share, past = _past(store, share_id)
    made = gateway_list(_standing(share, past), today)
    return Leaving(made.text.encode("utf-8"), made.left_out)


FORMATS: dict[str, Callable[[Store, int, str, dt.date], Leaving]] = {
    "stix": _stix,
    "misp": _misp,
    "sigma": _sigma,
    "csv": _csv,
}
"""What can leave, by the name of its format."""


def _past(store: Store, share_id: int) -> tuple[Share, list[Approved]]:
    """The share, and what was approved under its name up to it."""
    share = get_share(store, share_id)
    if share.approved_at is None:
        raise SharingRefused(
            share, f"is {share.state}", "Only what a second person approved may leave"
        )
    if share.state == ShareState.REPLACED:
        raise SharingRefused(share, "was replaced by a later one", "Export that one")
    past = [
        (one.approved_at, one.share_id)
        for one in list_shares(store, share.case_id)
        if one.approved_at and one.name == share.name and one.approved_at <= share.approved_at
    ]
    return share, [
        Approved(Telling.from_json(shared_content(store, number)), _time(at))
        for at, number in sorted(past)
    ]


def _standing(share: Share, past: list[Approved]) -> Telling:
    """What the share tells now: of a revoked one, no indicator."""
    told = past[-1].telling
    if share.state == ShareState.REVOKED:
        return Telling.from_json({**told.to_json(), "indicators": []})
    return told


def _as_json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=True) + "\n").encode("ascii")


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
