"""Findings: what one run of the detector concluded, in memory and as a folder."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch import tables
from stillwatch.errors import FindingsBroken, InputNotFound, OutputExists

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

FILES = {
    "campaigns": tables.CAMPAIGNS,
    "members": tables.MEMBERS,
    "exchanges": tables.ATTRIBUTED,
    "evidence": tables.EVIDENCE,
    "daily": tables.DAILY,
    "links": tables.LINKS,
    "accounts": tables.STANDING,
    "works": tables.WORKS,
    "frames": tables.FRAMES,
    "objects": tables.OBJECTS,
}
"""The tables of findings by name: each is a file of its own, and an attribute of `Findings`."""


@dataclass(frozen=True)
class Findings:
    """One run's conclusions. Each attribute but `run` is an Arrow table of `stillwatch.tables`.

    `run` holds version, configuration and its digest, engine, row counts (`read`, `kept`,
    `quarantined` by reason), seconds by stage and peak memory in bytes.
    """

    campaigns: pa.Table
    members: pa.Table
    exchanges: pa.Table
    evidence: pa.Table
    daily: pa.Table
    links: pa.Table
    accounts: pa.Table
    run: dict[str, Any]
    works: pa.Table = field(default_factory=tables.WORKS.empty_table)
    frames: pa.Table = field(default_factory=tables.FRAMES.empty_table)
    objects: pa.Table = field(default_factory=tables.OBJECTS.empty_table)

    def to_pandas(self, table: str = "campaigns") -> pd.DataFrame:
        """One table as a pandas frame (extra: `stillwatch[frames]`)."""
        return getattr(self, table).to_pandas()

    def to_polars(self, table: str = "campaigns") -> pl.DataFrame:
        """One table as a polars frame (extra: `stillwatch[frames]`)."""
        import polars

        frame = polars.from_arrow(getattr(self, table))
        assert isinstance(frame, polars.DataFrame)
        return frame

    def save(self, folder: str | Path) -> Path:
        """Write the findings folder whole: a reader sees the old findings or the new, never half.

        Raises `OutputExists` where `folder` holds files that are not findings.
        """
        folder = Path(folder)
        check_target(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        fresh, old = scratch / "new", scratch / "old"
        fresh.mkdir()

        def write(name: str) -> None:
            table = tables.require(getattr(self, name), FILES[name], f"findings.{name}")
            pq.write_table(table, fresh / f"{name}.parquet", compression="zstd")

        # Attributed exchanges are most of it: the other tables are written beside them.
        with ThreadPoolExecutor(2) as writers:
            list(writers.map(write, sorted(FILES, key=lambda name: name != "exchanges")))
        (fresh / "run.json").write_text(json.dumps(self.run, indent=2, sort_keys=True) + "\n")
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
        shutil.rmtree(scratch, ignore_errors=True)
        return folder


def check_target(folder: str | Path) -> None:
    """Raise `OutputExists` where `folder` is a file, or holds anything but findings of ours."""
    folder = Path(folder)
    todo = "Name an empty or new folder"
    if folder.exists() and not folder.is_dir():
        raise OutputExists(folder, "is a file", todo)
    if folder.is_dir():
        ours = {"run.json", *(f"{name}.parquet" for name in FILES)}
        other = sorted(entry.name for entry in folder.iterdir() if entry.name not in ours)
        if other:
            raise OutputExists(folder, f"holds {other[0]!r}, which is no part of findings", todo)


def read_findings(folder: str | Path, leave: Collection[str] = ()) -> Findings:
    """Read a findings folder, but for the rows of the tables to `leave`.

    Raises `InputNotFound` where there is none, `FindingsBroken` naming a file that is missing or
    damaged.
    """
    folder = Path(folder)
    todo = "Run `stillwatch detect LOG --out FINDINGS` to write it again"
    if not folder.is_dir():
        raise InputNotFound(folder, "there is no such folder", todo.removesuffix(" again"))
    parts: dict[str, Any] = {}
    for name, schema in FILES.items():
        path = folder / f"{name}.parquet"
        if not path.is_file():
            raise FindingsBroken(path, "is missing", todo)
        try:
            found = pq.read_schema(path).empty_table() if name in leave else pq.read_table(path)
            parts[name] = tables.require(found, schema, path)
        except (OSError, ValueError, pa.ArrowException) as fault:
            raise FindingsBroken(path, f"can't be read ({fault})", todo) from fault
    try:
        parts["run"] = json.loads((folder / "run.json").read_text())
    except (OSError, ValueError) as fault:
        raise FindingsBroken(folder / "run.json", f"can't be read ({fault})", todo) from fault
    return Findings(**parts)
