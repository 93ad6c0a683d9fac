"""Whom names stand for: told to the owner, after the journal has who asked and why."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from stillwatch.cases.canonical import digest
from stillwatch.custody import journal as journals
from stillwatch.errors import UnknownName
from stillwatch.findings import FILES, Findings
from stillwatch.lake import Lake
from stillwatch.privacy import Owner, Vault, check_keys
from stillwatch.privacy.names import ADDRESS_NAMES, NAMES

LISTED = 20
"""Names that the journal lists, at most; of more it has the digest."""

OF_CAMPAIGNS = ("members", "evidence", "links", "objects")
"""Tables that speak of accounts in campaigns and networks, and of nobody else."""

_DOCUMENTS = frozenset({"detail"})
"""Columns that hold JSON."""


def reveal(
    lake: str | Path, names: Collection[str], owner: Owner, actor: str, reason: str
) -> dict[str, str]:
    """The identifiers of those of `names` that the lake's vault holds.

    The journal has it before anything is told. Raises `PrivacyRefused` where `owner` isn't the
    lake's, `UnknownName` where the vault holds none of them, `CaseRefused` where actor or reason
    can't be kept.
    """
    held, asked = Lake.open(lake), sorted(set(names))
    check_keys(lake, held.privacy, owner)
    with journals.opened(lake, owner.signer) as journal:
        detail = {"names": len(asked), "digest": digest(asked), "listed": asked[:LISTED]}
        journal.append(journal.entry(actor, "reveal", reason, detail))
    with closing(Vault(lake)) as vault:
        found = vault.reveal(asked, owner)
    if not found:
        raise UnknownName(
            lake,
            f"its vault holds none of {len(asked):,} names",
            "They are of another lake, were removed or forgotten, or are of a kind that it "
            "doesn't hold",
        )
    return found


def names_of(findings: Findings) -> set[str]:
    """The names of whoever findings connect with a campaign or a network."""
    found: set[str] = set()
    for table in OF_CAMPAIGNS:
        for text in _texts(getattr(findings, table)):
            found.update(NAMES.findall(text), ADDRESS_NAMES.findall(text))
    return found


def _texts(table: pa.Table) -> list[str]:
    columns = [field.name for field in table.schema if field.type == pa.string()]
    return [text for name in columns for text in table[name].unique().to_pylist() if text]


def with_identifiers(findings: Findings, known: Mapping[str, str]) -> Findings:
    """Findings with identifiers in the place of their names, as far as they are known."""
    changed = {}
    for name in FILES:
        table = getattr(findings, name)
        for place, field in enumerate(table.schema):
            if field.type == pa.string():
                escaped = field.name in _DOCUMENTS
                values = [_named(text, known, escaped) for text in table[field.name].to_pylist()]
                table = table.set_column(place, field, pa.array(values, pa.string()))
        changed[name] = table
    return replace(findings, **changed)


def _named(text: str | None, known: Mapping[str, str], escaped: bool) -> str | None:
    if not text:
        return text
    parts, at = [], 0
    spans = [m.span() for pattern in (NAMES, ADDRESS_NAMES) for m in pattern.finditer(text)]
    for begin, end in sorted(spans):
        identifier = known.get(text[begin:end])
        if identifier is not None:
            parts += [text[at:begin], json.dumps(identifier)[1:-1] if escaped else identifier]
            at = end
    return "".join([*parts, text[at:]])
