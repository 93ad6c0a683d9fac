"""Judgement: a campaign wins by what its best rival leaves; every look-alike is dismissed."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest

from stillwatch.campaigns import conclude as run
from stillwatch.campaigns.judgement import LEAST_MARGIN, PRIOR, Verdict, judge, prior_of
from stillwatch.campaigns.membership import ATTRIBUTED
from stillwatch.campaigns.rivals import Rival
from tests.campaigns.made import CODE, Log, Made
from tests.campaigns.test_rivals import in_order


def judged(made: Made, start: str = "m") -> Verdict:
    """The verdict on one group, as a run comes to it."""
    seen: list[Verdict] = []

    def listen(*given) -> Verdict:
        seen.append(judge(*given))
        return seen[-1]

    with patch.object(run, "judge", listen):
        run.conclude(made.traffic, made.candidates(start), {})
    return seen[0]


def left(verdict: Verdict, rival: Rival) -> float:
    """The margin against a rival, by hand."""
    weights = verdict.tests.items()
    return PRIOR + sum(
        t.weight if k not in rival.explains else t.weight * (1 - rival.fit) for k, t in weights
    )


def test_a_campaign_is_reported_with_its_members_and_exchanges(plain: Made):
    """All members, nearly all common exchanges, hardly any other, and a confidence of its odds."""
    verdict = judged(plain)
    assert verdict.kind == "distillation"
    assert verdict.accounts.tolist() == plain.places("m").tolist()
    assert verdict.margin >= LEAST_MARGIN
    assert verdict.confidence == pytest.approx(
        min(0.999, 10**verdict.margin / (1 + 10**verdict.margin))
    )
    assert (verdict.confidences <= verdict.confidence).all()
    assert (verdict.confidences > 0.9 * verdict.confidence).all()
    assert plain.common[verdict.rows].mean() > 0.97
    assert len(verdict.rows) > 380
    assert (verdict.posterior >= ATTRIBUTED).all()
    assert len(np.unique(verdict.rows)) == len(verdict.rows)


@pytest.mark.parametrize("together", [0, 5, 7, 10])
def test_the_margin_is_the_least_that_a_rival_leaves(together: int):
    """By hand, over all rivals, with a fleet that fits in part; the winner is who leaves it."""
    log = Log().outsiders().campaign()
    for i in range(together):
        log.register(f"m-{i:03d}", org=3)
    verdict = judged(log.made())
    margins = [left(verdict, rival) for rival in verdict.rivals]
    assert verdict.margin == pytest.approx(min(margins))
    assert left(verdict, verdict.winner) == pytest.approx(verdict.margin)
    evidence = sum(test.weight for test in verdict.tests.values())
    assert verdict.margin == pytest.approx(PRIOR + evidence * (1 - together / 10), abs=0.2)


def test_the_more_groups_the_lower_the_prior(plain: Made):
    """Five are allowed for; of fifty a tenth of the odds remain; those too small don't count."""
    group, small = plain.group("m"), plain.group("m-00")
    few = replace(small, accounts=small.accounts[:4])
    assert prior_of([]) == prior_of([group] * 5) == PRIOR
    assert prior_of([group] * 50) == pytest.approx(PRIOR - 1)
    assert prior_of([group] * 5 + [few] * 90) == PRIOR


def test_customers_found_together_are_dismissed(honest: Made):
    """The look-alike that shares nothing: no campaign, whoever put it forward."""
    verdict = judged(honest)
    assert verdict.kind.startswith("rival:")
    assert verdict.margin < LEAST_MARGIN


def fleet() -> Log:
    """One company's workers, who say so."""
    return Log().outsiders().campaign().register("m", org=3)


def school() -> Log:
    """Thirty tasks for all of a class, through the school's network."""
    return Log().outsiders().campaign(pool=30, network=5)


def benchmark() -> Log:
    """Ten labs run one published set."""
    return in_order(Log().outsiders(), "m", 10, 40, own=15)


def plain_use() -> Log:
    """Ten seats of a chat product that is fed by one queue."""
    return Log().outsiders().campaign(capability=CODE["chat"])


def overlap() -> Log:
    """Ten people, each with a project of his own, who send the same thirty prompts as well."""
    log = Log().outsiders()
    for m in range(10):
        log.campaign(members=1, own=0, start=f"m{m}", topic=4 * m, days=(m, m + 2, m + 3))
    return log


@pytest.mark.parametrize(
    ("log", "name"),
    [
        (fleet, "fleet"),
        (school, "class"),
        (benchmark, "benchmark"),
        (plain_use, "plain_use"),
    ],
)
def test_a_campaign_with_a_rival_s_signature_is_dismissed_for_it(log, name: str):
    """The campaign that would be reported, but for the one thing that explains it otherwise."""
    verdict = judged(log().made())
    assert verdict.kind == f"rival:{name}"
    assert verdict.winner.name == name
    assert verdict.margin < LEAST_MARGIN


def test_overlap_is_dismissed():
    """Alike in shape, each about something of its own: whatever wins, it's no campaign."""
    assert judged(overlap().made()).kind.startswith("rival:")


@pytest.mark.parametrize(("members", "kind"), [(4, "rival:chance"), (5, "distillation")])
def test_four_members_are_too_few_and_five_are_not(members: int, kind: str):
    """A group of four is not judged at all."""
    verdict = judged(Log().outsiders().campaign(members=members).made())
    assert verdict.kind == kind
    assert (len(verdict.accounts), bool(verdict.tests)) == (
        (0, False) if members < 5 else (5, True)
    )


def test_four_who_do_the_work_among_others_are_too_few():
    """A group of ten of which only four have any work in common."""
    log = Log().outsiders().campaign(members=4)
    for i in range(6):
        log.customer(f"m-own-{i}", 55)
    verdict = judged(log.made())
    assert verdict.kind == "rival:chance"
    assert len(verdict.accounts) == len(verdict.rows) == 0


@pytest.mark.parametrize(("outside", "kind"), [(19, "rival:chance"), (60, "distillation")])
def test_without_outsiders_nothing_is_judged(outside: int, kind: str):
    """Nineteen accounts outside are too few to compare with."""
    verdict = judged(Log().outsiders(outside).campaign().made())
    assert verdict.kind == kind
    assert bool(verdict.tests) == (outside >= 20)


def test_the_verdict_does_not_depend_on_the_order_of_the_log(plain: Made):
    """The same log shuffled: the same verdict to the last figure."""
    first, again = judged(plain), judged(Log().outsiders().campaign().made(shuffle=3))
    assert again.kind == first.kind
    assert again.margin == pytest.approx(first.margin, abs=1e-9)
    assert again.accounts.tolist() == first.accounts.tolist()
    for kind, test in first.tests.items():
        assert again.tests[kind].says == test.says


def test_weights_are_bounded(plain: Made, honest: Made):
    """A test can't speak against by more than 0.31, but exchangeability, which can by 3."""
    for made in (plain, honest, overlap().made()):
        verdict = judged(made)
        for kind, test in verdict.tests.items():
            assert (-3 if kind == "exchangeability" else -0.31) <= test.weight <= 1.71
            if test.figures:
                assert 0 < float(test.figures["p"]) <= 1


def test_a_verdict_is_a_value(plain: Made):
    """Judging twice gives the same and changes nothing of the traffic."""
    before = plain.traffic.exchanges.content.copy()
    first, second = judged(plain), judged(plain)
    assert (plain.traffic.exchanges.content == before).all()
    assert replace(first, margin=0.0).margin == 0.0
    assert second.posterior.tolist() == first.posterior.tolist()
