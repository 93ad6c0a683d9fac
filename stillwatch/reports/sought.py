"""What a case's campaigns were after, and how that moved."""

from __future__ import annotations

import re

from stillwatch.console.models import models
from stillwatch.console.wording import capability_title, count, day, percent
from stillwatch.findings import Findings
from stillwatch.reports.document import Block, Paragraph, Section, Table
from stillwatch.reports.figures import Figures, one_of, quoted
from stillwatch.tables import CAPABILITY_TITLES

CAPABILITIES = "Capabilities sought"
MODELS = "Models asked for"
_MOST_MODELS = 8
_UNTOLD = "a model of its own name"
_KNOWN_SHAPE = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-._/@ :][A-Za-z0-9]+){0,10}")


def sought(figures: Figures, findings: Findings, campaigns: list[str]) -> Section:
    """Shares of capabilities, early and late, beside everybody else's; models and turns to them."""
    mine = one_of(campaigns)
    return Section(
        "What was sought",
        (
            _capabilities(figures, mine),
            *_models(figures, mine),
            *_turns(figures, findings, campaigns),
        ),
    )


def _capabilities(figures: Figures, mine: str) -> Block:
    middle = (
        f"(select min(day) + ((max(day) - min(day) + 1) // 2)::integer from daily where {mine})"
    )
    parts = {
        "Share": mine,
        "First half": f"{mine} and day < {middle}",
        "Second half": f"{mine} and day >= {middle}",
        "Other traffic": "campaign_id is null",
    }
    shares = {
        part: dict(
            figures.many(
                f"Capabilities by share, column “{part}”",
                CAPABILITIES,
                "daily",
                "capability, sum(exchanges) / sum(sum(exchanges)) over ()",
                f"{where} group by capability order by 2 desc, 1",
            )
        )
        for part, where in parts.items()
    }
    rows = tuple(
        (
            capability_title(name) if name in CAPABILITY_TITLES else "another kind",
            *(percent(shares[part].get(name, 0.0)) if shares[part] else "–" for part in parts),
        )
        for name in dict.fromkeys((*shares["Share"], *shares["Other traffic"]))
    )
    return Table(CAPABILITIES, ("Capability", *parts), rows, (1, 2, 3, 4))


def _models(figures: Figures, mine: str) -> list[Block]:
    found = figures.many(
        "Models by exchanges, with the first day of each",
        MODELS,
        "daily",
        "model, sum(exchanges)::bigint, sum(exchanges) / sum(sum(exchanges)) over (), min(day)",
        f"{mine} group by model order by 2 desc, model limit {_MOST_MODELS}",
    )
    rows = tuple(
        (model_title(model), count(number), percent(share), day(first))
        for model, number, share, first in found
    )
    head = ("Model", "Exchanges", "Share", "First day")
    return [Table(MODELS, head, rows, (1, 2))] if rows else []


def _turns(figures: Figures, findings: Findings, campaigns: list[str]) -> list[Block]:
    told: list[Block] = []
    of_each = models(findings)
    for campaign in campaigns:
        turns = of_each[campaign].turns if campaign in of_each else ()
        for turn in (turn for turn in turns if model_title(turn.model) != _UNTOLD):
            asked = f"{one_of([campaign])} and model = {quoted(turn.model)}"
            _, when = figures.one(
                "Day of the turn to a model",
                "daily",
                "min(day)",
                f"{asked} and day >= '{turn.day}'::date",
                day,
            )
            _, share = figures.one(
                "Share of a model from its turn on",
                "daily",
                f"sum(exchanges) filter (where model = {quoted(turn.model)}) / sum(exchanges)",
                f"{one_of([campaign])} and day >= '{turn.day}'::date",
                percent,
            )
            _, public = figures.one(
                "First day on which other traffic asked for that model",
                "daily",
                "min(day)",
                f"campaign_id is null and model = {quoted(turn.model)}",
                day,
            )
            who = "It" if len(campaigns) == 1 else "One of the campaigns"
            others = (
                "nobody else in the log asked for it"
                if public == "–"
                else f"other traffic first asked for it on {public}"
            )
            told.append(
                Paragraph(
                    f"{who} turned to {model_title(turn.model)} on {when}: {share} of its "
                    f"exchanges from then on went there; {others}."
                )
            )
    return told


def model_title(name: str) -> str:
    """A model's name where it looks like one; names of customers' own models are not told.

    >>> model_title("still-2"), model_title("ft:still-2:acme"), model_title("<script>")
    ('still-2', 'a model of its own name', 'a model of its own name')
    """
    own = "ft:" in name or "fine" in name.lower()
    return name if len(name) <= 60 and _KNOWN_SHAPE.fullmatch(name) and not own else _UNTOLD
