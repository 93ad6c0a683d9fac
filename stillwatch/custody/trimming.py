"""Findings without what was removed: whole rows where they are of it, its name and ids elsewhere.

Figures stay: how many accounts a campaign has and how many exchanges are what was found then, and
name nobody.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.findings import FILES, Findings
from stillwatch.lake import Lake

FORGOTTEN = "[forgotten]"
"""What stands where an account's name stood."""

_SAMPLES = ("evidence", "frames", "objects")
_WHOSE = {
    "members": ("account_id",),
    "evidence": ("account_id",),
    "links": ("account_a", "account_b"),
    "accounts": ("account_id",),
}
"""Tables whose rows are of an account, and by which columns."""

Counts = Counter[str]
"""Of the findings' tables: rows that went, or that lost a name or an id."""


def named_exchanges(findings: Findings) -> pa.Array:
    """The ids of all exchanges that findings name, each once."""
    parts = [findings.exchanges["exchange_id"].combine_chunks()]
    for table in _SAMPLES:
        parts += [chunk.flatten() for chunk in getattr(findings, table)["sample"].chunks]
    return pc.unique(pa.concat_arrays([part.cast(pa.string()) for part in parts]))


def those_in(lake: Lake, ids: pa.Array) -> pa.Array:
    """Those of the exchanges `ids` that a lake holds."""
    found = [pa.array([], pa.string())]
    for batch in lake.scan(["exchange_id"]):
        mine = batch.column(0).cast(pa.string())
        found.append(mine.filter(pc.is_in(mine, value_set=ids)))
    return pa.concat_arrays(found)


def started_before(lake: Lake, ids: pa.Array, before: dt.datetime) -> pa.Array:
    """Those of the exchanges `ids` that a lake holds and that began before then."""
    found = [pa.array([], pa.string())]
    for batch in lake.scan(["exchange_id", "ts"], until=before - dt.timedelta(microseconds=1)):
        mine = batch.column(0).cast(pa.string())
        found.append(mine.filter(pc.is_in(mine, value_set=ids)))
    return pa.concat_arrays(found)


def without_exchanges(findings: Findings, gone: pa.Array) -> tuple[Findings, Counts]:
    """Findings that don't name the exchanges `gone`."""
    counts: Counts = Counter()
    lost = pc.is_in(findings.exchanges["exchange_id"], value_set=gone)
    changed: dict[str, pa.Table] = {"exchanges": findings.exchanges.filter(pc.invert(lost))}
    counts["exchanges"] = int(pc.sum(lost).as_py() or 0)
    known = set(gone.to_pylist())
    for name in _SAMPLES:
        table = getattr(findings, name)
        samples = table["sample"].to_pylist()
        kept = [s and [one for one in s if one not in known] for s in samples]
        counts[name] = sum(a != b for a, b in zip(samples, kept, strict=True))
        changed[name] = _with(table, "sample", kept)
    return replace(findings, **changed), +counts


def without_accounts(findings: Findings, accounts: Collection[str]) -> tuple[Findings, Counts]:
    """Findings that don't name the `accounts`."""
    counts: Counts = Counter()
    changed: dict[str, pa.Table] = {}
    names = pa.array(sorted(accounts), pa.string())
    hide = hiding(accounts)
    for name in FILES:
        table = getattr(findings, name)
        for column in _WHOSE.get(name, ()):
            theirs = pc.fill_null(pc.is_in(table[column], value_set=names), False)
            counts[name] += int(pc.sum(theirs).as_py() or 0)
            table = table.filter(pc.invert(theirs))
        for field in table.schema:
            if field.type == pa.string():
                texts = table[field.name].to_pylist()
                kept = [text and hide(text) for text in texts]
                touched = sum(a != b for a, b in zip(texts, kept, strict=True))
                if touched:
                    counts[name] += touched
                    table = _with(table, field.name, kept)
        changed[name] = table
    return replace(findings, **changed), +counts


def hiding(names: Collection[str]) -> Callable[[str], str]:
    """What takes names out of a text or a JSON document, where they stand as words."""
    patterns = [(name, json.dumps(name)[1:-1]) for name in names]

    def hide(text: str) -> str:
        for name, escaped in patterns:
            for form in {name, escaped}:
                if form in text:
                    text = "".join(_replaced(text, form))
        return text

    return hide


def _replaced(text: str, name: str) -> Iterator[str]:
    at = 0
    while (begin := text.find(name, at)) >= 0:
        end = begin + len(name)
        yield text[at:begin]
        inside = _goes_on(text[begin - 1 : begin], name[0]) or _goes_on(
            text[end : end + 1], name[-1]
        )
        yield name if inside else FORGOTTEN
        at = end
    yield text[at:]


def _goes_on(beside: str, edge: str) -> bool:
    return bool(beside) and beside.isalnum() and edge.isalnum()


def _with(table: pa.Table, column: str, values: list[Any]) -> pa.Table:
    place = table.schema.get_field_index(column)
    field = table.schema.field(column)
    return table.set_column(place, field, pa.array(values, field.type))
