"""The accounts' table: one row an account, the latest ingest's word standing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.lake.hashing import hash_rows
from stillwatch.lake.ledger import Ledger, add_tallies, count_in
from stillwatch.lake.manifest import Absorbed, Tally
from stillwatch.tables import ACCOUNTS, Chunk, Section


def absorb_accounts(
    ledger: Ledger,
    paths: Sequence[Path],
    read: Callable[[Path, int], Iterator[Chunk]],
    digest_of: Callable[[Section], str],
) -> None:
    """Bring the accounts in `paths` into the lake, all in one commit.

    An account that is in already is replaced. Where one ingest says different things of an account,
    the row with a ban stands, then the smallest by content, whatever the files' order.
    """
    kept: list[pa.RecordBatch] = []
    quarantined: list[pa.RecordBatch] = []
    tally = Tally()
    absorbed: dict[str, Absorbed] = {}
    for path in paths:
        digest = f"accounts:{digest_of(Section(path))}"
        if ledger.claim(digest) is None:
            continue
        rows = 0
        for chunk in read(path, 0):
            kept.append(chunk.kept)
            quarantined.append(chunk.quarantined)
            count_in(tally, chunk)
            rows += chunk.read
        absorbed[digest] = Absorbed(ledger.told(path), path.stat().st_size, rows, True)
        tally.files += 1
    if not absorbed:
        return
    manifest = ledger.manifest
    table = pa.Table.from_batches(kept, ACCOUNTS)
    age = np.zeros(table.num_rows, np.int64)
    if manifest.accounts is not None:
        old = pq.read_table(ledger.lake / "accounts" / manifest.accounts, schema=ACCOUNTS)
        age = np.concatenate([age, np.ones(old.num_rows, np.int64)])
        table = pa.concat_tables([table, old])
    name = f"{ledger.number():08d}.parquet"
    ledger.save_table(one_row_each(table, age), f"accounts/{name}")
    fresh = msgspec.structs.replace(
        manifest,
        accounts=name,
        absorbed=manifest.absorbed | absorbed,
        account_rows=add_tallies(manifest.account_rows, tally),
        quarantine=list(manifest.quarantine),
    )
    if any(batch.num_rows for batch in quarantined):
        part = f"{ledger.number():08d}.parquet"
        ledger.save_table(pa.Table.from_batches(quarantined), f"quarantine/{part}")
        fresh.quarantine.append(part)
    ledger.replace(fresh)


def one_row_each(table: pa.Table, age: np.ndarray) -> pa.Table:
    """`table` with one row an account, sorted by account: lowest `age`, then ban, then content."""
    batch = table.combine_chunks().to_batches()
    if not batch:
        return table
    content = hash_rows(batch[0])
    free = np.asarray(batch[0].column(ACCOUNTS.get_field_index("banned_at")).is_null())
    ids = batch[0].column(0).to_numpy(zero_copy_only=False)
    _, code = np.unique(ids.astype("U"), return_inverse=True)
    order = np.lexsort((content, free, age, code))
    first = np.ones(len(order), bool)
    first[1:] = code[order][1:] != code[order][:-1]
    return table.take(pa.array(order[first]))
