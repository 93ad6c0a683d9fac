"""The spool: signals of a lake on disk, part by part, kept for the next run.

FOLDER/NAME.bin        one column, plain values (tables.SIGNALS, and what a run adds)
FOLDER/names.N.jsonl   for each part, the names that it is the first to need
FOLDER/index.json      which parts are in, in which order, and where each ends; replaced atomically

What the index doesn't name doesn't exist: a run that was killed leaves the parts of its last
commit, and the next one goes on from there. Parts that are no longer wanted (of a corrected file)
leave no hole: what lies behind them moves up, and only what is new is made.
"""

from __future__ import annotations

import fcntl
import json
import os
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

_PIECE_BYTES = 16 << 20
"""Bytes of a column that are moved at a time."""

_NAMED_ROWS = 1 << 20
"""Rows whose keys are looked through at a time."""

Names = dict[str, dict[int, str]]


class Spool:
    """Columns of `schema` in `folder`, numbers and fixed-size lists of them, filled part by part.

    `version` says how parts are made: those of another version are dropped. `keys` says of which
    column's keys each kind of names are the names. Raises `OSError` where the folder can't be
    written: it takes about 400 bytes an exchange.
    """

    def __init__(
        self, folder: Path, schema: pa.Schema, version: str, keys: Mapping[str, str]
    ) -> None:
        self.folder, self._schema, self._version, self._keys = folder, schema, version, keys
        self.parts: list[str] = []
        """What is in, in the order of the rows."""
        self.ends: list[int] = []
        """The row at which each part ends."""
        self.names: Names = {}
        self._known: dict[str, NDArray[np.uint64]] = {}
        self._files: dict[str, IO[bytes]] = {}
        self._generation, self._told = 0, 0
        self._committed = time.monotonic()

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def resume(self, parts: Sequence[str]) -> list[int]:
        """Keep what is there of `parts`, drop the rest; the places of those that aren't there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        settled = self._load()
        for field in self._schema:
            path = self.folder / f"{field.name}.bin"
            path.touch()
            self._files[field.name] = path.open("r+b")
        self._cut()
        self._open_names()
        self._drop_names()
        wanted = set(parts)
        if not all(part in wanted for part in self.parts):
            self._close_up(wanted)
            settled = False
        if not settled:
            self._forget()
        have = set(self.parts)
        return [place for place, part in enumerate(parts) if part not in have]

    def _load(self) -> bool:
        """What the index says, if it is ours and the files hold it; whether names are settled."""
        try:
            index = json.loads((self.folder / "index.json").read_text())
        except (FileNotFoundError, ValueError):
            return True
        if index.get("version") != self._version or "settled" not in index:
            return True
        rows = index["ends"][-1] if index["ends"] else 0
        sizes = {f"{field.name}.bin": rows * _row_bytes(field.type) for field in self._schema}
        sizes[f"names.{index['names']}.jsonl"] = index["told"]
        for name, size in sizes.items():
            path = self.folder / name
            if not path.exists() or path.stat().st_size < size:
                return True
        self.parts, self.ends = index["parts"], index["ends"]
        self._generation, self._told = index["names"], index["told"]
        return index["settled"]

    def _cut(self) -> None:
        """Cut off what lies behind the last part."""
        for field in self._schema:
            file = self._files[field.name]
            file.truncate(len(self) * _row_bytes(field.type))
            file.seek(0, os.SEEK_END)

    def _open_names(self) -> None:
        path = self.folder / f"names.{self._generation}.jsonl"
        path.touch()
        self._files["names"] = file = path.open("r+b")
        file.truncate(self._told)
        for line in file:
            self._learn(json.loads(line))

    def _close_up(self, wanted: set[str]) -> None:
        """Drop all but `wanted` parts; those behind one that goes move up.

        The index forgets them first and takes each in again at its new place: a kill on the way
        costs those that have not moved yet, which are made anew.
        """
        begins = [0, *self.ends[:-1]]
        first = next(i for i, part in enumerate(self.parts) if part not in wanted)
        behind = list(zip(self.parts, begins, self.ends, strict=True))[first:]
        self.parts, self.ends = self.parts[:first], self.ends[:first]
        self.commit(settled=False)
        for part, begin, end in behind:
            if part in wanted:
                self._move(begin, end, len(self))
                self.parts.append(part)
                self.ends.append(len(self) + end - begin)
                if time.monotonic() - self._committed > COMMIT_SECONDS:
                    self.commit(settled=False)
        self._cut()

    def _move(self, begin: int, end: int, to: int) -> None:
        """Copy rows to an earlier place, in pieces from the front: the two may overlap."""
        for field in self._schema:
            size, file = _row_bytes(field.type), self._files[field.name].fileno()
            step = max(1, _PIECE_BYTES // size)
            for at in range(begin, end, step):
                piece = os.pread(file, (min(end, at + step) - at) * size, at * size)
                _write_at(file, piece, (to + at - begin) * size)

    def _forget(self) -> None:
        """Keep only the names of keys that are there, in a file of their own."""
        stored = self.columns()
        for name, known in self.names.items():
            column = stored[self._keys[name]]
            there: set[int] = set()
            for at in range(0, len(self), _NAMED_ROWS):
                there.update(np.unique(column[at : at + _NAMED_ROWS]).tolist())
            self.names[name] = {key: text for key, text in known.items() if key in there}
        self._files.pop("names").close()
        kept, self.names, self._known = self.names, {}, {}
        self._generation, self._told = self._generation + 1, 0
        self._open_names()
        self._tell(kept)
        self.commit()
        self._drop_names()

    def _drop_names(self) -> None:
        """Remove the files of names that the index doesn't name."""
        for path in self.folder.glob("names*.jsonl"):
            if path.name != f"names.{self._generation}.jsonl":
                path.unlink()

    def add(
        self,
        part: str,
        batch: pa.RecordBatch,
        names: Mapping[str, tuple[NDArray[np.uint64], pa.Array]],
    ) -> None:
        """Append the rows of one part, and the names of its keys: of each kind, keys and texts."""
        for field, column in zip(self._schema, batch.columns, strict=True):
            fixed = pa.types.is_fixed_size_list(field.type)
            values = (column.flatten() if fixed else column).to_numpy()
            self._files[field.name].write(memoryview(values).cast("B"))
        self._tell({column: self._fresh(column, *told) for column, told in names.items()})
        self.parts.append(part)
        self.ends.append(len(self) + batch.num_rows)
        if time.monotonic() - self._committed > COMMIT_SECONDS:
            self.commit()

    def _fresh(self, column: str, keys: NDArray[np.uint64], texts: pa.Array) -> dict[int, str]:
        """Those names that are new."""
        known = self._known.get(column)
        if known is None:
            new = np.arange(len(keys))
        else:
            near = known[np.minimum(np.searchsorted(known, keys), len(known) - 1)]
            new = np.flatnonzero(near != keys)
        return dict(zip(keys[new].tolist(), texts.take(pa.array(new)).to_pylist(), strict=True))

    def _tell(self, fresh: Names) -> None:
        """Write down names."""
        self._told += self._files["names"].write(json.dumps(fresh).encode() + b"\n")
        self._learn(fresh)

    def _learn(self, names: Mapping[str, Mapping[Any, str]]) -> None:
        for column, found in names.items():
            fresh = {int(key): text for key, text in found.items()}
            if fresh:
                self.names.setdefault(column, {}).update(fresh)
                keys = np.sort(np.array(list(fresh), np.uint64))
                known = self._known.get(column, np.empty(0, np.uint64))
                self._known[column] = np.insert(known, np.searchsorted(known, keys), keys)

    def commit(self, settled: bool = True) -> None:
        """Make what was added so far outlast a kill; `settled`: no name is of a key that went."""
        for file in self._files.values():
            file.flush()
        index = {
            "version": self._version,
            "parts": self.parts,
            "ends": self.ends,
            "names": self._generation,
            "told": self._told,
            "settled": settled,
        }
        fresh = self.folder / ".index.json.new"
        fresh.write_text(json.dumps(index))
        fresh.replace(self.folder / "index.json")
        self._committed = time.monotonic()

    def columns(self, begin: int = 0) -> dict[str, Stored]:
        """All columns of what was committed, from row `begin` on."""
        return {field.name: self._stored(field.name, field.type, begin) for field in self._schema}

    def _stored(self, name: str, kind: pa.DataType, begin: int) -> Stored:
        fixed = pa.types.is_fixed_size_list(kind)
        dtype = (kind.value_type if fixed else kind).to_pandas_dtype()
        path = self.folder / f"{name}.bin"
        return Stored(path, dtype, kind.list_size if fixed else 0, len(self), begin)

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


def _write_at(file: int, data: bytes, place: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, place)
        view, place = view[written:], place + written


def _row_bytes(kind: pa.DataType) -> int:
    if pa.types.is_fixed_size_list(kind):
        return kind.list_size * kind.value_type.bit_width // 8
    return kind.bit_width // 8
