"""From a group to a verdict: attribute, test, weigh against rivals, decide who is a member."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.campaigns.allocation import work_allocation
from stillwatch.campaigns.attribution import (
    Attribution,
    Background,
    Model,
    asked,
    attribute,
    carried,
)
from stillwatch.campaigns.component import Component, Test
from stillwatch.campaigns.exchangeability import exchangeability
from stillwatch.campaigns.harvest import TRAINABLE, harvest_signs
from stillwatch.campaigns.membership import ATTRIBUTED, members, some_of
from stillwatch.campaigns.origin import shared_origin
from stillwatch.campaigns.parts import work_of
from stillwatch.campaigns.rivals import MIXED, Rival, apart_from_all, rivals
from stillwatch.campaigns.sharing import shared_objects
from stillwatch.progress import Spread, one_by_one
from stillwatch.statistics.mmd import Samples
from stillwatch.tables import CONTENT_COMPONENTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.component import Outsiders
    from stillwatch.campaigns.ground import Ground
    from stillwatch.traffic import Group, Traffic

PRIOR = -2.0
"""log10 odds that a group found alike is a campaign, before its evidence."""

GROUPS_FREE = 5
"""Groups of a run that the prior allows for; beyond, it falls as their number rises, since the
more groups are looked at, the stronger the strongest gets by chance."""

LEAST_MARGIN = 1.3
"""log10 odds from which a campaign is reported: twenty to one, against the best rival."""

LOOKED_AT = 2_000
"""Accounts of a group that are judged; of more, evenly spaced ones."""

LEAST_LOOKED_AT = 200
MOST_ROWS = 400_000
"""Exchanges of theirs that are looked at, about, if that leaves `LEAST_LOOKED_AT` accounts."""

SUREST = 0.9
"""Posterior from which an exchange is attributed with least doubt."""

LEAST_MEMBERS = 5
LEAST_OUTSIDERS = 20
"""Accounts outside every group below which nothing is judged: there is nobody to compare with."""


@dataclass(frozen=True)
class Verdict:
    """What became of one group.

    `margin` is the campaign's log10 odds against its best rival; `kind` is `distillation`,
    `reseller`, or `rival:<name>` where another explanation won. `confidences` (a,) go with
    `accounts` (a,); `rows` are the attributed exchanges, by thread, and `posterior` their
    probabilities. `work` is the content of the common work as one sample, and `model` tells it,
    where there is any; `share` is how much of it a typical member's threads are, and `stray` how
    much a typical outsider's.
    """

    group: Group
    kind: str
    margin: float
    confidence: float
    accounts: NDArray[np.integer]
    confidences: NDArray[np.float64]
    rows: NDArray[np.integer]
    posterior: NDArray[np.float64]
    tests: dict[str, Test]
    rivals: list[Rival]
    winner: Rival
    work: Samples
    model: Model | None = None
    share: float = 0.0
    stray: float = 0.0


TESTS = (exchangeability, shared_objects, work_allocation, harvest_signs, shared_origin)


STARTS = (None, np.where(TRAINABLE, 1.0, 0.3))
"""How common each capability is taken to be when a fit starts: wholly; or, where that leads to no
campaign, what a model is trained on more than the rest, for camouflage can be common too."""

DILUTED = ("reseller", "customer", "plain_use", "overlap", "chance")
"""Rivals that may win because the fit was of something else too; an owner's fleet wins anyhow."""

WIDE = 0.7
"""Distance of a campaign's work from everybody's, in parts of a typical account's, below which a
fit may have taken camouflage in with it."""

SECOND_LOOK = 0.301
"""log10 of what each further look costs."""


def judge(
    traffic: Traffic,
    group: Group,
    against: Background,
    others: Outsiders,
    prior: float,
    known: Model | None = None,
    spread: Spread = one_by_one,
    word: Test | None = None,
) -> Verdict:
    """The verdict on one group; `spread` does jobs, on as many threads as it likes.

    Of a large group a part of the accounts is judged, and what was learnt of it then tells of the
    others who is a member. Where a campaign was `known` in part of the group, the second fit starts
    from that one's work. Where no fit finds a campaign, a verdict of overlap is preferred: the
    group's parts may hold some. Where the first one does, and yet its work is not far from
    everybody's, a narrower fit replaces it if what that leaves out is a mix of everybody's work.
    `word` is what peers say of the group.
    """
    if len(group.accounts) < LEAST_MEMBERS or len(others) < LEAST_OUTSIDERS:
        return dismiss(group, "Too few accounts to judge, or too few outside to compare with.")
    looked_at = part_of(traffic, group.accounts)
    part, rows = traffic.exchanges.excerpt(looked_at)
    near = replace(traffic, exchanges=part)
    others = others.of_excerpt(rows)
    codes = against.ground.codes[traffic.exchanges.threads.of(looked_at)]
    asked_for = asked(part, codes, np.arange(len(codes)))
    verdicts: list[Verdict] = []
    wholly, trainable = STARTS
    wide = None
    for look, start in enumerate((wholly, known, trainable) if known else STARTS):
        fitted = attribute(asked_for, against, start)
        verdict = _verdict(near, group, fitted, others, prior - look * SECOND_LOOK, word)
        if verdict.kind == "distillation":
            if not look and _apart(near, verdict.rows, verdict, others) < WIDE:
                wide = verdict
            elif not wide or _leaves_a_mix(near, wide, verdict, others):
                wide = verdict
                break
        verdicts.append(verdict)
        if not wide and verdict.kind.removeprefix("rival:") not in DILUTED:
            break
    if wide:
        rest = np.setdiff1d(group.accounts, looked_at)
        return with_the_rest(traffic, in_run(wide, rows), rest, against.ground, spread)
    return in_run(next((v for v in verdicts if v.kind == "rival:overlap"), verdicts[0]), rows)


def part_of(traffic: Traffic, accounts: NDArray[np.integer]) -> NDArray[np.integer]:
    """The accounts of a group that are looked at: all, or of many, evenly spaced ones."""
    load = int(traffic.accounts.exchanges[accounts].sum())
    few = min(LOOKED_AT, max(LEAST_LOOKED_AT, len(accounts) * MOST_ROWS // max(1, load)))
    if len(accounts) <= few:
        return accounts
    return accounts[np.linspace(0, len(accounts) - 1, few).astype(np.int64)]


def in_run(verdict: Verdict, rows: NDArray[np.integer]) -> Verdict:
    """A verdict by an excerpt of a run, with the run's own `rows` in place of the excerpt's."""
    tests = {kind: replace(test, sample=rows[test.sample]) for kind, test in verdict.tests.items()}
    return replace(verdict, rows=rows[verdict.rows], tests=tests)


def with_the_rest(
    traffic: Traffic,
    verdict: Verdict,
    rest: NDArray[np.integer],
    ground: Ground,
    spread: Spread = one_by_one,
) -> Verdict:
    """A campaign that was found in a part of a group, with its members in the `rest` of it."""
    if not len(rest) or verdict.model is None:
        return verdict
    exchanges = traffic.exchanges
    theirs = asked(exchanges, ground.codes, exchanges.threads.of(rest))
    threads, account = theirs.threads, theirs.account
    told = carried(theirs, verdict.model, np.full(len(threads), verdict.share), spread)
    fitted = Attribution(threads, account, told, verdict.stray, verdict.model)
    found = members(traffic, fitted, verdict.share, some_of(traffic, verdict.rows))
    chosen = (told >= ATTRIBUTED) & np.isin(fitted.account, found.accounts)
    rows, posterior = _of_rows(traffic, threads[chosen], told[chosen])
    accounts = np.concatenate([verdict.accounts, found.accounts])
    confidences = found.confidences * verdict.confidence
    order = np.argsort(accounts, kind="stable")
    rows = np.concatenate([verdict.rows, rows])
    by_account = np.argsort(exchanges.account[rows], kind="stable")
    return replace(
        verdict,
        accounts=accounts[order],
        confidences=np.concatenate([verdict.confidences, confidences])[order],
        rows=rows[by_account],
        posterior=np.concatenate([verdict.posterior, posterior])[by_account],
    )


def _of_rows(
    traffic: Traffic, threads: NDArray[np.integer], told: NDArray[np.float64]
) -> tuple[NDArray[np.integer], NDArray[np.float64]]:
    """The rows of some threads, and what was `told` of the thread of each."""
    followed = traffic.exchanges.threads
    return followed.rows(threads), np.repeat(told, followed.lengths(threads))


def _leaves_a_mix(traffic: Traffic, wide: Verdict, narrow: Verdict, others: Outsiders) -> bool:
    """Whether what `narrow` leaves out of a `wide` fit is a mix of everybody's work."""
    left = np.setdiff1d(wide.rows, narrow.rows)
    return len(left) > 0 and _apart(traffic, left, narrow, others) < MIXED


def _apart(
    traffic: Traffic, rows: NDArray[np.integer], verdict: Verdict, others: Outsiders
) -> float:
    return apart_from_all(traffic, rows, verdict.accounts, others)


def _verdict(
    traffic: Traffic,
    group: Group,
    fitted: Attribution,
    others: Outsiders,
    prior: float,
    word: Test | None = None,
) -> Verdict:
    """The verdict on a group by one fit of it."""
    found = members(traffic, fitted)
    accounts = found.accounts
    if len(accounts) < LEAST_MEMBERS:
        return dismiss(group, "Too few accounts have any work in common.")
    theirs = np.isin(fitted.account, accounts)
    rows, posterior = _of_rows(traffic, fitted.threads[theirs], fitted.told[theirs])
    chosen = posterior >= ATTRIBUTED
    component = Component(
        rows[chosen],
        rows,
        accounts,
        others,
        rest=rows[~chosen],
        surest=rows[posterior >= SUREST],
        stands_for=len(group.accounts) / len(np.unique(fitted.account)),
    )
    tests = {test.kind: test for test in (run(traffic, component) for run in TESTS)}
    explained = rivals(traffic, component, tests)
    if word is not None:
        tests[word.kind] = replace(word, sample=rows[:0])
    margins = [prior + left_by(rival, tests) for rival in explained]
    best = int(np.argmin(margins))
    margin = margins[best]
    confidence = confidence_of(margin)
    return Verdict(
        group=group,
        kind="distillation" if margin >= LEAST_MARGIN else f"rival:{explained[best].name}",
        margin=margin,
        confidence=confidence,
        accounts=accounts,
        confidences=found.confidences * confidence,
        rows=rows[chosen],
        posterior=posterior[chosen],
        tests=tests,
        rivals=explained,
        winner=explained[best],
        work=work_of(traffic, rows[chosen], accounts),
        model=fitted.model,
        share=found.share,
        stray=fitted.false_rate,
    )


def dismiss(group: Group, why: str) -> Verdict:
    """The verdict on a group that can't be judged."""
    chance = Rival("chance", 1.0, (), why)
    none = np.zeros(0, np.int64)
    return Verdict(
        group=group,
        kind="rival:chance",
        margin=PRIOR,
        confidence=0.0,
        accounts=none,
        confidences=np.zeros(0),
        rows=none,
        posterior=np.zeros(0),
        tests={},
        rivals=[chance],
        winner=chance,
        work=Samples(np.zeros(1), np.zeros((1, CONTENT_COMPONENTS)), np.zeros(1)),
    )


def prior_of(groups: list[Group]) -> float:
    """The prior log10 odds that the groups of a run share."""
    judged = sum(len(group.accounts) >= LEAST_MEMBERS for group in groups)
    return PRIOR - float(np.log10(max(1.0, judged / GROUPS_FREE)))


def confidence_of(margin: float) -> float:
    """The probability that a margin, log10 odds, stands for."""
    return float(np.clip(1 / (1 + 10.0 ** -min(margin, 15.0)), 0.001, 0.999))


def left_by(rival: Rival, tests: dict[str, Test]) -> float:
    """The evidence that a rival leaves, log10."""
    return sum(
        test.weight * (1 - rival.fit if kind in rival.explains else 1.0)
        for kind, test in tests.items()
    )


def taken_by(rival: Rival, tests: dict[str, Test]) -> float:
    """The evidence for a campaign that a rival explains away, log10."""
    return sum(
        max(0.0, test.weight) * rival.fit for kind, test in tests.items() if kind in rival.explains
    )
