"""Findings against the labels of a world: precision, recall, and who is wronged."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch import tables
from stillwatch.errors import InputNotFound
from stillwatch.findings import Findings
from stillwatch.scoring.matching import Match, match_campaigns


@dataclass(frozen=True)
class Rate:
    """Precision, recall and F1 with their counts.

    A ratio whose denominator is zero is None, not 1: nothing was flagged (precision), nothing was
    there to flag (recall), or one of the two (F1).
    """

    true_positives: int
    false_positives: int
    false_negatives: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class RoleRate:
    """Accounts of one role that take part in no campaign, and how many of them were flagged."""

    innocent: int
    flagged: int
    false_positive_rate: float | None


@dataclass(frozen=True)
class Score:
    """How right findings are about a labelled world.

    `accounts` and `exchanges` count distillation alone: an account is positive if its label names a
    campaign, flagged if it is a member of a `distillation` campaign; an exchange is positive if it
    is labelled, found if it is attributed. Findings about accounts that have no label count as
    false and under the role `unlabelled`. `brier` is the mean squared error of member confidence
    (None without members). `networks_named` of `networks_true` true networks share at least half
    of some `reseller` finding's members; `false_networks` are reseller findings of which less than
    half belongs to a network.
    """

    accounts: Rate
    exchanges: Rate
    roles: dict[str, RoleRate]
    campaigns: tuple[Match, ...]
    campaigns_found: int
    false_campaigns: tuple[str, ...]
    splits: tuple[str, ...]
    merges: tuple[str, ...]
    networks_true: int
    networks_named: tuple[str, ...]
    false_networks: tuple[str, ...]
    brier: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries and lists, for JSON."""
        return asdict(self)


def score(labels: str | Path, findings: Findings) -> Score:
    """Score `findings` against the truth in a log folder, or in its `labels` folder.

    Raises `InputNotFound` where a labels file is missing or can't be read.
    """
    folder = Path(labels)
    if not (folder / "accounts.parquet").exists() or (folder / "labels").is_dir():
        folder = folder / "labels"
    truth = _read(folder / "accounts.parquet", tables.LABEL_ACCOUNTS)
    wanted = _read(folder / "exchanges.parquet", tables.LABEL_EXCHANGES)
    kinds = dict(
        zip(
            findings.campaigns["campaign_id"].to_pylist(),
            findings.campaigns["kind"].to_pylist(),
            strict=True,
        )
    )
    with duckdb.connect() as base:
        base.register("truth", truth)
        base.register("wanted", wanted)
        base.register("members", _of_kind(findings.members, kinds, "distillation"))
        base.register("shared", _of_kind(findings.members, kinds, "reseller"))
        base.register("attributed", findings.exchanges)
        flagged = base.sql(_FLAGGED).to_arrow_table()
        hits, found, there = _one(base, _EXCHANGES)
        campaigns = _matching(base, "campaign", "members")
        networks = _matching(base, "network", "shared")
        brier = _one(base, _BRIER)[0]
    positive = flagged["campaign"].is_valid().to_numpy()
    is_flagged = flagged["flagged"].to_numpy(zero_copy_only=False)
    return Score(
        accounts=_rate(
            int((positive & is_flagged).sum()),
            int((~positive & is_flagged).sum()),
            int((positive & ~is_flagged).sum()),
        ),
        exchanges=_rate(hits, found - hits, there - hits),
        roles=_roles(flagged["role"], positive, is_flagged),
        campaigns=campaigns.matches,
        campaigns_found=sum(k == "distillation" for k in kinds.values()),
        false_campaigns=campaigns.false + tuple(sorted(_empty(findings, kinds, "distillation"))),
        splits=campaigns.splits,
        merges=campaigns.merges,
        networks_true=len(networks.matches),
        networks_named=tuple(m.campaign for m in networks.matches if m.purity >= 0.5),
        false_networks=networks.false,
        brier=brier,
    )


_FLAGGED = """
with flags as (select distinct account_id from members)
select coalesce(truth.role, 'unlabelled') as role,
       truth.campaign as campaign,
       flags.account_id is not null as flagged
from truth full outer join flags on truth.account_id = flags.account_id
order by role, campaign, flagged
"""

_EXCHANGES = """
with found as (select distinct exchange_id from attributed),
     there as (select distinct exchange_id from wanted)
select (select count(*) from found semi join there using (exchange_id)) as hits,
       (select count(*) from found) as found,
       (select count(*) from there) as there
"""

_BRIER = """
select avg(power(members.confidence - (truth.campaign is not null)::int, 2)) as brier
from members left join truth on members.account_id = truth.account_id
"""


def _matching(base: duckdb.DuckDBPyConnection, label: str, members: str):
    true = base.sql(
        f"select {label}, count(*) from truth where {label} is not null group by 1 order by 1"
    ).fetchall()
    found = base.sql(
        f"select campaign_id, count(distinct account_id) from {members} group by 1 order by 1"
    ).fetchall()
    pairs = base.sql(
        f"select truth.{label}, {members}.campaign_id, count(distinct truth.account_id) "
        f"from truth join {members} on truth.account_id = {members}.account_id "
        f"where truth.{label} is not null group by 1, 2"
    ).fetchall()
    rows = {name: i for i, (name, _) in enumerate(true)}
    columns = {name: j for j, (name, _) in enumerate(found)}
    overlap = np.zeros((len(true), len(found)), dtype=np.int64)
    for name, other, n in pairs:
        overlap[rows[name], columns[other]] = n
    return match_campaigns(
        overlap,
        np.array([n for _, n in true], dtype=np.int64),
        np.array([n for _, n in found], dtype=np.int64),
        list(rows),
        list(columns),
    )


def _rate(tp: int, fp: int, fn: int) -> Rate:
    precision = tp / (tp + fp) if tp + fp else None
    recall = tp / (tp + fn) if tp + fn else None
    both = precision is not None and recall is not None
    return Rate(tp, fp, fn, precision, recall, 2 * tp / (2 * tp + fp + fn) if both else None)


def _roles(role: pa.ChunkedArray, positive: np.ndarray, flagged: np.ndarray) -> dict[str, RoleRate]:
    names = np.asarray(role.to_pylist(), dtype=object)
    out = {}
    for name in (*tables.ROLES, "unlabelled"):
        innocent = (names == name) & ~positive
        n, wronged = int(innocent.sum()), int((innocent & flagged).sum())
        if n:
            out[name] = RoleRate(n, wronged, wronged / n)
    return out


def _of_kind(members: pa.Table, kinds: dict[str, str], kind: str) -> pa.Table:
    chosen = [c for c, k in kinds.items() if k == kind]
    return members.filter(pc.field("campaign_id").isin(pa.array(chosen, pa.string())))


def _empty(findings: Findings, kinds: dict[str, str], kind: str) -> set[str]:
    """Findings of a kind without a single member: false by definition."""
    filled = set(findings.members["campaign_id"].to_pylist())
    return {c for c, k in kinds.items() if k == kind and c not in filled}


def _one(base: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    return base.sql(query).fetchall()[0]


def _read(path: Path, schema: pa.Schema) -> pa.Table:
    todo = "Scoring needs a labelled world; `stillwatch world NAME --out LOG` makes one"
    if not path.exists():
        raise InputNotFound(path, "is missing", todo)
    try:
        return tables.require(pq.read_table(path), schema, path)
    except (OSError, ValueError, pa.ArrowException) as fault:
        raise InputNotFound(path, f"can't be read as labels ({fault})", todo) from fault
