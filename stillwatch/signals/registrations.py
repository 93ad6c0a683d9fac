"""The accounts table to keys: what accounts can share by how they were registered."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.signals.keys import mix_keys, network_keys, string_keys

COHORT_HOURS = 6
"""Accounts made within the same six hours through the same network operator are a cohort."""

COLUMNS = ("account", "org", "payment", "email_domain", "program", "signup_network", "cohort")


def registrations(accounts: pa.Table) -> pa.Table:
    """One row an account: `COLUMNS`, uint64 keys, 0 where unknown."""
    table = accounts.combine_chunks()
    n = table.num_rows

    def column(name: str) -> pa.Array:
        chunks = table[name].chunks
        return chunks[0] if chunks else pa.array([], table.schema.field(name).type)

    created = pc.fill_null(column("created_at").cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    asn = pc.fill_null(column("signup_asn"), 0).to_numpy(zero_copy_only=False)
    bucket = (created // (COHORT_HOURS * 3_600_000_000)).astype(np.uint64)
    cohort = np.where(asn > 0, mix_keys(bucket, asn.astype(np.uint64)), np.uint64(0))
    columns = {
        "account": string_keys(column("account_id")),
        "org": string_keys(column("org_id")),
        "payment": string_keys(column("payment_id")),
        "email_domain": string_keys(column("email_domain")),
        "program": string_keys(column("program")),
        "signup_network": network_keys(column("signup_ip")),
        "cohort": cohort if n else np.zeros(0, np.uint64),
    }
    return pa.table({name: pa.array(columns[name], pa.uint64()) for name in COLUMNS})
