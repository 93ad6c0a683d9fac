"""A gateway's folder with a plan in it, as publishing leaves it, but for the table of the gate."""

from __future__ import annotations

import json
from pathlib import Path

from stillwatch.gateway.folder import Folder
from stillwatch.gateway.history import Published
from stillwatch.gateway.publishing import write_whole
from stillwatch.policy import Plan


def publish(gate: Path, plan: Plan) -> Path:
    """The folder `gate`, made where it isn't there."""
    folder = Folder(gate, create=True)
    Published(folder.path).record(plan.decisions, plan.policy.version, 1)
    write_whole(folder.path / "decisions.parquet", plan.decisions)
    (folder.path / "plan.json").write_text(json.dumps({**plan.record(), "table_version": 1}))
    return folder.path
