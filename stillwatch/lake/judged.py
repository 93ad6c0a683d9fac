"""What a judgement leaves in a lake for later runs to go on from.

LAKE/judged/index.json       what belongs to it, replaced atomically
LAKE/judged/NAME.N.arrow     a table, in Arrow's file format; some in pieces
LAKE/judged/arrays.N.npz     arrays

What the index doesn't name doesn't exist: a run that was killed leaves what was there before. All
of it can be made again from the lake, so whatever can't be read counts as not there.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

INDEX = "index.json"


@dataclass(frozen=True)
class Kept:
    """What is kept: of which `parts` of the lake, and as what. Tables lie on disk and are read
    when they are looked at."""

    parts: list[str]
    tables: dict[str, pa.Table]
    arrays: dict[str, NDArray]
    facts: dict[str, Any]

    def covers_first(self, parts: Sequence[str]) -> bool:
        """Whether its parts are the first of the lake's `parts`, as they were."""
        return bool(self.parts) and self.parts == list(parts[: len(self.parts)])


class Judged:
    """The folder `judged` of the lake at `lake`, for one process at a time.

    `version` says how what is in it was made: that of another version isn't there.
    """

    def __init__(self, lake: Path, version: str) -> None:
        self._folder, self._version = lake / "judged", version

    def load(self) -> Kept | None:
        """What is kept; `None` where there is nothing that can be read."""
        index = self._index()
        if index is None:
            return None
        try:
            tables = {
                name: pa.concat_tables([self._read(piece) for piece in pieces])
                for name, pieces in index["tables"].items()
            }
            with np.load(self._folder / index["arrays"], allow_pickle=False) as held:
                arrays = dict(held)
        except (OSError, ValueError, pa.ArrowException, zipfile.BadZipFile):
            return None
        return Kept(index["parts"], tables, arrays, index["facts"])

    def save(
        self,
        parts: Sequence[str],
        tables: Mapping[str, pa.Table],
        arrays: Mapping[str, NDArray],
        facts: Mapping[str, Any],
        onto: Mapping[str, int] | None = None,
    ) -> None:
        """Keep this in place of what is there; raises `OSError`.

        A table that is named in `onto` has so many first rows that are there already: only the
        others are written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        before = (self._index() or {}) if onto else {}
        number = 1 + max((_number(path) for path in self._folder.iterdir()), default=0)
        named = {}
        for name, table in tables.items():
            there = (onto or {}).get(name, 0)
            named[name] = [*(before["tables"][name] if there else []), f"{name}.{number}.arrow"]
            self._write(named[name][-1], table.slice(there))
        plain: Any = arrays
        np.savez(self._folder / f"arrays.{number}.npz", **plain)
        index = {
            "version": self._version,
            "parts": list(parts),
            "tables": named,
            "arrays": f"arrays.{number}.npz",
            "facts": dict(facts),
        }
        fresh = self._folder / f".{INDEX}.new"
        fresh.write_text(json.dumps(index))
        fresh.replace(self._folder / INDEX)
        ours = {INDEX, index["arrays"], *(piece for pieces in named.values() for piece in pieces)}
        for path in self._folder.iterdir():
            if path.name not in ours:
                path.unlink()

    def clear(self) -> None:
        """Keep nothing; raises `OSError`."""
        for path in sorted(self._folder.glob("*"), key=lambda path: path.name != INDEX):
            path.unlink()

    def _index(self) -> dict[str, Any] | None:
        try:
            index = json.loads((self._folder / INDEX).read_text())
        except (OSError, ValueError):
            return None
        return index if index.get("version") == self._version else None

    def _read(self, name: str) -> pa.Table:
        return pa.ipc.open_file(pa.memory_map(str(self._folder / name))).read_all()

    def _write(self, name: str, table: pa.Table) -> None:
        with pa.OSFile(str(self._folder / name), "wb") as out:  # noqa: SIM117
            with pa.ipc.new_file(out, table.schema) as writer:
                writer.write_table(table)


def _number(path: Path) -> int:
    part = path.name.split(".")[-2:-1]
    return int(part[0]) if part and part[0].isdigit() else 0
