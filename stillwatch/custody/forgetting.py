"""Forgetting an account: out of the lake and its vault, findings, cases, and a gateway's folder.

In a lake with pseudonyms the account may be named as it is, with the keys, or by its name.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stillwatch.cases.forgetting import find_forgotten, forget_accounts
from stillwatch.custody import journal as journals
from stillwatch.custody.erasing import erase, trim
from stillwatch.custody.retaining import figures
from stillwatch.custody.trimming import hiding, without_accounts
from stillwatch.errors import UnknownName
from stillwatch.findings import check_target, read_findings
from stillwatch.gateway.forgetting import find_in_gate, forget_in_gate
from stillwatch.lake import Lake, Ledger, Removal, Removed, load_manifest, look, remove
from stillwatch.privacy import Keys, check_keys
from stillwatch.privacy.names import name_of

if TYPE_CHECKING:
    from stillwatch.cases import Store

KEPT = (
    "figures of campaigns, cases and enforcements: how many accounts and exchanges there were",
    "common work of campaigns as sums over all members, and models made of it, until the next run",
    "frame families and shared objects, by keys that nobody can read back",
    "entries of ledgers without the name, by which they are known to be complete",
    "a gateway's table, by a keyed digest, until the next one is published",
    "the source logs, backups and snapshots, which are not Stillwatch's",
)
"""What outlasts a forgetting, and can't be led back to the account."""


@dataclass(frozen=True)
class Forgotten:
    """What goes, or went: of the lake, of findings (rows by folder and table), and elsewhere."""

    names: tuple[str, ...]
    """The account as the lake has it, under every epoch."""
    removed: Removed
    findings: dict[str, dict[str, int]] = field(default_factory=dict)
    cases: dict[str, int] = field(default_factory=dict)
    gate: dict[str, int] = field(default_factory=dict)
    head: str | None = None
    """The journal's, after it; nothing where nothing was done."""


@dataclass(frozen=True)
class Places:
    """Where an account may be, beside the lake."""

    findings: Sequence[Path] = ()
    store: Store | None = None
    gate: Path | None = None


def look_for(lake: str | Path, account: str, places: Places, keys: Keys | None = None) -> Forgotten:
    """What `forget` would do; writes nothing. Raises as it does."""
    held = Lake.open(lake)
    names = names_in(held, account, keys)
    with held.removing() as ledger:
        found = _looked(ledger, names, places)
    _check_found(held, account, found)
    return found


def forget(
    lake: str | Path,
    account: str,
    actor: str,
    reason: str,
    places: Places,
    keys: Keys | None = None,
) -> Forgotten:
    """Forget an account, with proof; killed on the way and run again, it ends the same.

    Raises `UnknownName` where nothing names it, `PrivacyRefused` where the keys aren't the lake's,
    `LakeBusy`, `LakeBroken`, `JournalBroken`, `CaseRefused`, `FindingsBroken`, `OutputExists`.
    """
    held = Lake.open(lake)
    names = names_in(held, account, keys)
    hide = hiding(names)
    reason, signer = hide(reason), None if keys is None else keys.signer
    entries: list[dict[str, Any]] = []
    with held.removing() as ledger, journals.opened(lake, signer) as journal:
        journal.entry(actor, "forget", reason, {})  # refused before anything is done
        found = _looked(ledger, names, places)
        if not journal.unfinished:
            _check_found(held, account, found)
        # What names it elsewhere goes first: a kill before the lake's commit leaves the account in
        # the lake, by which the next run finds it again.
        if places.store is not None and found.cases:
            forget_accounts(places.store, names, hide, actor, reason)
        if places.gate is not None and found.gate:
            forget_in_gate(places.gate, names)

        def told(removed: Removed) -> str:
            digests = [account_digest(held.path, name) for name in names]
            detail = {"accounts": digests, **figures(removed)}
            entries.append(journal.entry(actor, "forget", reason, detail))
            return journals.line(entries[-1])

        removed = remove(ledger, Removal(accounts=frozenset(names)), told)
        for entry in entries:
            journal.append(entry)
        changed = {str(f): _trim_folder(Lake.open(lake), f, names) for f in places.findings}
        if journal.unfinished:
            erase(ledger, journal, frozenset(names))
        return replace(found, removed=removed, findings=changed, head=journal.head)


def _looked(ledger: Ledger, names: tuple[str, ...], places: Places) -> Forgotten:
    told = {}
    for folder in places.findings:
        check_target(folder)
        told[str(folder)] = dict(without_accounts(read_findings(folder), names)[1])
    cases: dict[str, int] = {}
    if places.store is not None:
        cases = find_forgotten(places.store, names, hiding(names))
    gate = {} if places.gate is None else find_in_gate(places.gate, names)
    removed = look(ledger, Removal(accounts=frozenset(names)))
    return Forgotten(names, removed, told, cases, gate)


def _trim_folder(lake: Lake, folder: Path, names: tuple[str, ...]) -> dict[str, int]:
    kept, counts = without_accounts(read_findings(folder), names)
    trimmed, more = trim(lake, kept)
    if counts or more:
        trimmed.save(folder)
    return dict(counts + Counter(more))


def account_digest(lake: Path, account: str) -> str:
    """How the journal names an account: only who has the lake can say which it was, by asking."""
    first, second = load_manifest(lake).key
    key = first.to_bytes(8, "little") + second.to_bytes(8, "little")
    text = account.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, key=key, person=b"forgotten", digest_size=16).hexdigest()


def names_in(lake: Lake, account: str, keys: Keys | None) -> tuple[str, ...]:
    """The names under which a lake may have an account."""
    check_keys(lake.path, lake.privacy, keys)
    if keys is None:
        return (account,)
    made = (name_of(account, "account_id", epoch.secret) for epoch in keys.epochs)
    return (account, *made)


def _check_found(lake: Lake, account: str, found: Forgotten) -> None:
    if found.removed.nothing and not any([found.cases, found.gate, *found.findings.values()]):
        raise UnknownName(
            lake.path, f"nothing here names {account!r}", "Check how it is written, and the places"
        )
