"""An engine by the name that a user gives it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stillwatch.engine.duck import Duck
from stillwatch.errors import EngineFailed

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.engine.protocol import Engine

EMBEDDED = "duckdb"

_CONNECT = re.compile(r"sc://.+")
_CLASSIC = re.compile(r"spark://.+|k8s://.+|yarn|local|local\[.+\]|local-cluster\[.+\]")


def open_engine(
    name: str, threads: int, spill: Path | None = None, shared: Path | None = None
) -> Engine:
    """`duckdb`, here on `threads`; `sc://host:port`, Spark Connect; or a classic Spark master.

    What the embedded one can't hold is written to the folder `spill`; what a cluster's SQL reads,
    to the folder `shared`, which its workers see. Raises `EngineFailed` for another name, or where
    Spark can't be reached, and `ExtraMissing`.
    """
    if name == EMBEDDED:
        return Duck(threads, spill)
    if _CONNECT.fullmatch(name):
        from stillwatch.engine.sessions import connect

        return connect(name, shared)
    if _CLASSIC.fullmatch(name):
        from stillwatch.engine.sessions import submit

        return submit(name, shared)
    raise EngineFailed(
        name.split(";", maxsplit=1)[0],
        "is no engine",
        "Name `duckdb`, `sc://host:port` (Spark Connect) or `spark://host:port` (classic Spark)",
    )
