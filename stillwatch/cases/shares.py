"""What is told to others about a confirmed case: proposed by one person, approved by another.

A share rests on the decision that it was proposed on, and is revoked by itself when that falls
(`suspending`). A case tells one thing at a time: what is approved replaces what was. What it tells
is fixed when it is proposed, and known by its digest from then on.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from stillwatch.cases import ledger
from stillwatch.cases.access.people import Person
from stillwatch.cases.access.roles import Role, may
from stillwatch.cases.canonical import canonical, digest
from stillwatch.cases.case import Seen
from stillwatch.cases.change import check_seen
from stillwatch.cases.reading import find_case
from stillwatch.cases.schema import SHARES
from stillwatch.cases.shared import (
    Share,
    ShareState,
    find_share,
    get_share,
    list_shares,
    share_history,
    shared_content,
)
from stillwatch.cases.states import State
from stillwatch.cases.store import Store
from stillwatch.cases.suspending import share_subject
from stillwatch.cases.texts import check_reason
from stillwatch.cases.times import now
from stillwatch.errors import AccessRefused, CaseChanged, CaseRefused

__all__ = [
    "LEAST_DIGEST",
    "Share",
    "ShareState",
    "approve_share",
    "decline_share",
    "get_share",
    "list_shares",
    "name_of",
    "propose_share",
    "record_export",
    "revoke_share",
    "share_history",
    "shared_content",
    "withdraw_share",
]

LEAST_DIGEST = 12
"""Characters of a digest that an approval must name: more than anybody guesses."""


def name_of(store: Store, case_id: int) -> str:
    """What others know a case's campaign by, or will: a random UUID.

    It stays while the case tells something, and is a new one after a revocation, for others may
    never take back that it was void.
    """
    standing = {ShareState.APPROVED, ShareState.REPLACED}
    past = [share for share in list_shares(store, case_id) if share.approved_at]
    return past[-1].name if past and past[-1].state in standing else str(uuid.uuid4())


def propose_share(
    store: Store, seen: Seen, name: str, told: dict[str, Any], by: Person, reason: str
) -> Share:
    """Ask for something to be told of a confirmed case.

    `told` is all of it, without fractions, and has `indicators` and `tlp`. Raises what acts on
    cases do, and `AccessRefused`.
    """
    reason = check_reason(reason)
    _refuse_less(by, Role.ANALYST)
    with store.writing() as connection:
        case, at = check_seen(connection, seen), now()
        if case.outcome != State.CONFIRMED or case.decided_seq is None:
            raise CaseRefused(case, f"is {case.state}", "Only confirmed cases are told of")
        number = (connection.scalar(select(func.max(SHARES.c.share_id))) or 0) + 1
        detail = {
            "case": case.case_id,
            "digest": digest(told),
            "indicators": len(told["indicators"]),
            "tlp": told["tlp"],
            "reason": reason,
            "version": 1,
        }
        connection.execute(
            insert(SHARES).values(
                share_id=number,
                case_id=case.case_id,
                version=1,
                state=ShareState.PROPOSED,
                name=name,
                told=canonical(told),
                digest=detail["digest"],
                indicators=detail["indicators"],
                tlp=told["tlp"],
                reason=reason,
                decided_seq=case.decided_seq,
                proposed_by=by.name,
                proposed_at=at,
                changed_at=at,
            )
        )
        ledger.append(connection, at, by.name, "propose", share_subject(number), detail)
        return find_share(connection, number)


def approve_share(
    store: Store, share_id: int, seen: int, told_digest: str, by: Person, reason: str
) -> Share:
    """Be the second person: it may leave from now on, and replaces what the case told before.

    `told_digest` is that of what was looked at, or its beginning. Raises `AccessRefused` for
    whoever proposed it and for less than a lead, `CaseChanged` where somebody was faster, and
    `CaseRefused` where it doesn't wait, the digest is another's, the decision that it rests on is
    gone, or what was told under its name was revoked since.
    """
    with _changing(store, share_id, seen, by, Role.LEAD, reason) as change:
        found = change.found
        change.must_be(ShareState.PROPOSED)
        if by.name == found.proposed_by:
            raise AccessRefused(found, "was proposed by you", "Somebody else must approve it")
        looked_at = told_digest.strip().lower()
        if len(looked_at) < LEAST_DIGEST or not found.digest.startswith(looked_at):
            raise CaseRefused(
                found, "tells something else than that digest", "Look at it with `share show`"
            )
        case = find_case(change.connection, found.case_id)
        if case.outcome != State.CONFIRMED or case.decided_seq != found.decided_seq:
            raise CaseRefused(
                found, "rests on a decision that is gone", "Decline it, and propose a new one"
            )
        past = _of_case(change.connection, found.case_id)
        if any(one.state == ShareState.REVOKED and one.name == found.name for one in past):
            raise CaseRefused(
                found, "goes on from what was revoked since", "Decline it, and propose a new one"
            )
        for other in past:
            if other.state == ShareState.APPROVED:
                change.replace(other)
        change.to("approve", ShareState.APPROVED, approved_by=by.name, approved_at=change.at)
    return change.found


def decline_share(store: Store, share_id: int, seen: int, by: Person, reason: str) -> Share:
    """Say no; raises as `approve_share` does."""
    with _changing(store, share_id, seen, by, Role.LEAD, reason) as change:
        change.must_be(ShareState.PROPOSED)
        change.to("decline", ShareState.DECLINED)
    return change.found


def withdraw_share(store: Store, share_id: int, seen: int, by: Person, reason: str) -> Share:
    """Take one's own proposal back; raises as `approve_share` does."""
    with _changing(store, share_id, seen, by, Role.ANALYST, reason) as change:
        change.must_be(ShareState.PROPOSED)
        if by.name != change.found.proposed_by:
            raise AccessRefused(change.found, "was proposed by somebody else", "A lead can decline")
        change.to("withdraw", ShareState.WITHDRAWN)
    return change.found


def revoke_share(store: Store, share_id: int, seen: int, by: Person, reason: str) -> Share:
    """Take back what was told, for good. One analyst is enough: it can hurt nobody honest."""
    with _changing(store, share_id, seen, by, Role.ANALYST, reason) as change:
        change.must_be(ShareState.APPROVED)
        change.to("revoke", ShareState.REVOKED)
    return change.found


def record_export(
    store: Store, share_id: int, by: Person, format: str, written: str, size: int
) -> None:
    """Note in the ledger that a share left the house: in which format, and as which bytes.

    `written` is their SHA-256. Raises `CaseRefused` where it was never approved.
    """
    _refuse_less(by, Role.ANALYST)
    with store.writing() as connection:
        found = find_share(connection, share_id)
        if found.approved_at is None:
            raise CaseRefused(found, f"is {found.state}", "Only what was approved may leave")
        detail = {
            "case": found.case_id,
            "digest": found.digest,
            "format": format,
            "bytes": size,
            "sha256": written,
            "state": found.state,
        }
        ledger.append(connection, now(), by.name, "export", share_subject(share_id), detail)


def _of_case(connection: Connection, case_id: int) -> list[Share]:
    mine = select(SHARES).where(SHARES.c.case_id == case_id)
    return [Share.of(row) for row in connection.execute(mine).all()]


def _refuse_less(by: Person, least: Role) -> None:
    if not may(by.role, least):
        raise AccessRefused(by.name, f"is {by.role}", f"This needs the role {least}")


class _Change:
    """One act on a share, inside the transaction that writes."""

    def __init__(
        self, connection: Connection, found: Share, by: Person, reason: str, at: str
    ) -> None:
        self.connection, self.found, self.at = connection, found, at
        self._by, self._reason = by, reason

    def must_be(self, *allowed: ShareState) -> None:
        """Raise `CaseRefused` where it stands otherwise."""
        if self.found.state not in allowed:
            raise CaseRefused(self.found, f"is {self.found.state}", "Look at it again")

    def to(self, act: str, state: ShareState, **columns: Any) -> None:
        """Write the new standing and the ledger's entry."""
        told = {"digest": self.found.digest, "reason": self._reason}
        self._write(self.found, act, state, told, columns)
        self.found = find_share(self.connection, self.found.share_id)

    def replace(self, other: Share) -> None:
        """Let what was told before stand no more, since this is told instead."""
        told = {"by": share_subject(self.found.share_id)}
        self._write(other, "replace", ShareState.REPLACED, told, {})

    def _write(
        self, of: Share, act: str, state: ShareState, told: dict[str, Any], columns: dict[str, Any]
    ) -> None:
        version = of.version + 1
        self.connection.execute(
            update(SHARES)
            .where(SHARES.c.share_id == of.share_id)
            .values(version=version, state=state, changed_at=self.at, **columns)
        )
        detail = {"case": of.case_id, "from": of.state, "to": state, **told, "version": version}
        subject = share_subject(of.share_id)
        ledger.append(self.connection, self.at, self._by.name, act, subject, detail)


@contextmanager
def _changing(
    store: Store, share_id: int, seen: int, by: Person, least: Role, reason: str
) -> Iterator[_Change]:
    reason = check_reason(reason)
    _refuse_less(by, least)
    with store.writing() as connection:
        found = find_share(connection, share_id)
        if found.version != seen:
            last = list(ledger.entries(connection, share_subject(share_id)))[-1]
            raise CaseChanged(
                found,
                f"{last.actor} changed it at {last.at} ({last.act}; it is at version "
                f"{found.version} now, this act is based on {seen}), and nothing was done",
                "Look at it again, and act if it still holds",
            )
        yield _Change(connection, found, by, reason, now())
