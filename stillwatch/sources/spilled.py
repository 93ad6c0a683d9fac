"""Bodies that were too long for Bedrock's log and stand in objects of their own beside it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from stillwatch.sources.beside import top_folder
from stillwatch.sources.cloudtrail import TRAIL
from stillwatch.sources.lenient import decode_object
from stillwatch.sources.reasons import Refused
from stillwatch.sources.records import MAX_RECORD_BYTES
from stillwatch.sources.streams import pieces

_SPILLED = re.compile(r"_(?:input|output)\.json(?:\.gz)?$")


def is_spilled(path: Path) -> bool:
    """Whether a file is a body that was too long for its log, or a check of rights: no log.

    >>> is_spilled(Path("BedrockModelInvocationLogs/eu/2026/11/23/10/data/r_input.json.gz"))
    True
    """
    if path.name == "amazon-bedrock-logs-permission-check":
        return True
    return path.parent.name == "data" and _SPILLED.search(path.name) is not None


def find_spilled(log: Path, address: str) -> Path | None:
    """The file that the object `address` (`s3://bucket/key`) was copied to, with the log `log`.

    Looked for by the key's tail, packed or not: where Bedrock puts it (`data/` beside the log),
    then under the log's folder and the folder `AWSLogs` above it. Nothing outside is looked at.
    """
    parts = address.removeprefix("s3://").split("/")[1:]
    if not parts or any(part in ("", ".", "..") or len(part) > 200 for part in parts):
        return None
    tails = [max(0, len(parts) - 2), *range(len(parts))]
    for root in dict.fromkeys((log.parent, top_folder(log, TRAIL.top) or log.parent)):
        for begin in tails:
            whole = root.joinpath(*parts[begin:])
            packed = whole.with_name(whole.name + ".gz")
            plain = whole.with_name(whole.name.removesuffix(".gz"))
            for path in (whole, packed, plain):
                if path.is_file() and path.resolve().is_relative_to(root.resolve()):
                    return path
    return None


def read_spilled(path: Path) -> dict[str, Any] | list[Any] | None:
    """The body in `path`: an object or a stream's chunks; `None` where it is none or too long."""
    held = bytearray()
    for piece in pieces(path):
        held += piece.data
        if piece.fault or len(held) > MAX_RECORD_BYTES:
            return None
    try:
        return decode_object(b'{"body":%b}' % bytes(held))[0]["body"] or None
    except Refused:
        return None
