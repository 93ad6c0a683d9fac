"""Rivals: each fits its own signature, explains its own kinds, and leaves a campaign alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stillwatch.campaigns import component as given
from stillwatch.campaigns.judgement import TESTS
from stillwatch.campaigns.rivals import ALL, Rival, coverage, rivals, same_order
from tests.campaigns.made import CODE, DAY_US, TOPICS, Log, Made, alone, bare

NAMES = {
    "chance",
    "fleet",
    "class",
    "benchmark",
    "popular_software",
    "reseller",
    "customer",
    "plain_use",
    "overlap",
}


def found(made: Made, start: str = "m", *, only_common: bool = True) -> dict[str, Rival]:
    """The rivals of a group by name."""
    component = made.component(start, only_common=only_common)
    tests = {t.kind: t for t in (run(made.traffic, component) for run in TESTS)}
    assert set(tests) == set(ALL)
    listed = rivals(made.traffic, component, tests)
    assert {r.name for r in listed} == NAMES
    assert all(0 <= r.fit <= 1 and set(r.explains) <= set(ALL) and r.says for r in listed)
    fits = [r.fit for r in listed[1:]]
    assert listed[0].name == "chance"
    assert fits == sorted(fits, reverse=True)
    return {r.name: r for r in listed}


def test_no_rival_fits_a_campaign(plain: Made):
    """Chance aside, none explains a tenth of it, and chance explains nothing."""
    by_name = found(plain)
    assert by_name["chance"].explains == ()
    assert max(r.fit for r in by_name.values() if r.name != "chance") < 0.1


@pytest.mark.parametrize(("inside", "fit"), [(10, 1.0), (7, 0.7), (4, 0.0)])
def test_a_fleet_is_one_organisation_that_says_so(inside: int, fit: float):
    """Fits by the share of members in the largest organisation, from half of them on."""
    log = Log().outsiders(30).campaign()
    for i in range(inside):
        log.register(f"m-{i:03d}", org=3)
    fleet = found(log.made())["fleet"]
    assert fleet.fit == pytest.approx(fit)
    assert set(fleet.explains) == set(ALL)


def test_members_of_organisations_of_their_own_are_no_fleet():
    """Everybody says who he is, and no two say the same."""
    log = Log().outsiders(30).campaign()
    for i in range(10):
        log.register(f"m-{i:03d}", org=10 + i)
    assert found(log.made())["fleet"].fit == 0


def test_a_class_is_one_network_and_one_assignment():
    """A pupil's twenty tasks, the same for all, through the school's network."""
    log = Log().outsiders(30).campaign(pool=20, network=5)
    school = found(log.made())["class"]
    assert school.fit == 1
    assert set(school.explains) == set(ALL)


def test_one_assignment_through_many_networks_is_no_class():
    """The same tasks, sent from eight networks by turns."""
    assert found(Log().outsiders(30).campaign(pool=20).made())["class"].fit == 0


def test_one_network_without_an_assignment_is_hardly_a_class():
    """Twenty-five workers behind one exit who never get the same prompt."""
    made = Log().outsiders(30).campaign(members=25, each=20, own=5, pool=None, network=5).made()
    assert found(made)["class"].fit < 0.25


def in_order(log: Log, start: str, members: int, prompts: int, own: int = 0) -> Log:
    """Accounts that run one set from top to bottom, each once, an hour a day apart."""
    items = [(log.key(), 40 + i % 3) for i in range(prompts)]
    for m in range(members):
        if own:
            log.customer(f"{start}-{m:03d}", own)
        for i, (frame, topic) in enumerate(items):
            log.send(
                f"{start}-{m:03d}", common=True, frame=frame, topic=topic, turns=1,
                capability=CODE["mathematical_reasoning"], max_tokens=8192, network=log.key(),
                ts=(3 + m % 9) * DAY_US + i * 60_000_000, opening=8,
            )  # fmt: skip
    return log


def test_a_benchmark_is_run_in_its_own_order():
    """All of each account's steps are taken by the others, and nobody repeats himself."""
    benchmark = found(in_order(Log().outsiders(30), "m", 10, 40).made())["benchmark"]
    assert benchmark.fit == 1
    assert set(benchmark.explains) == set(ALL) - {"shared_origin"}


def test_the_same_set_dealt_out_of_order_is_no_benchmark():
    """The look-alike: as many prompts of one small pool, dealt by a queue."""
    made = Log().outsiders(30).campaign(pool=120, own=0).made()
    assert found(made)["benchmark"].fit < 0.15


def test_popular_software_explains_only_shared_origin():
    """A system prompt that outsiders use too."""
    log = Log().outsiders(30).campaign(system=66)
    assert found(log.made())["popular_software"].fit == 0
    log.customer("c-user", 20, system=66)
    software = found(log.made())["popular_software"]
    assert (software.fit, software.explains) == (1.0, ("shared_origin",))


def pool_of(log: Log, accounts: int = 12, *, harvest: bool = False) -> Log:
    """A reseller's pool: each account carries pieces of many customers, through shared exits."""
    exits = [log.key() for _ in range(4)]
    for p in range(accounts):
        for _ in range(12):
            log.customer(f"m-{p:03d}", 5, network=int(log.rng.choice(exits)))
        if harvest:
            log.campaign(members=1, own=0, start=f"m-{p:03d}", each=200, pool=None)
    return log


def test_a_pool_of_everybody_s_work_is_a_reseller():
    """Shared ways of access, and together it is about what everybody is about."""
    reseller = found(pool_of(Log(3).outsiders(110)).made(), only_common=False)["reseller"]
    assert reseller.fit > 0.8
    assert {"exchangeability", "work_allocation", "shared_origin"} <= set(reseller.explains)
    assert "harvest_signs" not in reseller.explains


def test_a_pool_mostly_of_a_harvest_is_none():
    """The same pool where most of what it carries is one campaign's."""
    made = pool_of(Log(3).outsiders(110), harvest=True).made()
    assert found(made, only_common=False)["reseller"].fit < 0.1


@pytest.mark.parametrize(
    ("each", "shared", "fit"),
    [(10, True, 1.0), (10, False, 0.0), (150, True, 0.0)],
)
def test_a_small_part_of_what_a_pool_carries_is_a_customer_s(each: int, shared: bool, fit: float):
    """As many signs as some account outside has, dealt over a pool; not without shared access.

    Nor where it is most of what the pool carries, with more signs than anybody outside.
    """
    log = Log(3).outsiders(110).campaign(members=1, own=0, start="batch", each=80, pool=None)
    exits = [log.key() for _ in range(4)]
    for p in range(12):
        for talk in range(12 * 5 + each):
            way = {"network": int(log.rng.choice(exits))} if shared else {}
            if talk < 60:
                log.customer(f"m-{p:03d}", 1, **way)
                continue
            log.send(
                f"m-{p:03d}",
                common=True,
                topic=TOPICS,
                capability=CODE["coding"],
                ts=int(log.rng.integers(0, 14)) * DAY_US,
                frame=log.key(),
                **way,
            )
    customer = found(log.made())["customer"]
    assert customer.fit == pytest.approx(fit, abs=0.2)
    assert set(customer.explains) == set(ALL)


def test_signs_of_a_part_count_for_the_accounts_that_it_stands_for():
    """Few enough signs for one customer, unless each account that is looked at is one of fifty."""
    made = pool_of(Log(3).outsiders(110)).made()
    component = made.component(only_common=False)
    tests = {t.kind: t for t in (run(made.traffic, component) for run in TESTS)}
    # A sixth of what they send, whatever it is about: as much as a customer's part is.
    few = replace(component, rows=component.rows[::6])
    many = replace(few, stands_for=50.0)
    of_few, of_many = (
        next(r.fit for r in rivals(made.traffic, c, tests) if r.name == "customer")
        for c in (few, many)
    )
    assert of_few > 0.5
    assert of_many == 0


def test_pieces_of_everybody_s_work_without_shared_access_are_no_reseller():
    """Mixed traffic by itself is no pool."""
    log = Log(3).outsiders(110)
    for p in range(12):
        for _ in range(12):
            log.customer(f"m-{p:03d}", 5)
    assert found(log.made(), only_common=False)["reseller"].fit == 0


def test_plain_use_is_without_signs_of_harvest():
    """One queue of chat is plain use, one of mathematics is not."""
    chat = found(Log().outsiders(30).campaign(capability=CODE["chat"], own=0).made())
    assert chat["plain_use"].fit == 1
    assert "harvest_signs" not in chat["plain_use"].explains
    assert found(Log().outsiders(30).campaign(own=0).made())["plain_use"].fit == 0


@pytest.mark.parametrize(
    ("share", "p_altogether", "fit"),
    [
        (0.05, 0.01, 1.0),
        (0.1, 0.01, 1.0),
        (0.175, 0.01, 0.5),
        (0.3, 0.01, 0.0),
        (0.3, 0.1, 0.0),
        (0.3, 0.15, 0.5),
        (0.9, 0.4, 1.0),
    ],
)
def test_few_signs_are_plain_use_however_rare_outside(
    plain: Made, share: float, p_altogether: float, fit: float
):
    """Signs that weigh much but are few, or many in a part chosen and usual in all that is sent.

    A tenth of the exchanges fits wholly, a quarter not; one in five sets of outsiders wholly, one
    in ten not.
    """
    component = plain.component()
    tests = {t.kind: t for t in (run(plain.traffic, component) for run in TESTS)}
    figures = {"share_of_exchanges": share, "p_altogether": p_altogether}
    tests["harvest_signs"] = replace(tests["harvest_signs"], weight=1.7, figures=figures)
    by_name = {r.name: r for r in rivals(plain.traffic, component, tests)}
    assert by_name["plain_use"].fit == pytest.approx(fit, abs=1e-6)


def test_overlap_is_where_members_are_not_alike(honest: Made, plain: Made):
    """Accounts with work of their own overlap; a test that was not run speaks for nobody."""
    overlap = found(honest, only_common=False)["overlap"]
    assert overlap.fit == 1
    assert {"shared_objects", "harvest_signs", "work_allocation"} == set(overlap.explains)
    component = plain.component()
    tests = {t.kind: t for t in (run(plain.traffic, component) for run in TESTS)}
    none = np.zeros(0, np.int64)
    tests["exchangeability"] = given.Test("exchangeability", 0.0, "Not run.", {}, none)
    assert {r.name: r.fit for r in rivals(plain.traffic, component, tests)}["overlap"] == 0


def test_same_order_is_one_for_a_set_in_order_and_nought_for_a_dealt_queue():
    """Three run a set from top to bottom; or a queue deals it twice over, at random."""
    people = np.repeat(np.arange(3), 50).tolist()
    traffic = bare(people, list(range(1, 51)) * 3)
    assert same_order(traffic, np.arange(150)) == 1
    rng = np.random.default_rng(0)
    dealt = bare(rng.integers(0, 30, 3000).tolist(), rng.integers(1, 1500, 3000).tolist())
    assert same_order(dealt, np.arange(3000)) < 0.02
    alone_in_it = bare([0] * 50, list(range(1, 51)))
    assert same_order(alone_in_it, np.arange(50)) == 0


def test_same_order_goes_by_time_not_by_rows():
    """Rows in any order, and times that tell the set's order: still in order."""
    rng = np.random.default_rng(1)
    place = rng.permutation(150)
    people = np.repeat(np.arange(3), 50)[place].tolist()
    frames = np.tile(np.arange(1, 51), 3)[place].tolist()
    traffic = bare(people, frames, np.tile(np.arange(50), 3)[place].tolist())
    assert same_order(traffic, np.arange(150)) == 1


def test_a_prompt_over_and_over_is_no_step():
    """Accounts that all repeat one prompt have no order in common; no rows have none either."""
    traffic = bare(np.repeat(np.arange(3), 9).tolist(), [5] * 27)
    assert same_order(traffic, np.arange(27)) == 0
    assert same_order(traffic, np.arange(0)) == 0


def test_coverage_is_the_share_of_members_who_sent_it():
    """By hand: of three others, 2 sent frame 1 too and none frame 2; (3 x 2/3 + 2 x 0) / 5."""
    traffic = bare([0, 1, 2, 3, 3], [1, 1, 1, 2, 2])
    assert coverage(traffic, alone(traffic)) == pytest.approx(3 * (2 / 3) / 5)
    assert coverage(traffic, replace(alone(traffic), rows=np.arange(0))) == 0


def test_all_kinds_named_by_a_rival_are_tests():
    """A rival can't explain a kind that no test has."""
    assert set(ALL) == {run.__name__ for run in TESTS}
