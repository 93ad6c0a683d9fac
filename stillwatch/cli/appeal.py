"""`stillwatch appeal`: what an accused account is told, so that it can answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.cases import CaseNumber
from stillwatch.cli.documents import FindingsOption, LakeOption, check_format, tell, write
from stillwatch.cli.options import Json, StoreAddress, examples

EXAMPLES = examples(
    (
        "for the customer",
        "stillwatch appeal 3 acc-5f09c1 --findings FINDINGS --out answer.pdf",
    ),
)


def appeal(
    case: CaseNumber,
    account: Annotated[str, typer.Argument(help="The account's id, as the log has it.")],
    findings: FindingsOption,
    out: Annotated[
        Path, typer.Option(help="The file to write, .md, .html or .pdf; replaced where it exists.")
    ],
    store: StoreAddress = "cases.db",
    log: LakeOption = None,
    json: Json = False,
) -> None:
    """Write what was held against an account and for it, without a word on anybody else."""
    from stillwatch import reports
    from stillwatch.cases import Store, case_accounts, get_case
    from stillwatch.findings import read_findings

    path = check_format(out)
    opened, found = Store.open(store), read_findings(findings, leave=("exchanges", "links"))
    asked, past = get_case(opened, case), reports.whole_history(opened, case)
    samples = reports.read_samples(log, reports.ids_of_account(found, account)) if log else None
    pack = reports.appeal_pack(
        found,
        asked,
        account,
        samples,
        entries=past,
        accounts=frozenset(case_accounts(opened, case)),
    )
    tell([write(pack, path)], json)
