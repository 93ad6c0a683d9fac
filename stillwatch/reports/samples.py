"""Texts of some exchanges, read from the lake by those who may."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.lake import Lake

VALUES = {"network": "ip", "client": "user_agent", "device": "device_id", "system": "system"}
"""Columns that hold the value of an object, by the object's kind."""

_TEXTS = ("system", "prompt")


@dataclass(frozen=True)
class Sample:
    """One exchange's texts as the log has them, neither redacted nor made safe to show."""

    prompt: str | None
    system: str | None
    values: dict[str, str]


Samples = Mapping[str, Sample]
"""Samples by exchange id."""


def read_samples(lake: Path, exchange_ids: Collection[str]) -> dict[str, Sample]:
    """Those of the exchanges that the lake holds.

    Ids are looked for in all of it; texts are read of the row groups that hold one. Raises
    `LakeBroken`.
    """
    wanted, found = pa.array(sorted(set(exchange_ids)), pa.string()), {}
    if not len(wanted):
        return {}
    opened = Lake.open(lake)
    columns = tuple(dict.fromkeys((*_TEXTS, *VALUES.values())))
    ids = opened.fragments(("exchange_id",))
    texts = opened.fragments(("exchange_id", *columns))
    for part, whole in zip(ids, texts, strict=True):
        here = pc.is_in(part().column(0).cast(pa.string()), value_set=wanted)
        rows = np.flatnonzero(here.to_numpy(zero_copy_only=False))
        if not len(rows):
            continue
        for row in whole().take(pa.array(rows)).to_pylist():
            found[row["exchange_id"]] = _sample(row)
        if len(found) == len(wanted):
            break
    return found


def _sample(row: dict[str, Any]) -> Sample:
    values = {kind: str(row[name]) for kind, name in VALUES.items() if row.get(name)}
    return Sample(row.get("prompt"), row.get("system"), values)
