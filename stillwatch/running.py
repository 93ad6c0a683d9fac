"""How a run goes: the lake that it reads, its clock, its threads, and its record."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from threadpoolctl import ThreadpoolController

from stillwatch.arriving import add_reports, read_warehouse, split_addresses
from stillwatch.engine.choose import EMBEDDED
from stillwatch.engine.threads import map_ordered, processors
from stillwatch.errors import InputNotFound, NothingToRead, PrivacyRefused
from stillwatch.lake import IngestReport, Lake, Read, is_lake
from stillwatch.memory import give_back
from stillwatch.privacy import Keys, read_keys, rules_for
from stillwatch.progress import Progress
from stillwatch.sources import find_log, format_named, read_accounts, read_exchanges, sections_of
from stillwatch.sources.formats import AUTO
from stillwatch.sources.mapping import Mapping
from stillwatch.sources.mapping_file import load_mapping
from stillwatch.tables import Chunk, Section

MANY = 4096
"""Groups that may wait for a longer one before them."""

T = TypeVar("T")


@contextmanager
def opened(log: str | Path, clock: Clock, threads: int) -> Iterator[Lake]:
    """The lake at `log`, or one made of the log there and thrown away at the end."""
    if not Path(log).exists():
        raise InputNotFound(log, "doesn't exist", "Name a folder of logs, a log file, or a lake")
    with tempfile.TemporaryDirectory(prefix="stillwatch-") as scratch:
        if is_lake(log):
            yield Lake.open(log)
        else:
            lake = Lake.create_or_open(Path(scratch) / "lake", durable=False, compress=False)
            with clock.stage("ingest"):
                read_into(lake, [log], manner_of(), clock.progress, threads)
            yield lake


def nothing_in(lake: Lake, until: datetime | None) -> NothingToRead:
    """What to raise where a lake has nothing up to `until`."""
    return NothingToRead(
        lake.path,
        "holds no exchange" + (f" up to {until.isoformat()}" if until else ""),
        "Check the log, the quarantine's reasons (`stillwatch ingest`), or --until",
    )


class Manner(NamedTuple):
    """How files are read, and a name for it: the same file in another manner is another source."""

    read: Read
    name: str
    sections_of: Callable[[Path], list[Section]]


def manner_of(
    format: str = AUTO, mapping: str | Path | None = None, account: str | None = None
) -> Manner:
    """How files are read; raises `FormatUnknown` and `MappingInvalid` before any is."""
    if mapping is not None:
        held = load_mapping(mapping)
        mapped = partial(sections_of, format=held.format())
        return Manner(partial(_read_mapped, held), f"map-{held.digest}", mapped)
    if format != AUTO:
        format_named(format)
    name = "" if format == AUTO and account is None else f"{format}-{account or ''}"
    read = partial(read_exchanges, format=format, account=account)
    return Manner(read, name, partial(sections_of, format=format))


def _read_mapped(mapping: Mapping, path: Path, start: int = 0, **section: Any) -> Iterator[Chunk]:
    return read_exchanges(path, start, format=mapping.format(), **section)


def opened_lake(
    lake: str | Path, pseudonyms: str | Path | None = None, addresses: str | None = None
) -> tuple[Lake, Keys | None]:
    """The lake at `lake`, made where it is missing, and the keys of its names.

    Raises `OutputExists`, `LakeBroken`, and `PrivacyRefused` where the lake keeps addresses
    otherwise.
    """
    keys = None if pseudonyms is None else read_keys(pseudonyms)
    wanted = rules_for(keys, addresses)
    opened = Lake.create_or_open(lake, privacy=wanted)
    if addresses is not None and opened.privacy.addresses != wanted.addresses:
        raise PrivacyRefused(
            lake,
            f"keeps addresses as {opened.privacy.addresses}, which was settled when it was made",
            "Leave out --addresses, or ingest into a new lake",
        )
    return opened, keys


def read_into(
    lake: Lake,
    paths: Sequence[str | Path],
    manner: Manner,
    progress: Progress | None,
    threads: int | None,
    keys: Keys | None = None,
) -> IngestReport:
    """Read logs into a lake; raises what `pipeline.ingest` does."""
    here, there = split_addresses(paths)
    threads = threads or processors()
    report = IngestReport()
    if here or not there:
        log = find_log(here)
        report = lake.ingest(
            log.exchanges,
            manner.read,
            manner=manner.name,
            accounts=log.accounts,
            read_accounts=read_accounts,
            keys=keys,
            progress=progress,
            threads=threads,
            sections_of=manner.sections_of,
        )
    for address in there:
        more = read_warehouse(
            lake,
            address,
            manner.read,
            read_accounts,
            manner=manner.name,
            keys=keys,
            progress=progress,
            threads=threads,
        )
        report = add_reports(report, more)
    return report


class Clock:
    """Times stages and tells the progress of them."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, total: int | None = None, unit: str = "") -> Iterator[None]:
        """Time what is done meanwhile as the stage `name`; ingest tells its own progress.

        What the stage let go is given back at its end where it is much: the next one asks for other
        things.
        """
        began = time.perf_counter()
        if name != "ingest":
            self.progress.start(name, total, unit)
        try:
            yield
        finally:
            if name != "ingest":
                self.progress.finish()
            give_back()
            self.seconds[name] = time.perf_counter() - began


@contextmanager
def steady() -> Iterator[None]:
    """One thread in matrix products, so that their rounding never depends on how many there are."""
    with _libraries().limit(limits=1):
        yield


def spread_over(jobs: Iterable[Callable[[], T]], threads: int) -> Iterator[T]:
    """Results of `jobs`, steady ones: how many threads a library uses is each thread's to say."""
    return map_ordered(jobs, threads, ahead=MANY, begin=partial(_libraries().limit, limits=1))


@cache
def _libraries() -> ThreadpoolController:
    """The libraries that have threads of their own: finding them takes a hundredth of a second."""
    return ThreadpoolController()


def run_record(lake: Lake, until: datetime | None) -> dict[str, Any]:
    """What `run.json` begins with."""
    return {
        "version": version("stillwatch"),
        "engine": EMBEDDED,
        **configured({"until": until.isoformat() if until else None}),
        "rows": lake.counts(),
    }


def configured(configuration: dict[str, Any]) -> dict[str, Any]:
    """A configuration and its digest."""
    digest = hashlib.blake2b(json.dumps(configuration, sort_keys=True).encode(), digest_size=8)
    return {"configuration": configuration, "configuration_digest": digest.hexdigest()}


def world_of(log: str | Path) -> dict[str, Any]:
    """What a simulated log says of itself, so that nobody takes its findings for real."""
    card = Path(log) / "world.json"
    if not card.is_file():
        return {}
    try:
        told = json.loads(card.read_text())
    except ValueError:
        return {}
    return {"world": {key: told[key] for key in ("name", "scale", "seed") if key in told}}
