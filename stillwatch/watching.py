"""A log that grows, into a lake, round by round; killed at any moment, nothing is lost or double.

What a round will read is copied and written down (`LAKE/watch/NAME/state.json`) before it is read.
A watch that finds such a plan reads the same bytes again, which the lake knows by their content.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import msgspec
import pyarrow as pa

from stillwatch.errors import InputNotFound, LakeBroken
from stillwatch.lake import IngestReport
from stillwatch.lake.lock import writing
from stillwatch.memory import memory_kept
from stillwatch.progress import Progress
from stillwatch.running import manner_of, opened_lake
from stillwatch.sources import format_named, read_accounts, read_exchanges
from stillwatch.sources.follow import Follower, Piece, State, state_from
from stillwatch.sources.formats import AUTO
from stillwatch.sources.mapping_file import load_mapping
from stillwatch.sources.recognise import find_accounts
from stillwatch.tables import QUARANTINE, Chunk

FOLDER, STATE = "watch", "state.json"


class Watch:
    """Follows `log` into the lake at `lake`; one process at a time, as the lake's lock has it."""

    def __init__(
        self,
        log: str | Path,
        lake: str | Path,
        *,
        format: str = AUTO,
        mapping: str | Path | None = None,
        account: str | None = None,
        pseudonyms: str | Path | None = None,
        settled_s: float = 30.0,
        threads: int = 1,
    ) -> None:
        """Raises what `pipeline.ingest` does, before anything is read."""
        self.log = Path(log)
        if not self.log.exists():
            raise InputNotFound(log, "doesn't exist", "Name a folder of logs, or a log file")
        self._manner = manner_of(format, mapping, account)
        self._account, self._threads = account, threads
        asked = AUTO if format == AUTO else format_named(format)
        self._asked = asked if mapping is None else load_mapping(mapping).format()
        self._lake, self._keys = opened_lake(lake, pseudonyms)
        name = blake2b(str(self.log.resolve()).encode(), digest_size=8).hexdigest()
        self._spool = Path(lake) / FOLDER / name
        self._spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._settled_ns = int(settled_s * 1e9)

    def round(self, progress: Progress | None = None) -> IngestReport | None:
        """Read what was added since the last round; `None` where nothing was.

        A round reads a bounded part: call again until it gives `None`. Raises what `Lake.ingest`
        does, and `LakeBusy` where another process watches the same log; the next call does the
        round again.
        """
        with writing(self._spool):
            follower = self._follower()
            state = follower.state
            if not state.planned:
                self._sweep()
                state.planned = follower.look(time.time_ns())
                self._keep(state)
            if not state.planned:
                return None
            with memory_kept():
                report = self._ingest(state.planned, progress)
            for piece in state.planned:
                follower.done(piece)
            state.planned = []
            follower.forget()
            self._keep(state)
            self._sweep()
            return report

    def _sweep(self) -> None:
        """Copies hold what the log holds: none stays longer than it is needed."""
        for copy in self._spool.glob("*.jsonl"):
            copy.unlink()

    def _follower(self) -> Follower:
        state = _load(self._spool / STATE)
        if not all(map(_is_there, state.planned)):
            state.planned = []  # a power cut took copies; what was read of them the lake knows
        return Follower(
            self.log, self._spool, state, settled_ns=self._settled_ns, format=self._asked
        )

    def _ingest(self, planned: list[Piece], progress: Progress | None) -> IngestReport:
        copies = {Path(piece.copy): piece for piece in planned if piece.copy is not None}
        whole = [Path(piece.path) for piece in planned if piece.copy is None]

        def read(path: Path, start: int) -> Iterator[Chunk]:
            piece = copies.get(path)
            if piece is None:
                yield from self._manner.read(path, start)
                return
            format = self._asked
            if format == AUTO and piece.format != AUTO:
                format = format_named(piece.format)
            for chunk in read_exchanges(path, start, format=format, account=self._account):
                yield _retold(chunk, piece)

        paths = [*copies, *(path for path in whole if path.is_file())]
        accounts = find_accounts(self.log) if self.log.is_dir() else []
        return self._lake.ingest(
            paths,
            read,
            manner=self._manner.name,
            accounts=accounts,
            read_accounts=read_accounts,
            keys=self._keys,
            progress=progress,
            threads=self._threads,
        )

    def _keep(self, state: State) -> None:
        fresh = self._spool / f".{STATE}.new"
        fresh.write_bytes(msgspec.json.encode(state))
        fresh.replace(self._spool / STATE)


def _is_there(piece: Piece) -> bool:
    if piece.copy is None:
        return True
    copy = Path(piece.copy)
    return copy.is_file() and copy.stat().st_size == piece.end - piece.start


def _load(path: Path) -> State:
    try:
        return state_from(path.read_bytes())
    except FileNotFoundError:
        return State()
    except (OSError, ValueError) as fault:
        raise LakeBroken(
            path,
            f"can't be read ({fault})",
            "Remove it: all is read again, and what is in the lake already is known",
        ) from fault


def _retold(chunk: Chunk, piece: Piece) -> Chunk:
    """`chunk` with the file and the lines that its piece was cut from."""
    told = chunk.quarantined.to_pydict()
    told["file"] = [piece.path] * len(told["file"])
    told["line"] = [line + piece.line - 1 for line in told["line"]]
    return chunk._replace(quarantined=pa.RecordBatch.from_pydict(told, schema=QUARANTINE))
