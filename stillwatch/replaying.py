"""A policy tried on a log: found, planned and decided day by day, as it would have been.

The log is taken in a day at a time, as users do; after each day it is detected and planned, and the
next day's exchanges meet what was decided. Nobody reacts to it, which a real operator would.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import datetime as dt
import secrets
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.errors import InputNotFound, NothingToRead
from stillwatch.findings import Findings
from stillwatch.lake import Lake, is_lake
from stillwatch.pipeline import detect, ingest
from stillwatch.planning import KEY_BYTES, known_of
from stillwatch.policy import Plan, Policy, plan
from stillwatch.policy.file import Approval, CaseWanted
from stillwatch.policy.known import CASE_FACTS
from stillwatch.policy.replay import Walk
from stillwatch.policy.simulation import Simulation, Span, summed
from stillwatch.progress import Progress, Silent
from stillwatch.running import manner_of, read_into
from stillwatch.scoring import read_truth
from stillwatch.tables import ACCOUNTS, EXCHANGES

DAY_US = 86_400_000_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_WALKED = ["exchange_id", "account_id", "ts", "surface", "model"]


def simulate(
    log: str | Path,
    policy: Policy,
    *,
    every_days: int = 1,
    confirmed_after: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Simulation:
    """What `policy` would have done to the log or lake, were it live.

    It is planned at the end of each `every_days`-th day (UTC). With `confirmed_after`, people are
    supposed to confirm every campaign so many days after it was first found; without it they
    decide nothing. What the log's labels tell is told too, where it has any. Raises what `ingest`
    and `detect` do.
    """
    notes = _notes(policy, confirmed_after)
    policy = replace(policy, live=True)
    watch = progress or Silent()
    with tempfile.TemporaryDirectory(prefix="stillwatch-") as scratch:
        folder = Path(scratch)
        source = _source(log, folder, progress, threads)
        parts = _split(source, folder, every_days)
        registered = source.accounts()
        spans, outcomes = [], []
        first_found: dict[str, dt.datetime] = {}
        walk, key = Walk(policy.throttle), secrets.token_bytes(KEY_BYTES)
        made: Plan | None = None
        findings: Findings | None = None
        watch.start("simulate", len(parts), "days")
        for until, part in parts:
            rows = pq.read_table(part, columns=_WALKED).sort_by([("ts", "ascending")])
            decided = None if made is None else made.decisions
            outcomes.append(_walked(walk, decided, rows))
            known_then = registered.filter(pc.less_equal(registered["created_at"], until))
            findings = _grow(folder / "lake", part, known_then, until, threads)
            known = known_of(findings, known_then)
            known = replace(known, until=until)
            for name in findings.campaigns["campaign_id"].to_pylist():
                first_found.setdefault(name, until)
            if confirmed_after is not None:
                lag = dt.timedelta(days=confirmed_after)
                sure = [name for name, when in first_found.items() if until - when >= lag]
                known = replace(known, cases=_confirmed(sure))
            made = plan(known, policy, until, key, decided)
            spans.append(Span(until, findings.campaigns.num_rows, made))
            watch.advance(1)
        watch.finish()
        assert findings is not None
        labels, roles = _truth(log)
        attributed = findings.exchanges if labels is None else labels
        return summed(policy, spans, outcomes, attributed, roles, notes)


def _notes(policy: Policy, confirmed_after: int | None) -> list[str]:
    """What to know before one believes the figures."""
    notes = ["Nobody reacts in a log; in life, who is shut out comes back by other accounts."]
    if not policy.live:
        notes.append("The policy is a dry run; it was tried as if it were live.")
    asked = [rule.name for rule in policy.rules if rule.when.case == CaseWanted.CONFIRMED]
    if asked and confirmed_after is None:
        notes.append(
            "Nobody decided cases, so nothing came of the rules for confirmed ones: "
            f"{', '.join(asked)}. --confirmed-after DAYS supposes that people confirm them."
        )
    waits = [rule.name for rule in policy.rules if rule.approval == Approval.REQUIRED]
    if waits:
        notes.append(f"Nobody approved what waits for approval: {', '.join(waits)}.")
    return notes


def _source(log: str | Path, folder: Path, progress: Progress | None, threads: int | None) -> Lake:
    """The lake at `log`, or one made of the log there."""
    if not Path(log).exists():
        raise InputNotFound(log, "doesn't exist", "Name a folder of logs, a log file, or a lake")
    if is_lake(log):
        return Lake.open(log)
    lake = Lake.create_or_open(folder / "source", durable=False, compress=False)
    read_into(lake, [log], manner_of(), progress, threads)
    return lake


def _split(source: Lake, folder: Path, every_days: int) -> list[tuple[dt.datetime, Path]]:
    """The log by spans of days with traffic: the last moment of each, and its file."""
    days = np.unique(
        np.concatenate(
            [np.empty(0, np.int64)]
            + [
                np.unique(batch.column("ts").cast(pa.int64()).to_numpy() // DAY_US)
                for batch in source.scan(["ts"])
            ]
        )
    )
    if not len(days):
        raise NothingToRead(source.path, "holds no exchange", "Check the log")
    first, begin = int(days[0]), int(days[0]) * DAY_US
    spans = np.unique((days - first) // every_days).tolist()
    paths = {span: folder / f"days/{span:05d}/exchanges/all.parquet" for span in spans}
    writers: dict[int, pq.ParquetWriter] = {}
    try:
        for span, path in paths.items():
            path.parent.mkdir(parents=True)
            writers[span] = pq.ParquetWriter(path, EXCHANGES)
        for batch in source.scan():
            table = pa.Table.from_batches([batch]).select(EXCHANGES.names).cast(EXCHANGES)
            of = (table["ts"].cast(pa.int64()).to_numpy() - begin) // (every_days * DAY_US)
            for span in np.unique(of).tolist():
                writers[span].write_table(table.filter(pa.array(of == span)))
    finally:
        for writer in writers.values():
            writer.close()
    end = _EPOCH + dt.timedelta(days=first) - dt.timedelta(microseconds=1)
    return [(end + dt.timedelta(days=(span + 1) * every_days), paths[span]) for span in spans]


def _grow(
    lake: Path, part: Path, registered: pa.Table, until: dt.datetime, threads: int | None
) -> Findings:
    """Take a span in and detect, as if `until` were now."""
    banned = pc.greater(registered["banned_at"], pa.scalar(until, ACCOUNTS.field("banned_at").type))
    later = pc.fill_null(banned, False)
    free = pa.nulls(registered.num_rows, ACCOUNTS.field("banned_at").type)
    told = registered.set_column(
        ACCOUNTS.get_field_index("banned_at"),
        ACCOUNTS.field("banned_at"),
        pc.if_else(later, free, registered["banned_at"]),
    )
    if told.num_rows:
        pq.write_table(told, part.parent.parent / "accounts.parquet")
    ingest([part.parent.parent], lake=lake, threads=threads)
    return detect(lake, threads=threads)


def _walked(
    walk: Walk, decisions: pa.Table | None, rows: pa.Table
) -> tuple[pa.Table, np.ndarray, np.ndarray]:
    """Exchanges, and the outcome and decision of each."""
    if decisions is None:
        nothing = np.zeros(rows.num_rows, np.int64)
        return rows, nothing, nothing - 1
    return rows, *walk.outcomes(decisions, rows)


def _confirmed(campaigns: list[str]) -> pa.Table:
    rows = [
        {"campaign_id": name, "case_id": number, "state": "confirmed"}
        for number, name in enumerate(campaigns, 1)
    ]
    return pa.Table.from_pylist(rows, CASE_FACTS)


def _truth(log: str | Path) -> tuple[pa.Table | None, pa.Table | None]:
    """Labels of exchanges as `campaign_id` of `exchange_id`, and of accounts, where there are."""
    if not (Path(log) / "labels" / "accounts.parquet").is_file():
        return None, None
    truth = read_truth(log)
    return truth.exchanges.rename_columns(["exchange_id", "campaign_id"]), truth.accounts
