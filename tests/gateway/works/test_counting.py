"""What is counted of a new account, against the plain words for it."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stillwatch.campaigns.membership import ATTRIBUTED
from stillwatch.gateway.state import CAMPAIGNS, SLOT
from stillwatch.gateway.works.counting import carry_over, count_thread
from stillwatch.tables import CONTENT_COMPONENTS

NAMES = st.lists(st.integers(1, 40), max_size=CAMPAIGNS, unique=True)
BITS = st.integers(0, 2**CAMPAIGNS - 1)


def counted(names: list[int], seed: int, **said: Any) -> NDArray:
    """A slot with counts of campaigns of such names."""
    rng, slot = np.random.default_rng(seed), np.zeros(1, SLOT)
    slot["names"][0, : len(names)] = names
    slot["asked"], slot["hits"] = rng.integers(1, 64, (2, CAMPAIGNS))
    slot["sums"] = rng.integers(-99, 99, CONTENT_COMPONENTS)
    for name, value in said.items():
        slot[name] = value
    return slot


@settings(max_examples=200, deadline=None)
@given(
    before=NAMES,
    after=NAMES,
    access=BITS,
    seats=BITS,
    sat=st.tuples(*[st.integers(0, 4)] * 2),
    way=st.sets(st.integers(1, 4)),
    summed=st.integers(-1, CAMPAIGNS - 1),
)
def test_counts_follow_a_campaign_to_its_place_in_the_next_table(
    before: list[int],
    after: list[int],
    access: int,
    seats: int,
    sat: tuple[int, int],
    way: set[int],
    summed: int,
) -> None:
    """By its name, and those of campaigns that aren't live any more are gone."""
    said = {"access": access, "seats": seats, "sat": sat, "sits": 2, "summed": summed, "parts": 3}
    slot = counted(before, len(before), stamp=1, **said)
    old = slot.copy()
    known = np.array(sorted(way), np.uint64)
    carry_over(slot, np.uint64(2), np.array(after, np.uint32), known)
    was = [before.index(name) if name in before else None for name in after]
    rest = [0] * (CAMPAIGNS - len(after))
    for name in ("asked", "hits"):
        kept = [0 if at is None else int(old[name][0, at]) for at in was]
        assert slot[name][0].tolist() == kept + rest
    for name, bits in (("access", access), ("seats", seats)):
        kept = [0 if at is None else bits >> at & 1 for at in was]
        assert int(slot[name][0]) == sum(bit << k for k, bit in enumerate(kept))
    held = slot["seats"][0] != 0
    left = [key if held and key in way else 0 for key in sat]
    assert slot["sat"][0].tolist() == left
    lost = held and any(key and key not in way for key in sat)
    assert int(slot["sits"][0]) == (0 if not held else 1 if lost else 2)
    there = summed in was if summed >= 0 else False
    assert int(slot["summed"][0]) == (was.index(summed) if there else -1)
    assert (slot["sums"] == (old["sums"] if there else 0)).all()
    assert int(slot["parts"][0]) == (3 if there else 0)
    assert slot["names"][0].tolist() == after + rest
    assert int(slot["stamp"][0]) == 2


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(
        st.lists(st.sampled_from([0.0, ATTRIBUTED - 1e-9, ATTRIBUTED, 1.0]), min_size=3, max_size=3)
    ),
    seed=st.integers(0, 99),
)
def test_a_hit_is_added_to_the_part_of_the_campaign_that_was_first(
    rows: list[list[float]], seed: int
) -> None:
    """Every thread is asked by all, and hits of others count and aren't added."""
    slot = np.zeros(1, SLOT)
    slot["summed"] = -1
    chances = np.array(rows).reshape(-1, 3)
    yes = chances >= ATTRIBUTED
    content = np.random.default_rng(seed).integers(-127, 128, (len(rows), CONTENT_COMPONENTS))
    for row, part in zip(chances, content.astype(np.int8), strict=True):
        any_hits = count_thread(slot, row, part)
        assert any_hits == slot["any_hits"][0]
    first = int(yes[yes.any(1)][0].argmax()) if yes.any() else -1
    mine = content[yes[:, first]] if first >= 0 else content[:0]
    assert (int(slot["threads"][0]), int(slot["any_hits"][0])) == (len(rows), yes.any(1).sum())
    assert slot["asked"][0, :3].tolist() == [len(rows)] * 3
    assert slot["hits"][0, :3].tolist() == yes.sum(0).tolist()
    assert (int(slot["summed"][0]), int(slot["parts"][0])) == (first, len(mine))
    assert (slot["sums"][0] == mine.sum(0)).all()
    assert int(slot["squares"][0]) == (mine**2).sum()
