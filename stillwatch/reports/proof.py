"""How a campaign was found, how sure that is, and what else was weighed."""

from __future__ import annotations

import math

from stillwatch.console.wording import (
    count,
    evidence_title,
    odds,
    percent,
    rival_title,
)
from stillwatch.reports.document import Block, Bullets, Heading, Paragraph, Section, Table
from stillwatch.reports.figures import Figures, number_in_detail, one_of, quoted
from stillwatch.reports.wording import OTHER_RIVAL, RIVALS, TESTS, Told


def proof(figures: Figures, campaigns: list[str]) -> Section:
    """Each test: what it asks, its null, its weight in words, and its figures."""
    blocks: list[Block] = [
        Paragraph(
            "Each test is told by its odds, an e-value: a bet against the null, made on the "
            "traffic itself. Where the null holds, a bet pays fifty to one at most once in fifty "
            "times, also if it is looked at every day."
        )
    ]
    for number, campaign in enumerate(campaigns, 1):
        if len(campaigns) > 1:
            blocks.append(Heading(f"Campaign {number}"))
        whole = f"{one_of([campaign])} and account_id is null"
        kinds = figures.look("evidence", "kind, max(weight)", f"{whole} group by 1 order by 2 desc")
        for kind in [kind for kind, _ in kinds if kind in TESTS]:
            blocks += _test(figures, f"{whole} and kind = {quoted(kind)}", kind, len(campaigns) > 1)
        more = [kind for kind, _ in kinds if kind not in TESTS and kind != "rival"]
        if more:
            _, number_of = figures.one(
                "Other tests",
                "evidence",
                "count(distinct kind)",
                f"{whole} and kind not in ({', '.join(map(quoted, [*TESTS, 'rival']))})",
                count,
            )
            blocks.append(
                Paragraph(f"Further tests that this report has no words for: {number_of}.")
            )
    return Section("How it was found", tuple(blocks))


def _test(figures: Figures, where: str, kind: str, many: bool) -> list[Block]:
    words, title = TESTS[kind], evidence_title(kind)
    _, weight = figures.one(f"{title}: odds", "evidence", "max(weight)", where, odds)
    told = [line for sentence in words.told if (line := _told(figures, where, title, sentence))]
    head = Paragraph(f"{title}: {weight}.") if many else Heading(f"{title}: {weight}")
    return [head, Paragraph(f"{words.asks} {words.null} {' '.join(told)}".strip())]


def _told(figures: Figures, where: str, title: str, sentence: Told) -> str:
    """The sentence with its figures; nothing where the evidence lacks one."""
    looked = figures.look("evidence", ", ".join(map(number_in_detail, sentence.keys)), where)[0]
    if not all(value is not None and math.isfinite(value) for value in looked):
        return ""
    if (
        len(sentence.keys) == 1
        and sentence.keys[0].startswith("accounts_sharing_")
        and not looked[0]
    ):
        return ""
    said = [
        figures.one(
            f"{title}: {key.replace('_', ' ')}", "evidence", number_in_detail(key), where, s
        )
        for key, s in zip(sentence.keys, sentence.say, strict=True)
    ]
    return sentence.sentence.format(*(words for _, words in said))


def confidence(figures: Figures, campaigns: list[str]) -> Section:
    """How sure each campaign is, and each rival explanation with why it falls short."""
    blocks: list[Block] = []
    for number, campaign in enumerate(campaigns, 1):
        many = len(campaigns) > 1
        if many:
            blocks.append(Heading(f"Campaign {number}"))
        _, sure = figures.one(
            "Confidence", "campaigns", "max(confidence)", one_of([campaign]), percent
        )
        blocks.append(
            Paragraph(
                f"The detector's confidence that this is a campaign is {sure}. It is calibrated: "
                "of the findings that are given nine in ten, nine in ten are right."
            )
        )
        blocks += _rivals(
            figures, campaign, f"Other explanations{f' of campaign {number}' if many else ''}"
        )
    return Section("Confidence, and what else was weighed", tuple(blocks))


def _rivals(figures: Figures, campaign: str, caption: str) -> list[Block]:
    whole = f"{one_of([campaign])} and account_id is null"
    support = f"(select sum(weight) from evidence where {whole} and kind <> 'rival' and weight > 0)"
    name = "coalesce(try(detail ->> '$.rival'), '')"
    found = figures.many(
        "Other explanations: how well each fits, the share of the evidence it would explain, "
        "and the weight (log10) of what it leaves",
        caption,
        "evidence",
        f"{name}, {number_in_detail('fit')}, least(1, max(-weight) / {support}), "
        f"greatest(0, {support} - max(-weight))",
        f"{whole} and kind = 'rival' group by 1 order by 3 desc nulls last, 1",
    )
    if not found:
        return [Paragraph("The findings tell of no other explanation.")]
    rows, said = [], []
    for rival, fit, share, left in found:
        what, lacks = RIVALS.get(rival, OTHER_RIVAL)
        title = rival_title(rival) if rival in RIVALS else "Another explanation"
        rows.append((title, _share(fit), _share(share), odds(left) if left is not None else "–"))
        said.append(f"{title}. {what} {lacks} {_short(fit, share)}".strip())
    head = ("Explanation", "Fits", "Would explain", "Odds that it leaves")
    says = (
        "Each explanation was fitted to the same accounts, and what it would explain was taken off "
        "the evidence. A campaign has to hold against all of them by what is left."
    )
    return [Paragraph(says), Table(caption, head, tuple(rows), (1, 2, 3)), Bullets(tuple(said))]


def _short(fit: float | None, share: float | None) -> str:
    if not share:
        return ""
    if fit is not None and fit < 0.5:
        return (
            "It fits badly, and leaves most of the evidence." if share < 0.5 else "It fits badly."
        )
    return "It fits in part, and what it leaves still speaks for a campaign."


def _share(share: float | None) -> str:
    return percent(max(0.0, share)) if share is not None and math.isfinite(share) else "–"
