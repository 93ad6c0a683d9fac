"""Finding groups: merging finds, sharing against chance, twins among strangers."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from stillwatch.groups.find import find_groups, merge
from stillwatch.groups.sharing import ORIGIN_KINDS, WORK_KINDS, edges, sharing_groups
from stillwatch.groups.twins import LEAST_EXCHANGES, halves_spread, sample_of, twin_groups
from stillwatch.statistics.cells import Codebook
from stillwatch.statistics.mmd import NULL_SPREAD
from stillwatch.traffic import (
    WHOLE,
    Accounts,
    Cells,
    Exchanges,
    Group,
    Incidence,
    Slices,
    Threads,
    Traffic,
)

SCALE = 320.0


def group(*accounts: int, by: str = "x") -> Group:
    """A group of places."""
    return Group(np.array(sorted(accounts)), (by,))


def told(groups: list[Group]) -> list[tuple[list[int], tuple[str, ...]]]:
    """Groups to compare."""
    return [(g.accounts.tolist(), g.found_by) for g in groups]


@pytest.mark.parametrize("seed", range(20))
def test_merged_groups_are_disjoint_cover_all_and_are_largest_first(seed: int):
    """Whatever is found: nobody in two groups, nobody lost, and each account where an earlier
    find put it."""
    rng = np.random.default_rng(seed)
    found = [
        group(*rng.choice(40, int(rng.integers(2, 15)), replace=False).tolist(), by=f"f{i}")
        for i in range(int(rng.integers(1, 9)))
    ]
    merged = merge(found, 40)
    places = np.concatenate([g.accounts for g in merged])
    assert len(places) == len(np.unique(places))
    assert set(places.tolist()) == {a for g in found for a in g.accounts.tolist()}
    sizes = [len(g.accounts) for g in merged]
    assert sizes == sorted(sizes, reverse=True)
    home = {a: i for i, g in enumerate(merged) for a in g.accounts.tolist()}
    assert len({home[a] for a in found[0].accounts.tolist()}) == 1


def test_earlier_finds_have_priority():
    """A find that is mostly another's adds to it; one that is mostly free stands by itself."""
    first, second = group(0, 1, 2, 3, by="twins"), group(10, 11, 12, by="twins")
    assert told(merge([first, second, group(1, 2, 3, 4, by="work")], 20)) == [
        ([0, 1, 2, 3, 4], ("twins", "work")),
        ([10, 11, 12], ("twins",)),
    ]
    assert told(merge([first, group(3, 5, 6, 7, by="work")], 20)) == [
        ([0, 1, 2, 3], ("twins",)),
        ([5, 6, 7], ("work",)),
    ]


def test_what_was_kept_apart_stays_apart():
    """A later find over two earlier groups joins neither to the other, and adds to the larger."""
    bridge = group(1, 2, 3, 10, 15, by="work")
    merged = merge([group(0, 1, 2, 3), group(10, 11, 12), bridge], 20)
    assert told(merged) == [([0, 1, 2, 3, 15], ("work", "x")), ([10, 11, 12], ("x",))]
    assert merge([], 20) == []
    # Account 3 stays in the first group though the second find names it too.
    chain = merge([group(0, 1, 2, 3), group(3, 5, 6, 7), group(3, 8)], 20)
    assert told(chain) == [([0, 1, 2, 3, 8], ("x",)), ([5, 6, 7], ("x",))]


def traffic(
    n: int, uses: dict[str, list[tuple[int, int]]], slices: Slices | None = None
) -> Traffic:
    """Traffic of `n` accounts that says nothing but who uses which object of a kind."""
    kinds = (*WORK_KINDS, *(k for k in ORIGIN_KINDS if k not in WORK_KINDS))
    account, obj, kind, key = [], [], [], []
    for name, pairs in uses.items():
        for o in sorted({o for _, o in pairs}):
            place = len(kind)
            kind.append(kinds.index(name))
            key.append(o + 1)
            for a in sorted(a for a, other in pairs if other == o):
                account.append(a)
                obj.append(place)
    order = np.lexsort((obj, account))
    users, places = np.array(account, np.int64)[order], np.array(obj, np.int64)[order]
    none = np.zeros(0, np.int64)
    sums = np.zeros((0, 256), np.int32)
    empty = Slices(none, none.astype(np.int8), none, sums, none, none, none, sums, none)
    incidence = Incidence(
        np.searchsorted(users, np.arange(n + 1)),
        users,
        places,
        np.ones(len(obj), np.int64),
        np.array(kind, np.int8),
        np.array(key, np.uint64),
        np.bincount(places, minlength=len(kind)),
        kinds,
    )
    zeros = np.zeros(n, np.int64)
    accounts = Accounts(
        [f"a{i:04d}" for i in range(n)], zeros, zeros, zeros, zeros.astype(np.uint64), {}, {}
    )
    silence = Threads(none, np.zeros(1, np.int64), np.zeros(n + 1, np.int64))
    exchanges = Exchanges(none, {}, np.zeros((0, 256), np.int8), none, silence)
    cells = Cells(np.zeros(0, np.uint8), cast(Codebook, None))
    return Traffic(accounts, exchanges, slices or empty, cells, incidence, {}, SCALE)


def by_chance(rng: np.random.Generator, n: int, objects: int, each: int) -> list[tuple[int, int]]:
    """Every account uses some objects, each drawn alike."""
    return [(a, int(o)) for a in range(n) for o in rng.choice(objects, each, replace=False)]


def test_sharing_by_chance_is_no_group():
    """Where objects are dealt at random, no block is much denser than in the rewired graph."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        uses = {kind: by_chance(rng, 200, 150, 6) for kind in ("family", "opening")}
        assert sharing_groups(traffic(200, uses), WORK_KINDS, "shared work") == []
    assert sharing_groups(traffic(50, {}), WORK_KINDS, "shared work") == []


def test_accounts_that_share_rare_objects_are_a_group():
    """Twelve accounts with twenty families of their own stand out of random sharing, by name."""
    rng = np.random.default_rng(0)
    pairs = by_chance(rng, 200, 150, 6) + [(a, 500 + o) for a in range(12) for o in range(20)]
    made = traffic(200, {"family": pairs})
    assert told(sharing_groups(made, WORK_KINDS, "shared work"))[0] == (
        list(range(12)),
        ("shared work",),
    )
    assert sharing_groups(made, ORIGIN_KINDS, "shared origin") == []


def test_two_sets_of_accounts_that_share_nothing_are_two_groups():
    """Two blocks as dense as each other are peeled as one, and told apart by what joins them."""
    rng = np.random.default_rng(2)
    pairs = by_chance(rng, 300, 200, 4)
    pairs += [(a, 500 + 30 * (a // 12) + o) for a in range(24) for o in range(20)]
    groups = sharing_groups(traffic(300, {"family": pairs}), WORK_KINDS, "shared work")
    assert sorted(g.accounts.tolist() for g in groups)[:2] == [
        list(range(12)),
        list(range(12, 24)),
    ]


def test_of_many_uses_whole_objects_are_sampled(monkeypatch: pytest.MonkeyPatch):
    """Above the bound on edges, each object is in with all its uses or out with all."""
    rng = np.random.default_rng(1)
    made = traffic(
        100, {"family": by_chance(rng, 100, 80, 10), "opening": by_chance(rng, 100, 9, 2)}
    )
    everything = edges(made, WORK_KINDS)
    monkeypatch.setattr("stillwatch.groups.sharing.MOST_EDGES", 300)
    account, obj, weight = edges(made, WORK_KINDS)
    assert 200 < len(account) < len(everything[0])
    for o in np.unique(obj):
        assert (obj == o).sum() == made.incidence.obj_accounts[o]
    small = made.incidence.obj_kind == made.incidence.kinds.index("opening")
    assert set(np.flatnonzero(small).tolist()) <= set(obj.tolist())
    assert (weight >= 0).all()


def slices_of(rows: list[np.ndarray]) -> Slices:
    """Whole-account slices of raw unit vectors, stored as the pipeline stores them."""
    stored = [np.clip(np.rint(r * SCALE), -127, 127).astype(np.int64) for r in rows]
    odd = [r[1::2] for r in stored]

    def total(parts):
        return np.array([p.sum(0) for p in parts]).astype(np.int32)

    def squares(parts):
        return np.array([(p**2).sum() for p in parts])

    def size(parts):
        return np.array([len(p) for p in parts])

    return Slices(
        np.arange(len(rows)), np.full(len(rows), WHOLE, np.int8), size(stored), total(stored),
        squares(stored), np.arange(len(rows)), size(odd), total(odd), squares(odd),
    )  # fmt: skip


def accounts_of_topics(seed: int, queue: int, people: int, n: int = 120) -> list[np.ndarray]:
    """`queue` accounts served from one queue of forty topics, and `people` of three each."""
    rng = np.random.default_rng(seed)
    topics = rng.normal(size=(40, 256))
    rows = []
    for i in range(queue + people):
        mine = np.arange(40) if i < queue else rng.choice(40, 3, replace=False)
        x = topics[rng.choice(mine, n)] + 2.0 * rng.normal(size=(n, 256))
        rows.append(x / np.linalg.norm(x, axis=1, keepdims=True))
    return rows


def test_accounts_of_one_queue_are_twins_and_people_are_not():
    """The queue's accounts are one group; each account's nearest others are told."""
    made = traffic(60, {}, slices_of(accounts_of_topics(3, queue=20, people=40)))
    groups, nearest = twin_groups(made)
    assert told(groups) == [(list(range(20)), ("twins: whole",))]
    assert nearest.account.tolist() == list(range(60))
    assert nearest.other[:20].max() < 20
    assert np.abs(nearest.z[:20]).max() < 5 < nearest.z[20:, 0].min()


def test_people_alone_are_no_twins_and_too_few_are_not_compared():
    """No group among people; nothing at all below four accounts or too few exchanges."""
    people = slices_of(accounts_of_topics(4, queue=0, people=40))
    assert twin_groups(traffic(40, {}, people))[0] == []
    few = slices_of(accounts_of_topics(5, queue=3, people=0))
    assert len(twin_groups(traffic(3, {}, few))[1].account) == 0
    short = slices_of(accounts_of_topics(6, queue=20, people=0, n=LEAST_EXCHANGES - 1))
    assert twin_groups(traffic(20, {}, short))[0] == []


def test_spread_and_samples_come_from_the_slices():
    """Means are in units of unit vectors; halves of even content give the known spread."""
    rng = np.random.default_rng(1)
    rows = [r / np.linalg.norm(r, axis=1, keepdims=True) for r in rng.normal(size=(50, 60, 256))]
    slices = slices_of(rows)
    sample = sample_of(slices, np.arange(50), SCALE)
    assert np.allclose(sample.mean[0], rows[0].mean(0), atol=2e-3)
    assert abs(halves_spread(slices, np.arange(50), SCALE) / NULL_SPREAD - 1) < 0.3


def test_all_finders_together():
    """Twins and shared work make one group, shared origin a network, both of the same accounts."""
    rng = np.random.default_rng(0)
    work = by_chance(rng, 300, 200, 6) + [(a, 500 + o) for a in range(22) for o in range(20)]
    origin = by_chance(rng, 300, 200, 3) + [(a, 500 + o) for a in range(10) for o in range(8)]
    made = traffic(
        300, {"family": work, "network": origin},
        slices_of(accounts_of_topics(3, queue=20, people=40)),
    )  # fmt: skip
    found = find_groups(made)
    assert told(found.groups)[0] == (list(range(22)), ("shared work", "twins: whole"))
    assert (list(range(10)), ("shared origin",)) in told(found.networks)
    nobody = replace(made, incidence=traffic(300, {}).incidence, slices=traffic(300, {}).slices)
    assert find_groups(nobody).groups == find_groups(nobody).networks == []
