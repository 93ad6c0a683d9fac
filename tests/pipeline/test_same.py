"""The same findings however a log lies on disk, and nothing read that came later."""

from __future__ import annotations

import datetime as dt
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import NothingToRead
from stillwatch.findings import Findings
from stillwatch.pipeline import detect, ingest
from stillwatch.signals.packed import packed
from tests.pipeline.small import Small, differences, write
from tests.sources.logs import write_log


def shuffled(small: Small, folder: Path) -> Path:
    """Rows in random order, in seven files of random sizes, accounts upside down."""
    rng = np.random.default_rng(1)
    n = small.exchanges.num_rows
    rows = small.exchanges.take(pa.array(rng.permutation(n)))
    cuts = [0, *np.sort(rng.choice(n, 6, replace=False)).tolist(), n]
    (folder / "exchanges").mkdir(parents=True)
    for name, (begin, end) in zip("gbfacde", pairwise(cuts), strict=True):
        pq.write_table(
            rows.slice(begin, end - begin),
            folder / f"exchanges/{name}.parquet",
            row_group_size=3000,
        )
    back = pa.array(np.arange(small.accounts.num_rows)[::-1])
    pq.write_table(small.accounts.take(back), folder / "accounts.parquet")
    return folder


def lines(small: Small, folder: Path) -> Path:
    """JSON Lines, plain and compressed."""
    third = -(-small.exchanges.num_rows // 3)
    for i, suffix in enumerate(("jsonl", "jsonl.gz", "jsonl.zst")):
        part = small.exchanges.slice(i * third, third)
        write_log(part, folder / f"exchanges/part-{i}.{suffix}")
    write_log(small.accounts, folder / "accounts.jsonl")
    return folder


def lake(small: Small, folder: Path) -> Path:
    """A lake that the log was ingested into, and again."""
    ingest([small.folder], lake=folder, threads=1)
    ingest([small.folder], lake=folder, threads=1)
    return folder


def repeated(small: Small, folder: Path) -> Path:
    """Some exchanges twice: the same id again is the same exchange."""
    twice = pa.concat_tables([small.exchanges, small.exchanges.slice(1000, 5000)])
    return write(folder, twice, small.accounts)


def unlabelled(small: Small, folder: Path) -> Path:
    """The same log without its labels, which detection never reads."""
    return write(folder, small.exchanges, small.accounts)


@pytest.mark.parametrize("form", [shuffled, lines, lake, repeated, unlabelled])
def test_findings_do_not_depend_on_how_the_log_lies(
    small: Small, found: Findings, tmp_path: Path, form
):
    """Shuffled rows and files, other formats, a lake, repeats, no labels: the same, to the bit."""
    assert differences(found, detect(form(small, tmp_path / "log"), threads=1)) == {}


def test_findings_do_not_depend_on_how_the_lake_grew(
    small: Small, found: Findings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A lake detected on when it had two files, and again with a third that corrects the first.

    The second time only what is new is read for signals. Names last from judgement to judgement,
    so the first one is forgotten.
    """
    n = small.exchanges.num_rows
    parts = [small.exchanges.slice(a, b - a) for a, b in pairwise([0, n // 4, n - n // 8, n])]
    stale, ts = parts[0].slice(0, 50), small.exchanges.schema.get_field_index("ts")
    later = pc.add(stale["ts"], pa.scalar(dt.timedelta(days=1)))
    stale = stale.set_column(ts, small.exchanges.schema.field(ts), later)
    write(tmp_path / "first", stale, small.accounts)
    where = tmp_path / "lake"
    ingest([tmp_path / "first"], lake=where, threads=1)
    write(tmp_path / "second", parts[1], small.accounts)
    ingest([tmp_path / "second"], lake=where, threads=1)
    read: list[int] = []

    def counted(batch: pa.RecordBatch) -> pa.RecordBatch:
        read.append(batch.num_rows)
        return packed(batch)

    monkeypatch.setattr("stillwatch.pipeline.packed", counted)
    detect(where, threads=1)
    assert sum(read) == 50 + parts[1].num_rows
    read.clear()
    shutil.rmtree(where / "judged")
    write(tmp_path / "third", pa.concat_tables([parts[0], parts[2]]), small.accounts)
    ingest([tmp_path / "third"], lake=where, threads=1)
    assert differences(found, detect(where, threads=1)) == {}
    assert sum(read) == parts[0].num_rows + parts[2].num_rows


def test_findings_do_not_depend_on_threads(small: Small, found: Findings):
    """Two threads find what one does."""
    assert differences(found, detect(small.folder, threads=2)) == {}


@pytest.mark.parametrize("share", [0.4, 0.75])
def test_until_reads_nothing_later(small: Small, tmp_path: Path, share: float):
    """`until` a moment is a log cut off by hand after that moment."""
    ts = small.exchanges["ts"]
    moment = np.sort(ts.cast(pa.int64()).to_numpy())[int(share * len(ts))]
    until = dt.datetime.fromtimestamp(int(moment) / 1e6, dt.UTC)
    scalar = pa.scalar(int(moment), pa.int64()).cast(ts.type)
    assert scalar.as_py() == until
    early = small.exchanges.filter(pc.less_equal(ts, scalar))
    assert 0 < early.num_rows < small.exchanges.num_rows
    cut = detect(write(tmp_path / "log", early, small.accounts), threads=1)
    asked = detect(small.folder, until=until, threads=1)
    assert differences(cut, asked) == {}
    assert asked.run["exchanges_detected"] == early.num_rows
    last = max(r["last_ts"] for r in asked.accounts.to_pylist())
    assert last <= until


def test_what_was_refused_is_not_judged_and_told(small: Small, found: Findings, tmp_path: Path):
    """Members who knock on a closed door, and others who are turned away, change no finding."""
    once = small.exchanges.filter(pc.is_in(small.exchanges["turns"], pa.array([1], pa.int32())))
    again = once.slice(0, 500)
    for name, column in (
        ("exchange_id", pc.binary_join_element_wise(again["exchange_id"], "again", "-")),
        ("status", pa.array([403, 401] * 250, pa.int16())),
    ):
        at = again.schema.get_field_index(name)
        again = again.set_column(at, again.schema.field(name), column)
    log = write(tmp_path / "log", pa.concat_tables([small.exchanges, again]), small.accounts)
    knocked = detect(log, threads=1)
    assert differences(found, knocked) == {}
    assert knocked.run["exchanges_refused"] == 500
    assert found.run["exchanges_refused"] == 0
    with pytest.raises(NothingToRead):
        detect(write(tmp_path / "closed", again, small.accounts), threads=1)


def test_a_campaign_keeps_its_name_as_the_log_grows(small: Small, found: Findings, tmp_path: Path):
    """Three quarters of the log name the campaigns that are there as the whole log does.

    By itself a name comes of the member who came first, so in a world as small as this one it can
    move with a single account: one campaign of three may. Given the earlier findings, none does.
    """
    ts = np.sort(small.exchanges["ts"].cast(pa.int64()).to_numpy())
    until = dt.datetime.fromtimestamp(int(ts[3 * len(ts) // 4]) / 1e6, dt.UTC)
    early = detect(small.folder, until=until, threads=1, out=tmp_path / "early")
    again = detect(small.folder, threads=1, earlier=tmp_path / "early")
    before, now, given = (_flagged(findings) for findings in (early, found, again))
    both = before.keys() & now.keys()
    assert len(both) >= 20
    names = set(before.values())
    assert len(names & set(now.values())) >= len(names) - 1
    assert names <= set(given.values())
    assert again.run["earlier"]["kept"] == sorted(early.campaigns["campaign_id"].to_pylist())
    assert sum(before[a] == given[a] for a in both) >= 0.9 * len(both)


def _flagged(findings: Findings) -> dict[str, str]:
    """Campaign by flagged account."""
    kinds = {r["campaign_id"]: r["kind"] for r in findings.campaigns.to_pylist()}
    return {
        r["account_id"]: r["campaign_id"]
        for r in findings.members.to_pylist()
        if kinds[r["campaign_id"]] == "distillation"
    }
