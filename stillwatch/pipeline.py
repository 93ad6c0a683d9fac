"""The stages in order: sources -> lake -> signals -> profiles -> groups -> campaigns.

The only place that knows more than one stage.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stillwatch.campaigns.absorption import Arrived, absorb
from stillwatch.campaigns.conclude import conclude
from stillwatch.campaigns.keeping import from_kept, to_kept
from stillwatch.campaigns.precedent import Grounds, Judgement, grounds_of, names_alone
from stillwatch.columns import Column
from stillwatch.comparing import baseline, observe
from stillwatch.engine.choose import EMBEDDED, open_engine
from stillwatch.engine.protocol import Engine
from stillwatch.engine.spool import Spool, spool_folder
from stillwatch.engine.threads import processors
from stillwatch.errors import NothingToRead
from stillwatch.findings import Findings, check_target, read_findings
from stillwatch.groups.find import SEARCHES, find_groups
from stillwatch.lake import ExchangeIds, Fragment, IngestReport, Judged, Kept, Lake, is_lake, let_go
from stillwatch.leads import Lead
from stillwatch.memory import memory_kept, peak_memory
from stillwatch.profiles.gather import STEPS, gather, gather_exchanges
from stillwatch.profiles.threads import PATIENCE_US
from stillwatch.progress import Progress, Silent, Spread
from stillwatch.running import (
    Clock,
    manner_of,
    nothing_in,
    opened,
    opened_lake,
    read_into,
    run_record,
    spread_over,
    steady,
    world_of,
)
from stillwatch.scoring import Leakage, daily_findings, read_truth, time_exchanges
from stillwatch.scoring import leakage as measure_leakage
from stillwatch.scoring.baselines import method_named
from stillwatch.signals.content import SCALE
from stillwatch.signals.extract import READS
from stillwatch.signals.manner import has_text, manners
from stillwatch.signals.packed import NAMED, PACKED, packed, unpacked
from stillwatch.signals.registrations import registrations
from stillwatch.tables import SIGNALS
from stillwatch.traffic import Traffic

OURS = "stillwatch"
"""The name of our own method, beside those of the baselines."""

STAGES = ("ingest", "signals", "profiles", "groups", "campaigns")
"""The stages by the names that `run.json` times them under; `ingest` only from a raw log."""

CODE = {".py", ".npy", ".npz", ".toml"}
"""Kinds of files that signals and judgements are made by."""

JUDGES = ("signals", "profiles", "groups", "campaigns", "statistics")
"""The code that a judgement depends on."""

Concluded = tuple[Findings, Callable[[], None]]
"""Findings, and what keeps them for later runs: it may be done while they are written."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ingest(
    paths: Sequence[str | Path],
    *,
    lake: str | Path,
    format: str = "auto",
    mapping: str | Path | None = None,
    account: str | None = None,
    pseudonyms: str | Path | None = None,
    addresses: str | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> IngestReport:
    """Read logs into a lake; the same exchange again is the same exchange.

    `format` insists on one of `sources.FORMATS`, `mapping` names a mapping file to read all by, and
    `account` says where the account is named, for formats that leave it open. `pseudonyms` is the
    file of keys that names are made with in place of identifiers, and `addresses` says how
    addresses are kept: `exact`, `prefix` or, which goes without saying beside pseudonyms, `keyed`.
    Both are settled when the lake is made.

    Killed at any moment and run again, it ends with the lake of an undisturbed run. Raises
    `InputNotFound`, `FormatUnknown`, `MappingInvalid`, `LakeBusy`, `LakeBroken`, `HelperLost`
    and `PrivacyRefused`. `threads` are readers: of much, this process and others that help.
    """
    manner = manner_of(format, mapping, account)
    target, keys = opened_lake(lake, pseudonyms, addresses)
    with memory_kept():
        return read_into(target, paths, manner, progress, threads, keys)


def detect(
    log: str | Path,
    *,
    out: str | Path | None = None,
    until: datetime | None = None,
    earlier: str | Path | None = None,
    method: str = OURS,
    engine: str = EMBEDDED,
    anew: bool = False,
    leads: Sequence[Lead] = (),
    threads: int | None = None,
    progress: Progress | None = None,
) -> Findings:
    """Find the campaigns in a log or a lake; written to the folder `out` where one is named.

    A log is first read into a lake that is thrown away. A lake that has grown by no more than a
    tenth since it was judged is not judged again: what came since is absorbed into what was found,
    unless `anew`, `until`, `earlier` or `leads`, what peers told, ask for more. With `until`,
    nothing that came after it is read. Campaigns of the `earlier` findings, a folder, keep their
    names. `method` names a baseline of `scoring.baselines` to run instead of our own. `engine` is
    where signals are made and objects counted: here, or on the Spark cluster at `sc://host:port`;
    findings don't depend on it, and baselines always run here. Raises `InputNotFound`,
    `NothingToRead`, `LakeBroken`, `FindingsBroken` and `OutputExists`, of a cluster `EngineFailed`
    and `ExtraMissing`, of a baseline `UnknownName` and `ExtraMissing`.
    """
    if out is not None:
        check_target(out)
    if method != OURS:
        method_named(method)
        observed = observe(log, until, threads=threads, progress=progress)
        findings = baseline(observed, method, progress=progress)
        if out is not None:
            findings.save(out)
        return findings
    known = None if earlier is None else read_findings(earlier)
    threads = max(1, threads or processors())
    clock = Clock(progress or Silent())
    shared = Path(log) / "signals" if is_lake(log) else None
    with (
        memory_kept(),
        tempfile.TemporaryDirectory(prefix="stillwatch-") as scratch,
        closing(open_engine(engine, threads, Path(scratch), shared)) as runner,
        opened(log, clock, threads) as lake,
        _spool(lake, is_lake(log) and until is None) as spool,
    ):
        spread = partial(spread_over, threads=threads)
        _signals(lake, spool, until, runner, clock)
        run = run_record(lake, until) | runner.record() | world_of(log)
        run["exchanges_detected"] = len(spool)
        run["exchanges_refused"] = _refused(lake, len(spool), until)
        own = spool.folder == _signals_of(lake)
        judged = Judged(lake.path, _version(*JUDGES)) if own else None
        kept, last = _last_judgement(judged)
        concluded = None
        if (
            judged
            and kept
            and last
            and kept.covers_first(spool.parts)
            and not (anew or known or leads)
        ):
            covered = spool.ends[len(kept.parts) - 1]
            concluded = _absorb_new(judged, last, lake, spool, covered, run, clock)
        if concluded is None:
            # Names last, though all is judged again.
            known = known or (last.findings if last else None)
            concluded = _judge(
                judged,
                _traffic(lake, spool, until, runner, clock, spread),
                spool.parts,
                known,
                run,
                clock,
                spread,
                leads,
            )
        findings, keep = concluded
        run = findings.run
        run["seconds"] = {name: round(clock.seconds[name], 3) for name in clock.seconds}
        run["threads"] = threads
        run["peak_memory_bytes"] = peak_memory()
        with ThreadPoolExecutor(1) as beside:
            keeping = beside.submit(keep)
            if out is not None:
                findings.save(out)
        keeping.result()
    return findings


def _judge(
    judged: Judged | None,
    traffic: Traffic,
    parts: list[str],
    known: Findings | None,
    run: dict[str, Any],
    clock: Clock,
    spread: Spread,
    leads: Sequence[Lead],
) -> Concluded:
    """Findings of all there is; what later runs can go on from is for `judged`."""
    with clock.stage("groups", SEARCHES, "searches"), steady():
        candidates = find_groups(traffic, clock.progress.advance, spread)
    work = len(candidates.groups) + len(candidates.networks)
    grounds: list[Grounds] = []

    def hand_on(*found: Any) -> None:
        if judged is not None:
            grounds.append(grounds_of(*found))

    with clock.stage("campaigns", work, "groups"), steady():
        findings = conclude(
            traffic,
            candidates,
            run,
            tell=clock.progress.advance,
            spread=spread,
            earlier=known,
            hand_on=hand_on,
            leads=leads,
        )
    exchanges, last = len(traffic.exchanges), int(traffic.accounts.last.max())
    until = _EPOCH + timedelta(microseconds=last)
    run["judged"] = {"exchanges": exchanges, "until": until.isoformat(), "absorbed": 0}
    del traffic, candidates  # what is written takes memory of its own
    if judged is None or not grounds:
        return findings, _nothing
    return findings, partial(_keep, judged, parts, Judgement(findings, grounds[0], exchanges))


def _last_judgement(judged: Judged | None) -> tuple[Kept | None, Judgement | None]:
    """What is kept, and the judgement that it is of; nothing where it can't be used."""
    kept = None if judged is None else judged.load()
    try:
        return kept, kept and from_kept(kept.tables, kept.arrays, kept.facts)
    except (KeyError, TypeError, ValueError):
        return None, None


def _absorb_new(
    judged: Judged,
    before: Judgement,
    lake: Lake,
    spool: Spool,
    covered: int,
    run: dict[str, Any],
    clock: Clock,
) -> Concluded | None:
    """Findings by going on from the last judgement, which `covered` the first so many exchanges;
    `None` where all has to be judged."""
    new = len(spool) - covered
    if before.judged + before.absorbed != covered or not before.may_absorb(new):
        return None
    run["judged"] = before.findings.run["judged"] | {"absorbed": before.absorbed + new}
    if not new:
        return replace(before.findings, run=before.findings.run | run), _nothing
    with clock.stage("profiles", 1, "steps"), steady():
        begin = _going_on(spool, covered, min(new, len(before.grounds.fates)))
        ids = _ids(lake, spool, begin=begin)
        exchanges, accounts = gather_exchanges(
            spool.columns(begin), ids, spool.names, registrations(lake.accounts())
        )
    models = dict(spool.names.get("model", {}))
    arrived = Arrived(exchanges, accounts, models, covered - begin, SCALE)
    with clock.stage("campaigns", 1, "steps"), steady():
        after = absorb(arrived, before, run)
    onto = {"exchanges": before.findings.exchanges.num_rows}
    return after.findings, partial(_keep, judged, spool.parts, after, onto)


def _going_on(spool: Spool, covered: int, most: int) -> int:
    """The row from which earlier exchanges, at most so many, may go on in those from `covered`."""
    ts = spool.columns()["ts"]
    earliest = int(ts[covered:].min()) - PATIENCE_US
    late = np.flatnonzero(ts[covered - most : covered] >= earliest)
    return covered - most + int(late[0]) if len(late) else covered


def _keep(
    judged: Judged, parts: list[str], judgement: Judgement, onto: dict[str, int] | None = None
) -> None:
    """Keep a judgement; a lake that can't be written to is judged anew each time."""
    with suppress(OSError):
        judged.save(parts, *to_kept(judgement), onto)


def _nothing() -> None:
    """What keeps nothing."""


@contextmanager
def last_judgement(
    lake: str | Path,
) -> Iterator[tuple[Judgement, Mapping[str, Column], int] | None]:
    """What the lake at a path was last judged to hold, the signals that lie there, and how many
    exchanges of them were judged; `None` where nothing is kept that this version can use.

    Raises `LakeBroken`.
    """
    held = Lake.open(lake)
    with _spool(held, True) as spool:
        spool.resume([part.name for part in _parts(held)])
        own = spool.folder == _signals_of(held)
        kept, last = _last_judgement(Judged(held.path, _version(*JUDGES)) if own else None)
        if kept is None or last is None or not kept.covers_first(spool.parts):
            yield None
        else:
            yield last, spool.columns(), spool.ends[len(kept.parts) - 1]


def drop_removed(lake: str | Path, trimmed: Callable[[Findings], Findings]) -> bool:
    """Take what isn't in a lake any more out of all that it keeps for later runs.

    Signals of rows that are gone go. Of the last judgement only its findings stay, as `trimmed`
    leaves them: the next run judges everything, and its campaigns keep their names. False where a
    detection is at work on the lake, and then nothing was done. Raises `LakeBroken`.
    """
    held = Lake.open(lake)
    with _spool(held, True) as spool:
        if spool.folder != _signals_of(held):
            return False
        spool.resume([part.name for part in _parts(held)])
        spool.commit()
        judged = Judged(held.path, _version(*JUDGES))
        _, last = _last_judgement(judged)
        if last is None:
            judged.clear()
        else:
            _keep(judged, [], names_alone(last, trimmed(last.findings)))
    return True


def leakage(
    log: str | Path,
    *,
    every_days: int = 1,
    stop_early: bool = True,
    method: str = OURS,
    daily: str | Path | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Leakage:
    """How much of each campaign of a labelled log had been harvested at its first correct alert.

    The log is read into a lake once; then it is detected at the end of each `every_days`-th day
    (UTC) with traffic, as if nothing came after. With `stop_early` that ends when every campaign
    was alerted. With `daily`, the runs are findings that were made elsewhere, one folder a day
    (`scoring.daily`). Raises `InputNotFound`, `NothingToRead`, `FindingsBroken`.
    """
    truth = read_truth(log)
    watch = progress or Silent()
    with tempfile.TemporaryDirectory(prefix="stillwatch-") as scratch:
        lake = Lake.create_or_open(Path(scratch) / "lake", durable=False, compress=False)
        read_into(lake, [log], manner_of(), progress, threads)
        timed, days = time_exchanges(truth, lake.scan(["exchange_id", "account_id", "ts"]))
        if not len(days):
            raise NothingToRead(lake.path, "holds no exchange", "Check the log")
        spans = np.unique((days - days[0]) // every_days)

        def runs() -> Iterator[tuple[datetime, Findings]]:
            for span in spans.tolist():
                end_day = int(days[0]) + (span + 1) * every_days
                until = _EPOCH + timedelta(days=end_day) - timedelta(microseconds=1)
                yield until, detect(lake.path, until=until, method=method, threads=threads)
                watch.advance(1)

        made = runs() if daily is None else daily_findings(daily)
        watch.start("leakage", len(spans) if daily is None else None, "runs")
        try:
            return measure_leakage(truth.accounts, timed, made, stop_early=stop_early)
        finally:
            watch.finish()


@contextmanager
def _spool(lake: Lake, kept: bool) -> Iterator[Spool]:
    """Where signals lie: kept in the lake's folder, so that a later run only makes what is new."""
    wanted = _signals_of(lake) if kept else None
    with (
        tempfile.TemporaryDirectory(prefix="stillwatch-") as scratch,
        spool_folder(wanted, Path(scratch)) as folder,
        closing(Spool(folder, SIGNALS, _version("signals"), NAMED)) as spool,
    ):
        yield spool


def _signals_of(lake: Lake) -> Path:
    return lake.path / "signals"


def _version(*stages: str) -> str:
    """A digest of the code of stages, so that what another version made is not taken for ours."""
    digest = hashlib.blake2b(digest_size=16)
    for stage in stages:
        for path in sorted((Path(__file__).parent / stage).rglob("*")):
            if path.suffix in CODE:
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _parts(lake: Lake, until: datetime | None = None) -> list[Fragment]:
    """What is judged: all but requests that were refused. Whom a gate turned away is judged by what
    they did before, and who only knocked has harvested nothing."""
    return lake.fragments(READS, until, encoded=True, which="answered")


def _refused(lake: Lake, answered: int, until: datetime | None) -> int:
    """How many requests were refused; of a whole lake it is known without reading any."""
    if until is None:
        return lake.rows - answered
    refused = lake.scan(["status"], until, which="refused")
    return sum(batch.num_rows for batch in refused)


def _signals(
    lake: Lake, spool: Spool, until: datetime | None, engine: Engine, clock: Clock
) -> None:
    """The row-shaped stage over what the spool hasn't."""
    fragments = _parts(lake, until)
    parts = [fragment.name for fragment in fragments]
    total = sum(fragment.rows for fragment in fragments)
    with clock.stage("signals", total, "exchanges"):
        todo = spool.resume(parts)
        clock.progress.advance(len(spool))
        missing = [fragments[i] for i in todo]
        made = map(unpacked, engine.map(missing, packed, PACKED, spool.commit))
        for i, (batch, named) in zip(todo, made, strict=True):
            spool.add(parts[i], batch, named)
            if i and fragments[i - 1].path != fragments[i].path:
                let_go(fragments[i - 1].path)
            clock.progress.advance(batch.num_rows)
        spool.commit()
    if not len(spool):
        raise nothing_in(lake, until)


def _ids(lake: Lake, spool: Spool, until: datetime | None = None, begin: int = 0) -> ExchangeIds:
    """The ids of the spool's exchanges from row `begin` on."""
    of_part = {
        part.name: part for part in lake.fragments(("exchange_id",), until, which="answered")
    }
    return ExchangeIds([of_part[part] for part in spool.parts], spool.ends, begin)


def _traffic(
    lake: Lake,
    spool: Spool,
    until: datetime | None,
    engine: Engine,
    clock: Clock,
    spread: Spread,
) -> Traffic:
    """The gathered profiles.

    The traffic's columns lie in the spool: they are there until it is closed.
    """
    with clock.stage("profiles", STEPS, "steps"), steady():
        columns: dict[str, Column] = dict(spool.columns())
        text = has_text(columns)
        if not text:
            columns["content"] = spool.keep("manner", manners(columns))
        traffic = gather(
            columns,
            _ids(lake, spool, until),
            spool.names,
            registrations(lake.accounts()),
            engine.run,
            SCALE,
            clock.progress.advance,
            spool.keep,
            spread,
        )
    # A cluster isn't held while this machine judges.
    engine.close()
    return replace(traffic, text=text)
