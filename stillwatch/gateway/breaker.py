"""The circuit breaker of a gateway's folder, for people: how it stands, and closing it again.

GATE/breaker.jsonl   when it opened and by what, and who closed it and why
"""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from stillwatch.errors import TableBroken
from stillwatch.gateway.state import HEADER, MAGIC, BreakerState, State

EVENTS = "breaker.jsonl"


def read_breaker(folder: str | Path) -> BreakerState:
    """How the breaker stands; closed where no gate has run yet. Nothing is written."""
    path = Path(folder) / "state"
    try:
        with path.open("rb") as file:
            header = np.frombuffer(file.read(HEADER.itemsize), HEADER, 1)[0]
    except FileNotFoundError:
        return BreakerState(0, 0, 0)
    except ValueError:
        return BreakerState(0, 0, 0)
    if header["magic"] != MAGIC:
        raise TableBroken(path, "is no gate's state", "Remove it: it is made anew")
    return BreakerState(int(header["opened"]), int(header["refused"]), int(header["of"]))


def close_breaker(folder: str | Path, by: str, reason: str) -> BreakerState:
    """Close it: decisions are carried out again. Returns how it stood."""
    before = read_breaker(folder)
    note(folder, {"event": "closed", "by": by, "reason": reason})
    State(Path(folder) / "state").close_breaker()
    return before


def note(folder: str | Path, told: dict[str, Any]) -> None:
    """Append what happened, with the time of this machine."""
    line = {"at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), **told}
    handle = os.open(Path(folder) / EVENTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, json.dumps(line).encode() + b"\n")
    finally:
        os.close(handle)
