"""Further processes that read files into segments: one Python reads on one processor at a time.

A helper is sent tasks, one by one. It reads, compresses and writes; what the ledger decides it asks
of the process that it helps, which has the lake's lock. When that one ends, however it does, a
helper ends at its next question. What it wrote until then belongs to no lake, and is swept away
like all of a killed writer's files; its files have names of their own, so that it can't meet those
of a later ingest.
"""

from __future__ import annotations

import os
import pickle
import secrets
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from stillwatch.errors import HelperLost
from stillwatch.lake.absorb import Read, absorb
from stillwatch.lake.hashing import hash_strings
from stillwatch.lake.ledger import Part
from stillwatch.lake.segment import SegmentWriter
from stillwatch.memory import memory_kept
from stillwatch.tables import Section

BYTES_A_HELPER = 256 << 20
"""Of source files: less is about read before a helper has loaded what it needs."""

MOST_HELPERS = 15
"""A helper takes up to some 400 megabytes of memory."""

_GONE = (EOFError, OSError)
"""What a connection raises when there is nobody at its other end."""

_DONE, _FAILED = "done", "failed"
_ANSWERED = frozenset({"claim", "number", "commit"})
LOADED = """
import gc
gc.disable()
from stillwatch.lean import imported_without
with imported_without("pandas", "scipy", "cffi"):
    from stillwatch.lake.reader_process import main, warm_up
    warm_up()
"""
"""Half of what a helper would take to start is what reading makes no use of."""


class Work(NamedTuple):
    """What all tasks of an ingest have in common."""

    lake: Path
    key: tuple[int, int]
    compress: bool
    durable: bool
    read: Read
    manner: str


class Task(NamedTuple):
    """Sections of files that are read into segments of one place."""

    order: tuple[int, int]
    sections: Sequence[Section]


class Helper:
    """A helper, seen from the process that it helps; it is started at once.

    Raises `OSError` where no process can be.
    """

    def __init__(self, work: bytes) -> None:
        self._connection, there = Pipe()
        with there:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", LOADED + "main()", str(there.fileno())],
                env={"OPENBLAS_NUM_THREADS": "1"} | os.environ | {"PYTHONPATH": _import_path()},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C is for this process, which ends it
                pass_fds=(there.fileno(),),
            )
        with suppress(*_GONE):
            self._connection.send_bytes(work)

    @cached_property
    def can_help(self) -> bool:
        """Whether it has loaded what it needs, waited for; it may not be had here."""
        try:
            return self._connection.recv() == _DONE
        except _GONE:
            return False

    def run(self, task: Task, answers: Mapping[str, Callable[..., Any]]) -> None:
        """Have it do a task, and answer what it asks meanwhile.

        Raises what the task raises; what `answers` raise, after which it can't be used any more;
        and `HelperLost` where the helper ends before its task.
        """
        self._told(task, self._connection.send, task)
        while True:
            what, given = self._told(task, self._connection.recv)
            if what == _DONE:
                return
            if what == _FAILED:
                raise given
            answer = answers[what](*given)
            if what in _ANSWERED:
                self._told(task, self._connection.send, (what, answer))

    def _told(self, task: Task, tell: Callable[..., Any], *what: Any) -> Any:
        try:
            return tell(*what)
        except _GONE as fault:
            raise HelperLost(
                f"process {self._process.pid}",
                f"which read {task.sections[0].path} or what is after it, ended "
                f"({self._process.wait()})",
                "See that there is memory enough, and ingest again: what is committed stays",
            ) from fault

    def end(self) -> None:
        """End it, whatever it does; who waits for its answer then hears of it."""
        self._process.kill()
        self._process.wait()


def _import_path() -> str:
    """Where this process imports from, but for what can't be told to another."""
    told = [path or os.getcwd() for path in sys.path if isinstance(path, str)]
    return os.pathsep.join(path for path in told if os.pathsep not in path)


def helpers_for(work: Work, source_bytes: int, threads: int) -> list[Helper]:
    """As many as are worth it beside this process; none where `work` can't be sent."""
    many = min(threads - 1, source_bytes // BYTES_A_HELPER, MOST_HELPERS)
    if many < 1 or not sys.executable:
        return []
    started: list[Helper] = []
    with suppress(pickle.PicklingError, AttributeError, TypeError, OSError):
        packed = pickle.dumps(work)
        for _ in range(many):
            started.append(Helper(packed))
    return started


def warm_up() -> None:
    """Load what the first kernel that is called, whichever it is, loads."""
    hash_strings(pa.array([""]), (0, 0))


def main() -> None:
    """Be a helper, at the other end of the connection whose number is the first argument."""
    with Connection(int(sys.argv[1])) as connection, memory_kept():
        try:
            work: Work = connection.recv()
            connection.send(_DONE)
            while True:
                _do(connection.recv(), work, connection)
        except (AttributeError, ImportError):
            return  # the work names what only the other process has
        except _GONE:
            return


def _do(task: Task, work: Work, connection: Connection) -> None:
    desk = _RemoteDesk(connection, work)
    try:
        absorb(desk, task.order, task.sections, work.read, work.manner)
    except _Alone:
        desk.clear()
        raise
    except Exception as fault:
        connection.send((_FAILED, _sendable(fault)))
    else:
        connection.send((_DONE, ()))


def _sendable(fault: Exception) -> Exception:
    """`fault`, or what it says where it can't be sent as it is."""
    try:
        return pickle.loads(pickle.dumps(fault))
    except Exception:
        return RuntimeError("".join(traceback.format_exception(fault)))


class _Alone(OSError):
    """The ingest that was helped has ended."""


class _RemoteDesk:
    """The ledger's owner, seen from a helper."""

    def __init__(self, connection: Connection, work: Work) -> None:
        self._connection, self._work = connection, work
        self._path: Path | None = None

    def _ask(self, what: str, *given: Any) -> Any:
        try:
            self._connection.send((what, given))
            told, answer = self._connection.recv() if what in _ANSWERED else (what, None)
        except _GONE as fault:
            raise _Alone from fault
        if told != what:
            raise _Alone
        return answer

    def claim(self, digest: str, path: Path) -> int | None:
        return self._ask("claim", digest, path)

    def told(self, path: Path) -> str:
        return str(path)

    def open_segment(self) -> SegmentWriter:
        work, number = self._work, self._ask("number")
        self._path = work.lake / "segments" / f"{number:08d}-{secrets.token_hex(4)}.parquet"
        return SegmentWriter(number, self._path, work.key, work.compress)

    def commit(self, part: Part, writer: SegmentWriter) -> None:
        self._ask("commit", part, writer.close(self._work.durable))
        self._path = None

    def clear(self) -> None:
        """Remove what nobody will commit."""
        if self._path:
            self._path.unlink(missing_ok=True)

    def advance(self, size: int) -> bool:
        self._ask("advance", size)
        return True
