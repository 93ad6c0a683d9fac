"""A small world and its variants, as logs on disk, and findings made comparable."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from stillwatch.findings import Findings
from stillwatch.tables import EXCHANGES
from stillwatch.worlds import make_world

SCALE = 0.0005
"""177 accounts, 50,000 exchanges, and campaigns of 14 to 16 accounts."""


@dataclass(frozen=True)
class Small:
    """A labelled world: its folder, its tables, and who takes part in a campaign."""

    folder: Path
    exchanges: pa.Table
    accounts: pa.Table
    guilty: frozenset[str]
    campaign_of: dict[str, str]


def make_small(folder: Path) -> Small:
    """The world `plain` with built-in texts."""
    make_world("plain", folder, scale=SCALE, seed=3)
    exchanges = (
        ds.dataset(folder / "exchanges", format="parquet").to_table().select(EXCHANGES.names)
    )
    labels = pq.read_table(folder / "labels/accounts.parquet").to_pylist()
    campaign_of = {row["account_id"]: row["campaign"] for row in labels if row["campaign"]}
    return Small(
        folder,
        exchanges.cast(EXCHANGES),
        pq.read_table(folder / "accounts.parquet"),
        frozenset(campaign_of),
        campaign_of,
    )


def write(folder: Path, exchanges: pa.Table, accounts: pa.Table | None = None) -> Path:
    """A log of one Parquet file, and of accounts where there are any."""
    (folder / "exchanges").mkdir(parents=True)
    pq.write_table(exchanges, folder / "exchanges/all.parquet")
    if accounts is not None:
        pq.write_table(accounts, folder / "accounts.parquet")
    return folder


def plain(findings: Findings) -> dict[str, pa.Table]:
    """Every table of the findings but `run`, its rows in an order of their own."""
    out = {}
    for field in fields(findings):
        table = getattr(findings, field.name)
        if isinstance(table, pa.Table):
            flat = [f.name for f in table.schema if not pa.types.is_nested(f.type)]
            out[field.name] = table.sort_by([(n, "ascending") for n in flat]).combine_chunks()
    return out


def differences(one: Findings, other: Findings) -> dict[str, tuple[int, int]]:
    """Tables in which two findings differ, with their row counts; empty where they are the same."""
    a, b = plain(one), plain(other)
    return {n: (a[n].num_rows, b[n].num_rows) for n in a if not a[n].equals(b[n])}


def flagged(findings: Findings) -> set[str]:
    """Members of distillation campaigns."""
    kinds = dict(
        zip(*(findings.campaigns[c].to_pylist() for c in ("campaign_id", "kind")), strict=True)
    )
    rows = findings.members.to_pylist()
    return {r["account_id"] for r in rows if kinds[r["campaign_id"]] == "distillation"}
