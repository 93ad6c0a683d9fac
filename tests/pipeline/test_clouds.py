"""A world written out as the clouds log it and read back: the same campaigns, the same members."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from stillwatch.findings import Findings
from stillwatch.pipeline import detect
from stillwatch.sources import azure_apim, bedrock, vertex
from tests.pipeline.small import Small, write
from tests.sources.cloud_writers import write_azure, write_bedrock, write_vertex

CLOUDS: dict[str, tuple[Callable[[Any, Path], Callable[[str], str]], frozenset[str]]] = {
    "bedrock": (write_bedrock, bedrock.COLUMNS - {"reasoning_tokens", "end_user"}),
    "vertex": (write_vertex, vertex.COLUMNS - {"end_user"}),
    "azure": (write_azure, azure_apim.COLUMNS - {"end_user", "headers"}),
}
NOT_WRITTEN = {"tools_digest", "org_id", "key_id"}
"""What a writer can't put where the format has it, or the format has in its own way."""


def carried(exchanges: pa.Table, columns: frozenset[str], surface: str) -> pa.Table:
    """The world as far as the format can carry it."""
    kept = columns - NOT_WRITTEN
    for place, field in enumerate(exchanges.schema):
        if field.nullable and field.name not in kept:
            gone = pa.nulls(exchanges.num_rows, field.type)
            exchanges = exchanges.set_column(place, field, gone)
    place = exchanges.schema.get_field_index("surface")
    here = pa.array([surface] * exchanges.num_rows)
    return exchanges.set_column(place, exchanges.schema.field(place), here)


def campaigns(findings: Findings, renamed: Callable[[str], str]) -> set[frozenset[str]]:
    """Members of each campaign, by their names in the format."""
    found: dict[str, set[str]] = {}
    for row in findings.members.to_pylist():
        found.setdefault(row["campaign_id"], set()).add(renamed(row["account_id"]))
    return set(map(frozenset, found.values()))


@pytest.mark.parametrize("surface", CLOUDS)
def test_the_same_campaigns(surface: str, small: Small, tmp_path: Path) -> None:
    """What the format can't carry apart, nothing is lost on the way through it."""
    written, columns = CLOUDS[surface]
    renamed = written(small.exchanges.to_pylist(), tmp_path / "log")
    there = campaigns(detect(tmp_path / "log"), lambda account: account)
    log = write(tmp_path / "plain", carried(small.exchanges, columns, surface))
    here = campaigns(detect(log), renamed)
    assert here == there
    assert len(here) >= 2
