"""What of a warehouse is in the lake already: a small file a warehouse, inside the lake.

It is written after a part has been committed, so that a kill in between reads a part again, which
changes nothing: the same exchange is the same exchange. It holds no credentials.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path
from typing import Self

import msgspec

from stillwatch.errors import LakeBroken
from stillwatch.warehouses.address import Address

FOLDER = "warehouses"


class Checkpoint(msgspec.Struct):
    """What was had: objects and files of tables by their marks, rows by where they end."""

    address: str
    done: set[str] = set()
    """128-bit marks, in hex, of objects or files that are in."""
    cursor: str | int | float | None = None
    """The last value of the column that rows are read by."""

    def copy(self) -> Self:
        """Another one that says the same."""
        return type(self)(self.address, set(self.done), self.cursor)


def mark(*what: object) -> str:
    """What stands for an object or a file.

    >>> len(mark("bucket/key", 12, 1788000000))
    32
    """
    return blake2b("\0".join(map(str, what)).encode(), digest_size=16).hexdigest()


def _path(lake: Path, address: Address) -> Path:
    return lake / FOLDER / f"{mark(address.shown)}.json"


def load_checkpoint(lake: Path, address: Address) -> Checkpoint:
    """What was had of `address`; raises `LakeBroken` where the file can't be read."""
    path = _path(lake, address)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Checkpoint)
    except FileNotFoundError:
        return Checkpoint(address.shown)
    except (OSError, msgspec.MsgspecError, ValueError):
        raise LakeBroken(
            path,
            "can't be read",
            "Delete it: the warehouse is read anew, and what is in already stays as it is",
        ) from None


def save_checkpoint(lake: Path, address: Address, checkpoint: Checkpoint) -> None:
    """Write down what was had, whole or not at all."""
    path = _path(lake, address)
    path.parent.mkdir(exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_bytes(msgspec.json.encode(checkpoint, order="deterministic"))
    os.replace(beside, path)
