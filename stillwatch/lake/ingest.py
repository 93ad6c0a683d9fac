"""Source files -> the lake, by several readers at once, committed segment by segment.

Files, or sections of them, are grouped into tasks by size alone, each task makes its own segments,
and a segment's place depends on its task: the lake's row order is the same for any number of
readers. These are threads; where there is much to read, this thread's process and helpers
(`reader_process`).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from stillwatch.errors import HelperLost
from stillwatch.lake.absorb import Read, absorb, digest_section, head_of, section_bytes, unreadable
from stillwatch.lake.accounts import absorb_accounts
from stillwatch.lake.ledger import Ledger, Part
from stillwatch.lake.manifest import Manifest
from stillwatch.lake.reader_process import Helper, Task, Work, helpers_for
from stillwatch.lake.segment import SegmentWriter
from stillwatch.progress import Progress, Silent
from stillwatch.tables import Section

TASK_BYTES = 64 << 20
MIN_TASK_BYTES = 8 << 20
TASKS_WANTED = 8

SectionsOf = Callable[[Path], Sequence[Section]]
"""In which sections a file can be read: all of it, in order."""


@dataclass(frozen=True)
class IngestReport:
    """What one ingest did. read = kept + duplicates + the sum of `quarantined`.

    `kept` is what the lake gained; `skipped` counts files that were in already; `bytes` is source
    bytes read.
    """

    files: int = 0
    skipped: int = 0
    read: int = 0
    kept: int = 0
    duplicates: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    repaired: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    accounts: int = 0
    accounts_quarantined: dict[str, int] = field(default_factory=dict)


def ingest(
    ledger: Ledger,
    paths: Sequence[Path],
    read: Read,
    *,
    manner: str,
    accounts: Sequence[Path],
    read_accounts: Read | None,
    progress: Progress | None,
    threads: int,
    sections_of: SectionsOf | None,
) -> IngestReport:
    """Absorb `paths` into the ledger's lake; the caller holds the lake's lock.

    `manner` names how `read` reads: a file that was read by a wrong mapping is read by another.
    """
    before = ledger.manifest
    progress = progress or Silent()
    sections = list(_sections(ledger, paths, sections_of))
    sizes = [section_bytes(section) for section in sections]
    ledger.replace(msgspec.structs.replace(before, ingests=before.ingests + 1))
    if read_accounts is not None:
        absorb_accounts(ledger, accounts, read_accounts, digest_section)
    progress.start("ingest", sum(sizes), "bytes")
    ingests, threads = ledger.manifest.ingests, max(1, threads)
    tasks = [Task((ingests, n), task) for n, task in enumerate(_tasks(sections, sizes))]
    work = Work(ledger.lake, ledger.manifest.key, ledger.compress, ledger.durable, read, manner)
    helpers = helpers_for(work, sum(sizes), min(threads, len(tasks)))
    with (
        ThreadPoolExecutor(threads) as beside,
        ThreadPoolExecutor(threads) as pool,
        ExitStack() as ends,
    ):
        for helper in helpers:
            ends.callback(helper.end)
        desk = _OwnDesk(ledger, beside if threads > 1 and not helpers else None)
        readers = _Readers(desk, work, helpers, threads)
        running = {pool.submit(readers.run, task) for task in tasks}
        try:
            while running:
                done, running = wait(running, timeout=0.1)
                desk.tell(progress)
                for task in done:
                    task.result()
        except BaseException:
            desk.stop.set()
            for task in running:
                task.cancel()
            raise
    desk.tell(progress)
    progress.finish()
    return _report(ledger, before, len(paths), _skipped(before, paths, desk.heard))


def _sections(
    ledger: Ledger, paths: Sequence[Path], sections_of: SectionsOf | None
) -> Iterator[Section]:
    """All of each file; one of just the size of something that is in may be that, as a whole."""
    had = {entry.size for entry in ledger.manifest.absorbed.values()}
    for path in paths:
        if sections_of is None or section_bytes(Section(path)) in had:
            yield Section(path)
            continue
        try:
            found = sections_of(path)
        except OSError as fault:
            raise unreadable(path, fault) from fault
        head = head_of(path) if len(found) > 1 else None
        yield from (section._replace(head=head) for section in found)


def _tasks(sections: Sequence[Section], sizes: Sequence[int]) -> Iterator[list[Section]]:
    """Neighbouring sections together until they are worth a segment."""
    enough = min(TASK_BYTES, max(MIN_TASK_BYTES, sum(sizes) // TASKS_WANTED))
    task: list[Section] = []
    held = 0
    for section, size in zip(sections, sizes, strict=True):
        task.append(section)
        held += size
        if held >= enough:
            yield task
            task, held = [], 0
    if task:
        yield task


class _OwnDesk:
    """The ledger's owner, for readers on any thread."""

    def __init__(self, ledger: Ledger, beside: Executor | None) -> None:
        self.stop = threading.Event()
        self.heard: dict[Path, set[str]] = {}
        """Of each file the sources that it is, by digest."""
        self._ledger, self._beside = ledger, beside
        self._bytes: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.answers = {
            "claim": self.claim,
            "number": ledger.number,
            "commit": ledger.commit,
            "advance": self.advance,
        }
        """To what helpers ask."""

    def claim(self, digest: str, path: Path) -> int | None:
        self.heard.setdefault(path, set()).add(digest)
        return self._ledger.claim(digest)

    def told(self, path: Path) -> str:
        return self._ledger.told(path)

    def open_segment(self) -> SegmentWriter:
        return self._ledger.open_segment(self._beside)

    def commit(self, part: Part, writer: SegmentWriter) -> None:
        self._ledger.commit(part, writer.close(self._ledger.durable))

    def advance(self, size: int) -> bool:
        self._bytes.put(size)
        return not self.stop.is_set()

    def tell(self, progress: Progress) -> None:
        """Pass on what was read since; from the calling thread only."""
        total = 0
        while not self._bytes.empty():
            total += self._bytes.get()
        if total:
            progress.advance(total)


class _Readers:
    """So many readers: this process is one, beside its helpers; without them it is all."""

    def __init__(self, desk: _OwnDesk, work: Work, helpers: Sequence[Helper], threads: int) -> None:
        self._desk, self._work = desk, work
        self._free: queue.SimpleQueue[Helper | None] = queue.SimpleQueue()
        for reader in (None, *helpers) if helpers else (None,) * threads:
            self._free.put(reader)

    def run(self, task: Task) -> None:
        """Have the next that is free do a task."""
        desk, work, reader = self._desk, self._work, self._free.get()
        try:
            if desk.stop.is_set():
                return
            if reader and not reader.can_help:
                reader = None
            if reader is None:
                absorb(desk, task.order, task.sections, work.read, work.manner)
            else:
                reader.run(task, desk.answers)
        except BaseException as fault:
            if desk.stop.is_set() and isinstance(fault, HelperLost):
                return
            # No task after this one: a helper that waits for an answer would take it for that.
            desk.stop.set()
            raise
        finally:
            self._free.put(reader)


def _skipped(before: Manifest, paths: Sequence[Path], heard: Mapping[Path, set[str]]) -> int:
    """Of how many files all was in, or in files before them."""
    known = {digest for digest, entry in before.absorbed.items() if entry.done}
    skipped = 0
    for path in paths:
        skipped += heard[path] <= known
        known |= heard[path]
    return skipped


def _report(ledger: Ledger, before: Manifest, files: int, skipped: int) -> IngestReport:
    after = ledger.manifest
    old, new = before.exchanges, after.exchanges

    def gained(now: dict[str, int], then: dict[str, int]) -> dict[str, int]:
        return {k: n - then.get(k, 0) for k, n in sorted(now.items()) if n > then.get(k, 0)}

    return IngestReport(
        files=files,
        skipped=skipped,
        read=new.read - old.read,
        kept=after.kept - before.kept,
        duplicates=new.duplicates - old.duplicates,
        quarantined=gained(new.quarantined, old.quarantined),
        repaired=gained(new.repaired, old.repaired),
        bytes=new.bytes - old.bytes,
        accounts=after.account_rows.read - before.account_rows.read,
        accounts_quarantined=gained(
            after.account_rows.quarantined, before.account_rows.quarantined
        ),
    )
