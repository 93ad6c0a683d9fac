"""The report of one case, fit to be published: counts and reasons, never accounts or customers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from stillwatch.cases import Case, State
from stillwatch.cases.canonical import digest
from stillwatch.cases.ledger import Entry
from stillwatch.console.wording import count, listed, percent
from stillwatch.console.wording import sought as capabilities_sought
from stillwatch.errors import UnknownName
from stillwatch.findings import Findings
from stillwatch.reports.access import access
from stillwatch.reports.document import Block, Bullets, Document, Paragraph, Section, Table
from stillwatch.reports.families import families, names_of
from stillwatch.reports.figures import Figures, one_of
from stillwatch.reports.proof import confidence, proof
from stillwatch.reports.redaction import without
from stillwatch.reports.review import campaigns_of, review, standing
from stillwatch.reports.samples import Samples
from stillwatch.reports.scale import Scale, scale
from stillwatch.reports.sought import sought


def report(
    findings: Findings,
    case: Case,
    entries: Sequence[Entry],
    samples: Samples | None = None,
    *,
    with_accounts: bool = False,
    enforced: Mapping[str, int] | None = None,
) -> Document:
    """What the findings and the ledger say of a case's campaigns.

    `entries` are the case's, and those of cases merged into it (`whole_history`); without
    `samples` there is no text of the log in it. `with_accounts` adds an appendix that names the
    members, for inside only. `enforced` counts accounts by what was done to them.

    Raises `UnknownName` where the findings hold none of the case's campaigns.
    """
    held = set(findings.campaigns["campaign_id"].to_pylist())
    named = campaigns_of(case, entries)
    campaigns = [campaign for campaign in named if campaign in held]
    if not campaigns:
        raise UnknownName(
            "the findings",
            f"hold no campaign of {case}",
            "Give the findings that the case was opened from, or later ones of the same lake",
        )
    figures = Figures(findings)
    size = scale(figures, campaigns)
    sections = [
        _summary(figures, findings, case, campaigns, size),
        size.section,
        sought(figures, findings, campaigns),
        access(figures, campaigns),
        proof(figures, campaigns),
        families(figures, findings, campaigns, samples),
        confidence(figures, campaigns),
        review(case, entries, enforced),
        _limits(findings, case, campaigns, len(named) - len(campaigns)),
        figures.appendix(),
        _provenance(findings, entries, campaigns),
    ]
    if with_accounts:
        sections.append(_accounts(findings, campaigns, entries))
    many = len(campaigns) > 1
    title = f"{size.accounts} accounts, {count(len(campaigns))} distillation campaigns"
    return Document(
        title if many else f"A distillation campaign of {size.accounts} accounts",
        f"Report on case {case.case_id}" + (", for inside only" if with_accounts else ""),
        size.last_day,
        tuple(sections),
    )


def _summary(
    figures: Figures, findings: Findings, case: Case, campaigns: list[str], size: Scale
) -> Section:
    mine = one_of(campaigns)
    shares = dict(
        figures.look(
            "daily",
            "capability, sum(exchanges) / sum(sum(exchanges)) over ()",
            f"{mine} group by 1",
        )
    )
    after = listed(capabilities_sought(shares)) if shares else "what only text could tell"
    _, sure = figures.one("Confidence, the least", "campaigns", "min(confidence)", mine, percent)
    blocks: list[Block] = []
    if findings.run.get("world"):
        blocks.append(
            Paragraph(
                "Simulated traffic. These accounts and exchanges were made by a program, so that "
                "the detector can be seen at work. No real person or company is shown.",
                notice=True,
            )
        )
    if State.CONFIRMED not in (case.state, case.outcome):
        blocks.append(Paragraph(standing(case), notice=True))
    queue = "one queue" if len(campaigns) == 1 else "few queues"
    blocks.append(
        Paragraph(
            f"From {size.first} to {size.last}, {size.accounts} accounts made {size.exchanges} "
            f"exchanges that look served from {queue} of work, as when answers are gathered to "
            f"train another model on. They were after {after}. An account made {size.an_account} "
            "exchanges a day while it was in use: no single one stands out by what it did, and "
            f"together they ask as one. The detector's confidence is {sure}. {standing(case)}"
        )
    )
    return Section("Summary", tuple(blocks))


def _limits(findings: Findings, case: Case, campaigns: list[str], missing: int) -> Section:
    items = [
        "A detector sees what the log has. Who is behind the accounts, and whether a model was "
        "trained, can't be told from it.",
        "Exchanges are attributed by likelihood, not certainty; members may have other traffic, "
        "which isn't counted here. Accounts that were found too late, or not, are missing.",
        "Capabilities are told by a classifier from the prompts, and single exchanges may be taken "
        "for another kind.",
        "Odds compare with the other accounts of this log. Where those are few or all alike, they "
        "say less.",
        "Masking of texts is by pattern. It can't know names of people.",
        f"The case holds {count(case.accounts)} accounts as reviewed. Figures are of the findings, "
        "whose campaigns may have more or fewer.",
    ]
    if missing:
        items.append(f"Campaigns of this case that these findings don't hold: {count(missing)}.")
    notes = [note for note in findings.run.get("notes", ()) if isinstance(note, str)]
    names = names_of(findings, campaigns) if notes else ()
    items += [without(note, names) for note in notes]
    return Section("Limits", (Bullets(tuple(items)),))


def _provenance(findings: Findings, entries: Sequence[Entry], campaigns: list[str]) -> Section:
    run = findings.run
    whole = digest(json.dumps(run, sort_keys=True, ensure_ascii=True))
    rows = [
        ("Stillwatch", str(run.get("version", "not said"))),
        ("Configuration's digest", str(run.get("configuration_digest", "not said"))),
        ("Run's digest (SHA-256 of run.json, keys sorted)", whole),
        *(("Campaign", campaign) for campaign in campaigns),
    ]
    if entries:
        rows += [
            ("Ledger: the case's last entry", f"{entries[-1].seq}"),
            ("Ledger: the hash of that entry", entries[-1].hash),
        ]
    caption = "What this report was made from"
    return Section(
        "Appendix: where it comes from", (Table(caption, ("What", "Value"), tuple(rows)),)
    )


def _accounts(findings: Findings, campaigns: list[str], entries: Sequence[Entry]) -> Section:
    members = [row for row in findings.members.to_pylist() if row["campaign_id"] in campaigns]
    members.sort(key=lambda row: (-row["confidence"], -row["exchanges"], row["account_id"]))
    rows = tuple(
        (row["account_id"], count(row["exchanges"]), percent(row["confidence"])) for row in members
    )
    told = tuple(
        (f"{entry.seq}", entry.actor, entry.act, str(entry.detail[key]))
        for entry in entries
        for key in ("reason", "text")
        if key in entry.detail
    )
    blocks: list[Block] = [
        Paragraph("This appendix names accounts and people. Don't publish it.", notice=True),
        Table("Members", ("Account", "Exchanges", "Confidence"), rows, (1, 2)),
    ]
    if told:
        blocks.append(Table("Reasons and comments", ("Ledger", "Who", "Act", "Words"), told, (0,)))
    return Section("Appendix for inside only: accounts", tuple(blocks))
