"""How a run goes: the lake that it reads, its clock, its threads, and its record."""

from __future__ import annotations

import ctypes
import gc
import hashlib
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from threadpoolctl import ThreadpoolController

from stillwatch.engine.choose import EMBEDDED
from stillwatch.engine.threads import map_ordered
from stillwatch.errors import InputNotFound, NothingToRead
from stillwatch.lake import IngestReport, Lake, is_lake
from stillwatch.progress import Progress
from stillwatch.sources import find_log, read_accounts, read_exchanges

MANY = 4096
"""Groups that may wait for a longer one before them."""

KEPT_BYTES = 1 << 30
"""Memory that may stay at hand, and the size from which an array is fetched by itself."""

_USUAL_BYTES = 1 << 17
_TRIM_FROM, _MAP_FROM, _ARENAS = -1, -3, -8
"""Names of settings of glibc's `mallopt`."""

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
                read_into(lake, [log], "auto", clock.progress, threads)
            yield lake


def nothing_in(lake: Lake, until: datetime | None) -> NothingToRead:
    """What to raise where a lake has nothing up to `until`."""
    return NothingToRead(
        lake.path,
        "holds no exchange" + (f" up to {until.isoformat()}" if until else ""),
        "Check the log, the quarantine's reasons (`stillwatch ingest`), or --until",
    )


def read_into(
    lake: Lake,
    paths: Sequence[str | Path],
    format: str,
    progress: Progress | None,
    threads: int | None,
) -> IngestReport:
    """Read logs into a lake; raises what `pipeline.ingest` does."""
    log = find_log(paths)
    return lake.ingest(
        log.exchanges,
        partial(read_exchanges, format=format),
        accounts=log.accounts,
        read_accounts=read_accounts,
        progress=progress,
        threads=threads or os.cpu_count() or 1,
    )


class Clock:
    """Times stages and tells the progress of them."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, total: int | None = None, unit: str = "") -> Iterator[None]:
        """Time what is done meanwhile as the stage `name`; ingest tells its own progress."""
        began = time.perf_counter()
        if name != "ingest":
            self.progress.start(name, total, unit)
        try:
            yield
        finally:
            if name != "ingest":
                self.progress.finish()
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


@contextmanager
def memory_kept() -> Iterator[None]:
    """Memory that is let go stays at hand until the end, where the C library is glibc.

    Arrays of some megabytes come and go by the thousand. Each would be fetched from the system
    anew, which clears it first: a tenth of all that a run does. glibc's usual settings come back at
    the end, but for the size from which it maps arrays, which it then no longer adjusts itself. Nor
    is anything searched for cycles, of which a run makes none.
    """
    with _no_search_for_cycles(), _freed_stays():
        yield


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searched:
            gc.enable()


@contextmanager
def _freed_stays() -> Iterator[None]:
    library = ctypes.CDLL(None)
    if not (hasattr(library, "mallopt") and hasattr(library, "malloc_trim")):
        yield
        return
    library.mallopt(_ARENAS, 1)
    library.mallopt(_MAP_FROM, KEPT_BYTES)
    library.mallopt(_TRIM_FROM, KEPT_BYTES)
    usual = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(usual)
        library.mallopt(_ARENAS, 0)
        library.mallopt(_MAP_FROM, _USUAL_BYTES)
        library.mallopt(_TRIM_FROM, _USUAL_BYTES)
        library.malloc_trim(0)


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


def peak_memory() -> int:
    """Peak resident memory of this process in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
