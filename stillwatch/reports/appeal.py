"""What an accused account is told: what was held against it and for it, and how to answer.

It speaks of this account and of nobody else: no other account, no neighbour, no number of the
detector's own (weights, distances, thresholds, confidences), and no count of others that is small.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow.compute as pc

from stillwatch.cases import Case, State
from stillwatch.cases.ledger import Entry
from stillwatch.console.story import said
from stillwatch.console.wording import capability_title, count, day, percent
from stillwatch.errors import UnknownName
from stillwatch.findings import Findings
from stillwatch.reports.document import (
    Block,
    Bullets,
    Document,
    Paragraph,
    Section,
    Specimens,
    Table,
)
from stillwatch.reports.families import lines_of
from stillwatch.reports.redaction import redacted, without
from stillwatch.reports.review import campaigns_of
from stillwatch.reports.samples import Samples
from stillwatch.reports.wording import FEW
from stillwatch.tables import CAPABILITY_TITLES

Row = dict[str, Any]

_TEXT = 420

HELD = {
    "exchangeability": "What this account asks for is so much like what the other accounts ask for "
    "that they look supplied with requests from one place.",
    "shared_objects": "This account's requests follow the same patterns as other accounts' do, and "
    "few customers use those patterns.",
    "work_allocation": "Work seems to be dealt out over this account and others evenly, as a "
    "program would deal it.",
    "harvest_signs": "Many of the requests ask for answers that are useful to train another model, "
    "and aren't followed up as people follow up answers that they read.",
    "shared_origin": "This account and others reach the service in ways that unrelated customers "
    "seldom share.",
    "told_by_peers": "Another provider described such requests, which is why these accounts were "
    "looked at. That by itself is held against nobody.",
}
"""By kind of evidence, what it holds against an account, as a customer understands it."""

WEIGHED = {
    "fleet": "that one organisation owns these accounts and says so",
    "class": "that the accounts belong to a class or a course, with the same tasks for all",
    "benchmark": "that the accounts run a public benchmark",
    "popular_software": "that the accounts use a product that writes its users' requests",
    "reseller": "that the accounts serve many people's ordinary work",
    "customer": "that this is the work of one honest customer of a reseller",
    "plain_use": "that the accounts do the same kind of work without gathering answers",
    "overlap": "that each account has work of its own, parts of which happen to be the same",
}
"""By name of a rival, the honest explanation that was weighed."""

_STATES = {
    State.NEW: "Nobody has reviewed this case yet. What is said here was found by a program.",
    State.IN_REVIEW: "People are reviewing this case. Nothing is decided.",
    State.CONFIRMED: "Reviewers looked at this case and upheld it. You can appeal.",
    State.REJECTED: "Reviewers looked at this case and did not uphold it. You need do nothing.",
    State.APPEALED: "This case is under appeal, and no decision stands until it is reviewed again.",
    State.CLOSED: "This case is closed and nothing was decided. You can appeal.",
}
_CLOSED = {
    State.CONFIRMED: "This case was upheld by reviewers and is closed. You can appeal.",
    State.REJECTED: "Reviewers did not uphold this case, and it is closed. You need do nothing.",
}


def appeal_pack(
    findings: Findings,
    case: Case,
    account_id: str,
    samples: Samples | None = None,
    *,
    entries: Sequence[Entry] = (),
    accounts: Collection[str] | None = None,
) -> Document:
    """What `account_id` is to be told of the case that it is in.

    `accounts` are the case's as the store has them; without, it has the members of its campaigns
    in the findings: of `case.campaign_id` and of those that `entries` name. `samples` show the
    account its own exchanges, masked. Raises `UnknownName` where it isn't in the case.
    """
    campaigns = campaigns_of(case, entries)
    mine = findings.members.filter(pc.field("account_id") == account_id).to_pylist()
    mine = [row for row in mine if row["campaign_id"] in campaigns]
    if (account_id not in accounts) if accounts is not None else not mine:
        raise UnknownName(
            case,
            f"no account of it is called {account_id!r}",
            "`stillwatch cases show CASE --json` lists its accounts",
        )
    facts = _Facts.of(findings, account_id, mine)
    return Document(
        "What was found about your account",
        f"Account {account_id}, case {case.case_id}",
        facts.last_day,
        (
            _what_this_is(case),
            facts.section(),
            _against(facts),
            _for(facts),
            _shown(facts, account_id, samples),
            _change(),
            _answer(case),
            _unsaid(),
        ),
    )


class _Facts:
    """What the findings hold on one account in one case."""

    def __init__(
        self, standing: Row, members: list[Row], own: list[Row], whole: list[Row], others: int
    ) -> None:
        self.standing, self.members, self.own, self.whole = standing, members, own, whole
        self.others = others
        last = standing.get("last_ts")
        self.last_day = last.date() if last else None

    @classmethod
    def of(cls, findings: Findings, account_id: str, members: list[Row]) -> _Facts:
        """Its rows, and those that speak of its campaigns as a whole."""
        mine = pc.field("account_id") == account_id
        standing = findings.accounts.filter(mine).to_pylist(maps_as_pydicts="lossy")
        campaigns = {row["campaign_id"] for row in members}
        evidence = findings.evidence.filter(mine | pc.field("account_id").is_null()).to_pylist()
        sizes = zip(
            *findings.campaigns.select(["campaign_id", "accounts"]).to_pydict().values(),
            strict=True,
        )
        told = [row for row in evidence if row["campaign_id"] in campaigns]
        return cls(
            standing[0] if standing else {},
            members,
            [row for row in told if row["account_id"] is not None],
            [row for row in told if row["account_id"] is None],
            max((n - 1 for name, n in sizes if name in campaigns), default=0),
        )

    @property
    def attributed(self) -> int:
        """Its exchanges that were attributed."""
        return sum(row["exchanges"] for row in self.members)

    @property
    def exchanges(self) -> int:
        """All of its exchanges, as far as the findings know them."""
        return max(self.standing.get("exchanges") or 0, self.attributed)

    def section(self) -> Section:
        """Its own figures."""
        rows = [("Exchanges", count(self.exchanges))]
        rows.append(("Exchanges counted in the case", count(self.attributed)))
        if self.exchanges:
            rows.append(("Share counted in the case", percent(self.attributed / self.exchanges)))
        first, last = self.standing.get("first_ts"), self.standing.get("last_ts")
        if first and last:
            rows.append(("First and last day", f"{day(first.date())} to {day(last.date())}"))
        asked: Mapping[str, float] = self.standing.get("capabilities") or {}
        ranked = sorted(asked.items(), key=lambda item: (-item[1], item[0]))
        kinds = tuple(
            (capability_title(name), percent(share))
            for name, share in ranked
            if name in CAPABILITY_TITLES and share > 0
        )
        blocks: list[Block] = [
            Table("Your account in figures", ("Figure", "Value"), tuple(rows), (1,))
        ]
        if kinds:
            caption = "What your account asks for, as a program told it"
            blocks.append(Table(caption, ("Kind", "Share"), kinds, (1,)))
        return Section("Your account", tuple(blocks))


def _what_this_is(case: Case) -> Section:
    closed = _CLOSED.get(case.outcome) if case.state == State.CLOSED and case.outcome else None
    state = closed or _STATES[case.state]
    if case.grown_since and case.outcome is not None:
        state += (
            " Accounts were added to the case after that. If yours is one of them, the decision "
            "doesn't speak of it; ask us."
        )
    return Section(
        "What this is",
        (
            Paragraph(
                "We look for groups of accounts that are used together to gather a model's "
                "answers, so as to train another model on them, which our terms don't allow. "
                "Your account was taken to be one of such a group. This paper says why, so that "
                "you can answer."
            ),
            Paragraph(state, notice=True),
        ),
    )


def _against(facts: _Facts) -> Section:
    if not facts.members:
        says = "The latest findings don't count your account in this case any longer."
        return Section("What was held against it", (Paragraph(says),))
    held = {row["kind"] for row in facts.whole if row["weight"] > 0}
    items = [says for kind, says in HELD.items() if kind in held]
    items.insert(
        0,
        f"{count(facts.attributed)} of its {count(facts.exchanges)} exchanges belong to work that "
        f"{other_accounts(facts.others)} send too.",
    )
    return Section("What was held against it", (Bullets(tuple(items)),))


def other_accounts(number: int) -> str:
    """A number of other accounts as it may be told: few aren't counted, many are rounded down.

    >>> other_accounts(9), other_accounts(10), other_accounts(198)
    ('fewer than ten other accounts', 'at least ten other accounts', 'more than 100 other accounts')
    """
    if number < FEW:
        return "fewer than ten other accounts"
    if number <= 100:
        return "at least ten other accounts"
    size = 10 ** (len(str(number - 1)) - 1)
    return f"more than {count(size)} other accounts"


def _for(facts: _Facts) -> Section:
    items = []
    rest = facts.exchanges - facts.attributed
    if not facts.members:
        items.append("The latest findings don't count your account in this case.")
    elif rest > 0:
        items.append(
            f"{count(rest)} of its exchanges are of its own and are not counted in the case."
        )
    unsaid = {row["kind"] for row in (*facts.whole, *facts.own) if row["weight"] < 0}
    unsaid |= {row["kind"] for row in facts.whole if abs(row["weight"]) == 0}
    items += [f"This could not be shown: {HELD[kind]}" for kind in HELD if kind in unsaid]
    weighed = {said(row["detail"])[1].get("rival") for row in facts.whole if row["kind"] == "rival"}
    told = tuple(f"{says}." for name, says in WEIGHED.items() if name in weighed)
    blocks: list[Block] = []
    if items:
        blocks.append(Bullets(tuple(items)))
    if told:
        blocks += [
            Paragraph("These honest explanations were weighed, and found not to be enough:"),
            Bullets(told),
        ]
    return Section(
        "What speaks for it",
        tuple(blocks) or (Paragraph("Nothing in the log was found that speaks for it."),),
    )


def _shown(facts: _Facts, account_id: str, samples: Samples | None) -> Section:
    ids = list(dict.fromkeys(one for row in facts.own for one in row["sample"] or ()))
    if not ids:
        says = "No single exchange of your account was shown as evidence."
        return Section("Exchanges that were shown", (Paragraph(says),))
    blocks: list[Block] = [
        Paragraph("These are exchanges of your own account; you know what you asked in them."),
        Table("By id", ("Exchange",), tuple((one,) for one in ids)),
    ]
    for one in ids:
        sample = (samples or {}).get(one)
        if sample is None:
            continue
        parts = (("You asked", sample.prompt), ("It answered", sample.response))
        texts = tuple(
            (label, lines_of(redacted(without(text, [account_id]), _TEXT)))
            for label, text in parts
            if text
        )
        if texts:
            blocks.append(Specimens(f"Exchange {one}, masked", texts))
    return Section("Exchanges that were shown", tuple(blocks))


def _change() -> Section:
    return Section(
        "What would change the conclusion",
        (
            Bullets(
                (
                    "One owner: an organisation that owns the accounts and says what for.",
                    "A class, a course, an event or a benchmark: its name, its organiser, and the "
                    "tasks that were set.",
                    "A product: its name and version, where it writes the requests for its users.",
                    "A reseller: for whom your account carries work, and how you keep your "
                    "customers from misusing it.",
                    "A stolen key, or an account lent to somebody: when, and what was not yours.",
                    "What the answers are used for, by something that others can check.",
                    "An error: exchanges listed here that aren't yours.",
                )
            ),
        ),
    )


def _answer(case: Case) -> Section:
    return Section(
        "How to answer",
        (
            Bullets(
                (
                    f"Reply to whoever sent you this, and name case {case.case_id}.",
                    "Say which points are wrong, and what shows it. Name exchanges by their ids.",
                    "Don't send secrets, keys or your customers' data.",
                    "A person reads your answer and looks at the case anew. The appeal, the "
                    "decision and its reason are kept in a record that can't be changed unseen.",
                )
            ),
        ),
    )


def _unsaid() -> Section:
    return Section(
        "What is not said here",
        (
            Paragraph(
                "We don't tell who the other accounts are, or what they asked: they have the same "
                "right as you. We don't tell how the detection measures, for it would show how to "
                "evade it. Reviewers see all of it."
            ),
        ),
    )
