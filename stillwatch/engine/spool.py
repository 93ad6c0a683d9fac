"""The spool: signals of a lake on disk, part by part, kept for the next run.

FOLDER/NAME.bin       one column, plain values (tables.SIGNALS, and what a run adds)
FOLDER/names.jsonl    for each part, the names that it is the first to need
FOLDER/index.json     which parts are in, and where each ends; replaced atomically

What the index doesn't name doesn't exist: a run that was killed leaves the parts of its last
commit, and the next one goes on from there. Parts that came or went since (a late file, a
corrected one) are made anew from the first that differs.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.columns import Stored

COMMIT_SECONDS = 5.0
"""A kill loses at most about so much work."""

Names = dict[str, dict[int, str]]


class Spool:
    """Columns of `schema` in `folder`, numbers and fixed-size lists of them, filled part by part.

    `version` says how parts are made: those of another version are dropped. Raises `OSError`
    where the folder can't be written: it takes about 400 bytes an exchange.
    """

    def __init__(self, folder: Path, schema: pa.Schema, version: str) -> None:
        self.folder, self._schema, self._version = folder, schema, version
        self._parts: list[str] = []
        self._ends: list[tuple[int, int]] = []
        self._files: dict[str, IO[bytes]] = {}
        self._committed = time.monotonic()
        self.names: Names = {}

    def __len__(self) -> int:
        return self._ends[-1][0] if self._ends else 0

    @property
    def ends(self) -> list[int]:
        """The row at which each part ends."""
        return [rows for rows, _ in self._ends]

    def resume(self, parts: Sequence[str]) -> int:
        """Keep what is there of the first `parts`, drop the rest; how many were kept."""
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = self._known(parts)
        for name in ("names.jsonl", *(f"{field.name}.bin" for field in self._schema)):
            self._files[name] = (self.folder / name).open("ab")
        rows, told = self._ends[-1] if kept else (0, 0)
        self._files["names.jsonl"].truncate(told)
        for field in self._schema:
            self._files[f"{field.name}.bin"].truncate(rows * _row_bytes(field.type))
        with (self.folder / "names.jsonl").open() as lines:
            for line in lines:
                self._learn(json.loads(line))
        return kept

    def _known(self, parts: Sequence[str]) -> int:
        try:
            index = json.loads((self.folder / "index.json").read_text())
        except (FileNotFoundError, ValueError):
            return 0
        if index.get("version") != self._version:
            return 0
        kept = 0
        for ours, theirs in zip(parts, index["parts"], strict=False):
            if ours != theirs:
                break
            kept += 1
        whole = all(
            (self.folder / f"{field.name}.bin").exists()
            and (self.folder / f"{field.name}.bin").stat().st_size
            >= (index["ends"][kept - 1][0] if kept else 0) * _row_bytes(field.type)
            for field in self._schema
        )
        if not whole:
            return 0
        self._parts = list(parts[:kept])
        self._ends = [(end[0], end[1]) for end in index["ends"][:kept]]
        return kept

    def add(self, part: str, batch: pa.RecordBatch, names: Mapping[str, Mapping[int, str]]) -> None:
        """Append the rows of one part, and the names of its keys."""
        for field, column in zip(self._schema, batch.columns, strict=True):
            fixed = pa.types.is_fixed_size_list(field.type)
            values = (column.flatten() if fixed else column).to_numpy()
            self._files[f"{field.name}.bin"].write(memoryview(values).cast("B"))
        fresh = {
            column: {key: text for key, text in found.items() if key not in known}
            for column, found in names.items()
            for known in [self.names.get(column, {})]
        }
        line = json.dumps(fresh).encode() + b"\n"
        self._files["names.jsonl"].write(line)
        self._learn(fresh)
        rows, told = self._ends[-1] if self._ends else (0, 0)
        self._parts.append(part)
        self._ends.append((rows + batch.num_rows, told + len(line)))
        if time.monotonic() - self._committed > COMMIT_SECONDS:
            self.commit()

    def _learn(self, names: Mapping[str, Mapping[Any, str]]) -> None:
        for column, found in names.items():
            self.names.setdefault(column, {}).update((int(k), v) for k, v in found.items())

    def commit(self) -> None:
        """Make what was added so far outlast a kill."""
        for file in self._files.values():
            file.flush()
        index = {"version": self._version, "parts": self._parts, "ends": self._ends}
        fresh = self.folder / ".index.json.new"
        fresh.write_text(json.dumps(index))
        fresh.replace(self.folder / "index.json")
        self._committed = time.monotonic()

    def columns(self) -> dict[str, Stored]:
        """All columns of what was committed."""
        return {field.name: self._stored(field.name, field.type) for field in self._schema}

    def _stored(self, name: str, kind: pa.DataType) -> Stored:
        fixed = pa.types.is_fixed_size_list(kind)
        dtype = (kind.value_type if fixed else kind).to_pandas_dtype()
        path = self.folder / f"{name}.bin"
        return Stored(path, dtype, kind.list_size if fixed else 0, len(self))

    def keep(self, name: str, blocks: Iterable[NDArray]) -> Stored:
        """A further column for this run, of its rows block by block."""
        path, rows, last = self.folder / f"run.{name}.bin", 0, np.empty((0,))
        with path.open("wb") as out:
            for last in blocks:
                out.write(last.tobytes())
                rows += len(last)
        return Stored(path, last.dtype, last.shape[-1] if last.ndim == 2 else 0, rows)

    def close(self) -> None:
        """Close the files, and remove what was for this run alone."""
        for file in self._files.values():
            file.close()
        for path in self.folder.glob("run.*.bin"):
            path.unlink()


@contextmanager
def spool_folder(wanted: Path | None, scratch: Path) -> Iterator[Path]:
    """`wanted`, held by this process alone; `scratch` where it is `None`, taken, or not ours."""
    held = None if wanted is None else _hold(wanted)
    try:
        yield scratch if wanted is None or held is None else wanted
    finally:
        if held is not None:
            held.close()


def _hold(folder: Path) -> IO[str] | None:
    held = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = (folder / "lock").open("a")
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        if held is not None:
            held.close()
        return None
    return held


def _row_bytes(kind: pa.DataType) -> int:
    if pa.types.is_fixed_size_list(kind):
        return kind.list_size * kind.value_type.bit_width // 8
    return kind.bit_width // 8
