"""Logs as objects under a prefix: what is new is copied a part at a time, then let go.

An object is known by its key, size and time. Objects that say more of others' records (CloudTrail,
a gateway's own log) are copied first and stay until the end, and those of one folder come together:
a log finds what goes with it beside it, as it would in a copy of the whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path, PurePosixPath

import pyarrow as pa
from pyarrow import fs

from stillwatch.warehouses.address import Address
from stillwatch.warehouses.checkpoint import Checkpoint, mark
from stillwatch.warehouses.part import PART_BYTES, PART_FILES, Part, Wanted
from stillwatch.warehouses.storage import RIGHTS, open_storage

COPIES = 8
"""Objects copied at once: mostly one waits for the answer, not for the bytes."""
_STAYING = ("/cloudtrail/", "insights-logs-gatewaylogs")
_BODIES = "data"


def listed(address: Address) -> tuple[fs.FileSystem, str, list[fs.FileInfo]]:
    """The filesystem, the path in it, and all objects there, by path; raises `WarehouseFailed`."""
    storage, top = open_storage(address)
    try:
        info = storage.get_file_info(top)
        if info.type == fs.FileType.File:
            return storage, str(PurePosixPath(top).parent), [info]
        found = storage.get_file_info(fs.FileSelector(top, recursive=True, allow_not_found=True))
    except (pa.ArrowException, OSError, ValueError) as fault:
        raise address.failed(f"can't be listed ({fault})", RIGHTS) from None
    files = [info for info in found if info.type == fs.FileType.File]
    if not files:
        raise address.failed("holds nothing", "Check the path in the address")
    return storage, top, sorted(files, key=lambda info: info.path)


def object_parts(
    address: Address,
    storage: fs.FileSystem,
    top: str,
    files: Sequence[fs.FileInfo],
    had: Checkpoint,
    spool: Path,
    wanted: Wanted,
) -> Iterator[Part]:
    """Parts of what is new among `files`."""
    new = [info for info in files if wanted(info.base_name) and _mark(info) not in had.done]
    staying = [info for info in new if any(sign in info.path.lower() for sign in _STAYING)]
    coming = [info for info in new if info not in staying]
    after = had.copy()
    _copy(address, storage, top, staying, spool)
    shown = _shown(address, files)
    for share in _shares(coming):
        copied = _copy(address, storage, top, share, spool)
        after.done.update(map(_mark, share))
        yield Part(spool, shown, after.copy())
        for path in copied:
            path.unlink(missing_ok=True)
    if staying:
        after.done.update(map(_mark, staying))
        yield Part(spool, shown, after)


def _shown(address: Address, files: Sequence[fs.FileInfo]) -> str:
    bare = address.shown.partition("?")[0].rstrip("/")
    whole = len(files) == 1 and bare.endswith(files[0].base_name)
    return bare.rpartition("/")[0] if whole else bare


def _mark(info: fs.FileInfo) -> str:
    return mark(info.path, info.size, info.mtime_ns)


def _shares(files: Sequence[fs.FileInfo]) -> Iterator[list[fs.FileInfo]]:
    """Whole folders together until they are worth a part; what spilled belongs to its log."""
    share: list[fs.FileInfo] = []
    held = 0
    for _, together in groupby(files, _folder):
        beside = list(together)
        share += beside
        held += sum(info.size or 0 for info in beside)
        if held >= PART_BYTES or len(share) >= PART_FILES:
            yield share
            share, held = [], 0
    if share:
        yield share


def _folder(info: fs.FileInfo) -> str:
    parent = PurePosixPath(info.path).parent
    return str(parent.parent if parent.name == _BODIES else parent)


def _copy(
    address: Address,
    storage: fs.FileSystem,
    top: str,
    files: Sequence[fs.FileInfo],
    spool: Path,
) -> list[Path]:
    def copy(info: fs.FileInfo) -> Path:
        inside = PurePosixPath(info.path).relative_to(top)
        if any(part in ("..", "") for part in inside.parts):
            raise address.failed("holds an object whose name leads out of it", "Rename the object")
        path = spool.joinpath(*inside.parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with (
                storage.open_input_stream(info.path, compression=None) as source,
                path.open("wb") as out,
            ):
                shutil.copyfileobj(source, out, 1 << 20)
        except (pa.ArrowException, OSError, ValueError) as fault:
            raise address.failed(f"stopped at {inside} ({fault})", RIGHTS) from None
        return path

    with ThreadPoolExecutor(COPIES) as pool:
        return list(pool.map(copy, files))
