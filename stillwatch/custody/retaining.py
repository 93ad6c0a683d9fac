"""Retention by age: exchanges that began before a day leave the lake, with proof."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stillwatch.cases.times import stamp
from stillwatch.custody import journal as journals
from stillwatch.custody.erasing import erase, trim
from stillwatch.custody.trimming import (
    named_exchanges,
    started_before,
    those_in,
    without_exchanges,
)
from stillwatch.errors import PrivacyRefused
from stillwatch.findings import Findings, check_target, read_findings
from stillwatch.lake import Lake, Removal, Removed, look, remove
from stillwatch.privacy import Keys


@dataclass(frozen=True)
class Retained:
    """What goes, or went, and what that changes in findings: by folder, rows by table."""

    before: dt.datetime
    removed: Removed
    findings: dict[str, dict[str, int]] = field(default_factory=dict)
    finished: int = 0
    """Earlier removals that a kill had left unfinished."""
    head: str | None = None
    """The journal's, after it; nothing where nothing was done."""


def look_back(lake: str | Path, before: dt.datetime, findings: Sequence[Path] = ()) -> Retained:
    """What `retain` would do; writes nothing. Raises `LakeBusy` and `LakeBroken`."""
    held = Lake.open(lake)
    told = {}
    for folder in findings:
        found = read_findings(folder)
        _check_theirs(held, found, folder)
        told[str(folder)] = _named_before(held, found, before)
    with held.removing() as ledger:
        return Retained(before, look(ledger, Removal(before)), told)


def retain(
    lake: str | Path,
    before: dt.datetime,
    actor: str,
    reason: str,
    *,
    findings: Sequence[Path] = (),
    keys: Keys | None = None,
) -> Retained:
    """Remove from a lake what began before then, and from findings what names it.

    Killed at any moment it leaves the lake as it was or as it is to be; run again, it ends the
    same. `keys` sign the proof. Raises `LakeBusy`, `LakeBroken`, `JournalBroken`, `CaseRefused`
    where actor or reason can't be kept, `FindingsBroken`, `OutputExists`, and `PrivacyRefused`
    where findings are of another lake.
    """
    held = Lake.open(lake)
    found = {}
    for folder in findings:
        check_target(folder)
        found[folder] = read_findings(folder)
        _check_theirs(held, found[folder], folder)
    signer = None if keys is None else keys.signer
    with held.removing() as ledger, journals.opened(lake, signer) as journal:
        journal.entry(actor, "retain", reason, {})  # refused before anything is done
        waiting = len(journal.unfinished)

        def told(removed: Removed) -> str:
            detail = {"before": stamp(before), **figures(removed)}
            entries.append(journal.entry(actor, "retain", reason, detail))
            return journals.line(entries[-1])

        entries: list[dict[str, Any]] = []
        removed = remove(ledger, Removal(before), told)
        for entry in entries:
            journal.append(entry)
        after = Lake.open(lake)
        changed = {}
        for folder, one in found.items():
            kept, changed[str(folder)] = trim(after, one)
            if changed[str(folder)]:
                kept.save(folder)
        if journal.unfinished:
            erase(ledger, journal)
        return Retained(before, removed, changed, waiting, journal.head)


def figures(removed: Removed) -> dict[str, Any]:
    """A removal as the journal tells it."""
    told = dataclasses.asdict(removed)
    for name in ("first_ts", "last_ts"):
        told[name] = None if told[name] is None else stamp(told[name])
    return told


def _named_before(lake: Lake, findings: Findings, before: dt.datetime) -> dict[str, int]:
    """How many rows of findings name what began before then."""
    gone = started_before(lake, named_exchanges(findings), before)
    return dict(without_exchanges(findings, gone)[1])


def _check_theirs(lake: Lake, findings: Findings, folder: Path) -> None:
    ids = named_exchanges(findings)
    if len(ids) and not len(those_in(lake, ids)):
        raise PrivacyRefused(
            folder,
            "names no exchange of this lake: it was made of another, or it was trimmed to nothing",
            "Leave it out, or name the lake that it is of",
        )
