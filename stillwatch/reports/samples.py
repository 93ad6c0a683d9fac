"""Texts of a few exchanges, read from the lake when a report is to show them."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.findings import Findings
from stillwatch.lake import Lake

_TEXTS = ("prompt", "system", "response")
_VALUES = ("model", "surface", "ip", "asn", "country", "user_agent", "ja4", "device_id")


@dataclass(frozen=True)
class Sample:
    """What an exchange held, as it stands in the log: hostile, and not redacted yet.

    `values` are those of its ways of access, by column; what is null is left out.
    """

    prompt: str | None
    system: str | None
    response: str | None
    values: dict[str, str]


Samples = Mapping[str, Sample]
"""By exchange id."""


def read_samples(lake: str | Path, exchange_ids: Iterable[str]) -> Samples:
    """Those of the exchanges that the lake holds; whole row groups are read only where they are.

    Raises `LakeBroken`.
    """
    wanted = pa.array(sorted(set(exchange_ids)), pa.string())
    found: dict[str, Sample] = {}
    for fragment in Lake.open(lake).fragments(["exchange_id"]):
        if len(found) == len(wanted):
            break
        ids = fragment().column(0).cast(pa.string())
        mine = pc.indices_nonzero(pc.is_in(ids, value_set=wanted))
        if len(mine):
            whole = dataclasses.replace(fragment, columns=("exchange_id", *_TEXTS, *_VALUES))()
            found |= {row["exchange_id"]: _sample(row) for row in whole.take(mine).to_pylist()}
    return found


def ids_of_frames(findings: Findings, campaigns: Collection[str]) -> list[str]:
    """The exchanges that show the frame families of some campaigns."""
    rows = findings.frames.select(["campaign_id", "sample"]).to_pylist()
    return [one for row in rows if row["campaign_id"] in campaigns for one in row["sample"] or ()]


def ids_of_account(findings: Findings, account_id: str) -> list[str]:
    """The exchanges that were shown as evidence of one account alone."""
    own = findings.evidence.filter(pc.field("account_id") == account_id)
    return [one for sample in own["sample"].to_pylist() for one in sample or ()]


def _sample(row: dict[str, Any]) -> Sample:
    values = {name: str(row[name]) for name in _VALUES if row[name] is not None}
    return Sample(row["prompt"], row["system"], row["response"], values)
