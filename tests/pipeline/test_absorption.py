"""A lake that grows day by day: what is new is absorbed, and it is as if all had been judged."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from stillwatch import pipeline
from stillwatch.campaigns import precedent
from stillwatch.columns import Stored
from stillwatch.findings import Findings
from stillwatch.lake import Judged
from stillwatch.lake.fragments import Fragment
from stillwatch.pipeline import detect, ingest
from tests.pipeline import test_findings as agreement
from tests.pipeline.small import Small, differences, flagged, write

DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Growing:
    """A lake of the first days, judged, its findings, and logs of the two days after: together some
    6% of the exchanges. `rest` is what comes after those."""

    lake: Path
    findings: Findings
    days: tuple[Path, Path]
    log: pa.Table


def times(exchanges: pa.Table) -> np.ndarray:
    """When each exchange was, microseconds."""
    return exchanges["ts"].cast(pa.int64()).to_numpy()


@pytest.fixture(scope="module")
def growing(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Growing:
    """The small world up to its 42nd day."""
    folder = tmp_path_factory.mktemp("growing")
    day = times(small.exchanges) // DAY_US
    first = int(day.min())
    parts = [
        write(folder / f"{i}", small.exchanges.filter(pa.array(mask)), small.accounts)
        for i, mask in enumerate((day < first + 40, day == first + 40, day == first + 41))
    ]
    ingest([parts[0]], lake=folder / "lake", threads=1)
    log = small.exchanges.filter(pa.array(day < first + 42))
    findings = detect(folder / "lake", threads=1)
    return Growing(folder / "lake", findings, (parts[1], parts[2]), log)


@pytest.fixture
def lake(growing: Growing, tmp_path: Path) -> Path:
    """A copy of that lake, to do with as one likes."""
    return shutil.copytree(growing.lake, tmp_path / "lake")


@pytest.fixture(scope="module")
def whole(growing: Growing, small: Small, tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """What a run finds that judges all of it."""
    return detect(write(tmp_path_factory.mktemp("all") / "log", growing.log, small.accounts))


@pytest.fixture(scope="module")
def renamed(growing: Growing, small: Small, tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """The same, told of the findings of the first days."""
    folder = tmp_path_factory.mktemp("renamed")
    earlier = growing.findings.save(folder / "earlier")
    return detect(write(folder / "log", growing.log, small.accounts), earlier=earlier)


@pytest.fixture(scope="module")
def absorbed(growing: Growing, tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """What a run finds that absorbs the two days, one after the other."""
    lake = shutil.copytree(growing.lake, tmp_path_factory.mktemp("absorbed") / "lake")
    found = growing.findings
    for day in growing.days:
        ingest([day], lake=lake, threads=1)
        found = detect(lake, threads=1)
    return found


def alike(one: set, other: set) -> float:
    """Jaccard index."""
    return len(one & other) / len(one | other)


def attributed(findings: Findings) -> set[tuple[str, str]]:
    """Attributed exchanges with their campaigns."""
    return set(
        zip(
            *(findings.exchanges[c].to_pylist() for c in ("campaign_id", "exchange_id")),
            strict=True,
        )
    )


def ids(table: pa.Table) -> set[str]:
    """Exchange ids."""
    return set(table["exchange_id"].to_pylist())


def test_findings_are_nearly_those_of_a_full_run(
    growing: Growing, absorbed: Findings, whole: Findings, small: Small
):
    """The same campaigns by name, the same accounts, nobody honest; nine in ten exchanges alike.

    A fit of a few more exchanges is another fit: on what they both cover, two full runs of this
    world, with and without the two days, differ as much. The absorbed run must come no worse.
    """
    assert (
        absorbed.run["judged"]["absorbed"]
        == len(growing.log) - growing.findings.run["judged"]["exchanges"]
    )
    assert (
        absorbed.run["exchanges_detected"]
        == len(growing.log)
        == sum(absorbed.daily["exchanges"].to_pylist())
    )
    names = growing.findings.campaigns["campaign_id"].to_pylist()
    assert absorbed.campaigns["campaign_id"].to_pylist() == names
    assert flagged(growing.findings) <= flagged(absorbed) <= small.guilty
    assert alike(flagged(absorbed), flagged(whole)) >= 0.9
    both = {e for _, e in attributed(absorbed)}, {e for _, e in attributed(whole)}
    before = {e for _, e in attributed(growing.findings)}
    old = ids(growing.log) - {
        e for day in growing.days for e in ids(pq.read_table(day / "exchanges/all.parquet"))
    }
    drift = alike(before, both[1] & old)
    assert alike(*both) >= min(0.9, drift)
    new = both[0] - before
    assert len(new) > 500
    assert alike(new, both[1] - old) >= 0.8
    labels = pq.read_table(small.folder / "labels/exchanges.parquet")
    assert len(new & ids(labels)) >= 0.95 * len(new)


@pytest.mark.parametrize(
    "check",
    [
        agreement.test_campaigns_say_what_they_are,
        agreement.test_members_add_up_to_their_campaigns,
        agreement.test_links_join_members_of_one_campaign,
    ],
)
def test_tables_agree_with_each_other(absorbed: Findings, check):
    """As those of any run."""
    check(absorbed)


@pytest.mark.parametrize(
    "check",
    [
        agreement.test_attributed_exchanges_are_their_members_own,
        agreement.test_evidence_can_be_read_and_followed,
        agreement.test_every_account_stands_somewhere,
        agreement.test_days_add_up_to_all_traffic,
    ],
)
def test_tables_agree_with_the_log(absorbed: Findings, growing: Growing, small: Small, check):
    """As those of any run."""
    check(absorbed, Small(small.folder, growing.log, small.accounts, small.guilty, {}))


def test_figures_of_members_are_those_of_now(absorbed: Findings):
    """Evidence of a member counts what is attributed to it, and all that it sent."""
    mine = {
        (r["campaign_id"], r["account_id"]): r["exchanges"] for r in absorbed.members.to_pylist()
    }
    sent = {r["account_id"]: r["exchanges"] for r in absorbed.accounts.to_pylist()}
    rows = [r for r in absorbed.evidence.to_pylist() if r["kind"] == "membership"]
    assert len(rows) == len(mine)
    for row in rows:
        detail = json.loads(row["detail"])
        assert detail["attributed"] == mine[row["campaign_id"], row["account_id"]]
        assert detail["exchanges"] == sent[row["account_id"]]


def test_two_days_at_once_come_to_nearly_the_same(lake: Path, growing: Growing, absorbed: Findings):
    """Members alike; exchanges but for threads that go past midnight and families of both days."""
    ingest(growing.days, lake=lake, threads=1)
    at_once = detect(lake, threads=2)
    assert flagged(at_once) == flagged(absorbed)
    assert alike(attributed(at_once), attributed(absorbed)) >= 0.98
    assert at_once.run["judged"] == absorbed.run["judged"]


def test_with_nothing_new_nothing_changes(lake: Path, growing: Growing, tmp_path: Path):
    """Neither after a judgement nor after an absorption; and nothing is read."""
    assert differences(growing.findings, detect(lake, threads=1)) == {}
    ingest([growing.days[0]], lake=lake, threads=1)
    once = detect(lake, threads=1)
    again = detect(lake, out=tmp_path / "found", threads=1)
    assert differences(once, again) == {}
    assert again.run["judged"] == once.run["judged"]


def test_only_what_is_new_is_read(lake: Path, growing: Growing, monkeypatch: pytest.MonkeyPatch):
    """Of the lake the new fragments; of signals their rows, and those just before them."""
    ingest([growing.days[0]], lake=lake, threads=1)
    new = pq.read_metadata(growing.days[0] / "exchanges/all.parquet").num_rows
    read, looked = [], []
    call, stored = Fragment.__call__, Stored.__init__

    def reads(self: Fragment) -> pa.RecordBatch:
        batch = call(self)
        read.append(batch.num_rows)
        return batch

    def stores(self: Stored, path: Path, dtype, width: int, rows: int, begin: int = 0) -> None:
        stored(self, path, dtype, width, rows, begin)
        if path.name == "content.bin":
            looked.append(rows - begin)

    monkeypatch.setattr(Fragment, "__call__", reads)
    monkeypatch.setattr(Stored, "__init__", stores)
    found = detect(lake, threads=1)
    assert found.run["judged"]["absorbed"] == new
    assert set(read) == {new}
    assert min(looked) <= 2 * new


def test_a_late_file_is_absorbed(small: Small, tmp_path: Path):
    """Exchanges of any time, and an account of a campaign of which nothing was known."""
    rows = np.random.default_rng(5).random(small.exchanges.num_rows) < 0.04
    hidden = sorted(a for a, c in small.campaign_of.items() if c == "large")[:1]
    account = pc.is_in(small.exchanges["account_id"], value_set=pa.array(hidden))
    late = pc.or_(pa.array(rows), account)
    lake = tmp_path / "lake"
    ingest(
        [write(tmp_path / "a", small.exchanges.filter(pc.invert(late)), small.accounts)], lake=lake
    )
    before = detect(lake, threads=1)
    assert not flagged(before) & set(hidden)
    ingest([write(tmp_path / "b", small.exchanges.filter(late))], lake=lake)
    found = detect(lake, threads=1)
    assert found.run["judged"]["absorbed"] == pc.sum(late).as_py()
    assert flagged(before) | set(hidden) <= flagged(found) <= small.guilty
    agreement.test_attributed_exchanges_are_their_members_own(found, small)
    agreement.test_members_add_up_to_their_campaigns(found)
    agreement.test_every_account_stands_somewhere(found, small)
    agreement.test_evidence_can_be_read_and_followed(found, small)
    agreement.test_days_add_up_to_all_traffic(found, small)


def test_a_corrected_file_is_judged_anew(
    lake: Path, growing: Growing, small: Small, tmp_path: Path
):
    """An exchange that was absorbed or judged before and is told otherwise now: as a fresh lake."""
    one = growing.log.slice(100, 1)
    early = pa.scalar(int(times(one)[0]) - 1_000_000, pa.int64()).cast(one["ts"].type)
    changed = one.set_column(1, one.schema.field(1), pa.array([early.as_py()], one["ts"].type))
    ingest([write(tmp_path / "corrected", changed)], lake=lake, threads=1)
    found = detect(lake, threads=1)
    assert found.run["judged"]["absorbed"] == 0
    fresh = tmp_path / "fresh"
    base = growing.lake.parent / "0"
    ingest([base, tmp_path / "corrected"], lake=fresh, threads=1)
    assert differences(found, detect(fresh, threads=1)) == {}


@pytest.mark.parametrize("moment", ["_write", "replace"])
def test_killed_while_it_is_kept_leaves_what_was(
    lake: Path, growing: Growing, monkeypatch: pytest.MonkeyPatch, moment: str
):
    """The next run absorbs the same day from the state before, with the same findings."""
    ingest([growing.days[0]], lake=lake, threads=1)
    with monkeypatch.context() as patched:

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        if moment == "_write":
            patched.setattr(Judged, "_write", die)
        else:
            save = Judged.save

            def killed(self: Judged, *given: object) -> None:
                patched.setattr(Path, "replace", die)
                save(self, *given)  # pyright: ignore[reportArgumentType]

            patched.setattr(Judged, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            detect(lake, threads=1)
    found = detect(lake, threads=1)
    assert found.run["judged"]["absorbed"] > 0
    undisturbed = shutil.copytree(growing.lake, lake.parent / "other")
    ingest([growing.days[0]], lake=undisturbed, threads=1)
    assert differences(found, detect(undisturbed, threads=1)) == {}
    names = {p.name for p in (lake / "judged").iterdir()}
    assert not any(name.startswith(".") for name in names)


@pytest.mark.parametrize("why", ["growth", "anew"])
def test_everything_is_judged_again_under_the_same_names(
    lake: Path, growing: Growing, renamed: Findings, monkeypatch: pytest.MonkeyPatch, why: str
):
    """More than a tenth that is new, or by request: as a run that is told of the last findings."""
    ingest(growing.days, lake=lake, threads=1)
    if why == "growth":
        monkeypatch.setattr(precedent, "REJUDGE", 0.01)
    found = detect(lake, threads=1, anew=why == "anew")
    assert found.run["judged"]["absorbed"] == 0
    assert differences(found, renamed) == {}
    names = [set(f.campaigns["campaign_id"].to_pylist()) for f in (growing.findings, found)]
    assert names[0] <= names[1]
    assert differences(detect(lake, threads=1), found) == {}


@pytest.mark.parametrize("why", ["version", "damaged", "earlier"])
def test_everything_is_judged_where_there_is_nothing_to_go_on_from(
    lake: Path,
    growing: Growing,
    whole: Findings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    why: str,
):
    """Other code, a damaged file; or where other findings are named to go by."""
    ingest(growing.days, lake=lake, threads=1)
    earlier = None
    if why == "version":
        real = pipeline._version
        monkeypatch.setattr(pipeline, "_version", lambda *s: real(*s) + "other" * (len(s) > 1))
    elif why == "damaged":
        for path in (lake / "judged").glob("*.arrow"):
            path.write_bytes(path.read_bytes()[:100])
    else:
        earlier = whole.save(tmp_path / "earlier")
    found = detect(lake, threads=1, earlier=earlier)
    assert found.run["judged"]["absorbed"] == 0
    assert differences(found, whole) == {}
    assert differences(detect(lake, threads=1), found) == {}


def test_until_never_goes_by_what_came_later(lake: Path, growing: Growing, small: Small):
    """It reads what was there then and judges that; what is kept stays for the next run."""
    until = growing.findings.campaigns["last_ts"].to_pylist()[0] - dt.timedelta(days=1)
    then = detect(lake, until=until, threads=1)
    assert then.run["judged"]["absorbed"] == 0
    assert then.run["exchanges_detected"] < growing.findings.run["exchanges_detected"]
    assert differences(detect(lake, threads=1), growing.findings) == {}
