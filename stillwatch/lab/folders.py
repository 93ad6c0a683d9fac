"""Folders of the lab: one writer at a time, and files that are there as a whole or not at all."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stillwatch.errors import LabRefused

LOCK = "lock"
"""The file whose holder works in its folder."""


@contextmanager
def alone(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold `folder`, which is made where it isn't there, until the process ends or lets go.

    Where another process has it: waits for it with `wait`, else raises `LabRefused` at once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            held.seek(0)
            holder = held.read(32).strip() or "unknown"
            what = f"another run works in this folder (process {holder})"
            raise LabRefused(folder, what, "Wait for it, or name another folder") from None
        held.seek(0)
        held.truncate()
        held.write(str(os.getpid()))
        held.flush()
        yield


def put(path: Path, content: str | bytes) -> None:
    """Write a file so that whoever is killed meanwhile leaves the old one, or none."""
    half = path.with_name(path.name + ".half")
    half.write_bytes(content.encode() if isinstance(content, str) else content)
    os.replace(half, path)


def put_json(path: Path, document: Any) -> None:
    """Write a document, ASCII, readable."""
    put(path, json.dumps(document, indent=1) + "\n")


def read_json(path: Path) -> Any:
    """What `put_json` wrote; raises `LabRefused` where it is damaged."""
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise LabRefused(path, "is damaged", "Remove it, and it is made anew") from None


def put_folder(folder: Path, fill: Callable[[Path], object]) -> None:
    """Have `fill` write a folder's files; the folder is there only when all of them are."""
    half = folder.with_name(folder.name + ".half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    fill(half)
    os.replace(half, folder)


def lab_cache() -> Path:
    """Where the lab keeps what it made once and may make again."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "stillwatch" / "lab"
