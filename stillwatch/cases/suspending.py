"""What is in force for a case, and what was told of it, rest on its decision and fall with it."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from stillwatch.cases import ledger
from stillwatch.cases.schema import ENFORCEMENTS, SHARES


def subject_of(enforcement_id: int) -> str:
    """How the ledger names an enforcement."""
    return f"enforcement {enforcement_id}"


def share_subject(share_id: int) -> str:
    """How the ledger names a share."""
    return f"share {share_id}"


def take_back(connection: Connection, case_id: int, at: str, actor: str, because: str) -> None:
    """Revoke what is told of a case, in the transaction of the act that it is because of.

    Nothing brings it back: others were told that it is void. What is told anew is proposed anew.
    """
    mine = (SHARES.c.case_id == case_id) & (SHARES.c.state == "approved")
    for row in connection.execute(select(SHARES).where(mine)).all():
        number, version = row.share_id, row.version + 1
        connection.execute(
            update(SHARES)
            .where(SHARES.c.share_id == number)
            .values(version=version, state="revoked", changed_at=at)
        )
        detail = {
            "case": case_id,
            "from": "approved",
            "to": "revoked",
            "because": because,
            "version": version,
        }
        ledger.append(connection, at, actor, "revoke", share_subject(number), detail)


def suspend(connection: Connection, case_id: int, at: str, actor: str, because: str) -> None:
    """Suspend what is in force for a case, in the transaction of the act that it is because of.

    Only a new approval brings it back: also where the decision is restored a moment later, since
    nobody has looked since at whom it is about.
    """
    mine = (ENFORCEMENTS.c.case_id == case_id) & (ENFORCEMENTS.c.state == "in_force")
    for row in connection.execute(select(ENFORCEMENTS).where(mine)).all():
        number, version = row.enforcement_id, row.version + 1
        connection.execute(
            update(ENFORCEMENTS)
            .where(ENFORCEMENTS.c.enforcement_id == number)
            .values(version=version, state="suspended")
        )
        detail = {
            "case": case_id,
            "from": "in_force",
            "to": "suspended",
            "accounts": row.accounts,
            "because": because,
            "version": version,
        }
        ledger.append(connection, at, actor, "suspend", subject_of(number), detail)
