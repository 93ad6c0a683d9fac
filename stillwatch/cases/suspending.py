"""What is in force for a case rests on its decision, and is suspended when that falls."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from stillwatch.cases import ledger
from stillwatch.cases.schema import ENFORCEMENTS


def subject_of(enforcement_id: int) -> str:
    """How the ledger names an enforcement."""
    return f"enforcement {enforcement_id}"


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
