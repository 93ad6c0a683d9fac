"""What was done in a case: its history in terms of roles, and what was enforced."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from stillwatch.cases import Case, State, Store, history
from stillwatch.cases.ledger import Entry
from stillwatch.console.wording import count, day
from stillwatch.reports.document import Block, Paragraph, Section, Table
from stillwatch.reports.wording import ACTS, STATES

HISTORY = "History of the case"
_BY_RULE = frozenset({"open", "update", "grow"})
_NAMES_A_CAMPAIGN = _BY_RULE
_LETTERS = 26


def whole_history(store: Store, case_id: int) -> list[Entry]:
    """What the ledger has on a case and on those that were merged into it, oldest first."""
    past: dict[int, Entry] = {}
    asked, seen = [case_id], {case_id}
    while asked:
        for entry in history(store, asked.pop()):
            past[entry.seq] = entry
            other = entry.detail.get("other")
            if entry.act == "merge" and isinstance(other, int) and other not in seen:
                seen.add(other)
                asked.append(other)
    return [past[seq] for seq in sorted(past)]


def campaigns_of(case: Case, entries: Sequence[Entry]) -> list[str]:
    """The campaigns whose accounts a case has held, its own first."""
    named = [
        str(entry.detail["campaign"])
        for entry in entries
        if entry.act in _NAMES_A_CAMPAIGN and "campaign" in entry.detail
    ]
    return list(dict.fromkeys([case.campaign_id, *named]))


def standing(case: Case) -> str:
    """Where the case stands, in a sentence or two."""
    decided = case.state == State.CLOSED and case.outcome is not None
    says = STATES[case.outcome if decided and case.outcome else case.state]
    if decided:
        says += " It is closed."
    if case.grown_since and case.outcome:
        says += " Accounts have joined since, and the decision doesn't speak of them."
    return says


def review(case: Case, entries: Sequence[Entry], enforced: Mapping[str, int] | None) -> Section:
    """The acts that moved the case, who did each by role, and how many accounts were acted on."""
    told = [entry for entry in entries if entry.act in ACTS]
    roles = dict(_roles(entries))
    mine = f"case {case.case_id}"
    rows = tuple(
        (
            f"{entry.seq}",
            day(dt.date.fromisoformat(entry.at[:10])),
            ACTS[entry.act] + ("" if entry.subject == mine else " (a case merged in)"),
            roles[entry.seq],
        )
        for entry in told
    )
    blocks: list[Block] = [Paragraph(standing(case))]
    if rows:
        blocks.append(Table(HISTORY, ("Ledger", "Day", "What was done", "By"), rows, (0,)))
    rest = len(entries) - len(told)
    if rest:
        blocks.append(
            Paragraph(
                f"Further entries (comments, tags, assignments): {count(rest)}, not told here."
            )
        )
    if enforced:
        done = tuple((what, count(number)) for what, number in enforced.items())
        blocks.append(Table("Accounts acted on", ("Measure", "Accounts"), done, (1,)))
    else:
        blocks.append(Paragraph("This report was given no record of what was enforced."))
    return Section("What was done", tuple(blocks))


def _roles(entries: Sequence[Entry]) -> Iterator[tuple[int, str]]:
    """Who did each entry: people by letters in order of appearance, never by name."""
    people: dict[str, str] = {}
    for entry in entries:
        if entry.act in _BY_RULE:
            yield entry.seq, "who runs the detector"
            continue
        at = len(people)
        letter = chr(ord("A") + at) if at < _LETTERS else str(at + 1)
        yield entry.seq, people.setdefault(entry.actor, f"reviewer {letter}")
