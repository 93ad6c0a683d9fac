"""Judgement: a campaign wins by what its best rival leaves; every look-alike is dismissed."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest

from stillwatch.campaigns import conclude as run
from stillwatch.campaigns import judgement
from stillwatch.campaigns.attribution import Model, asked, background, carried
from stillwatch.campaigns.judgement import (
    LEAST_MARGIN,
    PRIOR,
    Verdict,
    dismiss,
    judge,
    part_of,
    prior_of,
)
from stillwatch.campaigns.membership import ATTRIBUTED
from stillwatch.campaigns.rivals import Rival, rivals
from tests.campaigns.made import CODE, DAY_US, TOPICS, Log, Made
from tests.campaigns.test_rivals import in_order

MODEL = Model(np.zeros((1, 1)), {}, ())


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


@pytest.fixture(scope="module")
def camouflaged() -> Made:
    """Twelve members whose own traffic is dealt out of everybody's, three parts in four."""
    log = Log(3).outsiders(110).campaign(members=12, each=40, own=0)
    for m in range(12):
        for _ in range(24):
            log.customer(f"m-{m:03d}", 5)
    return log.made()


def looked(made: Made, *looks: Verdict) -> Verdict:
    """Which of them `judge` makes the verdict on a group, were these what its looks lead to.

    A look sees an excerpt of the log, so the verdict is that of a look but for the rows' numbers.
    """
    rest = iter(looks)
    with (
        patch.object(judgement, "attribute", lambda *_: None),
        patch.object(judgement, "_verdict", lambda *_: next(rest)),
        patch.object(judgement, "in_run", lambda verdict, _: verdict),
    ):
        others = made.others("m")
        against = background(made.traffic.exchanges, made.ground, others.accounts)
        return judge(made.traffic, made.group("m"), against, others, PRIOR)


def campaign(made: Made, rows: np.ndarray) -> Verdict:
    """A verdict that all accounts of the group are a campaign's and sent these exchanges of it,
    numbered as in their excerpt."""
    accounts = made.places("m")
    return replace(
        dismiss(made.group("m"), ""),
        kind="distillation",
        confidence=0.9,
        accounts=accounts,
        confidences=np.full(len(accounts), 0.9),
        rows=rows,
        posterior=np.full(len(rows), 0.9),
    )


def harvest_in_excerpt(made: Made) -> np.ndarray:
    """Which exchanges of the group's excerpt are of common work."""
    _, rows = made.traffic.exchanges.excerpt(made.places("m"))
    return made.common[rows]


def test_a_fit_that_takes_camouflage_in_gives_way_to_a_narrower_one(camouflaged: Made):
    """What the narrower one leaves out is everybody's work."""
    harvest = harvest_in_excerpt(camouflaged)
    wide = campaign(camouflaged, np.arange(len(harvest)))
    narrow = campaign(camouflaged, np.flatnonzero(harvest))
    assert looked(camouflaged, wide, narrow) is narrow


def test_a_fit_does_not_give_way_to_one_that_leaves_out_the_harvest(camouflaged: Made):
    """What is left out is far from everybody's work, or the narrower one is no campaign."""
    harvest = harvest_in_excerpt(camouflaged)
    wide = campaign(camouflaged, np.arange(len(harvest)))
    assert looked(camouflaged, wide, campaign(camouflaged, np.flatnonzero(~harvest))) is wide
    assert looked(camouflaged, wide, dismiss(camouflaged.group("m"), "")) is wide


def test_a_fit_of_nothing_but_the_harvest_is_not_looked_at_again(camouflaged: Made):
    """Its work is far from everybody's, so there is no second look to ask."""
    first = campaign(camouflaged, np.flatnonzero(harvest_in_excerpt(camouflaged)))
    assert looked(camouflaged, first) is first


def test_overlap_at_any_look_is_the_verdict_where_none_finds_a_campaign(camouflaged: Made):
    """For the parts of an overlap are judged; an owner's fleet settles it at the first look."""
    plain_use, overlap, fleet = (
        replace(dismiss(camouflaged.group("m"), ""), kind=f"rival:{name}")
        for name in ("plain_use", "overlap", "fleet")
    )
    assert looked(camouflaged, plain_use, overlap) is overlap
    assert looked(camouflaged, plain_use, plain_use) is plain_use
    assert looked(camouflaged, fleet) is fleet


def test_crowds_of_an_overlap_are_judged_from_its_work_at_a_price(plain: Made):
    """Of two crowds each pays log10 of two; what a campaign leaves out is judged from scratch."""
    groups, heard = [plain.group("m-000"), plain.group("m-001")], []
    whole = replace(dismiss(plain.group("m"), ""), kind="rival:overlap", model=MODEL)

    def verdict(*given) -> Verdict:
        heard.append((given[5], given[4]))
        return whole if len(given[1].accounts) > 1 else dismiss(given[1], "")

    def judge_all() -> None:
        with (
            patch.object(run, "PASSES", 1),
            patch.object(run, "judge", verdict),
            patch.object(run, "parted", lambda _, v: groups if v is whole else []),
        ):
            run.conclude(plain.traffic, plain.candidates("m"), {})

    judge_all()
    assert [work for work, _ in heard] == [None, MODEL, MODEL]
    assert [prior for _, prior in heard] == pytest.approx([PRIOR, *[PRIOR - np.log10(2)] * 2])
    heard.clear()
    whole = replace(campaign(plain, plain.rows("m")), model=MODEL)
    judge_all()
    assert [work for work, _ in heard] == [None] * 3


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


@pytest.mark.parametrize(("looked_at", "least", "most_rows", "expected"), [
    (70, 5, 10**6, 70),
    (69, 5, 10**6, 69),
    (20, 5, 10**6, 20),
    (60, 5, 0.5, 35),
    (60, 40, 0.5, 40),
    (20, 40, 0.5, 20),
    (60, 5, 1, 5),
])  # fmt: skip
def test_of_a_large_group_evenly_spaced_accounts_are_looked_at(
    plain: Made,
    looked_at: int,
    least: int,
    most_rows: float,
    expected: int,
    monkeypatch: pytest.MonkeyPatch,
):
    """At most so many, and fewer where they send much, down to the least; all, if that is few.

    A fraction of `most_rows` is of all exchanges.
    """
    everyone = np.arange(len(plain.traffic.accounts))
    rows = int(most_rows * len(plain.traffic.exchanges)) if most_rows < 1 else int(most_rows)
    monkeypatch.setattr(judgement, "LOOKED_AT", looked_at)
    monkeypatch.setattr(judgement, "LEAST_LOOKED_AT", least)
    monkeypatch.setattr(judgement, "MOST_ROWS", rows)
    part = part_of(plain.traffic, everyone)
    assert len(part) == len(np.unique(part)) == pytest.approx(expected, abs=most_rows == 0.5)
    assert (part[0], part[-1]) == (everyone[0], everyone[-1])
    assert np.ptp(np.diff(part)) <= 1


def crowd() -> Log:
    """A campaign of 60 accounts, in whose group are twelve customers who share none of its work.

    Six of these look like it: long answers with reasoning to questions of mathematics. And each
    has sent two requests that are the campaign's to the letter, as may happen.
    """
    log = Log(2).outsiders().campaign(members=60)
    opening = next(row["opening"] for row in log.rows if row["common"])
    like = {"capability": CODE["mathematical_reasoning"], "max_tokens": 8192, "thinking": 1}
    for i in range(12):
        log.customer(f"m-own-{i:02d}", 55, **(like if i % 2 else {}))
        for topic in (TOPICS, TOPICS + 1):
            told = like | {"topic": topic, "opening": opening, "frame": log.key()}
            log.send(f"m-own-{i:02d}", ts=i * DAY_US, turns=1, **told)
    return log


def by_a_part(made: Made, looked_at: int) -> Verdict:
    """The verdict on the group, of which so many accounts are looked at."""
    others = made.others("m")
    against = background(made.traffic.exchanges, made.ground, others.accounts)
    with patch.object(judgement, "LOOKED_AT", looked_at):
        return judge(made.traffic, made.group("m"), against, others, PRIOR)


@pytest.fixture(scope="module")
def crowded() -> Made:
    """That log's traffic."""
    return crowd().made()


@pytest.mark.parametrize("looked_at", [20, 60])
def test_members_of_the_rest_are_found_by_the_work_of_a_part(crowded: Made, looked_at: int):
    """About the same ones as where all are looked at, by both looks and by the first alone.

    A few members of sixty may lie too far from the others by either. No customer of the rest is
    drawn in, and of the members' exchanges those of the common work are.
    """
    whole, part = by_a_part(crowded, 72), by_a_part(crowded, looked_at)
    trees = [verdict.model.trees for verdict in (whole, part) if verdict.model]
    assert [bool(taught) for taught in trees] == [True, looked_at == 60]
    assert part.kind == whole.kind == "distillation"
    for verdict in (whole, part):
        assert np.isin(verdict.accounts, crowded.places("m-0")).all()
        assert len(verdict.accounts) >= 57
    assert len(np.setxor1d(whole.accounts, part.accounts)) <= 3
    with patch.object(judgement, "LOOKED_AT", looked_at):
        rest = np.setdiff1d(crowded.places("m"), part_of(crowded.traffic, crowded.places("m")))
    assert np.isin(rest, crowded.places("m-own")).sum() > 1
    account = crowded.traffic.exchanges.account
    assert (np.diff(account[part.rows]) >= 0).all()
    assert np.isin(account[part.rows], part.accounts).all()
    assert len(np.unique(part.rows)) == len(part.rows) == len(part.posterior)
    assert (part.posterior >= ATTRIBUTED).all()
    assert ((part.confidences > 0) & (part.confidences <= part.confidence)).all()
    of_rest = np.isin(account[part.rows], rest)
    theirs = part.rows[of_rest]
    assert crowded.common[theirs].mean() > 0.97
    assert len(theirs) > 0.95 * 40 * np.isin(part.accounts, rest).sum() > 0
    exchanges = crowded.traffic.exchanges
    every = np.arange(len(exchanges.threads))
    assert part.model
    share = np.full(len(every), part.share)
    told = carried(asked(exchanges, crowded.ground.codes, every), part.model, share)
    assert part.posterior[of_rest].tolist() == told[exchanges["thread"][theirs]].tolist()


@pytest.mark.parametrize("looked_at", [18, 72])
def test_each_account_that_is_looked_at_stands_for_others(crowded: Made, looked_at: int):
    """One of four, where a fourth is looked at; for itself where all are."""
    heard = []

    def listen(traffic, component, tests) -> list[Rival]:
        heard.append(component)
        return rivals(traffic, component, tests)

    with patch.object(judgement, "rivals", listen):
        by_a_part(crowded, looked_at)
    assert {component.stands_for for component in heard} == {72 / looked_at}
    assert all(len(component.accounts) <= looked_at for component in heard)


def test_a_part_that_is_no_campaign_says_so_of_the_group():
    """Customers found together, a third of whom are looked at: dismissed, with nobody drawn in."""
    log = Log(1).outsiders()
    for i in range(30):
        log.customer(f"m-{i:03d}", 55)
    verdict = by_a_part(made := log.made(), 10)
    assert verdict.kind.startswith("rival:")
    assert verdict.group.accounts.tolist() == made.places("m").tolist()
    with patch.object(judgement, "LOOKED_AT", 10):
        assert np.isin(verdict.accounts, part_of(made.traffic, made.places("m"))).all()


def test_the_verdict_by_a_part_does_not_depend_on_the_order_of_the_log(crowded: Made):
    """The same log shuffled: the same members, exchanges and figures."""
    other = crowd().made(shuffle=3)
    first, again = by_a_part(crowded, 20), by_a_part(other, 20)
    assert again.kind == first.kind
    assert again.margin == pytest.approx(first.margin, abs=1e-9)
    assert again.accounts.tolist() == first.accounts.tolist()
    np.testing.assert_allclose(again.confidences, first.confidences, rtol=0, atol=1e-9)
    ours, theirs = (
        made.traffic.exchanges["exchange"][verdict.rows]
        for made, verdict in ((crowded, first), (other, again))
    )
    assert ours.tolist() == theirs.tolist()
    np.testing.assert_allclose(again.posterior, first.posterior, rtol=0, atol=1e-9)
