"""GATE: the folder that a publisher writes and every gate reads.

GATE/table.N     a decision table, complete from the moment that it has its name
GATE/current     eight bytes that every gate has mapped: the number of the table that holds
GATE/key         the deployment's key: accounts stand in tables by a keyed digest only
GATE/plan.json   what the last plan decided and why not more, for people
GATE/lock        held by the one publisher at a time

A table is written, flushed and renamed, and then named in `current` by a single store of eight
bytes: a reader sees the old number or the new one, and finds the whole table of either. The table
before is kept for those who are about to open it. What `publish` has returned from survives the
end of any process, and, since it was flushed, of the machine.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from stillwatch.errors import TableBroken
from stillwatch.gateway.container import Container, open_container, write_container

TRIES = 100
"""Times that a reader looks again where publishers are faster than it."""

KEY_BYTES = 32


class Folder:
    """A gateway's folder; made where it isn't there and `create` is said.

    Raises `TableBroken` where there is none.
    """

    def __init__(self, path: str | Path, create: bool = False) -> None:
        self.path = Path(path)
        if create:
            self.path.mkdir(parents=True, exist_ok=True)
            self._make("key", secrets.token_bytes(KEY_BYTES), 0o600)
            self._make("current", bytes(8), 0o644)
        try:
            self.key = (self.path / "key").read_bytes()
            with (self.path / "current").open("r+b" if create else "rb") as file:
                access = mmap.ACCESS_WRITE if create else mmap.ACCESS_READ
                self._mapped = mmap.mmap(file.fileno(), 8, access=access)
        except (OSError, ValueError) as fault:
            todo = "Name the folder that `stillwatch policy publish` writes to"
            raise TableBroken(self.path, f"is no gateway's folder ({fault})", todo) from fault
        self._current = memoryview(self._mapped).cast("Q")

    @property
    def version(self) -> int:
        """The number of the table that holds now; 0 before the first."""
        return self._current[0]

    def open(self) -> tuple[int, Container]:
        """The table that holds now, and its number; raises `TableBroken` where there is none."""
        for _ in range(TRIES):
            version = self.version
            try:
                return version, open_container(self.path / f"table.{version}")
            except FileNotFoundError:
                if version == self.version:
                    break
        todo = "Publish one, with `stillwatch policy publish`"
        raise TableBroken(self.path, "has no table yet", todo)

    def publish(
        self, says: Mapping[str, Any], arrays: Mapping[str, NDArray], plan: Mapping[str, Any]
    ) -> int:
        """Publish a table: from now on it holds. Returns its number.

        `plan` is for people, who find it beside the table. A publisher that is killed leaves the
        table that held; the next one takes its number again or goes on after it.
        """
        with self._alone():
            version = self.version + 1
            told = {**says, "version": version}
            self._write(f"table.{version}", write_container(told, arrays))
            shown = json.dumps({**plan, "table_version": version}, indent=1, default=str)
            self._write("plan.json", [shown.encode()])
            self._current[0] = version
            self._mapped.flush()
            for old in self.path.glob("table.*"):
                number = old.name.removeprefix("table.")
                if number.isdigit() and int(number) < version - 1:
                    old.unlink(missing_ok=True)
        return version

    def _write(self, name: str, pieces: list[bytes]) -> None:
        draft = self.path / f".{name}.new"
        with draft.open("wb") as out:
            out.writelines(pieces)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(self.path / name)
        handle = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _make(self, name: str, content: bytes, mode: int) -> None:
        """Make a file whole, unless it is there."""
        if (self.path / name).exists():
            return
        draft = self.path / f".{name}.{os.getpid()}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(draft, self.path / name)
        except FileExistsError:
            pass
        finally:
            draft.unlink()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.path / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
