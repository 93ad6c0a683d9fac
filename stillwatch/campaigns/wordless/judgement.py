"""From groups to verdicts where nothing is known of the text.

Groups are judged whole, as they were found: who is a member follows from the settings, so a test
of settings or of threads over members alone would find what they were chosen by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.campaigns.allocation import work_allocation
from stillwatch.campaigns.component import Component, Test
from stillwatch.campaigns.exchangeability import exchangeability
from stillwatch.campaigns.judgement import (
    LEAST_MARGIN,
    LEAST_MEMBERS,
    LEAST_OUTSIDERS,
    Verdict,
    confidence_of,
    dismiss,
    left_by,
    prior_of,
)
from stillwatch.campaigns.membership import ATTRIBUTED
from stillwatch.campaigns.origin import shared_origin
from stillwatch.campaigns.outsiders import outsiders
from stillwatch.campaigns.parts import work_of
from stillwatch.campaigns.wordless.program import beside, carried
from stillwatch.campaigns.wordless.rivals import rivals
from stillwatch.campaigns.wordless.settings import Settings, settings_outside, shared_settings
from stillwatch.campaigns.wordless.unread import unread_answers
from stillwatch.campaigns.wordless.works import Works, unread_rates, works
from stillwatch.traffic import Group

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.component import Outsiders
    from stillwatch.campaigns.ground import Ground
    from stillwatch.traffic import Candidates, Traffic

LEAST_ACCOUNTS = 10
"""Accounts of a group that is judged at all: fewer may be one customer's, who needn't say so."""

ALIKE = 0.04
"""Squared MMD of manners up to which accounts can be used alike. A pool's accounts lie at 0.005 to
0.04 from each other, strangers at 0.13 and more."""

SHOWN = 6


def judge_wordless(
    traffic: Traffic,
    candidates: Candidates,
    on: Ground,
    run: dict[str, Any],
    tell: Callable[[int], None],
) -> tuple[list[Verdict], Outsiders]:
    """Verdicts on all groups that are alike in manner or share their access, and the outsiders.

    Campaigns come first, of the surest, and no account is in two; `run` gains `outsiders`, `passes`
    and the prior.
    """
    groups = [*candidates.groups, *candidates.networks]
    others = outsiders(traffic, groups, on)
    groups = [group for group in groups if len(group.accounts) >= LEAST_ACCOUNTS]
    prior = prior_of(groups)
    run["outsiders"], run["passes"], run["prior_log10_odds"] = len(others), 1, round(prior, 3)
    log = works(traffic.exchanges)
    rates = unread_rates(log, len(traffic.accounts))
    outside = settings_outside(log, others.accounts, len(traffic.accounts))
    judged = [_verdict(traffic, group, log, rates, others, outside, prior) for group in groups]
    tell(len(candidates.groups))
    return _disjoint(traffic, judged), others


def _verdict(
    traffic: Traffic,
    group: Group,
    log: Works,
    rates: NDArray[np.float64],
    others: Outsiders,
    outside: Settings,
    prior: float,
) -> Verdict:
    accounts, everyone = group.accounts, len(traffic.accounts)
    if len(others) < LEAST_OUTSIDERS:
        return dismiss(group, "Too few accounts outside to compare with.")
    rows = traffic.exchanges.rows_of(accounts)
    component = Component(rows, rows, accounts, others, rest=rows[:0])
    tests = {
        test.kind: test
        for test in (
            _alike(traffic, component),
            shared_settings(log, accounts, everyone, outside),
            work_allocation(traffic, component),
            unread_answers(rates[accounts], rates[others.accounts]),
            shared_origin(traffic, component),
        )
    }
    found = rivals(traffic, accounts, rows, tests)
    margins = [prior + left_by(rival, tests) for rival in found]
    best = int(np.argmin(margins))
    is_campaign = margins[best] >= LEAST_MARGIN
    near = beside(traffic, accounts) if is_campaign else accounts[:0]
    work = carried(log, accounts, near, others.accounts, everyone)
    threads = np.flatnonzero(work.posterior >= ATTRIBUTED)
    chosen = traffic.exchanges.threads.rows(threads)
    posterior = np.repeat(work.posterior[threads], traffic.exchanges.threads.lengths(threads))
    is_campaign &= len(work.accounts) >= LEAST_MEMBERS
    confidence = confidence_of(margins[best])
    return Verdict(
        group=group,
        kind="distillation" if is_campaign else f"rival:{found[best].name}",
        margin=margins[best],
        confidence=confidence,
        accounts=work.accounts,
        confidences=work.confidences * confidence,
        rows=chosen,
        posterior=posterior,
        tests={k: _shown(test, chosen) for k, test in tests.items()},
        rivals=found,
        winner=found[best],
        work=work_of(traffic, chosen, work.accounts),
    )


def _shown(test: Test, rows: NDArray[np.integer]) -> Test:
    """A test with exchanges to look at first, where it has none of its own."""
    return test if len(test.sample) else replace(test, sample=rows[:SHOWN])


def _alike(traffic: Traffic, component: Component) -> Test:
    """Exchangeability of manners: what it says of content it says of these."""
    test = exchangeability(traffic, component, ALIKE)
    if not test.figures:
        return test
    says = (
        f"A typical member's way of asking (settings, tools, models, lengths, hours) lies at "
        f"squared MMD {test.figures['median_mmd2']:.4f} from another's; of "
        f"{test.figures['outsiders_compared']:,} accounts outside {test.figures['p']:.2%} come as "
        "close."
    )
    return replace(test, says=says)


def _disjoint(traffic: Traffic, judged: list[Verdict]) -> list[Verdict]:
    """Campaigns, surest first, each without the accounts of those before it; then the rest."""
    taken = np.zeros(len(traffic.accounts), bool)
    campaigns, rest = [], []
    for verdict in sorted(judged, key=lambda v: (-v.margin, v.group.accounts.tolist())):
        free, theirs = ~taken[verdict.accounts], ~taken[traffic.exchanges.account[verdict.rows]]
        if verdict.kind != "distillation":
            rest.append(verdict)
        elif free.sum() >= LEAST_MEMBERS:
            campaigns.append(
                replace(
                    verdict,
                    accounts=verdict.accounts[free],
                    confidences=verdict.confidences[free],
                    rows=verdict.rows[theirs],
                    posterior=verdict.posterior[theirs],
                )
            )
            taken[verdict.accounts] = True
    return [*campaigns, *rest]
