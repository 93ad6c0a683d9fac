"""After a removal: everything that still holds what was removed, but for what findings say.

Each step can be done again: a kill leaves a removal that the journal calls unfinished, and the next
run of `retain` or `forget` finishes it.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.custody.journal import ERASED, Journal
from stillwatch.custody.trimming import (
    named_exchanges,
    those_in,
    without_accounts,
    without_exchanges,
)
from stillwatch.errors import LakeBusy
from stillwatch.findings import Findings
from stillwatch.lake import Lake, Ledger
from stillwatch.lake.ledger import FOLDERS
from stillwatch.lake.manifest import sync_folder
from stillwatch.pipeline import drop_removed
from stillwatch.privacy import Vault
from stillwatch.privacy.names import ADDRESSES, COLUMNS, KINDS, ONE_WAY
from stillwatch.tables import EXCHANGES

_GROUPS = 3
"""Groups of an address's name that are its network's."""


def erase(ledger: Ledger, journal: Journal, accounts: frozenset[str] = frozenset()) -> None:
    """Unlink and overwrite what the lake at `ledger` doesn't hold any more, and say so.

    The caller holds the lake's lock. Raises `LakeBusy` where a detection is at work on it; then
    the removal stays unfinished.
    """
    ledger.sweep()
    for folder in FOLDERS:
        sync_folder(ledger.lake / folder)
    lake = Lake.open(ledger.lake)

    def trimmed(findings: Findings) -> Findings:
        return trim(lake, without_accounts(findings, accounts)[0])[0]

    if not drop_removed(lake.path, trimmed):
        raise LakeBusy(
            lake.path,
            "a detection is at work on it: what it made of the removed rows is still there",
            "Run this again when it is done: the removal holds, and is finished then",
        )
    entries = _prune(lake) if lake.privacy.keys else 0
    for removal in journal.unfinished:
        detail = {"of": removal["seq"], "files": removal["detail"]["files"], "names": entries}
        gone = [name for name in detail["files"] if not (lake.path / name).exists()]
        if len(gone) == len(detail["files"]):
            told = {**detail, "files": len(gone)}
            journal.append(journal.entry(removal["actor"], ERASED, removal["reason"], told))


def trim(lake: Lake, findings: Findings) -> tuple[Findings, dict[str, int]]:
    """Findings without the exchanges that a lake doesn't hold, and how many rows that changed."""
    ids = named_exchanges(findings)
    held = those_in(lake, ids)
    gone = ids.filter(pc.invert(pc.is_in(ids, value_set=held)))
    kept, counts = without_exchanges(findings, gone)
    return kept, dict(counts)


def _prune(lake: Lake) -> int:
    """Take out of the vault whom nothing in the lake names any more; how many."""
    used = set(_used(lake))
    files = f"{KINDS['file']}-"
    with closing(Vault(lake.path)) as vault:
        spare = [n for n in vault.names() if n not in used and not n.startswith(files)]
        return vault.forget(spare)


def _used(lake: Lake) -> Iterator[str]:
    """Every name that stands in a lake, some more than once."""
    accounts = lake.accounts()
    for column, kind in [*COLUMNS.items(), *((name, "ip") for name in ADDRESSES)]:
        if kind in ONE_WAY:
            continue
        parts: list[pa.Array] = []
        if column in accounts.schema.names:
            parts.append(accounts[column].combine_chunks())
        if column in EXCHANGES.names:
            parts += [pc.unique(batch.column(0).cast(pa.string())) for batch in lake.scan([column])]
        for name in pc.unique(pa.concat_arrays(parts)).to_pylist() if parts else ():
            if name:
                yield name
                if kind == "ip":
                    yield ":".join(name.split(":")[:_GROUPS])
