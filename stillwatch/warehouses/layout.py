"""How tables of files are told: by what their writers keep beside the data."""

from __future__ import annotations

import re
from pathlib import Path

DELTA_LOG = "_delta_log"
ICEBERG_METADATA = re.compile(r"/metadata/(?:v?(\d+)(?:-[^/]*)?)\.metadata\.json$")


def table_address(folder: Path) -> str | None:
    """The address of the Delta or Iceberg table that a local folder is, `None` if it is none."""
    if (folder / DELTA_LOG).is_dir():
        return f"delta+file://{folder.resolve()}"
    for path in folder.glob("metadata/*.metadata.json"):
        if ICEBERG_METADATA.search(f"/metadata/{path.name}"):
            return f"iceberg+file://{folder.resolve()}"
    return None
