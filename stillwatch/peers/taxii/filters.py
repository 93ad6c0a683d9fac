"""What a reader of a collection asks for: filters, and page after page (TAXII 2.1, 3.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stillwatch.peers.objects import as_version
from stillwatch.peers.published import Entry
from stillwatch.peers.taxii.media import Refusal

USUAL = 100
MOST = 1_000
"""Entries of a page: where a reader doesn't say, and at most."""
_LONGEST = 10_000
_KNOWN = frozenset(
    {
        "added_after",
        "limit",
        "next",
        "match[id]",
        "match[type]",
        "match[version]",
        "match[spec_version]",
    }
)


@dataclass(frozen=True)
class Wanted:
    """A reader's wishes; `None` stands for any. `after` is an `added_at`."""

    after: str | None = None
    limit: int = USUAL
    ids: frozenset[str] | None = None
    types: frozenset[str] | None = None
    versions: frozenset[str] = frozenset({"last"})
    spec_versions: frozenset[str] | None = None


def read_wanted(query: Mapping[str, str]) -> Wanted:
    """The wishes of a query; raises `Refusal` for one that can't be meant."""
    if sum(map(len, query.values())) > _LONGEST:
        raise Refusal(400, "The query is too long")
    if unknown := [name for name in query if name not in _KNOWN]:
        raise Refusal(400, f"There is no filter {unknown[0][:60]!r} here")
    after = [
        _time(query[name], name) for name in ("added_after", "next") if query.get(name) is not None
    ]
    versions = _several(query.get("match[version]"))
    return Wanted(
        after=max(after, default=None),
        limit=_limit(query.get("limit")),
        ids=_several(query.get("match[id]")),
        types=_several(query.get("match[type]")),
        versions=frozenset(map(_version, versions)) if versions else frozenset({"last"}),
        spec_versions=_several(query.get("match[spec_version]")),
    )


def page(entries: Iterable[Entry], wanted: Wanted) -> tuple[list[Entry], bool]:
    """The entries that are wanted, at most a page of them, and whether there are more.

    First and last are those of the whole collection: `added_after` doesn't make an old version the
    first one.
    """
    entries = list(entries)
    ends: dict[str, tuple[str, str]] = {}
    for entry in entries:
        first, last = ends.get(entry.object_id, (entry.version, entry.version))
        ends[entry.object_id] = min(first, entry.version), max(last, entry.version)
    found = [e for e in entries if _meets(e, wanted, *ends[e.object_id])]
    return found[: wanted.limit], len(found) > wanted.limit


def _meets(entry: Entry, wanted: Wanted, first: str, last: str) -> bool:
    if wanted.after is not None and entry.added_at <= wanted.after:
        return False
    if wanted.ids is not None and entry.object_id not in wanted.ids:
        return False
    if wanted.types is not None and entry.type not in wanted.types:
        return False
    if wanted.spec_versions is not None and "2.1" not in wanted.spec_versions:
        return False
    return (
        "all" in wanted.versions
        or ("first" in wanted.versions and entry.version == first)
        or ("last" in wanted.versions and entry.version == last)
        or entry.version in wanted.versions
    )


def _several(text: str | None) -> frozenset[str] | None:
    return frozenset(text.split(",")) if text else None


def _version(text: str) -> str:
    return text if text in ("all", "first", "last") else _time(text, "match[version]")


def _time(text: str, name: str) -> str:
    found = as_version(text)
    if found is None:
        raise Refusal(400, f"{name} is no time as 2026-01-05T06:00:00Z")
    return found


def _limit(text: str | None) -> int:
    if text is None:
        return USUAL
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
        raise Refusal(400, "limit is no number from 1")
    return min(int(text), MOST)
