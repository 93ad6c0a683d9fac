"""Source files -> the lake, on several threads, committed segment by segment.

Files are grouped into tasks by size alone, each task makes its own segments, and a segment's place
depends on its task: the lake's row order is the same for any number of threads.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import xxhash

from stillwatch.errors import InputNotFound
from stillwatch.lake.accounts import absorb_accounts
from stillwatch.lake.ledger import Ledger, Part
from stillwatch.lake.manifest import Absorbed, Manifest
from stillwatch.progress import Progress, Silent
from stillwatch.tables import PIECE_BYTES, Chunk

Read = Callable[[Path, int], Iterator[Chunk]]
"""Chunks of one file after its first n rows, where n is a sum of earlier chunks' `read`."""

TASK_BYTES = 64 << 20
MIN_TASK_BYTES = 8 << 20
TASKS_WANTED = 8
QUARANTINE_ENTRIES = 1 << 18
"""Of quarantine, held until they are committed: a file may hold nothing else."""

DIGESTED_BYTES = 1 << 18
"""Of a file that are digested at a time: what stays next to the processor."""

_RIGHTS = "Check the path and its rights"


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
) -> IngestReport:
    """Absorb `paths` into the ledger's lake; the caller holds the lake's lock.

    `manner` names how `read` reads: a file that was read by a wrong mapping is read by another.
    """
    before = ledger.manifest
    progress = progress or Silent()
    sizes = [_size(path) for path in paths]
    ledger.replace(msgspec.structs.replace(before, ingests=before.ingests + 1))
    if read_accounts is not None:
        absorb_accounts(ledger, accounts, read_accounts, digest_file)
    progress.start("ingest", sum(sizes), "bytes")
    tasks = list(enumerate(_tasks(paths, sizes)))
    threads = max(1, threads)
    with ThreadPoolExecutor(threads) as beside, ThreadPoolExecutor(threads) as pool:
        worker = _Worker(ledger, read, manner, beside if threads > 1 else None)
        running = {pool.submit(worker.run, number, task) for number, task in tasks}
        try:
            while running:
                done, running = wait(running, timeout=0.1)
                worker.tell(progress)
                for task in done:
                    task.result()
        except BaseException:
            worker.stop.set()
            for task in running:
                task.cancel()
            raise
    worker.tell(progress)
    progress.finish()
    return _report(ledger, before, len(paths), worker.skipped)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as fault:
        raise InputNotFound(path, f"can't be read ({fault})", _RIGHTS) from fault


def _tasks(paths: Sequence[Path], sizes: Sequence[int]) -> Iterator[list[Path]]:
    """Neighbouring files together until they are worth a segment."""
    enough = min(TASK_BYTES, max(MIN_TASK_BYTES, sum(sizes) // TASKS_WANTED))
    task: list[Path] = []
    held = 0
    for path, size in zip(paths, sizes, strict=True):
        task.append(path)
        held += size
        if held >= enough:
            yield task
            task, held = [], 0
    if task:
        yield task


def digest_file(path: Path) -> str:
    """128-bit XXH3, in hex, of what the file holds; raises `InputNotFound`."""
    state, held = xxhash.xxh3_128(), memoryview(bytearray(DIGESTED_BYTES))
    try:
        with path.open("rb", buffering=0) as raw:
            while size := raw.readinto(held):
                state.update(held[:size])
    except OSError as fault:
        raise InputNotFound(path, f"can't be read ({fault})", _RIGHTS) from fault
    return state.hexdigest()


class _Worker:
    def __init__(self, ledger: Ledger, read: Read, manner: str, beside: Executor | None) -> None:
        self.stop = threading.Event()
        self.skipped = 0
        self._ledger, self._read, self._beside = ledger, read, beside
        self._manner = f":{manner}" if manner else ""
        self._bytes: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._mutex = threading.Lock()

    def tell(self, progress: Progress) -> None:
        """Pass on what the threads have read since; from the calling thread only."""
        total = 0
        while not self._bytes.empty():
            total += self._bytes.get()
        if total:
            progress.advance(total)

    def run(self, task: int, paths: list[Path]) -> None:
        """Read the files of one task into segments, and commit each as it fills."""
        ledger = self._ledger
        order = (ledger.manifest.ingests, task)
        part = Part((*order, 0))
        number, writer = ledger.open_segment(self._beside)
        try:
            for path in paths:
                size = path.stat().st_size
                digest = digest_file(path) + self._manner
                rows = ledger.claim(digest)
                if rows is None:
                    with self._mutex:
                        self.skipped += 1
                    self._bytes.put(size)
                    continue
                for chunk in self._read(path, rows):
                    if self.stop.is_set():
                        writer.abandon()
                        return
                    writer.add(chunk.kept)
                    part.take(chunk)
                    rows += chunk.read
                    part.absorbed[digest] = Absorbed(
                        ledger.told(path), size, rows, False, PIECE_BYTES
                    )
                    self._bytes.put(chunk.size)
                    if writer.full or part.entries >= QUARANTINE_ENTRIES:
                        ledger.commit(part, number, writer)
                        part = Part((*order, part.order[2] + 1))
                        number, writer = ledger.open_segment(self._beside)
                part.absorbed[digest] = Absorbed(ledger.told(path), size, rows, True, PIECE_BYTES)
                part.tally.files += 1
            if part.absorbed:
                ledger.commit(part, number, writer)
        except BaseException:
            writer.abandon()
            raise


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
