"""`stillwatch explain`: why an account is, or is not, a member."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stillwatch.cli.options import FindingsFolder, Json, examples
from stillwatch.errors import UnknownName

if TYPE_CHECKING:
    from stillwatch.findings import Findings

EXAMPLES = examples(("one account", "stillwatch explain FINDINGS acc-5f09c1"))


def explain(
    findings: FindingsFolder,
    account: Annotated[str, typer.Argument(help="The account's id, as the log has it.")],
    json: Json = False,
) -> None:
    """Explain where an account stands: the evidence for and against it, with figures."""
    from stillwatch.cli.printing import emit, people
    from stillwatch.cli.standing import print_standing
    from stillwatch.findings import read_findings

    found = read_findings(findings)
    standing = standing_of(found, account, findings)
    if json:
        emit(standing)
    else:
        print_standing(people(), standing, found)


def standing_of(found: Findings, account: str, where: object) -> dict[str, Any]:
    """All that `found` holds on one account: its row, `detail` decoded, memberships, evidence.

    Raises `UnknownName` with the nearest ids where the account isn't in the log.
    """
    import pyarrow.compute as pc

    from stillwatch.cli.printing import rows
    from stillwatch.console.story import said

    mine = pc.field("account_id") == account
    here = found.accounts.filter(mine)
    if not here.num_rows:
        known = found.accounts["account_id"].to_pylist()
        near = difflib.get_close_matches(account, known[:50_000], n=3, cutoff=0.5)
        hint = (
            f"Did you mean {', '.join(near)}?" if near else "Ids are matched whole, as in the log"
        )
        raise UnknownName(where, f"no account is called {account!r}", hint)
    (row,) = rows(here)
    says, figures = said(row.pop("detail"))
    members = found.members.filter(mine)
    evidence = found.evidence.filter(mine)
    return {
        **row,
        "says": says,
        **{key: figures.get(key) or [] for key in ("for", "against", "nearest", "objects")},
        "figures": figures.get("figures") or {},
        "memberships": rows(members),
        "evidence": [{**line, "detail": said(line["detail"])[1]} for line in rows(evidence)],
    }
