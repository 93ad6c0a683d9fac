"""The report on a case, as one would publish it: no account, no customer, no text unmasked."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.cases.case import Case
from stillwatch.cases.ledger import Entry
from stillwatch.console.models import models
from stillwatch.console.story import Chapter, tell
from stillwatch.console.wording import (
    capability_title,
    count,
    day,
    listed,
    odds,
    percent,
    sought,
    span,
    upper_first,
)
from stillwatch.display import plain
from stillwatch.errors import UnknownName
from stillwatch.findings import Findings
from stillwatch.reports.document import Bars, Block, Document, Grid, Points, Quote, Section, Words
from stillwatch.reports.figures import Figure, figure
from stillwatch.reports.redaction import redacted
from stillwatch.reports.samples import Samples

_KINDS = {
    "network": "network prefixes",
    "client": "client programs",
    "device": "devices",
    "payment": "payment instruments",
    "signup_network": "networks that accounts were made from",
    "email_domain": "mail domains",
    "cohort": "sign-up cohorts (made within hours through one network)",
    "system": "system prompts",
    "toolset": "tool sets",
}

_STATES = {
    "new": "opened, and not yet reviewed",
    "in_review": "under review",
    "confirmed": "reviewed and confirmed",
    "rejected": "reviewed and rejected",
    "appealed": "under appeal",
    "closed": "closed",
}

FRAMES_SHOWN, SAMPLES_SHOWN, LONGEST_SAMPLE = 3, 2, 900
LEAST_TOLD = 10
"""A number of others below this is not told: it could point at somebody."""


def report(
    findings: Findings, case: Case, entries: Sequence[Entry], samples: Samples | None = None
) -> Document:
    """The report on a case, whose history is `entries`; with `samples`, some masked texts.

    Raises `UnknownName` where the findings don't have the case's campaign.
    """
    story = tell(findings)
    chapter = next((c for c in story.campaigns if c.campaign_id == case.campaign_id), None)
    if chapter is None:
        raise UnknownName(
            "findings",
            f"no campaign is called {case.campaign_id!r}",
            "Name the findings that the case was opened from, or later ones",
        )
    figures = _figures(findings, chapter)
    parts = [
        Section("In short", _in_short(findings, chapter, case)),
        Section("Scale", _scale(findings, chapter)),
        Section("What was sought", _sought(findings, chapter)),
        Section("How access was had", _access(findings, chapter)),
        Section("How it was found", _found(chapter)),
        Section("Confidence, and what else could explain it", _doubts(chapter)),
        Section("What was asked", _asked(findings, chapter, samples)),
        Section("What was done", _done(case, entries)),
        Section("Limits", _limits()),
        Section("Figures, and how to recompute them", _appendix(figures), appendix=True),
        Section("The run", _run(findings, entries), appendix=True),
    ]
    world = story.world
    return Document(
        kind="report",
        title=f"{_after(chapter)} harvested through {count(chapter.accounts, 'account')}",
        subtitle=f"Campaign {case.campaign_id}, {span(chapter.first, chapter.last)}",
        day=_date(chapter.last),
        sections=tuple(section for section in parts if section.blocks),
        notice="Simulated traffic: no real person or company is shown." if world else "",
        foot=f"Stillwatch {story.version} · case {case.case_id}, version {case.version}",
    )


def _after(chapter: Chapter) -> str:
    return upper_first(listed(sought(chapter.capabilities)))


def _date(when: dt.datetime | None) -> tuple[int, int, int] | None:
    return (when.year, when.month, when.day) if when else None


def _days(chapter: Chapter) -> int:
    if chapter.first is None or chapter.last is None:
        return 1
    return (chapter.last.date() - chapter.first.date()).days + 1


def _in_short(findings: Findings, chapter: Chapter, case: Case) -> tuple[Block, ...]:
    shares = [
        f"{capability_title(name)} ({percent(share)})"
        for name, share in list(chapter.capabilities.items())[:3]
        if share >= 0.05
    ]
    told = [
        f"Between {day(chapter.first)} and {day(chapter.last)}, "
        f"{count(chapter.accounts, 'account')} made {count(chapter.exchanges, 'exchange')} with "
        f"the model that look served from one queue. They sought {listed(shares)}.",
        "Distillation, training one model on another’s answers, is an ordinary technique on one’s "
        "own models. Here answers were collected through many accounts that hid that they belong "
        "together.",
        f"The confidence that this is so is {percent(chapter.confidence)}. The case is "
        f"{_STATES[case.state]}.",
    ]
    if case.accounts != chapter.accounts:
        told.append(
            f"The case holds {count(case.accounts, 'account')}: some were merged into it, split "
            "off it, or joined the campaign since it was decided."
        )
    return tuple(Words(text) for text in told)


def _scale(findings: Findings, chapter: Chapter) -> tuple[Block, ...]:
    days, accounts = _days(chapter), max(1, chapter.accounts)
    everybody = int(pc.sum(findings.accounts["exchanges"]).as_py() or 0)
    rows = (
        ("Accounts", count(chapter.accounts)),
        ("Exchanges attributed", count(chapter.exchanges)),
        ("Days", count(days)),
        ("Exchanges a day", count(round(chapter.exchanges / days))),
        ("Exchanges a day and account", f"{chapter.exchanges / days / accounts:.1f}"),
        ("Share of all exchanges in the log", percent(chapter.exchanges / max(1, everybody))),
    )
    daily = findings.daily.filter(pc.field("campaign_id") == chapter.campaign_id)
    sums = daily.group_by("day").aggregate([("exchanges", "sum")]).sort_by("day").to_pylist()
    blocks: list[Block] = [Grid(("", ""), rows, frozenset({1}))]
    if sums:
        blocks.append(
            Bars("Exchanges a day", tuple((day(row["day"]), row["exchanges_sum"]) for row in sums))
        )
    return tuple(blocks)


def _sought(findings: Findings, chapter: Chapter) -> tuple[Block, ...]:
    rows = tuple(
        (upper_first(capability_title(name)), percent(share))
        for name, share in chapter.capabilities.items()
        if share >= 0.005
    )
    blocks: list[Block] = [Grid(("Capability", "Share of exchanges"), rows, frozenset({1}))]
    blocks += _moves(findings, chapter)
    asked = models(findings).get(chapter.campaign_id)
    if asked is not None:
        blocks += [
            Words(
                f"On {day(turn.day)} it turned to the model {plain(turn.model)}, which "
                f"it had hardly asked before: {percent(turn.share)} of its exchanges from that day "
                "on."
            )
            for turn in asked.turns
        ]
        names = listed([f"{plain(name)} ({percent(share)})" for name, share in asked.names])
        blocks.append(Words(f"Models asked: {names}."))
    return tuple(blocks)


def _moves(findings: Findings, chapter: Chapter) -> list[Block]:
    """Shares in the first and the last third of its days, where a capability's moved."""
    daily = findings.daily.filter(pc.field("campaign_id") == chapter.campaign_id)
    if not daily.num_rows:
        return []
    number = daily["day"].cast(pa.int32()).to_numpy()
    begins, third = int(number.min()), (int(number.max()) - int(number.min()) + 1) / 3
    early, late = (
        _shares(daily.filter(pa.array(mask)))
        for mask in (number < begins + third, number >= begins + 2 * third)
    )
    moved = [
        f"{capability_title(name)} went from {percent(early.get(name, 0.0))} in the first third of "
        f"its days to {percent(late.get(name, 0.0))} in the last"
        for name in chapter.capabilities
        if early and late and abs(early.get(name, 0.0) - late.get(name, 0.0)) >= 0.1
    ]
    return [Words(f"{upper_first(listed(moved))}.")] if moved else []


def _shares(daily: pa.Table) -> dict[str, float]:
    sums = daily.group_by("capability").aggregate([("exchanges", "sum")]).to_pylist()
    whole = sum(row["exchanges_sum"] for row in sums)
    return {row["capability"]: row["exchanges_sum"] / whole for row in sums} if whole else {}


def _access(findings: Findings, chapter: Chapter) -> tuple[Block, ...]:
    rows = findings.objects.filter(pc.field("campaign_id") == chapter.campaign_id).to_pylist()
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_kind.setdefault(row["kind"], []).append(row)
    if not by_kind:
        return (Words("The log tells of no way of access that members share."),)
    told = tuple(
        (
            upper_first(_KINDS.get(kind, kind.replace("_", " "))),
            count(len(found)),
            count(max(row["accounts"] for row in found)),
            few(min(row["others"] for row in found)),
        )
        for kind, found in by_kind.items()
    )
    return (
        Words(
            "What members share with each other, the most telling of each kind. The last column "
            "says how many accounts outside the campaign have the rarest of them: where it is "
            "large, sharing it means little."
        ),
        Grid(
            ("What is shared", "Different ones", "Members of the largest", "Others, of the rarest"),
            told,
            frozenset({1, 2, 3}),
        ),
    )


def few(number: int) -> str:
    """A number of others, unless it is so small that it could point at somebody.

    >>> few(0), few(3), few(12)
    ('none', 'fewer than ten', '12')
    """
    if number == 0:
        return "none"
    return count(number) if number >= LEAST_TOLD else "fewer than ten"


def _found(chapter: Chapter) -> tuple[Block, ...]:
    rows = tuple((r.title, r.says, odds(r.weight)) for r in chapter.support)
    return (
        Words(
            "No single exchange is guilty and no single account stands out. What can’t be hidden "
            "is that one queue of work is served by many accounts. Each test below compares the "
            "members with accounts of the same log that are in no campaign; its weight says how "
            "much likelier the figures are if the finding is true. Tests overlap, so weights are "
            "not to be multiplied."
        ),
        Grid(("Test", "What it says", "Weight"), rows),
    )


def _doubts(chapter: Chapter) -> tuple[Block, ...]:
    blocks: list[Block] = [
        Words(
            f"Confidence is calibrated: of findings that are given {percent(chapter.confidence)}, "
            "about so many are right. These honest explanations were weighed in the same currency."
        )
    ]
    if chapter.doubts:
        blocks.append(Points(tuple(f"Against it: {r.says}" for r in chapter.doubts)))
    rows = [
        (r.title, r.says, f"would explain {percent(share)} of the evidence")
        for r, share in chapter.rivals
    ]
    rows += [(r.title, r.says, "would explain none of it") for r in chapter.rivals_set_aside]
    if rows:
        blocks.append(Grid(("Explanation", "What was seen", "How far it goes"), tuple(rows)))
    return tuple(blocks)


def _asked(findings: Findings, chapter: Chapter, samples: Samples | None) -> tuple[Block, ...]:
    rows = findings.frames.filter(pc.field("campaign_id") == chapter.campaign_id).to_pylist()
    if not rows:
        return ()
    blocks: list[Block] = [
        Words(
            f"Prompts fall into frame families, the same once their variable parts are masked. "
            f"{upper_first(_families(len(rows)))} sent by most "
            f"members {'is' if len(rows) == 1 else 'are'} counted here; the largest:"
        ),
        Grid(
            ("Capability", "Members", "Exchanges", "Other accounts"),
            tuple(
                (
                    upper_first(capability_title(row["capability"])),
                    count(row["accounts"]),
                    count(row["exchanges"]),
                    few(row["others"]),
                )
                for row in rows[:10]
            ),
            frozenset({1, 2, 3}),
        ),
    ]
    for row in rows[:FRAMES_SHOWN]:
        found = [samples[i] for i in row["sample"] or [] if samples and i in samples]
        for n, sample in enumerate([s for s in found if s.prompt][:SAMPLES_SHOWN], 1):
            caption = f"From a family of {count(row['accounts'], 'member')}, sample {n}, masked"
            text = redacted(sample.prompt or "", LONGEST_SAMPLE)
            blocks.append(Quote(caption, plain(text, LONGEST_SAMPLE)))
    return tuple(blocks)


def _families(number: int) -> str:
    return "one family" if number == 1 else f"{count(number)} families"


def _done(case: Case, entries: Sequence[Entry]) -> tuple[Block, ...]:
    told = []
    for entry in entries:
        when, detail = entry.at[:10], entry.detail
        if entry.act == "open":
            told.append(f"{when}: a case was opened with {count(detail['accounts'], 'account')}.")
        elif entry.act in {"review", "confirm", "reject", "appeal", "close", "undo"}:
            told.append(f"{when}: the case became {_STATES[detail['to']]}.")
        elif entry.act == "merge":
            told.append(f"{when}: another case was found to be the same, and merged into it.")
        elif entry.act == "split":
            told.append(f"{when}: {count(detail['moved'], 'account')} were split off.")
    people = Counter(
        entry.actor for entry in entries if entry.act in {"review", "confirm", "reject"}
    )
    if people:
        told.append(f"{count(len(people), 'person').replace('persons', 'people')} reviewed it.")
    if case.grown_since:
        told.append("Accounts have joined since the decision, which doesn’t speak of them.")
    return (Points(tuple(told)),) if told else ()


def _limits() -> tuple[Block, ...]:
    return (
        Words(
            "The report tells patterns in logs, not intentions. Who is behind the accounts is not "
            "said: shared access shows that accounts are run together, not by whom. Some of the "
            "campaign’s exchanges will not have been attributed, and some that were are members’ "
            "own or those of customers behind them. An account that is held to be a member can "
            "appeal, and is told what is held against it."
        ),
    )


def _figures(findings: Findings, chapter: Chapter) -> list[Figure]:
    name = chapter.campaign_id
    return [
        figure(findings, "Accounts", "members", "rows", campaign_id=name),
        figure(findings, "Exchanges attributed", "campaigns", "sum", "exchanges", campaign_id=name),
        figure(findings, "Exchanges on its days", "daily", "sum", "exchanges", campaign_id=name),
        figure(findings, "Active days", "daily", "distinct", "day", campaign_id=name),
        figure(findings, "Models asked", "daily", "distinct", "model", campaign_id=name),
        figure(findings, "Frame families told", "frames", "rows", campaign_id=name),
        figure(
            findings, "Members of the largest family", "frames", "max", "accounts", campaign_id=name
        ),
        figure(findings, "Shared objects told", "objects", "rows", campaign_id=name),
        figure(findings, "Links stored", "links", "rows", campaign_id=name),
        figure(findings, "Accounts in the log", "accounts", "rows"),
        figure(findings, "Exchanges in the log", "accounts", "sum", "exchanges"),
    ]


def _appendix(figures: list[Figure]) -> tuple[Block, ...]:
    rows = tuple((f.name, count(f.value), f"{f.table}.parquet", f.recipe) for f in figures)
    return (Grid(("Figure", "Value", "Table of the findings", "How"), rows, frozenset({1})),)


def _run(findings: Findings, entries: Sequence[Entry]) -> tuple[Block, ...]:
    run = findings.run
    told = [("Version", str(run.get("version", ""))), ("Engine", str(run.get("engine", "")))]
    told.append(("Configuration", str(run.get("configuration_digest", ""))))
    told += [
        (f"Rows {name}", count(number))
        for name, number in (run.get("rows") or {}).items()
        if isinstance(number, int)
    ]
    if entries:
        told.append(("Last entry of the ledger on this case", f"{entries[-1].seq}"))
        told.append(("Its hash", entries[-1].hash))
    rows = tuple((name, plain(value)) for name, value in told if value)
    return (Grid(("", ""), rows),)
