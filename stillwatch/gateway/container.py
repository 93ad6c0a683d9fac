"""Named arrays in one file that is mapped into memory: what every worker shares and nobody copies.

`SWTABLE1`, then eight bytes with the length of a description, the description (JSON: what the
publisher says, and each array's type, shape and place), and the arrays at multiples of 64 bytes.
The description names the length of the file and a digest of the arrays.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from stillwatch.errors import TableBroken

MAGIC = b"SWTABLE1"
ALIGNED = 64
TODO = "Publish again, with `stillwatch policy publish`"


@dataclass(frozen=True)
class Container:
    """What a file holds: `says` of its publisher, and arrays that lie in the mapped file."""

    says: dict[str, Any]
    arrays: dict[str, NDArray]
    digest: str

    def check(self, where: object) -> None:
        """Read everything; raises `TableBroken` where a byte has changed."""
        if digest_of(self.arrays) != self.digest:
            raise TableBroken(where, "was damaged: its digest is another", TODO)


def write_container(says: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> list[bytes]:
    """The bytes of a file, in pieces."""
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    places, at = {}, 0
    for name, array in plain.items():
        places[name] = {"type": array.dtype.str, "shape": array.shape, "at": at}
        at += -(-array.nbytes // ALIGNED) * ALIGNED
    told = {"says": dict(says), "arrays": places, "bytes": at, "digest": digest_of(plain)}
    head = json.dumps(told, separators=(",", ":")).encode()
    pieces = [MAGIC, len(head).to_bytes(8, "little"), head]
    pieces.append(bytes(-sum(map(len, pieces)) % ALIGNED))
    for array in plain.values():
        pieces += [array.tobytes(), bytes(-array.nbytes % ALIGNED)]
    return pieces


def open_container(path: Path) -> Container:
    """Map a file; raises `FileNotFoundError`, and `TableBroken` where it can't be one of ours.

    The arrays aren't read here, so that opening costs the same however large they are.
    """
    with path.open("rb") as file:
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            if data[:8] != MAGIC:
                raise ValueError("it doesn't begin as one")
            end = 16 + int.from_bytes(data[8:16], "little")
            told = json.loads(data[16:end])
            begin = -(-end // ALIGNED) * ALIGNED
            if len(data) != begin + told["bytes"]:
                raise ValueError("it is cut short")
            arrays = {
                name: np.frombuffer(
                    data, place["type"], int(np.prod(place["shape"])), begin + place["at"]
                ).reshape(place["shape"])
                for name, place in told["arrays"].items()
            }
            return Container(told["says"], arrays, told["digest"])
        except (ValueError, KeyError, TypeError) as fault:
            raise TableBroken(path, f"is no decision table ({fault})", TODO) from fault


def digest_of(arrays: Mapping[str, NDArray]) -> str:
    """Sixteen hex digits of all bytes of all arrays, in their order."""
    digest = xxhash.xxh3_64()
    for array in arrays.values():
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
